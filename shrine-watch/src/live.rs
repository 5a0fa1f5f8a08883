//! Updates for a program that owns its registry.

use std::path::{Path, PathBuf};
use std::time::Duration;

use shrine::event::Event;
use shrine::registry::Registry;

use crate::error::Error;

/// How a [`Live`] builds and updates: what `cargo shrine watch` has flags for.
///
/// ```
/// use shrine_watch::LiveOptions;
///
/// let options = LiveOptions::new().features(["fast"]).sharing(false);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveOptions {
    packages: Vec<String>,
    features: Vec<String>,
    no_default_features: bool,
    profile: Option<String>,
    target_dir: Option<PathBuf>,
    poll: Option<Duration>,
    no_replay: bool,
    no_sharing: bool,
    encode: bool,
}

impl LiveOptions {
    /// As `cargo shrine watch` does it without flags.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches only these packages of the workspace.
    #[must_use]
    pub fn packages<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        Self { packages: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Activates these features of the widget crates. Those of the program are of no account: what is loaded is built
    /// on its own.
    #[must_use]
    pub fn features<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        Self { features: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Whether the feature `default` is activated; otherwise it is.
    #[must_use]
    pub fn default_features(self, on: bool) -> Self {
        Self { no_default_features: !on, ..self }
    }

    /// Builds with this profile, by its name in Cargo.toml; otherwise with `dev`.
    #[must_use]
    pub fn profile(self, name: impl Into<String>) -> Self {
        Self { profile: Some(name.into()), ..self }
    }

    /// Builds into this directory instead of `target/shrine`.
    #[must_use]
    pub fn target_dir(self, directory: impl Into<PathBuf>) -> Self {
        Self { target_dir: Some(directory.into()), ..self }
    }

    /// Looks at the files this often, at most once in a millisecond, for file systems that do not tell of changes;
    /// otherwise it is told.
    #[must_use]
    pub fn poll_files(self, interval: Duration) -> Self {
        Self { poll: Some(interval.max(Duration::from_millis(1))), ..self }
    }

    /// Whether rustc is called again as cargo has called it before, where that is known to be right. Without it cargo is
    /// asked for every build.
    #[must_use]
    pub fn replay(self, on: bool) -> Self {
        Self { no_replay: !on, ..self }
    }

    /// Whether what widget crates depend on is linked once and shared by all generations, its statics included. Without
    /// it each library has its own.
    #[must_use]
    pub fn sharing(self, on: bool) -> Self {
        Self { no_sharing: !on, ..self }
    }

    /// Whether instances whose state lies alike in the new code stay in memory. Without it every state is encoded.
    #[must_use]
    pub fn in_place(self, on: bool) -> Self {
        Self { encode: !on, ..self }
    }
}

/// Watches a widget crate, or a workspace of them, and updates the widgets of a registry when it changes.
///
/// The program links its widgets statically, in development and in release, from the same source. In development a
/// `Live` replaces their code in place; without the feature `live` of this crate it does nothing and weighs nothing.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use shrine::registry::Registry;
/// use shrine_watch::Live;
///
/// let mut registry = Registry::new();
/// // registry.link::<Counter>();
/// let mut live = Live::when(cfg!(debug_assertions), "widgets")?;
/// for _frame in 0..60 {
///     for event in live.poll(&mut registry) {
///         eprintln!("{event:?}");
///     }
///     registry.poll();
/// }
/// # Ok(())
/// # }
/// ```
///
/// A program that sleeps until something happens wakes for three things: [`Live::on_change`] for what this has to say,
/// [`Registry::on_message`] for messages from other threads, and the time that [`Registry::next_timer`] gives.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use shrine::registry::Registry;
/// # use shrine_watch::Live;
/// use std::sync::mpsc::{RecvTimeoutError, channel};
/// use std::time::Duration;
///
/// # let mut registry = Registry::new();
/// # let mut live = Live::when(cfg!(debug_assertions), "widgets")?;
/// let (wake, woken) = channel();
/// let changed = wake.clone();
/// live.on_change(move || drop(changed.send(())));
/// registry.on_message(move || drop(wake.send(())));
/// loop {
///     for event in live.poll(&mut registry) {
///         eprintln!("{event:?}");
///     }
///     registry.poll();
///     let time = registry.next_timer().unwrap_or(Duration::MAX);
///     if woken.recv_timeout(time) == Err(RecvTimeoutError::Disconnected) {
///         break;
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Dropping it ends its threads and the build that is under way. The libraries it has loaded stay loaded.
#[derive(Default)]
pub struct Live {
    #[cfg(feature = "live")]
    running: Option<running::Running>,
}

impl Live {
    /// Begins to watch the crate or the workspace in `crate_dir`, if `enabled`: builds it, and again on every change.
    ///
    /// # Errors
    ///
    /// When there is no widget crate, or it cannot be watched.
    pub fn when(enabled: bool, crate_dir: impl AsRef<Path>) -> Result<Self, Error> {
        Self::with(enabled, crate_dir, &LiveOptions::new())
    }

    /// The same, in another way than the usual one.
    ///
    /// # Errors
    ///
    /// When there is no widget crate, or it cannot be watched.
    pub fn with(enabled: bool, crate_dir: impl AsRef<Path>, options: &LiveOptions) -> Result<Self, Error> {
        #[cfg(feature = "live")]
        let live = {
            let start = || running::Running::start(crate_dir.as_ref(), options);
            Self { running: enabled.then(start).transpose()? }
        };
        #[cfg(not(feature = "live"))]
        let live = {
            let _ = (enabled, crate_dir, options);
            Self::default()
        };
        Ok(live)
    }

    /// Applies what was built since the last call, and answers with what happened. Never waits for a build.
    ///
    /// What the registry itself has to tell since then is in the answer too: this calls
    /// [`Registry::take_events`].
    pub fn poll(&mut self, registry: &mut Registry) -> Vec<Event> {
        #[cfg(feature = "live")]
        if let Some(running) = &mut self.running {
            return running.poll(registry);
        }
        registry.take_events()
    }

    /// Has `waker` called, on another thread, when [`poll`](Self::poll) has something to do; and at once, because it may have already.
    pub fn on_change(&mut self, waker: impl Fn() + Send + 'static) {
        #[cfg(feature = "live")]
        if let Some(running) = &self.running {
            running.on_change(Box::new(waker));
            return;
        }
        drop(waker);
    }

    /// Whether it watches.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        #[cfg(feature = "live")]
        return self.running.is_some();
        #[cfg(not(feature = "live"))]
        false
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("enabled", &self.is_enabled()).finish_non_exhaustive()
    }
}

#[cfg(feature = "live")]
mod running {
    use std::path::Path;
    use std::sync::mpsc::{self, Receiver};
    use std::sync::{Arc, Mutex, PoisonError};

    use shrine::event::Event;
    use shrine::registry::Registry;

    use super::LiveOptions;
    use crate::build::project::Start;
    use crate::build::{CargoOptions, Project};
    use crate::error::Error;
    use crate::run::{Audience, Message, Run};
    use crate::session::Options;

    type Waker = Box<dyn Fn() + Send>;

    pub(super) struct Running {
        run: Run,
        waker: Arc<Mutex<Option<Waker>>>,
        messages: Receiver<Message>,
        has_begun: bool,
    }

    impl Running {
        pub(super) fn start(crate_dir: &Path, options: &LiveOptions) -> Result<Self, Error> {
            let start = Start::at(Some(crate_dir))?;
            let cargo = options.for_cargo();
            let project = Project::discover(&start, &cargo)?;
            let (send, messages) = mpsc::channel();
            let poll = options.poll;
            let options = Options { embedded: true, encode: options.encode, ..Options::default() };
            let waker: Arc<Mutex<Option<Waker>>> = Arc::default();
            let wakes = Arc::clone(&waker);
            let run = Run::new(start, project, cargo, options, poll, move |message| {
                // A receiver that is gone has ended the run.
                let is_heard = send.send(message).is_ok();
                if let Some(wake) = &*wakes.lock().unwrap_or_else(PoisonError::into_inner)
                    && is_heard
                {
                    wake();
                }
            })?;
            Ok(Self { run, waker, messages, has_begun: false })
        }

        pub(super) fn on_change(&self, waker: Waker) {
            // Something may wait already: the first build begins with the first call of `poll`.
            waker();
            *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
        }

        pub(super) fn poll(&mut self, registry: &mut Registry) -> Vec<Event> {
            let mut collected = Collected(registry.take_events());
            // Nothing here can end an embedded session: that is for signals, commands and `--once`.
            if !std::mem::replace(&mut self.has_begun, true) {
                let _ = self.run.start(registry, &mut collected);
            }
            while let Ok(message) = self.messages.try_recv() {
                let _ = self.run.take(message, registry, &mut collected);
            }
            collected.0
        }
    }

    impl LiveOptions {
        fn for_cargo(&self) -> CargoOptions {
            CargoOptions {
                packages: self.packages.clone(),
                features: self.features.clone(),
                no_default_features: self.no_default_features,
                profile: self.profile.clone(),
                target_dir: self.target_dir.clone(),
                no_replay: self.no_replay,
                no_sharing: self.no_sharing,
                ..CargoOptions::default()
            }
        }
    }

    struct Collected(Vec<Event>);

    impl Audience for Collected {
        fn event(&mut self, event: &Event) {
            self.0.push(event.clone());
        }
        fn show(&mut self, _: &str) {}
        fn note(&mut self, _: &str, _: &str) {}
        fn building(&mut self) {}
        fn progress(&mut self, _: &str) {}
        fn help(&mut self) {}
    }
}
