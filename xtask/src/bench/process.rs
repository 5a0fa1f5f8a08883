//! Programs that are started, listened to, waited for with a limit, and ended together with all that they have started.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::failure::{Context, Failure};

/// What has been started and not been waited for.
///
/// Invariant: whoever waits for a process takes it out while this is locked, so that its number is not another's.
static STARTED: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Ends everything that this program has started. Nothing more starts until `then` has returned.
pub(crate) fn end_all(then: impl FnOnce()) {
    let started = started();
    started.iter().filter_map(|pid| Pid::from_raw(*pid)).for_each(end_with_descendants);
    then();
}

/// A command that does not see what cargo has set for this program.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    const LEAKED: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text == "CARGO"
            || text == "CARGO_TARGET_DIR"
            || LEAKED.iter().any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a program to its end. Answers with what it has written to standard output.
///
/// # Errors
///
/// When it cannot be started, does not end in time, or does not succeed.
pub(crate) fn finish(mut command: Command, limit: Duration) -> Result<Vec<String>, Failure> {
    let name = describe(&command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(command)?;
    let mut output = Vec::new();
    let status = process.listen(limit, &name, |heard| {
        if let Heard::Output(line) = heard {
            output.push(line.clone());
        }
        heard.ended()
    })?;
    output.extend(process.drain());
    if status.success() {
        return Ok(output);
    }
    Err(Failure::new(format!("`{name}` failed with {status}")).with_output(&process.said))
}

/// What comes from a running program.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A line of standard output.
    Output(String),
    /// A line of standard error.
    Error(String),
    /// It has ended, then.
    Ended(ExitStatus, Instant),
}

impl Heard {
    /// How it has ended, if that is what was heard.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        match self {
            Self::Ended(status, _) => Some(*status),
            Self::Output(_) | Self::Error(_) => None,
        }
    }
}

/// A program that does not outlive this value, and neither does what it has started.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    input: Option<ChildStdin>,
    heard: Receiver<Heard>,
    /// What it has written so far.
    said: Vec<String>,
}

impl Process {
    /// Starts it; pipes are read line by line.
    pub(crate) fn start(mut command: Command) -> Result<Self, Failure> {
        let name = describe(&command);
        let mut started = started();
        // Ctrl-C reaches this program alone, which then ends the others in order.
        let mut child = command.process_group(0).spawn().context(format_args!("run `{name}`"))?;
        let pid = Pid::from_child(&child);
        started.insert(pid.as_raw_nonzero().get());
        drop(started);
        let (send, heard) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            read(output, Heard::Output, send.clone());
        }
        if let Some(errors) = child.stderr.take() {
            read(errors, Heard::Error, send.clone());
        }
        let input = child.stdin.take();
        std::thread::spawn(move || wait(child, pid, &send));
        Ok(Self { pid, input, heard, said: Vec::new() })
    }

    /// Writes a line to standard input.
    pub(crate) fn tell(&mut self, line: &str) -> Result<(), Failure> {
        let input = self.input.as_mut().ok_or_else(|| Failure::new("its input is not a pipe"))?;
        writeln!(input, "{line}").context(format_args!("tell it `{line}`"))
    }

    /// Takes in what has come. A failure when that was its end.
    pub(crate) fn is_running(&mut self, whom: &str) -> Result<(), Failure> {
        match self.listen(Duration::ZERO, whom, |_| None::<()>) {
            Err(failure) if !started().contains(&self.pid.as_raw_nonzero().get()) => Err(failure),
            _ => Ok(()),
        }
    }

    /// A failure of it, with what it has written.
    pub(crate) fn failed(&self, what: &str) -> Failure {
        Failure::new(what).with_output(&self.said)
    }

    /// Waits until it has written a line that contains `text`, unless it has already.
    pub(crate) fn hears(&mut self, text: &str, limit: Duration, whom: &str) -> Result<(), Failure> {
        if self.said.iter().any(|line| line.contains(text)) {
            return Ok(());
        }
        self.listen(limit, whom, |heard| match heard {
            Heard::Output(line) | Heard::Error(line) => line.contains(text).then_some(()),
            Heard::Ended(..) => None,
        })
    }

    /// Hands on what comes until `wanted` answers. `whom` says in a failure who was waited for.
    pub(crate) fn listen<T>(
        &mut self,
        limit: Duration,
        whom: &str,
        mut wanted: impl FnMut(&Heard) -> Option<T>,
    ) -> Result<T, Failure> {
        let end = Instant::now() + limit;
        loop {
            let failure = match self.heard.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(heard) => {
                    if let Some(answer) = wanted(&heard) {
                        return Ok(answer);
                    }
                    match heard {
                        Heard::Output(line) | Heard::Error(line) => {
                            self.said.push(line);
                            continue;
                        }
                        Heard::Ended(status, _) => {
                            self.drain();
                            format!("`{whom}` has ended, with {status}")
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    format!("`{whom}` did not answer within {} s", limit.as_secs_f64())
                }
                Err(RecvTimeoutError::Disconnected) => format!("`{whom}` has ended"),
            };
            return Err(Failure::new(failure).with_output(&self.said));
        }
    }

    /// What was written last may be read after the end. Answers with what of it came from standard output.
    fn drain(&mut self) -> Vec<String> {
        // Something that it has started may hold its pipes open.
        const PATIENCE: Duration = Duration::from_secs(1);
        let mut output = Vec::new();
        while let Ok(heard) = self.heard.recv_timeout(PATIENCE) {
            match heard {
                Heard::Output(line) => {
                    self.said.push(line.clone());
                    output.push(line);
                }
                Heard::Error(line) => self.said.push(line),
                Heard::Ended(..) => {}
            }
        }
        output
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let started = started();
        if started.contains(&self.pid.as_raw_nonzero().get()) {
            end_with_descendants(self.pid);
        }
    }
}

fn started() -> MutexGuard<'static, BTreeSet<i32>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program and its first arguments.
fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = command.get_args().take(3).map(|word| word.to_string_lossy().into_owned());
    std::iter::once(program.to_string_lossy().into_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn read(from: impl Read + Send + 'static, as_heard: fn(String) -> Heard, send: Sender<Heard>) {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            // Nobody may listen any more. It is read on all the same: a full pipe would stop the program.
            drop(send.send(as_heard(text)));
            line.clear();
        }
    });
}

fn wait(mut child: Child, pid: Pid, send: &Sender<Heard>) {
    // Waits without reaping, for the invariant of what has been started.
    let waited = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    let then = Instant::now();
    let mut started = started();
    started.remove(&pid.as_raw_nonzero().get());
    if let (Ok(_), Ok(status)) = (waited, child.wait()) {
        // Whoever has no interest any more has dropped the other end.
        drop(send.send(Heard::Ended(status, then)));
    }
}

/// Ends a process and what it has started, and what that has started. All are stopped first: what does not run does
/// not start another.
fn end_with_descendants(pid: Pid) {
    let mut stopped = vec![pid];
    let mut news = vec![pid];
    while !news.is_empty() {
        for pid in &news {
            // What has ended by itself needs no ending.
            let _ = kill_process(*pid, Signal::STOP);
        }
        news = descendants(pid).into_iter().filter(|pid| !stopped.contains(pid)).collect();
        stopped.extend(&news);
    }
    for pid in stopped {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn descendants(of: Pid) -> Vec<Pid> {
    let parents = parents();
    let mut found = vec![of.as_raw_nonzero().get()];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.into_iter().skip(1).filter_map(Pid::from_raw).collect()
}

/// Every process with its parent.
fn parents() -> Vec<(i32, i32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, parent(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?))
    });
    stats.collect()
}

/// The parent in a line of `/proc/PID/stat`. The name before it may hold anything.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut command = command("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent("12 (a) b) S 7 12 12"), Some(7));
        assert_eq!(parent("12 (a"), None);
    }

    #[test]
    fn output_and_failures_are_told() {
        assert_eq!(finish(shell("echo one; echo two"), LIMIT).unwrap(), ["one", "two"]);
        let failure = finish(shell("echo why >&2; exit 3"), LIMIT).unwrap_err().to_string();
        assert!(failure.contains("exit status: 3") && failure.contains("why"), "{failure}");
        let failure = finish(command("/nowhere/at-all"), LIMIT).unwrap_err().to_string();
        assert!(failure.contains("cannot run `at-all`"), "{failure}");
    }

    #[test]
    fn who_does_not_answer_in_time_is_named() {
        let failure = finish(shell("sleep 1000"), Duration::ZERO).unwrap_err().to_string();
        assert!(failure.contains("`sh -c sleep 1000` did not answer within 0 s"), "{failure}");
    }

    #[test]
    fn a_program_ends_with_what_it_has_started() {
        let mut running = shell("setsid sleep 1000 & echo started; wait");
        running.stdout(Stdio::piped());
        let mut process = Process::start(running).unwrap();
        process
            .listen(LIMIT, "sh", |heard| {
                matches!(heard, Heard::Output(line) if line == "started").then_some(())
            })
            .unwrap();
        end_with_descendants(process.pid);
        // The pipe ends when its last writer, the grandchild, has ended.
        let end = process.listen(LIMIT, "sh", |heard| matches!(heard, Heard::Ended(..)).then_some(()));
        end.unwrap();
        assert!(matches!(process.heard.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected)));
    }
}
