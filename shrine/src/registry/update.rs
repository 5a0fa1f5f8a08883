//! The hot update: a transaction over all instances of all widgets of the libraries that were rebuilt.

mod carrying;
mod check;
mod commit;
mod connections;
mod in_place;
mod planning;
mod roll_back;
mod transaction;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use transaction::{Stop, Transaction};

use super::accept::{Deferred, Wait};
use super::{PROBATION, Registry};
use crate::BoxError;
use crate::abi::handle::Library;
use crate::event::{Event, Phases, Refusal, RollBack, Update, UpdatePlan};
use crate::state::value::Value;

/// How long one hook, encoding or migration may take unless it is told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// What happens to the state of a widget that was edited without a new version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unbumped {
    /// It is reconciled field by field, by name. What has no place waits in the attic.
    #[default]
    Structural,
    /// The update is refused.
    Refuse,
    /// Instances start anew from the widget's `Default`.
    Reset,
}

type TransformState = Box<dyn FnMut(&str, Value) -> Result<Value, BoxError> + Send>;
type Before = Box<dyn FnMut(&UpdatePlan) -> Result<(), BoxError> + Send>;
type After = Box<dyn FnMut(&Update) + Send>;

/// How an update is done.
///
/// ```
/// use std::time::Duration;
/// use shrine::registry::{HotUpdate, Unbumped};
///
/// let options = HotUpdate::new()
///     .deadline(Duration::from_secs(2))
///     .unbumped(Unbumped::Refuse)
///     .before(|plan| match plan.connections.iter().find(|connection| connection.reason.is_some()) {
///         Some(parked) => Err(format!("{} would be parked", parked.source).into()),
///         None => Ok(()),
///     })
///     .after(|update| println!("generation {} runs", update.generation));
/// # let _ = options;
/// ```
#[non_exhaustive]
pub struct HotUpdate {
    /// What was spent on the update before it came here; ends up in its report.
    pub spent: Phases,
    pub(super) dry_run: bool,
    pub(super) preserve_state: bool,
    pub(super) preserve_connections: bool,
    pub(super) in_place: bool,
    pub(super) transform_state: Option<TransformState>,
    pub(super) before: Option<Before>,
    pub(super) after: Option<After>,
    pub(super) deadline: Option<Duration>,
    pub(super) probation: usize,
    pub(super) unbumped: Unbumped,
    pub(super) unbumped_of: BTreeMap<String, Unbumped>,
    /// Whether the handlers have had their say.
    pub(super) is_accepted: bool,
}

impl Default for HotUpdate {
    fn default() -> Self {
        Self {
            spent: Phases::default(),
            dry_run: false,
            preserve_state: true,
            preserve_connections: true,
            in_place: true,
            transform_state: None,
            before: None,
            after: None,
            deadline: Some(DEADLINE),
            probation: PROBATION,
            unbumped: Unbumped::default(),
            unbumped_of: BTreeMap::new(),
            is_accepted: false,
        }
    }
}

impl fmt::Debug for HotUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HotUpdate")
            .field("dry_run", &self.dry_run)
            .field("preserve_state", &self.preserve_state)
            .field("preserve_connections", &self.preserve_connections)
            .field("in_place", &self.in_place)
            .field("deadline", &self.deadline)
            .field("probation", &self.probation)
            .field("unbumped", &self.unbumped)
            .field("unbumped_of", &self.unbumped_of)
            .finish_non_exhaustive()
    }
}

impl HotUpdate {
    /// State and connections are kept; hooks and migrations have [`DEADLINE`]; the first
    /// [`PROBATION`] messages prove the new code.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only says what would happen, as [`Outcome::Planned`]: states are carried into new instances that are dropped
    /// again. No hook runs and nothing changes.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Whether instances keep their state (the default) or start anew from the widget's `Default`.
    #[must_use]
    pub fn preserve_state(mut self, preserve: bool) -> Self {
        self.preserve_state = preserve;
        self
    }

    /// Whether the updated instances keep their connections (the default).
    #[must_use]
    pub fn preserve_connections(mut self, preserve: bool) -> Self {
        self.preserve_connections = preserve;
        self
    }

    /// Whether an instance whose state has not changed its shape may be moved to the new code as it lies in memory (the
    /// default), where that is proved to be [safe](crate::abi::handle::Alike). Otherwise every state is encoded by the old
    /// code and decoded by the new. What comes of it is the same.
    #[must_use]
    pub fn in_place(mut self, in_place: bool) -> Self {
        self.in_place = in_place;
        self
    }

    /// Changes each migrated state before the new instance gets it: the instance's name and its state in the shape of
    /// the new version. An error ends the update.
    #[must_use]
    pub fn transform_state(
        mut self,
        transform: impl FnMut(&str, Value) -> Result<Value, BoxError> + Send + 'static,
    ) -> Self {
        self.transform_state = Some(Box::new(transform));
        self
    }

    /// Runs before anything is touched. An error ends the update.
    #[must_use]
    pub fn before(mut self, hook: impl FnMut(&UpdatePlan) -> Result<(), BoxError> + Send + 'static) -> Self {
        self.before = Some(Box::new(hook));
        self
    }

    /// Runs after the switch.
    #[must_use]
    pub fn after(mut self, hook: impl FnMut(&Update) + Send + 'static) -> Self {
        self.after = Some(Box::new(hook));
        self
    }

    /// How long one hook, encoding or migration may take, on the registry's clock. What takes longer fails when it
    /// comes back. [`DEADLINE`] unless set.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Hooks and migrations may take as long as they like.
    #[must_use]
    pub fn no_deadline(mut self) -> Self {
        self.deadline = None;
        self
    }

    /// For how many handlers of updated instances a panic takes the update back: code, states, queues, and the messages
    /// of that time are handled by the old code. [`PROBATION`] unless set; 0 turns it off.
    #[must_use]
    pub fn probation(mut self, handlers: usize) -> Self {
        self.probation = handlers;
        self
    }

    /// What happens to states that were edited without a new version.
    #[must_use]
    pub fn unbumped(mut self, policy: Unbumped) -> Self {
        self.unbumped = policy;
        self
    }

    /// The same for one widget.
    #[must_use]
    pub fn unbumped_of(mut self, widget: &str, policy: Unbumped) -> Self {
        self.unbumped_of.insert(widget.to_owned(), policy);
        self
    }
}

/// What became of an update. The same is logged as an [`Event`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The new code runs, and answered from inside.
    Updated(Update),
    /// The libraries are the running ones.
    Unchanged {
        /// The running generation.
        generation: u64,
    },
    /// The plan ruled it out. Nothing was touched.
    Refused(Refusal),
    /// It failed on the way. Everything is as it was before.
    RolledBack(RollBack),
    /// It was a dry run.
    Planned(UpdatePlan),
    /// It waits for its time.
    Deferred {
        /// The widget whose handler said so.
        widget: String,
        /// What it waits for.
        until: String,
    },
    /// A handler does not want it.
    Declined {
        /// The widget whose handler said so.
        widget: String,
        /// Why.
        reason: String,
    },
}

pub(super) fn run(registry: &mut Registry, mut libraries: Vec<Library>, mut options: HotUpdate) -> Outcome {
    if options.dry_run {
        return dry_run(registry, &libraries, &mut options);
    }
    registry.take_in();
    registry.settle();
    registry.supersede(&libraries);
    let mut after = options.after.take();
    let attempt = Transaction::new(registry, &libraries, &mut options).run();
    let outcome = match attempt {
        Err(Stop::Deferred(mut waits)) => {
            options.after = after.take();
            // What waited already goes with it, and neither goes before the other may.
            if let Some(earlier) = registry.deferred.take() {
                libraries.extend(earlier.libraries);
                waits.extend(earlier.waits);
            }
            let (widget, until) = Wait::describe(&waits);
            registry.deferred = Some(Deferred { libraries, options, waits });
            Outcome::Deferred { widget, until }
        }
        attempt => outcome_of(attempt, registry),
    };
    registry.log(event_of(&outcome, registry));
    registry.tell_parked();
    if let (Outcome::Updated(update), Some(after)) = (&outcome, &mut after) {
        after(update);
    }
    outcome
}

/// Says what an update would do.
pub(super) fn dry_run(registry: &mut Registry, libraries: &[Library], options: &mut HotUpdate) -> Outcome {
    registry.take_in();
    let was = std::mem::replace(&mut options.dry_run, true);
    let attempt = Transaction::new(registry, libraries, options).run();
    options.dry_run = was;
    let outcome = outcome_of(attempt, registry);
    registry.log(event_of(&outcome, registry));
    registry.tell_parked();
    outcome
}

fn outcome_of(attempt: Result<Update, Stop>, registry: &Registry) -> Outcome {
    match attempt {
        Ok(update) => Outcome::Updated(update),
        Err(Stop::Unchanged) => Outcome::Unchanged { generation: registry.code.generation },
        Err(Stop::Refused(refusal)) => Outcome::Refused(*refusal),
        Err(Stop::RolledBack(reason)) => Outcome::RolledBack(*reason),
        Err(Stop::Planned(plan)) => Outcome::Planned(*plan),
        Err(Stop::Declined { widget, reason }) => Outcome::Declined { widget, reason },
        Err(Stop::Deferred(waits)) => {
            let (widget, until) = Wait::describe(&waits);
            Outcome::Deferred { widget, until }
        }
    }
}

fn event_of(outcome: &Outcome, registry: &Registry) -> Event {
    match outcome.clone() {
        Outcome::Updated(update) => Event::Updated(update),
        Outcome::Unchanged { generation } => Event::Unchanged { generation },
        Outcome::Refused(refusal) => Event::Refused(refusal),
        Outcome::RolledBack(roll_back) => Event::RolledBack(roll_back),
        Outcome::Planned(plan) => Event::Planned(plan),
        Outcome::Deferred { widget, until } => {
            Event::Deferred { widget, until, running_generation: registry.generation() }
        }
        Outcome::Declined { widget, reason } => {
            Event::Declined { widget, reason, running_generation: registry.generation() }
        }
    }
}
