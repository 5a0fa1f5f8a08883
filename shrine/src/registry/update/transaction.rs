//! The steps of an update, in their order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::accept::{Until, Verdict};
use super::super::carry::{Carried, CarryError, carry, exactly, inside, kind, plan};
use super::super::clock::Stopwatch;
use super::super::error::list;
use super::super::history::updates::Mark;
use super::super::history::{Occasion, Snapshot};
use super::super::instance::Instance;
use super::super::probation::{Before, Probation};
use super::super::report::{Reports, explain, hex};
use super::super::{Loaded, LoadedCode, Registry};
use super::connections::Revalidated;
use super::{HotUpdate, Unbumped};
use crate::abi::handle::{Handle, Hook, LINKED, Library, Module};
use crate::event::{
    ConnectionCounts, Event, FieldChange, InstancePlan, Phases, PlanKind, Refusal, RollBack, Update,
    UpdatePlan, WidgetUpdate,
};
use crate::state::plan::{Decision, Reason};
use crate::state::touched::Touched;
use crate::state::value::Value;
use crate::state::{from_bytes, to_bytes};
use crate::widget::UpdateContext;

pub(super) struct Transaction<'a> {
    pub(super) registry: &'a mut Registry,
    /// Those that are not the running ones already.
    libraries: Vec<&'a Library>,
    pub(super) options: &'a mut HotUpdate,
    phases: Phases,
    watch: Stopwatch,
    /// The instances that take part, in the order of their creation.
    pub(super) parts: Vec<Part>,
    /// The code as it would be.
    pub(super) next: LoadedCode,
    connections: Vec<Revalidated>,
}

/// An instance in an update.
pub(super) struct Part {
    pub(super) at: usize,
    pub(super) to: Arc<Module>,
    way: Way,
    /// The state before any hook ran.
    untouched: Option<Snapshot>,
    /// Whether `before_update` was called.
    hooked: bool,
    /// Whether `after_update` was called.
    resumed: bool,
    carried: Option<Carried>,
    /// The state that was carried.
    taken: Option<Snapshot>,
}

impl Part {
    /// What hooks are told of the update.
    fn context(&self, instance: &Instance, generation: u64) -> UpdateContext {
        let (from, to) = (instance.module.version(), self.to.version());
        UpdateContext::new(&instance.id, from, to, generation, self.way.kind().as_str())
    }
}

/// How an instance gets into the new code.
enum Way {
    Carry(Decision),
    /// It starts anew.
    Reset,
}

impl Way {
    fn kind(&self) -> PlanKind {
        match self {
            Self::Carry(decision) => kind(decision),
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
    Deferred { widget: String, until: Until },
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
            next: registry.code.clone(),
            connections: Vec::new(),
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

    fn modules(&self) -> impl Iterator<Item = &'a Arc<Module>> + use<'a> {
        let libraries: Vec<&'a Library> = self.libraries.clone();
        libraries.into_iter().flat_map(Library::modules)
    }

    /// What can be said without looking at any state.
    fn check_libraries(&self) -> Result<(), Stop> {
        if self.libraries.is_empty() {
            return Err(Stop::Unchanged);
        }
        let mut homes = BTreeMap::new();
        for library in &self.libraries {
            if let (Some((build_id, reason)), Some(id)) =
                (self.registry.rejected.get(library.name()), library.build_id())
                && build_id == id
            {
                let reason = format!("this build was taken back before: {reason}");
                let help = "change the code; the same build is not tried again";
                return Err(self.refuse(library.name(), None, None, reason, help));
            }
            for module in library.modules() {
                let other = homes.insert(module.id(), library.name());
                let loaded = self.registry.code.modules.get(module.id());
                let is_updated = |name: &str| self.libraries.iter().any(|library| library.name() == name);
                let other = other.filter(|other| *other != library.name()).or_else(|| {
                    let home = loaded.map(|loaded| loaded.library.as_str())?;
                    (home != library.name() && home != LINKED && !is_updated(home)).then_some(home)
                });
                if let Some(other) = other {
                    let reason = format!("widget `{}` is part of `{other}` already", module.id());
                    let help = "give one of the two another id";
                    return Err(self.refuse(module.id(), None, Some(module), reason, help));
                }
            }
            for transform in library.transforms() {
                let home = self.registry.code.transform_homes.get(transform.name());
                if let Some(home) = home.filter(|home| *home != library.name() && *home != LINKED) {
                    let reason = format!("transform `{}` is part of `{home}` already", transform.name());
                    let help = "give one of the two another name";
                    return Err(self.refuse(transform.name(), None, None, reason, help));
                }
            }
        }
        let gone = self.registry.code.modules.values().filter(|loaded| {
            self.libraries.iter().any(|library| library.name() == loaded.library)
                && self.modules().all(|module| module.id() != loaded.module.id())
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

    /// The code as it would be with the new libraries.
    fn adopt_libraries(&mut self) {
        let next = &mut self.next;
        for library in &self.libraries {
            next.remove(library.name());
        }
        for library in &self.libraries {
            let name = library.name().to_owned();
            for module in library.modules() {
                let loaded = Loaded { module: Arc::clone(module), library: name.clone() };
                next.modules.insert(module.id().to_owned(), loaded);
            }
            for transform in library.transforms() {
                next.transforms.insert(transform.name().to_owned(), Arc::clone(transform));
                next.transform_homes.insert(transform.name().to_owned(), name.clone());
            }
            next.libraries.insert(name, library.build_id().map(<[u8]>::to_vec));
        }
        next.generation = self.registry.next_generation;
    }

    /// Decides for each instance how its state travels.
    fn plan(&mut self) -> Result<(), Stop> {
        // Many instances run the same code: what follows from the code alone is decided once.
        let mut decided: BTreeMap<*const Module, Option<Decided>> = BTreeMap::new();
        for at in 0..self.registry.graph.instances.len() {
            let instance = &self.registry.graph.instances[at];
            let decision = decided.entry(Arc::as_ptr(&instance.module)).or_insert_with(|| {
                let mut modules = self.libraries.iter().flat_map(|library| library.modules());
                let to = modules.find(|module| module.id() == instance.module.id())?;
                let decision = plan(&instance.module, to);
                let stuck = inside(&instance.module, to, &decision).err();
                Some(Decided { to: Arc::clone(to), decision, stuck })
            });
            let Some(Decided { to, decision, stuck }) = decision.clone() else { continue };
            let from = Arc::clone(&instance.module);
            let way = match decision {
                _ if !self.options.preserve_state => Way::Reset,
                Decision::Structural if self.policy(to.id()) == Unbumped::Reset => Way::Reset,
                Decision::Structural if self.policy(to.id()) == Unbumped::Refuse => {
                    let reason = format!("the state of {} was changed without a new version", from.version());
                    let help = format!("raise the version: `cargo shrine bump {}`", to.id());
                    return Err(self.refuse(from.id(), Some(&from), Some(&to), reason, &help));
                }
                decision => match refusal(&decision, stuck) {
                    Some(reason) => {
                        let instance = &mut self.registry.graph.instances[at];
                        let state = instance.state().unwrap_or_default();
                        if exactly(&instance.updates, &state, &to).is_none() {
                            let (reason, help) = explain(&reason, &from, &to);
                            return Err(self.refuse(from.id(), Some(&from), Some(&to), reason, &help));
                        }
                        Way::Carry(Decision::Refuse(reason))
                    }
                    None => Way::Carry(decision),
                },
            };
            self.parts.push(Part {
                at,
                to,
                way,
                untouched: None,
                hooked: false,
                resumed: false,
                carried: None,
                taken: None,
            });
        }
        Ok(())
    }

    fn policy(&self, widget: &str) -> Unbumped {
        self.options.unbumped_of.get(widget).copied().unwrap_or(self.options.unbumped)
    }

    /// What would happen, with each state carried and dropped again.
    fn preview(&mut self) -> UpdatePlan {
        for index in 0..self.parts.len() {
            let part = &mut self.parts[index];
            part.taken = self.registry.graph.instances[part.at].snapshot().ok();
        }
        let mut trouble = BTreeMap::new();
        for index in 0..self.parts.len() {
            if self.parts[index].taken.is_none() {
                trouble.insert(index, "encode: its state cannot be taken".to_owned());
            } else if let Err(Stop::RolledBack(why)) = self.carry_one(index) {
                trouble.insert(index, format!("{}: {}", why.phase, why.reason));
            }
        }
        self.outline(&mut trouble)
    }

    /// What would happen, as far as it is known.
    fn outline(&self, trouble: &mut BTreeMap<usize, String>) -> UpdatePlan {
        let instance = |(index, part): (usize, &Part)| {
            let found = &self.registry.graph.instances[part.at];
            let touched = part.carried.as_ref().map(|carried| carried.report.clone()).unwrap_or_default();
            let mut report = Reports::default();
            report.add(part.to.id(), &found.id, touched);
            InstancePlan {
                instance: found.id.clone(),
                widget: part.to.id().to_owned(),
                from: found.module.version().to_owned(),
                to: part.to.version().to_owned(),
                plan: part.way.kind(),
                report: report.finish(),
                problem: trouble.remove(&index),
            }
        };
        UpdatePlan {
            generation: self.next.generation,
            libraries: self.libraries.iter().map(|library| library.name().to_owned()).collect(),
            widgets: self.widget_updates(),
            added: self.added(),
            instances: self.parts.iter().enumerate().map(instance).collect(),
            connections: self.connection_plans(),
            running_generation: self.registry.generation(),
        }
    }

    /// Asks those who have a say.
    fn ask(&mut self) -> Result<(), Stop> {
        let has_handlers = !self.options.is_accepted && !self.registry.handlers.is_empty();
        if !has_handlers && self.options.before.is_none() {
            return Ok(());
        }
        let plan = self.outline(&mut BTreeMap::new());
        if has_handlers {
            match self.registry.verdict(&plan) {
                Verdict::Apply => {}
                Verdict::Defer { widget, until } => return Err(Stop::Deferred { widget, until }),
                Verdict::Decline { widget, reason } => return Err(Stop::Declined { widget, reason }),
            }
        }
        if let Some(before) = &mut self.options.before
            && let Err(error) = before(&plan)
        {
            return Err(self.fail("before", &error));
        }
        Ok(())
    }

    /// Runs `before_update` and takes the states.
    fn quiesce(&mut self) -> Result<(), Stop> {
        for index in 0..self.parts.len() {
            let untouched = self.call(index, "encode", |_, instance| instance.snapshot())?;
            let part = &mut self.parts[index];
            part.untouched = Some(untouched.clone());
            part.taken = Some(untouched);
            // An instance that is down has only its last state: that is what the new code gets.
            let Some(handle) = &self.registry.graph.instances[part.at].handle else { continue };
            if !handle.module().has_hook("before_update") {
                continue;
            }
            part.hooked = true;
            let generation = self.next.generation;
            self.call(index, "before_update", |part, instance| {
                let context = part.context(instance, generation);
                match &mut instance.handle {
                    Some(handle) => handle.hook(Hook::BeforeUpdate, &context),
                    None => Ok(()),
                }
            })?;
            self.parts[index].taken = Some(self.call(index, "encode", |_, instance| instance.snapshot())?);
        }
        Ok(())
    }

    /// Builds the new instances beside the old ones.
    fn migrate(&mut self) -> Result<(), Stop> {
        (0..self.parts.len()).try_for_each(|index| self.carry_one(index))
    }

    fn carry_one(&mut self, index: usize) -> Result<(), Stop> {
        let begun = self.registry.clock.now();
        let part = &mut self.parts[index];
        let instance = &self.registry.graph.instances[part.at];
        let Some(taken) = &part.taken else { return Ok(()) };
        let guard = self.registry.watchdog.enter(&instance.id, "migrate");
        let carried = match &part.way {
            Way::Carry(decision) => carry(taken, &part.to, decision, &instance.updates),
            Way::Reset => reset(taken, &part.to),
        };
        let carried = carried.and_then(|carried| match &mut self.options.transform_state {
            Some(transform) => transformed(carried, &instance.id, transform),
            None => Ok(carried),
        });
        drop(guard);
        match carried {
            Ok(Carried { handle, attic, report }) => {
                let handle = handle.with_inbox(instance.slot.clone());
                part.carried = Some(Carried { handle, attic, report });
            }
            Err(error) => return Err(self.stop(index, error.phase, error.reason)),
        }
        self.check_deadline(index, "migrate", begun)
    }

    /// Runs `after_update` on the new instances.
    fn hook_new(&mut self) -> Result<(), Stop> {
        for index in 0..self.parts.len() {
            if !self.parts[index].to.has_hook("after_update") {
                continue;
            }
            let generation = self.next.generation;
            self.call(index, "after_update", |part, instance| {
                let context = part.context(instance, generation);
                match &mut part.carried {
                    Some(carried) => {
                        part.resumed = true;
                        carried.handle.hook(Hook::AfterUpdate, &context)
                    }
                    None => Ok(()),
                }
            })?;
        }
        Ok(())
    }

    /// Asks the new code from inside which build it is. Answers with the build of each library.
    fn prove(&self) -> Result<Vec<Vec<u8>>, Stop> {
        let mut build_ids = Vec::new();
        for library in &self.libraries {
            let mut answer = library.build_id().unwrap_or_default().to_vec();
            let widgets = library.modules().iter().map(|module| (module.id(), module.alive()));
            let transforms = library.transforms().iter();
            let transforms = transforms.map(|transform| (transform.name(), transform.alive()));
            for (name, alive) in widgets.chain(transforms) {
                let fail = |reason: String| {
                    Stop::RolledBack(Box::new(RollBack {
                        phase: "commit".to_owned(),
                        widget: name.to_owned(),
                        instance: None,
                        reason,
                        running_generation: self.registry.generation(),
                    }))
                };
                answer = alive.map_err(|error| fail(format!("the new code does not answer: {error}")))?;
                if let Some(expected) = library.build_id().filter(|expected| *expected != answer) {
                    let (expected, answered) = (hex(expected), hex(&answer));
                    return Err(fail(format!(
                        "the code that answers is build {answered}, not build {expected}"
                    )));
                }
            }
            build_ids.push(answer);
        }
        Ok(build_ids)
    }

    /// Switches. Nothing here can fail.
    fn commit(&mut self, build_ids: &[Vec<u8>]) -> Update {
        let widgets = self.widget_updates();
        let added = self.added();
        let counts = self.connections.iter().fold(ConnectionCounts::default(), |mut counts, connection| {
            connection.count(&mut counts);
            counts
        });
        let mut probation = self.probation();
        let registry = &mut *self.registry;
        registry.code = std::mem::take(&mut self.next);
        registry.next_generation += 1;
        let now = registry.clock.now();
        let mark = Mark { generation: registry.code.generation, at: now };
        let mut reports = Reports::default();
        let mut retired = Vec::new();
        let mut anew = Vec::new();
        for part in &mut self.parts {
            let (Some(carried), Some(taken)) = (part.carried.take(), part.taken.take()) else { continue };
            if matches!(part.way, Way::Reset) {
                // Nothing of it lives on: this is an end and a beginning.
                registry.stopped(part.at);
                anew.push(part.at);
            }
            let instance = &mut registry.graph.instances[part.at];
            if let (Some(probation), Some(snapshot)) = (&mut probation, part.untouched.take()) {
                let (timers, updates) = (instance.timers.clone(), instance.updates.clone());
                probation.part(part.at, Before { snapshot, timers, updates });
            }
            reports.add(part.to.id(), &instance.id, carried.report);
            retired.push(instance.handle.replace(carried.handle));
            instance.attic = Arc::new(carried.attic);
            let before = std::mem::replace(&mut instance.module, Arc::clone(&part.to));
            instance.adopt_timers(now);
            note_update(instance, taken, &before, mark);
            registry.shared.runs(&instance.id, &instance.module);
        }
        for connection in std::mem::take(&mut self.connections) {
            connection.apply(&mut registry.graph, probation.as_mut());
        }
        registry.graph.wire_all(&registry.code.transforms);
        if let Some(probation) = probation {
            registry.graph.begin_journal();
            registry.probation = Some(probation);
        }
        drop(retired);
        for at in anew {
            registry.started(at);
        }
        self.phases.commit = self.watch.lap();
        let phases = &mut self.phases;
        phases.total = phases.detect
            + phases.build
            + phases.load
            + phases.plan
            + phases.quiesce
            + phases.migrate
            + phases.commit;
        let build_ids: Vec<_> = build_ids.iter().map(|id| hex(id)).collect();
        Update {
            generation: registry.code.generation,
            build_id: build_ids.join("+"),
            widgets,
            added,
            report: reports.finish(),
            connections: counts,
            phases_us: *phases,
        }
    }

    /// What the update is taken back with, if there is anything that could panic.
    fn probation(&self) -> Option<Probation> {
        if self.options.probation == 0 || self.parts.is_empty() {
            return None;
        }
        let build = |library: &&Library| Some((library.name().to_owned(), library.build_id()?.to_vec()));
        let libraries = self.libraries.iter().filter_map(build).collect();
        Some(Probation::new(self.options.probation, self.registry.code.clone(), libraries))
    }

    /// One entry for each widget that was there before.
    fn widget_updates(&self) -> Vec<WidgetUpdate> {
        let mut found: BTreeMap<*const Module, (usize, PlanKind)> = BTreeMap::new();
        for part in &self.parts {
            let kind = part.way.kind();
            let (instances, plan) = found.entry(Arc::as_ptr(&part.to)).or_insert((0, kind));
            (*instances, *plan) = (*instances + 1, kind.max(*plan));
        }
        let update = |to: &'a Arc<Module>| {
            let from = &self.registry.code.modules.get(to.id())?.module;
            let idle = || (0, plan_without_state(from, to));
            let (instances, plan) = found.get(&Arc::as_ptr(to)).copied().unwrap_or_else(idle);
            let (id, from, to) = (to.id().to_owned(), from.version().to_owned(), to.version().to_owned());
            Some(WidgetUpdate { id, from, to, instances, plan })
        };
        self.modules().filter_map(update).collect()
    }

    /// The ids of the widgets that are new.
    fn added(&self) -> Vec<String> {
        let is_new = |module: &&Arc<Module>| !self.registry.code.modules.contains_key(module.id());
        self.modules().filter(is_new).map(|module| module.id().to_owned()).collect()
    }

    /// Ends the new instances and brings the old ones back to where they were.
    fn roll_back(&mut self) {
        for index in 0..self.parts.len() {
            self.end_new(index);
        }
        for index in (0..self.parts.len()).rev() {
            self.bring_back(index);
        }
    }

    /// Ends a new instance; one that has begun to work is told.
    fn end_new(&mut self, index: usize) {
        let part = &mut self.parts[index];
        let Some(mut carried) = part.carried.take() else { return };
        if !part.resumed || carried.handle.is_poisoned() {
            return;
        }
        let instance = &self.registry.graph.instances[part.at].id;
        let guard = self.registry.watchdog.enter(instance, "stopped");
        let result = carried.handle.stopped();
        drop(guard);
        if let Err(error) = result {
            let (instance, port) = (instance.clone(), "stopped".to_owned());
            self.registry.log(Event::Fault { instance, port, reason: error.to_string() });
        }
    }

    /// Brings an old instance back to where it was. One that had to be put back begins anew.
    fn bring_back(&mut self, index: usize) {
        let part = &self.parts[index];
        let instance = &mut self.registry.graph.instances[part.at];
        let was_down = instance.handle.is_none() && !part.hooked;
        if was_down {
            return;
        }
        // Where it could not be encoded, what was recorded last.
        let untouched = part.untouched.as_ref().unwrap_or_else(|| instance.history.current()).clone();
        let mut trouble = Vec::new();
        let mut is_anew = false;
        if instance.handle.as_ref().is_none_or(Handle::is_poisoned) {
            instance.handle = None;
            trouble.extend(instance.rebuild(&untouched).err());
            is_anew = true;
        }
        if part.hooked {
            let context = part.context(instance, self.next.generation);
            if let Some(handle) = &mut instance.handle {
                let guard = self.registry.watchdog.enter(&instance.id, "update_failed");
                trouble.extend(handle.hook(Hook::UpdateFailed, &context).err());
                drop(guard);
            }
            let same = instance.snapshot().is_ok_and(|snapshot| snapshot.state == untouched.state);
            if !same {
                match instance.decode(&untouched) {
                    Ok((handle, attic)) if is_anew => instance.install(handle, attic),
                    Ok((handle, attic)) => self.registry.replace(part.at, handle, attic),
                    Err(error) => trouble.push(error),
                }
                is_anew = true;
            }
        }
        let id = self.registry.graph.instances[part.at].id.clone();
        for error in trouble {
            let (port, reason) = ("update_failed".to_owned(), error.to_string());
            self.registry.log(Event::Fault { instance: id.clone(), port, reason });
        }
        if is_anew {
            self.registry.started(self.parts[index].at);
        }
    }

    /// Calls into an instance, within the deadline.
    fn call<T, E: ToString>(
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

    fn check_deadline(&self, index: usize, phase: &str, begun: Duration) -> Result<(), Stop> {
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
    fn fail(&self, phase: &str, reason: impl ToString) -> Stop {
        let widget = self.modules().next().map(|module| module.id().to_owned());
        Stop::RolledBack(Box::new(RollBack {
            phase: phase.to_owned(),
            widget: widget.unwrap_or_default(),
            instance: None,
            reason: reason.to_string(),
            running_generation: self.registry.generation(),
        }))
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
        self.registry.graph.instances.iter().filter(of).map(|instance| instance.id.clone()).collect()
    }
}

/// What follows from the code alone.
#[derive(Clone)]
struct Decided {
    to: Arc<Module>,
    decision: Decision,
    /// Why that cannot be done, for what the state contains.
    stuck: Option<Reason>,
}

fn refusal(decision: &Decision, stuck: Option<Reason>) -> Option<Reason> {
    match decision {
        Decision::Refuse(reason) => Some(reason.clone()),
        _ => stuck,
    }
}

/// The plan for a widget that has no instances.
fn plan_without_state(from: &Module, to: &Module) -> PlanKind {
    plan(from, to).kind().unwrap_or(PlanKind::HandOver)
}

/// A new instance that has nothing of the old one. What that had waits in its history.
fn reset(taken: &Snapshot, to: &Arc<Module>) -> Result<Carried, CarryError> {
    let fail =
        |error: crate::abi::handle::CallError| CarryError { phase: "migrate", reason: error.to_string() };
    let mut handle = to.create().map_err(fail)?;
    let is_changed = handle.encode().map_err(fail)? != *taken.state;
    let detail = "the whole state starts anew".to_owned();
    let touched = Touched::new("", FieldChange::Defaulted, detail);
    let report = if is_changed { vec![touched] } else { Vec::new() };
    Ok(Carried { handle, attic: crate::state::attic::Attic::default(), report })
}

/// The state as the caller's function makes it.
fn transformed(
    carried: Carried,
    instance: &str,
    transform: &mut super::TransformState,
) -> Result<Carried, CarryError> {
    let fail = |reason: String| CarryError { phase: "transform_state", reason };
    let Carried { mut handle, attic, mut report } = carried;
    let module = Arc::clone(handle.module());
    let state = handle.encode().map_err(|error| fail(error.to_string()))?;
    let value: Value = from_bytes(&state).map_err(|error| fail(error.to_string()))?;
    let changed = transform(instance, value.clone()).map_err(|error| fail(error.to_string()))?;
    if changed == value {
        return Ok(Carried { handle, attic, report });
    }
    let state = to_bytes(&changed).map_err(|error| fail(error.to_string()))?;
    let (handle, attic) =
        module.decode(module.version(), &state, &attic).map_err(|error| fail(error.to_string()))?;
    let detail = "by `transform_state`".to_owned();
    report.push(Touched::new("", FieldChange::ByHand, detail));
    Ok(Carried { handle, attic, report })
}

/// Enters an update into the instance's history, and what going back would restore.
fn note_update(instance: &mut Instance, before: Snapshot, module: &Module, mark: Mark) {
    let Ok(snapshot) = instance.snapshot() else { return };
    instance.updates.push(before, snapshot.clone(), mark);
    let (from, to) = (module.version(), instance.module.version());
    let cause = if from == to { String::new() } else { format!("{from} -> ") };
    instance.history.note(Occasion::Change, format_args!("update {cause}{to}"), snapshot);
}
