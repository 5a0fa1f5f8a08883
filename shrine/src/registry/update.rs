//! The hot update: a transaction over all instances of all widgets of a library.

use std::sync::Arc;

use super::carry::{Carried, carry, kind, plan, returns_exactly};
use super::clock::Stopwatch;
use super::connection::Route;
use super::error::list;
use super::history::Snapshot;
use super::instance::{Checkpoint, Instance, head_shape};
use super::{Loaded, Registry};
use crate::abi::handle::{Hook, LINKED, Library, Module};
use crate::event::{
    ConnectionCounts, Event, FieldReport, Phases, PlanKind, Refusal, RollBack, Update, WidgetUpdate,
};
use crate::state::plan::{Decision, Reason, find, suggest};
use crate::state::reconcile::Touched;
use crate::widget::UpdateContext;

/// How an update is done.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HotUpdate {
    /// What was spent on the update before it came here; ends up in its report.
    pub spent: Phases,
}

/// What became of an update. The same is logged as an [`Event`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The new code runs, and answered from inside.
    Updated(Update),
    /// The library is the running one.
    Unchanged {
        /// The running generation.
        generation: u64,
    },
    /// The plan ruled it out. Nothing was touched.
    Refused(Refusal),
    /// It failed on the way. Everything is as it was before.
    RolledBack(RollBack),
}

pub(super) fn run(registry: &mut Registry, library: &Library, options: HotUpdate) -> Outcome {
    let outcome = Transaction::new(registry, library, options).run();
    registry.log(match outcome.clone() {
        Outcome::Updated(update) => Event::Updated(update),
        Outcome::Unchanged { generation } => Event::Unchanged { generation },
        Outcome::Refused(refusal) => Event::Refused(refusal),
        Outcome::RolledBack(roll_back) => Event::RolledBack(roll_back),
    });
    outcome
}

struct Transaction<'a> {
    registry: &'a mut Registry,
    library: &'a Library,
    phases: Phases,
    watch: Stopwatch,
    /// The instances that take part, in the order of their creation.
    parts: Vec<Part>,
}

/// An instance in an update.
struct Part {
    at: usize,
    to: Arc<Module>,
    decision: Decision,
    context: UpdateContext,
    /// The state before any hook ran.
    untouched: Option<Snapshot>,
    /// Whether `before_update` was called.
    hooked: bool,
    carried: Option<Carried>,
    /// The state that was carried.
    taken: Option<Snapshot>,
}

/// Why a transaction ends without a commit.
enum Stop {
    Unchanged,
    Refused(Box<Refusal>),
    RolledBack(RollBack),
}

impl<'a> Transaction<'a> {
    fn new(registry: &'a mut Registry, library: &'a Library, options: HotUpdate) -> Self {
        Self { registry, library, phases: options.spent, watch: Stopwatch::start(), parts: Vec::new() }
    }

    fn run(mut self) -> Outcome {
        match self.attempt() {
            Ok(update) => Outcome::Updated(update),
            Err(Stop::Unchanged) => Outcome::Unchanged { generation: self.registry.generation },
            Err(Stop::Refused(refusal)) => Outcome::Refused(*refusal),
            Err(Stop::RolledBack(reason)) => {
                self.roll_back();
                Outcome::RolledBack(reason)
            }
        }
    }

    fn attempt(&mut self) -> Result<Update, Stop> {
        self.check_library()?;
        self.plan()?;
        self.phases.plan = self.watch.lap();
        self.quiesce()?;
        self.phases.quiesce = self.watch.lap();
        self.migrate()?;
        self.phases.migrate = self.watch.lap();
        let build_id = self.prove()?;
        Ok(self.commit(&build_id))
    }

    /// What can be said without looking at any state.
    fn check_library(&self) -> Result<(), Stop> {
        let (name, modules) = (self.library.name(), self.library.modules());
        let running = self.registry.libraries.get(name);
        if self.library.build_id().is_some()
            && running.is_some_and(|id| id.as_deref() == self.library.build_id())
        {
            return Err(Stop::Unchanged);
        }
        for module in modules {
            if let Some(other) = self.registry.modules.get(module.id())
                && other.library != name
                && other.library != LINKED
            {
                let reason = format!("widget `{}` is part of `{}` already", module.id(), other.library);
                return Err(self.refuse(
                    module.id(),
                    None,
                    Some(module),
                    reason,
                    "give one of the two another id",
                ));
            }
        }
        let gone = self.registry.modules.values().filter(|loaded| {
            loaded.library == name && modules.iter().all(|module| module.id() != loaded.module.id())
        });
        for loaded in gone {
            let instances = self.instances_of(&loaded.module);
            if !instances.is_empty() {
                let reason = format!("the widget is gone, and the state of {} with it", list(&instances));
                let help = format!("keep a widget with `id = \"{}\"`", loaded.module.id());
                return Err(self.refuse(loaded.module.id(), Some(&loaded.module), None, reason, &help));
            }
        }
        Ok(())
    }

    /// Decides for each instance how its state travels.
    fn plan(&mut self) -> Result<(), Stop> {
        let generation = self.registry.generation + 1;
        for at in 0..self.registry.instances.len() {
            let instance = &mut self.registry.instances[at];
            let to = self.library.modules().iter().find(|module| module.id() == instance.module.id());
            let Some(to) = to.map(Arc::clone) else { continue };
            let from = Arc::clone(&instance.module);
            let decision = plan(&from, &to);
            if let Decision::Refuse(reason) = &decision {
                let state = instance.state().unwrap_or_default();
                if !returns_exactly(instance.checkpoint.as_ref(), &state, &to) {
                    let (reason, help) = explain(reason, &from, &to);
                    return Err(self.refuse(from.id(), Some(&from), Some(&to), reason, &help));
                }
            }
            let plan = kind(&decision).as_str();
            let context = UpdateContext::new(&instance.id, from.version(), to.version(), generation, plan);
            let (hooked, untouched, carried, taken) = (false, None, None, None);
            self.parts.push(Part { at, to, decision, context, untouched, hooked, carried, taken });
        }
        Ok(())
    }

    /// Runs `before_update` and takes the states.
    fn quiesce(&mut self) -> Result<(), Stop> {
        for index in 0..self.parts.len() {
            let part = &mut self.parts[index];
            let instance = &mut self.registry.instances[part.at];
            let untouched = match instance.snapshot() {
                Ok(snapshot) => snapshot,
                Err(error) => return Err(self.stop(index, "encode", error)),
            };
            part.untouched = Some(untouched.clone());
            part.taken = Some(untouched);
            // An instance that is down has only its last state: that is what the new code gets.
            let Some(handle) = &mut instance.handle else { continue };
            if !handle.module().has_hook("before_update") {
                continue;
            }
            part.hooked = true;
            if let Err(error) = handle.hook(Hook::BeforeUpdate, &part.context) {
                return Err(self.stop(index, "before_update", error));
            }
            match instance.snapshot() {
                Ok(snapshot) => part.taken = Some(snapshot),
                Err(error) => return Err(self.stop(index, "encode", error)),
            }
        }
        Ok(())
    }

    /// Builds the new instances beside the old ones.
    fn migrate(&mut self) -> Result<(), Stop> {
        for index in 0..self.parts.len() {
            let part = &mut self.parts[index];
            let checkpoint = self.registry.instances[part.at].checkpoint.as_ref();
            let Some(taken) = &part.taken else { continue };
            match carry(taken, &part.to, &part.decision, checkpoint) {
                Ok(carried) => part.carried = Some(carried),
                Err(error) => return Err(self.stop(index, error.phase, error.reason)),
            }
        }
        for index in 0..self.parts.len() {
            let part = &mut self.parts[index];
            let Some(carried) = &mut part.carried else { continue };
            if let Err(error) = carried.handle.hook(Hook::AfterUpdate, &part.context) {
                return Err(self.stop(index, "after_update", error));
            }
        }
        Ok(())
    }

    /// Asks the new code from inside which build it is.
    fn prove(&self) -> Result<Vec<u8>, Stop> {
        let mut build_id = Vec::new();
        for module in self.library.modules() {
            let fail = |reason: String| {
                Stop::RolledBack(RollBack {
                    phase: "commit".to_owned(),
                    widget: module.id().to_owned(),
                    instance: None,
                    reason,
                    running_generation: self.registry.generation(),
                })
            };
            build_id =
                module.alive().map_err(|error| fail(format!("the new code does not answer: {error}")))?;
            if let Some(expected) = self.library.build_id().filter(|expected| *expected != build_id) {
                let (expected, answered) = (hex(expected), hex(&build_id));
                return Err(fail(format!("the code that answers is build {answered}, not build {expected}")));
            }
        }
        Ok(build_id)
    }

    /// Switches. Nothing here can fail.
    fn commit(&mut self, build_id: &[u8]) -> Update {
        let registry = &mut *self.registry;
        registry.generation += 1;
        let now = registry.clock.now();
        let mut reports = Vec::new();
        let mut retired = Vec::new();
        let mut touched = Vec::new();
        for part in &mut self.parts {
            let (Some(carried), Some(taken)) = (part.carried.take(), part.taken.take()) else { continue };
            let instance = &mut registry.instances[part.at];
            reports.push((part.to.id().to_owned(), instance.id.clone(), carried.report));
            retired.push(instance.handle.replace(carried.handle));
            instance.attic = carried.attic;
            let before = std::mem::replace(&mut instance.module, Arc::clone(&part.to));
            instance.adopt(&before, now);
            note_update(instance, taken, &before);
            touched.push(instance.id.clone());
        }
        let widgets = self.widget_updates();
        let added = self.adopt_library();
        let registry = &mut *self.registry;
        registry.rewire();
        let connections = connection_counts(registry, &touched);
        drop(retired);
        self.phases.commit = self.watch.lap();
        let phases = &mut self.phases;
        phases.total = phases.detect
            + phases.build
            + phases.load
            + phases.plan
            + phases.quiesce
            + phases.migrate
            + phases.commit;
        Update {
            generation: self.registry.generation,
            build_id: hex(build_id),
            widgets,
            added,
            report: merge(reports),
            connections,
            phases_us: *phases,
        }
    }

    /// One entry for each widget that was there before.
    fn widget_updates(&self) -> Vec<WidgetUpdate> {
        let update = |to: &Arc<Module>| {
            let from = &self.registry.modules.get(to.id())?.module;
            let parts = self.parts.iter().filter(|part| part.to.id() == to.id());
            let plan = parts.clone().map(|part| kind(&part.decision)).max();
            let idle = plan_without_state(from, to);
            let (id, from, to) = (to.id().to_owned(), from.version().to_owned(), to.version().to_owned());
            Some(WidgetUpdate { id, from, to, instances: parts.count(), plan: plan.unwrap_or(idle) })
        };
        self.library.modules().iter().filter_map(update).collect()
    }

    /// Makes the library's code the registry's; answers with the ids that are new.
    fn adopt_library(&mut self) -> Vec<String> {
        let (name, registry) = (self.library.name(), &mut *self.registry);
        registry.modules.retain(|id, loaded| {
            loaded.library != name || self.library.modules().iter().any(|module| module.id() == id)
        });
        registry.libraries.insert(name.to_owned(), self.library.build_id().map(<[u8]>::to_vec));
        let mut added = Vec::new();
        for module in self.library.modules() {
            let loaded = Loaded { module: Arc::clone(module), library: name.to_owned() };
            if registry.modules.insert(module.id().to_owned(), loaded).is_none() {
                added.push(module.id().to_owned());
            }
        }
        added
    }

    /// Ends the new instances and brings the old ones back to where they were.
    fn roll_back(&mut self) {
        for part in &mut self.parts {
            part.carried = None;
        }
        for part in self.parts.iter().rev() {
            let (true, Some(untouched)) = (part.hooked, &part.untouched) else { continue };
            let instance = &mut self.registry.instances[part.at];
            let poisoned = instance.handle.as_ref().is_none_or(crate::abi::handle::Handle::is_poisoned);
            let mut trouble = Vec::new();
            if poisoned {
                trouble.extend(instance.rebuild(untouched).err());
            }
            if let Some(handle) = &mut instance.handle {
                trouble.extend(handle.hook(Hook::UpdateFailed, &part.context).err());
            }
            let same = instance.snapshot().is_ok_and(|snapshot| snapshot.state == untouched.state);
            if !same {
                trouble.extend(instance.rebuild(untouched).err());
            }
            let id = instance.id.clone();
            for error in trouble {
                let (port, reason) = ("update_failed".to_owned(), error.to_string());
                self.registry.log(Event::Fault { instance: id.clone(), port, reason });
            }
        }
    }

    fn stop(&self, index: usize, phase: &str, reason: impl ToString) -> Stop {
        let part = &self.parts[index];
        Stop::RolledBack(RollBack {
            phase: phase.to_owned(),
            widget: part.to.id().to_owned(),
            instance: Some(self.registry.instances[part.at].id.clone()),
            reason: reason.to_string(),
            running_generation: self.registry.generation(),
        })
    }

    fn refuse(
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

    fn instances_of(&self, module: &Module) -> Vec<String> {
        let of = |instance: &&Instance| instance.module.id() == module.id();
        self.registry.instances.iter().filter(of).map(|instance| instance.id.clone()).collect()
    }
}

/// Why an update is refused, and what to write.
pub(super) fn explain(reason: &Reason, from: &Module, to: &Module) -> (String, String) {
    let (running, target) = (from.version(), to.version());
    match reason {
        Reason::NoChain { next } => {
            let shape = find(to.versions(), next).map_or(head_shape(to), |info| &info.shape);
            let line = suggest(running, head_shape(from), shape);
            // Newest hop first: the line goes below the one that leads on from where it leads to.
            let place =
                if next == target { "#[widget(..)]" } else { &format!("#[migrate(from = \"{next}\", ..)]") };
            let known: Vec<_> = to.versions().iter().skip(1).map(|info| info.version.clone()).collect();
            let knows =
                if known.is_empty() { String::new() } else { format!("; its chain knows {}", list(&known)) };
            let reason = format!("no migration leads from {running} to {target}{knows}");
            (reason, format!("write `{line}` below `{place}`"))
        }
        Reason::Newer => (
            format!("the running state is {running}, which {target} has never heard of"),
            format!("raise the version above {running}, or go on from the source of {running}"),
        ),
        Reason::OneWay { hop } => (
            format!(
                "the state cannot go back from {running} to {target}: the hop from {hop} has no way back"
            ),
            format!(
                "go back to the source of {running}, give `#[migrate(from = \"{hop}\", ..)]` a `down`, and save that first"
            ),
        ),
        Reason::InvalidVersion { version } => {
            (format!("`{version}` is no semantic version"), "write `major.minor.patch`".to_owned())
        }
    }
}

/// The plan for a widget that has no instances.
fn plan_without_state(from: &Module, to: &Module) -> PlanKind {
    plan(from, to).kind().unwrap_or(PlanKind::HandOver)
}

/// Enters an update into the instance's history, and what going back would restore.
fn note_update(instance: &mut Instance, before: Snapshot, module: &Module) {
    let Ok(snapshot) = instance.snapshot() else { return };
    instance.checkpoint = Some(Checkpoint { before, after: Arc::clone(&snapshot.state) });
    let (from, to) = (module.version(), instance.module.version());
    let cause = if from == to { format!("update {to}") } else { format!("update {from} -> {to}") };
    instance.history.record(&cause, snapshot);
}

/// What became of the connections that the updated instances have.
fn connection_counts(registry: &Registry, touched: &[String]) -> ConnectionCounts {
    let mut counts = ConnectionCounts::default();
    for connection in &registry.connections {
        if !touched.contains(&connection.source.instance) && !touched.contains(&connection.target.instance) {
            continue;
        }
        match connection.route {
            Route::Live { .. } => counts.kept += 1,
            Route::Parked(_) => counts.parked += 1,
        }
    }
    counts
}

/// One line for each widget, field and change, with the instances it is about unless that is all of them.
fn merge(reports: Vec<(String, String, Vec<Touched>)>) -> Vec<FieldReport> {
    let mut merged: Vec<FieldReport> = Vec::new();
    let total = |widget: &str| reports.iter().filter(|(of, ..)| of == widget).count();
    let totals: Vec<_> = reports.iter().map(|(widget, ..)| total(widget)).collect();
    let mut counts = Vec::new();
    for ((widget, instance, touched), total) in reports.into_iter().zip(totals) {
        for Touched { field, what, detail } in touched {
            let known = merged.iter_mut().find(|known| {
                (&known.widget, &known.field, known.what, &known.detail) == (&widget, &field, what, &detail)
            });
            match known {
                Some(known) => known.instances.push(instance.clone()),
                None => {
                    counts.push(total);
                    let instances = vec![instance.clone()];
                    merged.push(FieldReport { widget: widget.clone(), instances, field, what, detail });
                }
            }
        }
    }
    for (report, total) in merged.iter_mut().zip(counts) {
        if report.instances.len() == total {
            report.instances.clear();
        }
    }
    merged
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
