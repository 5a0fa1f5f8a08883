//! `cargo shrine watch`.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Stderr};
use std::ops::ControlFlow;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use clap::Args;
use rustix::event::{PollFd, PollFlags, poll};
use shrine::event::Event;
use shrine::registry::{Registry, Stuck};

use super::output::{Colour, MessageFormat, claim_stdout};
use super::signals;
use crate::build::project::Start;
use crate::build::{CargoOptions, Project};
use crate::door::Door;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::report::{Human, Json, Report, Shared, Style};
use crate::run::{Audience, Message, Run};
use crate::session::Options;

/// Build a widget crate, run it, and update it whenever it changes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WatchArguments {
    /// A widget crate, a workspace of them, or a directory of one [default: the one here].
    path: Option<PathBuf>,
    /// Build, load and create everything, then end.
    #[arg(long, help_heading = "Output")]
    once: bool,
    /// Look at the files every so many milliseconds, for file systems that do not tell of changes.
    #[arg(
        long,
        value_name = "MS",
        num_args = 0..=1,
        default_missing_value = "500",
        value_parser = clap::value_parser!(u64).range(10..=60_000),
    )]
    poll: Option<u64>,
    /// Build with cargo every time. Otherwise rustc is called as cargo has called it before, wherever that is right.
    #[arg(long)]
    no_replay: bool,
    /// Encode and decode the states at every update, also where instances could stay in memory as they are.
    #[arg(long)]
    no_in_place: bool,
    /// Link each library with all that it depends on. Otherwise external dependencies are put into one library that all
    /// generations share, where that can be done.
    #[arg(long)]
    no_sharing: bool,
    /// What is written to standard output: nothing, or one JSON object a line for each event. Text for people goes to
    /// standard error.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    message_format: MessageFormat,
    /// Say why each change leads to what it leads to, and how each library was made (the event `built`).
    #[arg(long, help_heading = "Output")]
    why: bool,
    /// Say only what failed, and answers.
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
    /// Whether to use colours.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    color: Colour,
    #[command(flatten)]
    cargo: CargoOptions,
}

const EXAMPLES: &str = "\
Examples:
  cargo shrine watch                          the crate here
  cargo shrine watch widgets                  all widget crates of a workspace
  cargo shrine watch widgets -p counter       one of them
  cargo shrine watch --once                   does everything build and load?
  echo 'state counter' | cargo shrine watch --message-format json

While it runs, it takes one command a line; `help` lists them. End of input on a pipe ends it.";

type Reporter = Shared<Report<Stderr, File>>;

/// How long a call into a widget may take before it is told of.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the command.
pub(super) fn run(mut arguments: WatchArguments) -> ExitCode {
    let mut report = match reporter(&arguments) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: cannot write to standard output: {error}");
            return ExitCode::Unexpected;
        }
    };
    arguments.cargo.colour = arguments.color.on_stderr() && arguments.message_format == MessageFormat::Human;
    arguments.cargo.no_replay = arguments.no_replay;
    arguments.cargo.no_sharing = arguments.no_sharing;
    let code = watch(arguments, &mut report).unwrap_or_else(|error| {
        let (reason, help) = (error.to_string(), error.help());
        report.event(&Event::Error { command: "watch".to_owned(), reason, help });
        error.exit_code()
    });
    report.event(&Event::Exit { code: code.code() });
    code
}

fn reporter(arguments: &WatchArguments) -> io::Result<Reporter> {
    let live = io::stderr().is_terminal();
    let style =
        Style { colour: arguments.color.on_stderr(), live, quiet: arguments.quiet, why: arguments.why };
    let is_json = arguments.message_format == MessageFormat::Json;
    let json = is_json.then(claim_stdout).transpose()?.map(Json::new);
    Ok(Shared::new(Report::new(Human::new(io::stderr(), style), json)))
}

fn watch(arguments: WatchArguments, report: &mut Reporter) -> Result<ExitCode, Error> {
    let start = Start::at(arguments.path.as_deref())?;
    let project = Project::discover(&start, &arguments.cargo)?;
    let place = project.clone();
    let names: Vec<String> = project.packages.iter().map(|package| package.name.clone()).collect();
    let (send, messages) = mpsc::channel();
    let poll = arguments.poll.map(Duration::from_millis);
    let options = Options { once: arguments.once, encode: arguments.no_in_place, ..Options::default() };
    let other_threads = send.clone();
    // A receiver that is gone has ended the run; nobody waits for what is lost then.
    let mut run = Run::new(start, project, arguments.cargo, options, poll, move |message| {
        drop(other_threads.send(message));
    })?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    report.lock().banner(&names, run.files(), io::stdin().is_terminal() && !arguments.once);
    if let Some(reader) = report.lock().reader() {
        watch_the_reader(
            reader.try_clone().map_err(|error| Error::io("watch standard output", error))?,
            send.clone(),
        );
    }
    // The first one ends the session in order, the second one at once: a widget may never return.
    let interrupted = send.clone();
    signals::listen(move || interrupted.send(Message::Interrupted).is_ok(), run.canceller())?;
    let mut program = Program { registry: Registry::new(), is_posted: Arc::default() };
    program.wake_with(send.clone());
    program.tell_when_stuck(report)?;
    if arguments.once {
        return Ok(drive(&mut run, &mut program, &messages, report));
    }
    let _door = open_door(&place, send.clone(), report);
    read_commands(send);
    Ok(drive(&mut run, &mut program, &messages, report))
}

/// The widgets that run, and who hears of them from other threads.
struct Program {
    registry: Registry,
    /// Whether the loop was told already that widgets were sent messages, and has not looked since.
    is_posted: Arc<AtomicBool>,
}

impl Program {
    /// Has the loop woken when another thread sends a message to a widget; once, however many those are.
    fn wake_with(&mut self, send: Sender<Message>) {
        let is_posted = Arc::clone(&self.is_posted);
        self.registry.on_message(move || {
            if !is_posted.swap(true, Ordering::AcqRel) {
                drop(send.send(Message::Posted));
            }
        });
    }

    /// Tells of calls into widgets that do not come back, from the thread that watches them.
    fn tell_when_stuck(&mut self, report: &Reporter) -> Result<(), Error> {
        let mut report = report.clone();
        let tell = move |stuck: &Stuck| {
            let (instance, call) = (stuck.instance.clone(), stuck.call.clone());
            report.event(&Event::Stuck { instance, call, seconds: stuck.running.as_secs() });
        };
        self.registry.on_stuck(PATIENCE, tell).map_err(|error| Error::io("watch over the widgets", error))
    }
}

/// Lets other processes give commands. A watch without a door is one all the same.
fn open_door(project: &Project, send: Sender<Message>, report: &mut Reporter) -> Option<Door> {
    match Door::open(project, send) {
        Ok(Some(door)) => Some(door),
        Ok(None) => {
            report
                .note("note", "another watch of this project runs; `cargo shrine capture` talks to that one");
            None
        }
        Err(error) => {
            report.note("note", &format!("`cargo shrine capture` cannot talk to this watch: {error}"));
            None
        }
    }
}

/// Goes on until the session or the reader of the report ends it.
fn drive(
    run: &mut Run,
    program: &mut Program,
    messages: &Receiver<Message>,
    report: &mut Reporter,
) -> ExitCode {
    let Program { registry, is_posted } = program;
    let mut flow = run.start(registry, report);
    loop {
        if let ControlFlow::Break(code) = flow {
            return code;
        }
        if report.lock().broken().is_some() {
            // Nobody reads what was asked for, as behind `| head`: that is an end like any other.
            return ExitCode::Success;
        }
        let message = match registry.next_timer() {
            Some(time) => messages.recv_timeout(time),
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        flow = match message {
            Ok(message) => run.take(message, registry, report),
            Err(RecvTimeoutError::Timeout) => ControlFlow::Continue(()),
            Err(RecvTimeoutError::Disconnected) => ControlFlow::Break(ExitCode::Unexpected),
        };
        // Before it looks: what comes after that wakes it again.
        is_posted.store(false, Ordering::Release);
        if flow.is_continue() {
            flow = run.poll(registry, report);
        }
    }
}

/// Notices that the program that reads the events has gone, even when there is nothing to tell it.
fn watch_the_reader(events: File, send: Sender<Message>) {
    std::thread::spawn(move || {
        // Asked for nothing, a pipe answers only when its other end is closed.
        let mut ends = [PollFd::new(&events, PollFlags::empty())];
        if poll(&mut ends, None).is_ok() && ends[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            drop(send.send(Message::ReaderGone));
        }
    });
}

/// Passes on the lines of standard input. What is no terminal and no pipe, as `/dev/null`, has no end that means anything.
fn read_commands(send: Sender<Message>) {
    let kind = std::fs::metadata("/dev/stdin").map(|metadata| metadata.file_type());
    if kind.is_ok_and(|kind| kind.is_char_device()) && !io::stdin().is_terminal() {
        return;
    }
    std::thread::spawn(move || {
        let mut lines = io::stdin().lock();
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            if send.send(Message::Line(String::from_utf8_lossy(&line).into_owned())).is_err() {
                return;
            }
            line.clear();
        }
        drop(send.send(Message::EndOfInput));
    });
}

#[cfg(test)]
mod tests {
    use shrine::prelude::*;

    use super::*;

    #[widget(id = "sum", version = "1.0.0")]
    #[derive(Debug, Clone, Default, PartialEq)]
    struct Sum {
        total: i64,
    }

    #[widget]
    impl Sum {
        #[input]
        fn add(&mut self, n: i64) {
            self.total += n;
        }
    }

    #[test]
    fn messages_of_other_threads_wake_the_loop_once() {
        let (send, messages) = mpsc::channel();
        let mut program = Program { registry: Registry::new(), is_posted: Arc::default() };
        program.wake_with(send);
        program.registry.link::<Sum>().unwrap();
        program.registry.create("sum", "sum").unwrap();
        let inbox = program.registry.inbox();
        for round in 1..=2 {
            let inbox = inbox.clone();
            let worker = std::thread::spawn(move || (0..100).try_for_each(|_| inbox.send("sum.add", &1_i64)));
            assert!(matches!(messages.recv(), Ok(Message::Posted)));
            worker.join().unwrap().unwrap();
            assert!(messages.try_recv().is_err(), "one is enough until it is looked at");
            program.is_posted.store(false, Ordering::Release);
            program.registry.poll();
            assert_eq!(program.registry.state::<Sum>("sum").unwrap(), Sum { total: 100 * round });
        }
    }
}
