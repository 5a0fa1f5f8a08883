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

/// What is done about a [`Proposal`]. Of several handlers, one that declines wins, then those that defer: the update waits until
/// all of them are content.
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
    pub(super) libraries: Vec<Library>,
    pub(super) options: HotUpdate,
    /// All that it waits for. When that was another library's, which has come anew, nothing is left: then it is due.
    pub(super) waits: Vec<Wait>,
}

/// What an update waits for.
pub(super) struct Wait {
    /// The widget whose handler said so.
    pub(super) widget: String,
    pub(super) until: Until,
    /// On the registry's clock, if it is a matter of time.
    due: Option<Duration>,
}

impl Wait {
    fn new(widget: &str, until: Until, now: Duration) -> Self {
        let due = match &until {
            Until::Elapsed(time) => Some(now + *time),
            Until::Idle | Until::Asked | Until::When(_) => None,
        };
        Self { widget: widget.to_owned(), until, due }
    }

    /// Whether its time has come, without asking a condition.
    fn is_due(&self, is_idle: bool, now: Duration) -> bool {
        match self.until {
            Until::Idle => is_idle,
            Until::Elapsed(_) => self.due.is_some_and(|due| due <= now),
            Until::Asked | Until::When(_) => false,
        }
    }

    /// The widget of the first of them, and what all of them wait for.
    pub(super) fn describe(waits: &[Self]) -> (String, String) {
        let mut untils: Vec<String> = Vec::new();
        for until in waits.iter().map(|wait| wait.until.to_string()) {
            if !untils.contains(&until) {
                untils.push(until);
            }
        }
        let widget = waits.first().map(|wait| wait.widget.clone()).unwrap_or_default();
        (widget, untils.join(" and "))
    }
}

/// What the handlers say together.
pub(super) enum Verdict {
    Apply,
    Defer(Vec<Wait>),
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
        let Deferred { libraries, waits, .. } = self.deferred.take().ok_or(RegistryError::NothingDeferred)?;
        let modules = libraries.iter().flat_map(Library::modules).map(|module| module.id());
        let widget = waits.first().map(|wait| wait.widget.as_str()).or_else(|| modules.into_iter().next());
        let widget = widget.unwrap_or_default().to_owned();
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
        let left: Vec<_> = deferred.libraries.iter().flat_map(|library| library.modules()).collect();
        deferred.waits.retain(|wait| left.iter().any(|module| module.id() == wait.widget));
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
        let (waiting, now) = (self.graph.waiting(), self.clock.now());
        let mut waits = Vec::new();
        for widget in plan.widgets.iter().map(|widget| widget.id.as_str()) {
            let Some(handler) = self.handlers.get_mut(widget) else { continue };
            match handler(&Proposal { widget, plan, waiting }) {
                Acceptance::Decline(reason) => {
                    return Verdict::Decline { widget: widget.to_owned(), reason };
                }
                Acceptance::Defer(until) => waits.push(Wait::new(widget, until, now)),
                Acceptance::Apply => {}
            }
        }
        if waits.is_empty() { Verdict::Apply } else { Verdict::Defer(waits) }
    }

    pub(super) fn apply_deferred_if_due(&mut self) {
        let (is_idle, now) = (!self.graph.has_work(), self.clock.now());
        let Some(deferred) = &mut self.deferred else { return };
        let mut is_due = true;
        for wait in &mut deferred.waits {
            // A condition is asked each time, also while something else is waited for.
            is_due &= match &mut wait.until {
                Until::When(condition) => condition(),
                _ => wait.is_due(is_idle, now),
            };
        }
        if is_due {
            self.apply_deferred();
        }
    }

    /// Whether a deferred update is due now.
    pub(super) fn deferred_is_due(&self) -> bool {
        let (is_idle, now) = (!self.graph.has_work(), self.clock.now());
        self.deferred
            .as_ref()
            .is_some_and(|deferred| deferred.waits.iter().all(|wait| wait.is_due(is_idle, now)))
    }

    /// When a deferred update may be due.
    pub(super) fn deferred_until(&self) -> Option<Duration> {
        /// How often a condition is asked.
        const CONDITION: Duration = Duration::from_millis(50);
        let deferred = self.deferred.as_ref()?;
        let has = |what: fn(&Until) -> bool| deferred.waits.iter().any(|wait| what(&wait.until));
        if has(|until| matches!(until, Until::When(_))) {
            return Some(self.clock.now() + CONDITION);
        }
        if has(|until| matches!(until, Until::Asked)) {
            return None;
        }
        deferred.waits.iter().filter_map(|wait| wait.due).max()
    }
}
