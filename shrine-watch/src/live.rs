//! Updates for a program that owns its registry.

use std::path::Path;

use shrine::event::Event;
use shrine::registry::Registry;

use crate::error::Error;

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
        #[cfg(feature = "live")]
        let live =
            Self { running: enabled.then(|| running::Running::start(crate_dir.as_ref())).transpose()? };
        #[cfg(not(feature = "live"))]
        let live = {
            let _ = (enabled, crate_dir);
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

    use shrine::event::Event;
    use shrine::registry::Registry;

    use crate::build::project::Start;
    use crate::build::{CargoOptions, Project};
    use crate::error::Error;
    use crate::run::{Audience, Message, Run};
    use crate::session::Options;

    pub(super) struct Running {
        run: Run,
        messages: Receiver<Message>,
        has_begun: bool,
    }

    impl Running {
        pub(super) fn start(crate_dir: &Path) -> Result<Self, Error> {
            let start = Start::at(Some(crate_dir))?;
            let cargo = CargoOptions::default();
            let project = Project::discover(&start, &cargo)?;
            let (send, messages) = mpsc::channel();
            let options = Options { once: false, embedded: true };
            Ok(Self {
                run: Run::new(start, project, cargo, options, None, send)?,
                messages,
                has_begun: false,
            })
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
