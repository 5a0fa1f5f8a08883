//! The steps of an update, in their order.
//!
//! `check` and `planning` look, `in_place` says which instances stay where they lie in memory, `carrying` builds the others
//! anew, `commit` switches, and `roll_back` undoes what went before it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::accept::Wait;
use super::super::carry::{Carried, kind};
use super::super::clock::Stopwatch;
use super::super::history::Snapshot;
use super::super::instance::Instance;
use super::super::{LoadedCode, Registry};
use super::HotUpdate;
use super::connections::Revalidated;
use super::in_place::Crossing;
use crate::abi::handle::{Library, Module};
use crate::event::{Phases, PlanKind, Refusal, RollBack, Update, UpdatePlan};
use crate::state::plan::Decision;
use crate::widget::UpdateContext;

pub(super) struct Transaction<'a> {
    pub(super) registry: &'a mut Registry,
    /// Those that are not the running ones already.
    pub(super) libraries: Vec<&'a Library>,
    pub(super) options: &'a mut HotUpdate,
    pub(super) phases: Phases,
    pub(super) watch: Stopwatch,
    /// The instances that take part by themselves, in the order of their creation.
    pub(super) parts: Vec<Part>,
    /// The widgets whose instances are moved.
    pub(super) crossings: Vec<Crossing>,
    /// Why states are encoded that could be handed over, by widget.
    pub(super) encoded: BTreeMap<String, String>,
    /// What each instance is to the update.
    pub(super) roles: Vec<Role>,
    /// The code as it would be.
    pub(super) next: LoadedCode,
    pub(super) connections: Vec<Revalidated>,
    /// How many connections of updated instances stay as they are, beside those.
    pub(super) kept: usize,
}

/// What an instance is to an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It runs other code.
    None,
    /// It is moved with all the others of its widget.
    Moved,
    /// It is a [`Part`].
    Part,
}

/// An instance in an update.
pub(super) struct Part {
    pub(super) at: usize,
    pub(super) to: Arc<Module>,
    pub(super) way: Way,
    /// The state before any hook ran.
    pub(super) untouched: Option<Snapshot>,
    /// Whether `before_update` was called.
    pub(super) hooked: bool,
    /// Whether `after_update` was called.
    pub(super) resumed: bool,
    pub(super) carried: Option<Carried>,
    /// The state that was carried.
    pub(super) taken: Option<Snapshot>,
}

impl Part {
    pub(super) fn new(at: usize, to: Arc<Module>, way: Way) -> Self {
        Self { at, to, way, untouched: None, hooked: false, resumed: false, carried: None, taken: None }
    }

    /// What hooks are told of the update.
    pub(super) fn context(&self, instance: &Instance, generation: u64) -> UpdateContext {
        let (from, to) = (instance.module().version(), self.to.version());
        UpdateContext::new(&instance.id, from, to, generation, self.way.kind().as_str())
    }
}

/// How an instance gets into the new code.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Carry(Decision),
    /// It is handed over as it lies in memory.
    InPlace,
    /// It starts anew.
    Reset,
}

impl Way {
    pub(super) fn kind(&self) -> PlanKind {
        match self {
            Self::Carry(decision) => kind(decision),
            Self::InPlace => PlanKind::HandOver,
            Self::Reset => PlanKind::Reset,
        }
    }
}

/// Why a transaction ends without a commit.
pub(super) enum Stop {
    Unchanged,
    Refused(Box<Refusal>),
    RolledBack(Box<RollBack>),
    Planned(Box<UpdatePlan>),
    Deferred(Vec<Wait>),
    Declined { widget: String, reason: String },
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        registry: &'a mut Registry,
        libraries: &'a [Library],
        options: &'a mut HotUpdate,
    ) -> Self {
        let is_new = |library: &&Library| {
            let running = registry.code.libraries.get(library.name());
            let is_running = running.is_some_and(|id| id.as_deref() == library.build_id());
            library.build_id().is_none() || !is_running
        };
        let libraries = libraries.iter().filter(is_new).collect();
        Self {
            phases: options.spent,
            watch: Stopwatch::start(),
            parts: Vec::new(),
            crossings: Vec::new(),
            encoded: BTreeMap::new(),
            roles: Vec::new(),
            next: registry.code.clone(),
            connections: Vec::new(),
            kept: 0,
            registry,
            libraries,
            options,
        }
    }

    pub(super) fn run(mut self) -> Result<Update, Stop> {
        let attempt = self.attempt();
        // A dry run encodes states, and that may have failed as well.
        if matches!(attempt, Err(Stop::RolledBack(_) | Stop::Planned(_))) {
            self.roll_back();
        }
        attempt
    }

    fn attempt(&mut self) -> Result<Update, Stop> {
        self.check_libraries()?;
        self.adopt_libraries();
        self.plan()?;
        if self.options.dry_run {
            return Err(Stop::Planned(Box::new(self.preview())));
        }
        self.ask()?;
        self.phases.plan = self.watch.lap();
        self.quiesce()?;
        self.phases.quiesce = self.watch.lap();
        self.migrate()?;
        self.connections = self.revalidate()?;
        self.hook_new()?;
        self.phases.migrate = self.watch.lap();
        let build_ids = self.prove()?;
        Ok(self.commit(&build_ids))
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = &'a Arc<Module>> + use<'a> {
        let libraries: Vec<&'a Library> = self.libraries.clone();
        libraries.into_iter().flat_map(Library::modules)
    }

    /// Calls into an instance, within the deadline.
    pub(super) fn call<T, E: ToString>(
        &mut self,
        index: usize,
        phase: &'static str,
        call: impl FnOnce(&mut Part, &mut Instance) -> Result<T, E>,
    ) -> Result<T, Stop> {
        let begun = self.registry.clock.now();
        let part = &mut self.parts[index];
        let instance = &mut self.registry.graph.instances[part.at];
        let guard = self.registry.watchdog.enter(&instance.id, phase);
        let result = call(part, instance);
        drop(guard);
        let value = result.map_err(|error| self.stop(index, phase, error))?;
        self.check_deadline(index, phase, begun)?;
        Ok(value)
    }

    pub(super) fn check_deadline(&self, index: usize, phase: &str, begun: Duration) -> Result<(), Stop> {
        let took = self.registry.clock.now().saturating_sub(begun);
        match self.options.deadline {
            Some(deadline) if took > deadline => {
                Err(self.stop(index, phase, format!("it took {took:?}; the deadline is {deadline:?}")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn stop(&self, index: usize, phase: &str, reason: impl ToString) -> Stop {
        let part = &self.parts[index];
        Stop::RolledBack(Box::new(RollBack {
            phase: phase.to_owned(),
            widget: part.to.id().to_owned(),
            instance: Some(self.registry.graph.instances[part.at].id.clone()),
            reason: reason.to_string(),
            running_generation: self.registry.generation(),
        }))
    }

    /// A failure that is no instance's.
    pub(super) fn fail(&self, phase: &str, reason: impl ToString) -> Stop {
        let widget = self.modules().next().map(|module| module.id().to_owned());
        Stop::RolledBack(Box::new(RollBack {
            phase: phase.to_owned(),
            widget: widget.unwrap_or_default(),
            instance: None,
            reason: reason.to_string(),
            running_generation: self.registry.generation(),
        }))
    }

    pub(super) fn refuse(
        &self,
        widget: &str,
        from: Option<&Arc<Module>>,
        to: Option<&Arc<Module>>,
        reason: String,
        help: &str,
    ) -> Stop {
        Stop::Refused(Box::new(Refusal {
            widget: widget.to_owned(),
            from: from.map(|module| module.version().to_owned()),
            to: to.map(|module| module.version().to_owned()),
            reason,
            help: help.to_owned(),
            running_generation: self.registry.generation(),
        }))
    }
}
