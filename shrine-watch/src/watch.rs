//! Notices edits: which files matter, and whether their content changed.
//!
//! The events of the file system are only an alarm. What changed is found by comparing contents, so that an event that
//! was lost, a touch, or an editor that saves by renaming makes no difference.

pub mod detect;
mod directories;
pub mod inputs;
mod scan;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher};

use crate::build::{BuildResult, Project};
use crate::error::Error;
pub use detect::{Change, Detector};
use directories::Directories;
pub use inputs::Inputs;
use scan::Scanner;

/// How long it must be quiet after a file event. Editors save in several steps, which are microseconds apart.
const QUIET: Duration = Duration::from_millis(10);
/// How long to wait for that at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// An edit, and when it was first noticed.
#[derive(Debug, Clone)]
pub struct Noticed {
    /// The edit.
    pub change: Change,
    /// When the first of its file events came in.
    pub first: Instant,
}

/// Watches a project from a thread of its own.
pub struct Watcher {
    send: Sender<Message>,
    thread: Option<JoinHandle<()>>,
    files: usize,
}

enum Message {
    Files(notify::Result<notify::Event>),
    Building,
    Built(Box<BuildResult>),
    Stop,
}

impl Watcher {
    /// Begins to watch. What is in the files now is what changes are compared with. `notice` is called from the thread.
    ///
    /// # Errors
    ///
    /// When the system does not let a directory be watched.
    pub fn start(project: &Project, notice: impl Fn(Noticed) + Send + 'static) -> Result<Self, Error> {
        let (send, messages) = mpsc::channel();
        let alarm = send.clone();
        // The receiver is gone only when the thread has been told to stop.
        let on_event = move |event| drop(alarm.send(Message::Files(event)));
        let watcher = notify::recommended_watcher(on_event).map_err(|error| directories::explain(&error))?;
        let mut lookout = Lookout {
            inputs: Inputs::of(project),
            scanner: Scanner::default(),
            detector: Detector::default(),
            directories: Directories::new(watcher),
            building: false,
        };
        // Watch first, look then: what happens in between raises an alarm.
        lookout.directories.refresh(&lookout.inputs)?;
        let seen = lookout.scanner.scan(&lookout.inputs, &BTreeSet::new());
        let files = seen.len();
        lookout.detector.begin(seen);
        let thread = std::thread::spawn(move || lookout.run(&messages, &notice));
        Ok(Self { send, thread: Some(thread), files })
    }

    /// How many files matter before the first build has told of more.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }

    /// Says that a build begins: what cargo writes by itself until it ends is no edit.
    pub fn building(&self) {
        self.tell(Message::Building);
    }

    /// Says how a build ended, and so which files matter from now on.
    pub fn built(&self, result: BuildResult) {
        self.tell(Message::Built(Box::new(result)));
    }

    fn tell(&self, message: Message) {
        // A thread that has ended has panicked; that is reported when it is joined.
        drop(self.send.send(message));
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tell(Message::Stop);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// What the thread has.
struct Lookout {
    inputs: Inputs,
    scanner: Scanner,
    detector: Detector,
    directories: Directories<RecommendedWatcher>,
    building: bool,
}

impl Lookout {
    fn run(mut self, messages: &Receiver<Message>, notice: &dyn Fn(Noticed)) {
        let mut touched = BTreeSet::new();
        while let Ok(message) = messages.recv() {
            match self.handle(message, &mut touched) {
                ControlFlow::Break(()) => return,
                ControlFlow::Continue(false) => continue,
                ControlFlow::Continue(true) => {}
            }
            let first = Instant::now();
            let mut until = first + QUIET;
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                match messages.recv_timeout(left).map(|message| self.handle(message, &mut touched)) {
                    Ok(ControlFlow::Continue(true)) => until = (Instant::now() + QUIET).min(first + PATIENCE),
                    Ok(ControlFlow::Continue(false)) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Ok(ControlFlow::Break(())) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
            self.look(&std::mem::take(&mut touched), first, notice);
        }
    }

    /// Takes a message; answers whether a look is due.
    fn handle(&mut self, message: Message, touched: &mut BTreeSet<PathBuf>) -> ControlFlow<(), bool> {
        match message {
            Message::Files(event) => return ControlFlow::Continue(self.take(event, touched)),
            Message::Building => self.building = true,
            Message::Built(result) => {
                self.building = false;
                let before = self.inputs.clone();
                self.inputs.learn(&result);
                // A failure shows at the next look: what is watched already stays watched.
                let _ = self.directories.refresh(&self.inputs);
                let seen = self.scanner.scan(&self.inputs, &BTreeSet::new());
                self.detector.learn(&before, &self.inputs, &seen, result.began);
                // A file that turned out to matter only now may have changed while it was built.
                return ControlFlow::Continue(true);
            }
            Message::Stop => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(false)
    }

    /// Takes a file event; answers whether it may matter.
    fn take(&self, event: notify::Result<notify::Event>, touched: &mut BTreeSet<PathBuf>) -> bool {
        let Ok(event) = event else {
            // Events were lost. The next look finds what they were about.
            return true;
        };
        if event.need_rescan() {
            return true;
        }
        let is_read =
            matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
        if is_read {
            return false;
        }
        let before = touched.len();
        touched.extend(event.paths.into_iter().filter(|path| self.directories.concerns(path)));
        touched.len() > before
    }

    fn look(&mut self, touched: &BTreeSet<PathBuf>, first: Instant, notice: &dyn Fn(Noticed)) {
        let _ = self.directories.refresh(&self.inputs);
        let seen = self.scanner.scan(&self.inputs, touched);
        if let Some(change) = self.detector.look(&self.inputs, &seen, touched, self.building) {
            notice(Noticed { change, first });
        }
    }
}

#[cfg(test)]
mod tests;
