//! Who decides whether an update is applied.

use std::fmt;
use std::time::Duration;

use super::update::{self, HotUpdate, Outcome};
use super::{Registry, RegistryError};
use crate::abi::handle::Library;
use crate::event::{Event, UpdatePlan};

/// An update that could be applied now.
#[derive(Debug)]
#[non_exhaustive]
pub struct Proposal<'a> {
    /// The widget that the handler is asked about.
    pub widget: &'a str,
    /// What the update would do.
    pub plan: &'a UpdatePlan,
    /// How many messages wait in the whole graph.
    pub waiting: usize,
}

/// What is done about a [`Proposal`]. Of several handlers, one that declines wins, then one that defers.
pub enum Acceptance {
    /// It is applied.
    Apply,
    /// It is kept, and applied then; a newer build of a library takes the place of the one that waits.
    Defer(Until),
    /// It is not applied, for this reason.
    Decline(String),
}

/// When a deferred update is applied.
pub enum Until {
    /// When no message waits that could be handled.
    Idle,
    /// After that time, on the registry's clock.
    Elapsed(Duration),
    /// When [`Registry::apply_deferred`] is called.
    Asked,
    /// When this says so; it is asked at each [`Registry::poll`].
    When(Box<dyn FnMut() -> bool + Send>),
}

impl fmt::Debug for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply => f.write_str("Apply"),
            Self::Defer(until) => f.debug_tuple("Defer").field(until).finish(),
            Self::Decline(reason) => f.debug_tuple("Decline").field(reason).finish(),
        }
    }
}

impl fmt::Debug for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string())
    }
}

/// As the rest of "deferred until ..".
impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("no message waits"),
            Self::Elapsed(time) => write!(f, "{time:?} have passed"),
            Self::Asked => f.write_str("it is asked for"),
            Self::When(_) => f.write_str("its condition holds"),
        }
    }
}

pub(super) type Handler = Box<dyn FnMut(&Proposal<'_>) -> Acceptance + Send>;

/// An update that waits for its time.
pub(super) struct Deferred {
    /// The widget whose handler said so.
    pub(super) widget: String,
    pub(super) libraries: Vec<Library>,
    pub(super) options: HotUpdate,
    pub(super) until: Until,
    /// On the registry's clock, if it is a matter of time.
    pub(super) due: Option<Duration>,
}

/// What the handlers say together.
pub(super) enum Verdict {
    Apply,
    Defer { widget: String, until: Until },
    Decline { widget: String, reason: String },
}

impl Registry {
    /// Has `handler` decide about updates of a widget. Without one they are applied. A handler that was there is
    /// replaced.
    ///
    /// ```
    /// use shrine::registry::{Acceptance, Registry, Until};
    ///
    /// let mut registry = Registry::new();
    /// registry.accept("counter", |proposal| match proposal.waiting {
    ///     0 => Acceptance::Apply,
    ///     _ => Acceptance::Defer(Until::Idle),
    /// });
    /// ```
    pub fn accept(
        &mut self,
        widget: &str,
        handler: impl FnMut(&Proposal<'_>) -> Acceptance + Send + 'static,
    ) {
        self.handlers.insert(widget.to_owned(), Box::new(handler));
    }

    /// Has updates of a widget applied as they come again.
    pub fn accept_always(&mut self, widget: &str) {
        self.handlers.remove(widget);
    }

    /// Applies the update that was deferred, whatever it waits for. None when there is none.
    pub fn apply_deferred(&mut self) -> Option<Outcome> {
        let Deferred { libraries, mut options, .. } = self.deferred.take()?;
        options.is_accepted = true;
        Some(update::run(self, libraries, options))
    }

    /// What the update that was deferred would do now, as a [`dry_run`](HotUpdate::dry_run) says it. It waits on. None
    /// when there is none.
    pub fn plan_deferred(&mut self) -> Option<Outcome> {
        let mut deferred = self.deferred.take()?;
        let outcome = update::dry_run(self, &deferred.libraries, &mut deferred.options);
        self.deferred = Some(deferred);
        Some(outcome)
    }

    /// Forgets the update that was deferred; [`Event::Declined`] tells of it.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn discard_deferred(&mut self) -> Result<(), RegistryError> {
        let Deferred { widget, .. } = self.deferred.take().ok_or(RegistryError::NothingDeferred)?;
        let reason = "it was discarded while it waited".to_owned();
        let running_generation = self.generation();
        self.log(Event::Declined { widget, reason, running_generation });
        Ok(())
    }

    /// Forgets what waits of libraries that come anew: it would only put older code in their place. The other libraries
    /// of the update wait on.
    pub(super) fn supersede(&mut self, libraries: &[Library]) {
        let Some(deferred) = &mut self.deferred else { return };
        deferred.libraries.retain(|waits| libraries.iter().all(|new| new.name() != waits.name()));
        if deferred.libraries.is_empty() {
            self.deferred = None;
        }
    }

    /// Whether an update waits for its time.
    #[must_use]
    pub fn has_deferred(&self) -> bool {
        self.deferred.is_some()
    }

    /// Asks the handlers about a plan.
    pub(super) fn verdict(&mut self, plan: &UpdatePlan) -> Verdict {
        let waiting = self.graph.waiting();
        let mut verdict = Verdict::Apply;
        for widget in plan.widgets.iter().map(|widget| widget.id.as_str()) {
            let Some(handler) = self.handlers.get_mut(widget) else { continue };
            match handler(&Proposal { widget, plan, waiting }) {
                Acceptance::Decline(reason) => {
                    return Verdict::Decline { widget: widget.to_owned(), reason };
                }
                Acceptance::Defer(until) if matches!(verdict, Verdict::Apply) => {
                    verdict = Verdict::Defer { widget: widget.to_owned(), until };
                }
                Acceptance::Defer(_) | Acceptance::Apply => {}
            }
        }
        verdict
    }

    pub(super) fn apply_deferred_if_due(&mut self) {
        let is_idle = !self.graph.has_work();
        let now = self.clock.now();
        let Some(deferred) = &mut self.deferred else { return };
        let is_due = match &mut deferred.until {
            Until::Idle => is_idle,
            Until::Elapsed(_) => deferred.due.is_some_and(|due| due <= now),
            Until::Asked => false,
            Until::When(condition) => condition(),
        };
        if is_due {
            self.apply_deferred();
        }
    }

    /// Whether a deferred update is due whatever the time.
    pub(super) fn deferred_is_due(&self) -> bool {
        let idle = self.deferred.as_ref().is_some_and(|deferred| matches!(deferred.until, Until::Idle));
        idle && !self.graph.has_work()
    }

    /// When a deferred update may be due.
    pub(super) fn deferred_until(&self) -> Option<Duration> {
        /// How often a condition is asked.
        const CONDITION: Duration = Duration::from_millis(50);
        let deferred = self.deferred.as_ref()?;
        match deferred.until {
            Until::Elapsed(_) => deferred.due,
            Until::When(_) => Some(self.clock.now() + CONDITION),
            Until::Idle | Until::Asked => None,
        }
    }
}
