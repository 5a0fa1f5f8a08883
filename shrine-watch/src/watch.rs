//! Notices edits: which files matter, and whether their content changed.
//!
//! The events of the file system are only an alarm. What changed is found by comparing contents, so that an event that
//! was lost, a touch, or an editor that saves by renaming makes no difference.

pub mod detect;
mod directories;
pub mod inputs;
mod quiet;
mod scan;
mod turns;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{EventKind, RecommendedWatcher};
use shrine::event::ChangeDecision;

use crate::build::{BuildResult, Project};
use crate::error::Error;
use detect::Sight;
pub use detect::{Change, Detector};
use directories::Directories;
pub(crate) use directories::walk as files_below;
pub use inputs::Inputs;
pub(crate) use inputs::files_of;
use quiet::{Quiet, Sign};
use scan::Scanner;
use turns::{Turns, Verdict};

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
    Building(SystemTime),
    Built(Box<BuildResult>),
    Stop,
}

impl Watcher {
    /// Begins to watch. What is in the files now is what changes are compared with. `notice` is called from the thread.
    /// With `poll`, the files are looked at as often as that, and the system is not asked to tell of changes.
    ///
    /// # Errors
    ///
    /// When the system does not let a directory be watched.
    pub fn start(
        project: &Project,
        poll: Option<Duration>,
        notice: impl Fn(Noticed) + Send + 'static,
    ) -> Result<Self, Error> {
        let (send, messages) = mpsc::channel();
        let alarm = send.clone();
        // The receiver is gone only when the thread has been told to stop.
        let on_event = move |event| drop(alarm.send(Message::Files(event)));
        let watcher = match poll {
            Some(_) => None,
            None => {
                Some(notify::recommended_watcher(on_event).map_err(|error| directories::explain(&error))?)
            }
        };
        let mut lookout = Lookout {
            inputs: Inputs::of(project),
            scanner: Scanner::default(),
            detector: Detector::default(),
            directories: Directories::new(watcher),
            building: false,
            started: Instant::now(),
            clock: SystemTime::now(),
            quiet: Quiet::default(),
            turns: Turns::default(),
            poll,
            has_waited: false,
            seen: Sight::new(),
            ahead: None,
            lesson: None,
        };
        // Watch first, look then: what happens in between raises an alarm.
        lookout.directories.refresh(&lookout.inputs)?;
        let seen = lookout.scanner.scan(&lookout.inputs, &BTreeSet::new());
        let files = seen.len();
        lookout.detector.begin(seen.clone());
        lookout.seen = seen;
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
        self.tell(Message::Building(SystemTime::now()));
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

/// Tries whether a project can be watched: how many directories that takes, and what the system says.
///
/// # Errors
///
/// When it does not let them be watched.
#[cfg(feature = "cli")]
pub(crate) fn try_out(project: &Project) -> (usize, Result<(), Error>) {
    let inputs = Inputs::of(project);
    let count = directories::wanted(&inputs).len();
    let tried = notify::recommended_watcher(|_| {})
        .map_err(|error| directories::explain(&error))
        .and_then(|watcher| Directories::new(Some(watcher)).refresh(&inputs));
    (count, tried)
}

/// How long it is waited until the files are looked through after a build: there is something to load now.
const LEARNT: Duration = Duration::from_millis(20);

/// What the thread has.
struct Lookout {
    inputs: Inputs,
    scanner: Scanner,
    detector: Detector,
    directories: Directories<RecommendedWatcher>,
    building: bool,
    started: Instant,
    /// When that was, by the clock of files.
    clock: SystemTime,
    quiet: Quiet,
    turns: Turns,
    poll: Option<Duration>,
    /// Whether the newest look was put off, because a file was empty all at once.
    has_waited: bool,
    /// What was there when it was looked last.
    seen: Sight,
    /// What was seen while it was waited for more events.
    ahead: Option<Ahead>,
    /// What is still to be learnt from the last build.
    lesson: Option<Lesson>,
}

/// A build that has ended.
struct Lesson {
    /// When to learn from it at last.
    due: Duration,
    result: Box<BuildResult>,
}

/// A look at the files that may turn out to have been too early.
struct Ahead {
    /// When the first and the newest event before it came in.
    events: (Duration, Duration),
    seen: Sight,
}

impl Lookout {
    fn run(mut self, messages: &Receiver<Message>, notice: &dyn Fn(Noticed)) {
        let mut touched = BTreeSet::new();
        loop {
            if self.is_likely_over() {
                match messages.try_recv() {
                    Err(TryRecvError::Empty) => self.look_ahead(&touched),
                    Err(TryRecvError::Disconnected) => return,
                    Ok(message) => {
                        if self.handle(message, &mut touched).is_break() {
                            return;
                        }
                    }
                }
                continue;
            }
            let due = self.due().into_iter().chain(self.lesson.as_ref().map(|lesson| lesson.due)).min();
            let left = due.map(|due| due.saturating_sub(self.started.elapsed()));
            let message = match left.or(self.poll) {
                Some(left) => messages.recv_timeout(left),
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(message) => {
                    if self.handle(message, &mut touched).is_break() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if left.is_none() => self.peek(),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.started.elapsed();
            if self.lesson.as_ref().is_some_and(|lesson| lesson.due <= now) {
                self.catch_up();
            }
            if self.due().is_some_and(|due| due <= now) {
                let events = self.quiet.saved();
                if let Some(first) = self.quiet.look(now) {
                    let seen = self.sight(events, &touched);
                    self.look(seen, &mut touched, self.started + first, notice);
                }
            }
        }
    }

    /// When to look next.
    fn due(&self) -> Option<Duration> {
        self.quiet.due(self.turns.hold(self.started.elapsed()))
    }

    /// Whether a save is probably over, and only time is waited for: it can be looked already.
    fn is_likely_over(&self) -> bool {
        let first = self.quiet.saved().map(|(first, _)| first);
        first.is_some() && self.ahead.as_ref().map(|ahead| ahead.events.0) != first
    }

    /// Reads the files while it is waited for more events. Only if none come, that is worth anything; once for a save.
    fn look_ahead(&mut self, touched: &BTreeSet<PathBuf>) {
        self.catch_up();
        let Some(events) = self.quiet.saved() else { return };
        let _ = self.directories.refresh(&self.inputs);
        let seen = self.scanner.scan(&self.inputs, touched);
        self.ahead = Some(Ahead { events, seen });
    }

    /// What is in the files.
    fn sight(&mut self, events: Option<(Duration, Duration)>, touched: &BTreeSet<PathBuf>) -> Sight {
        self.catch_up();
        match self.ahead.take() {
            Some(ahead) if Some(ahead.events) == events => ahead.seen,
            _ => {
                let _ = self.directories.refresh(&self.inputs);
                self.scanner.scan(&self.inputs, touched)
            }
        }
    }

    /// Looks whether anything is other than it was. Whoever writes may not be done.
    fn peek(&mut self) {
        let seen = self.scanner.scan(&self.inputs, &BTreeSet::new());
        if seen != self.seen {
            self.seen = seen;
            self.quiet.stir(self.started.elapsed());
        }
    }

    /// Takes a message.
    fn handle(&mut self, message: Message, touched: &mut BTreeSet<PathBuf>) -> ControlFlow<()> {
        match message {
            Message::Files(event) => self.take(event, touched),
            Message::Building(clock) => {
                self.building = true;
                self.turns.began(self.started.elapsed(), clock);
            }
            Message::Built(result) => {
                self.building = false;
                let now = self.started.elapsed();
                self.turns.ended(now, result.began + result.took, result.took);
                // Who writes just now has not been waited for yet.
                self.quiet.release(now);
                self.catch_up();
                self.lesson = Some(Lesson { due: now + LEARNT, result });
            }
            Message::Stop => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Learns from the last build which files matter, if that is still to be done.
    fn catch_up(&mut self) {
        let Some(Lesson { result, .. }) = self.lesson.take() else { return };
        let before = self.inputs.clone();
        self.inputs.learn(&result);
        // A failure shows at the next look: what is watched already stays watched.
        let _ = self.directories.refresh(&self.inputs);
        let seen = self.scanner.scan(&self.inputs, &BTreeSet::new());
        self.detector.learn(&before, &self.inputs, &seen, result.began);
        // A file that turned out to matter only now may have changed while it was built.
        self.quiet.stir(self.started.elapsed());
    }

    /// Takes a file event, if it may matter.
    fn take(&mut self, event: notify::Result<notify::Event>, touched: &mut BTreeSet<PathBuf>) {
        let now = self.started.elapsed();
        let event = match event {
            Ok(event) if !event.need_rescan() => event,
            // Events were lost. The next look finds what they were about.
            _ => return self.quiet.stir(now),
        };
        let sign = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Sign::Finished,
            EventKind::Access(_) => return,
            EventKind::Modify(ModifyKind::Data(_)) => Sign::Written,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Sign::Gone,
            _ => Sign::Other,
        };
        for path in event.paths {
            if self.directories.concerns(&path) {
                let matters = self.inputs.role(&path).is_some();
                self.quiet.event(now, sign, &path, matters);
                touched.insert(path);
            }
        }
    }

    /// Decides what follows from what is in the files.
    fn look(
        &mut self,
        seen: Sight,
        touched: &mut BTreeSet<PathBuf>,
        first: Instant,
        notice: &dyn Fn(Noticed),
    ) {
        let emptied: Vec<PathBuf> = self.detector.emptied(&seen).cloned().collect();
        if !emptied.is_empty() && !std::mem::replace(&mut self.has_waited, true) {
            // Caught between the cut and the writing. A file that stays empty is believed the next time.
            for path in &emptied {
                self.quiet.event(self.started.elapsed(), Sign::Written, path, true);
            }
            return;
        }
        self.has_waited = false;
        let touched = std::mem::take(touched);
        if self.poll.is_some() {
            self.seen.clone_from(&seen);
        }
        let changed: Vec<(PathBuf, SystemTime)> = self
            .detector
            .changed(&self.inputs, &seen, self.building)
            .into_iter()
            // A file that is gone has no time.
            .map(|path| {
                (seen.get(&path).map_or(self.clock + (first - self.started), |seen| seen.changed), path)
            })
            .map(|(time, path)| (path, time))
            .collect();
        let Some(mut change) = self.detector.look(&self.inputs, &seen, &touched, self.building) else {
            return;
        };
        if !changed.is_empty() && matches!(change.decision, ChangeDecision::Rebuild | ChangeDecision::Capture)
        {
            match self.turns.judge(&changed) {
                Verdict::Build => {}
                Verdict::Known => change = change.made_by_builds(None),
                Verdict::Endless(builds) => change = change.made_by_builds(Some(builds)),
            }
        }
        notice(Noticed { change, first });
    }
}

#[cfg(test)]
mod tests;
