//! `cargo shrine watch` as a machine sees it: commands in, events out.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::Value;

/// How long something may take. Only a failing test waits so long.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// A running `cargo shrine watch --message-format json`.
#[derive(Debug)]
pub struct Watch {
    child: Child,
    input: Option<ChildStdin>,
    events: Receiver<Value>,
    errors: Receiver<String>,
    seen: Vec<Value>,
}

impl Watch {
    /// Watches a folder.
    #[must_use]
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_in(folder, &shared_target(), arguments)
    }

    /// Watches a folder, and builds in that target directory.
    #[must_use]
    pub fn start_in(folder: &Path, target: &Path, arguments: &[&str]) -> Self {
        let mut child = command(folder, target, arguments).spawn().expect("starts");
        let (sender, events) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let event =
                    serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON on stdout: {line}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let (sender, errors) = mpsc::channel();
        let mut output = child.stderr.take().expect("piped");
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = output.read_to_string(&mut text);
            let _ = sender.send(text);
        });
        let input = child.stdin.take();
        Self { child, input, events, errors, seen: Vec::new() }
    }

    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives a command.
    pub fn command(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").expect("takes commands");
    }

    /// Waits for the next event that is none of `changed`, `diagnostic`, `built`, `linking`, `created` or `connected`, and checks that it is that one.
    pub fn expect(&mut self, name: &str) -> Value {
        self.expect_after(&[], name)
    }

    /// The same, where some other events may come before.
    pub fn expect_after(&mut self, before: &[&str], name: &str) -> Value {
        loop {
            let event = self.next_event();
            match event["event"].as_str() {
                Some(found) if found == name => return event,
                Some("changed" | "diagnostic" | "built" | "linking" | "created" | "connected") => {}
                Some(found) if before.contains(&found) => {}
                _ => self.fail(&format!("expected `{name}`, found {event:#}")),
            }
        }
    }

    /// Waits for an event, whatever comes before it.
    pub fn wait_for(&mut self, name: &str) -> Value {
        loop {
            let event = self.next_event();
            if event["event"] == name {
                return event;
            }
        }
    }

    /// The state of an instance.
    pub fn state(&mut self, instance: &str) -> Value {
        self.command(&format!("state {instance}"));
        self.expect("state")["value"].take()
    }

    /// Sends a message and waits for what comes out of it.
    pub fn send(&mut self, target: &str, message: &Value) -> Value {
        self.command(&format!("send {target} {message}"));
        self.expect("output")["value"].take()
    }

    /// Closes the input, as a pipe that ends.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits for the end, after everything that is still said was read. Answers with the last event and stderr.
    pub fn end(&mut self) -> (ExitStatus, Value, String) {
        while let Ok(event) = self.events.recv_timeout(DEADLINE) {
            self.seen.push(event);
        }
        let status = self.child.wait().expect("ends");
        let errors = self.errors.recv_timeout(DEADLINE).unwrap_or_default();
        (status, self.seen.last().cloned().unwrap_or_default(), errors)
    }

    /// Ends it with `quit` and checks that it ends well.
    pub fn quit(&mut self) {
        self.command("quit");
        let (status, last, errors) = self.end();
        assert_eq!(last["event"], "exit", "{last:#}\n{errors}");
        assert!(status.success(), "{status}\n{errors}");
    }

    /// The names of all events so far.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.seen.iter().filter_map(|event| event["event"].as_str()).collect()
    }

    /// All events so far.
    #[must_use]
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Waits for the next event.
    pub fn next_event(&mut self) -> Value {
        match self.events.recv_timeout(DEADLINE) {
            Ok(event) => {
                let sequence = self.seen.len() as u64 + 1;
                assert_eq!(
                    (event["v"].as_u64(), event["seq"].as_u64()),
                    (Some(1), Some(sequence)),
                    "{event:#}"
                );
                self.seen.push(event.clone());
                event
            }
            Err(_) => self.fail("no event came"),
        }
    }

    fn fail(&mut self, why: &str) -> ! {
        let _ = self.child.kill();
        let errors = self.errors.recv_timeout(DEADLINE).unwrap_or_default();
        panic!("{why}\nevents: {:?}\nstderr:\n{errors}", self.names());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it to its end without input. Answers with the exit code, the events, and stderr.
#[must_use]
pub fn finish(folder: &Path, arguments: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let output = command(folder, &shared_target(), arguments).stdin(Stdio::null()).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let events =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
    (output.status.code(), events.collect(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn command(folder: &Path, target: &Path, arguments: &[&str]) -> Command {
    let mut command = plain_command(folder, target);
    command.args(["--message-format", "json"]).args(arguments);
    command
}

/// The command that watches a folder and tells people alone.
#[must_use]
pub fn without_json(folder: &Path) -> Command {
    plain_command(folder, &shared_target())
}

fn plain_command(folder: &Path, target: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("watch").arg(folder).arg("--target-dir").arg(target);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    without_cargos_own(&mut command);
    command
}

/// What cargo sets for this test says nothing about the crate that is watched.
pub fn without_cargos_own(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_") && name_text != "CARGO_HOME" {
            command.env_remove(&name);
        }
    }
}

/// The binary, built once, with the features that `cargo test --workspace` has built everything with.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let target = target();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bin", "cargo-shrine", "--target-dir"])
            .arg(&target)
            .current_dir(super::repository())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "cargo-shrine builds");
        target.join("debug/cargo-shrine")
    })
}

/// Where this test was built: `target`, above `debug/deps`.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    test.ancestors().nth(3).expect("`target` is above").to_owned()
}

/// Where the projects of all tests are built.
#[must_use]
pub fn shared_target() -> PathBuf {
    target().join("watched")
}
