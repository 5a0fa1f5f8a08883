//! How each instance gets into the new code, and what is told of it beforehand.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::accept::Verdict;
use super::super::carry::{exactly, inside, plan};
use super::super::crew::Crew;
use super::super::report::{Reports, explain};
use super::Unbumped;
use super::transaction::{Part, Role, Stop, Transaction, Way};
use crate::abi::handle::Module;
use crate::event::{InstancePlan, PlanKind, UpdatePlan, WidgetUpdate};
use crate::state::plan::Decision;

/// What happens to all instances that run the same code.
struct Course {
    to: Arc<Module>,
    way: Way,
    /// The crossing of those that can be moved.
    crossing: Option<usize>,
}

impl<'a> Transaction<'a> {
    /// Decides for each instance how its state travels.
    pub(super) fn plan(&mut self) -> Result<(), Stop> {
        let count = self.registry.graph.instances.len();
        self.roles = vec![Role::None; count];
        // Many instances run the same code: what follows from the code alone is decided once.
        let mut courses: Vec<Course> = Vec::new();
        let mut known: BTreeMap<*const Crew, Option<usize>> = BTreeMap::new();
        let mut last = (std::ptr::null(), None);
        for at in 0..count {
            let crew = Arc::as_ptr(self.registry.graph.instances[at].crew());
            if crew != last.0 {
                let which = match known.get(&crew) {
                    Some(which) => *which,
                    None => {
                        let which = self.course(at)?.map(|course| {
                            courses.push(course);
                            courses.len() - 1
                        });
                        known.insert(crew, which);
                        which
                    }
                };
                last = (crew, which);
            }
            let Some(which) = last.1 else { continue };
            let Course { to, way, crossing } = &courses[which];
            let instance = &mut self.registry.graph.instances[at];
            let crossing = crossing.filter(|_| instance.is_settled());
            if let Some(crossing) = crossing.map(|crossing| &mut self.crossings[crossing]) {
                crossing.choose(at);
                if crossing.is_whole {
                    crossing.moved += 1;
                    self.roles[at] = Role::Moved;
                    continue;
                }
            }
            let way = if crossing.is_some() { Way::InPlace } else { way.clone() };
            if let Way::Carry(Decision::Refuse(reason)) = &way {
                let state = instance.state().unwrap_or_default();
                if exactly(&instance.past().updates, &state, to).is_none() {
                    let from = Arc::clone(instance.module());
                    let (reason, help) = explain(reason, &from, to);
                    return Err(self.refuse(from.id(), Some(&from), Some(to), reason, &help));
                }
            }
            self.roles[at] = Role::Part;
            self.parts.push(Part::new(at, Arc::clone(to), way));
        }
        Ok(())
    }

    /// What happens to all instances that run the same code as that one; none if nothing does.
    fn course(&mut self, at: usize) -> Result<Option<Course>, Stop> {
        let from = Arc::clone(self.registry.graph.instances[at].module());
        let Some(to) = self.modules().find(|module| module.id() == from.id()).map(Arc::clone) else {
            return Ok(None);
        };
        let mut crossing = None;
        let decision = plan(&from, &to);
        let stuck = match &decision {
            Decision::Refuse(_) => None,
            decision => inside(&from, &to, decision).err(),
        };
        let way = match decision {
            _ if !self.options.preserve_state => Way::Reset,
            Decision::Structural => match self.policy(to.id()) {
                Unbumped::Structural => Way::Carry(stuck.map_or(Decision::Structural, Decision::Refuse)),
                Unbumped::Reset => Way::Reset,
                Unbumped::Refuse => {
                    let reason = format!("the state of {} was changed without a new version", from.version());
                    let help = format!("raise the version: `cargo shrine bump {}`", to.id());
                    return Err(self.refuse(from.id(), Some(&from), Some(&to), reason, &help));
                }
            },
            decision => {
                let decision = stuck.map_or(decision, Decision::Refuse);
                if decision == Decision::HandOver {
                    crossing = self.crossing(at, &from, &to);
                }
                Way::Carry(decision)
            }
        };
        Ok(Some(Course { to, way, crossing }))
    }

    fn policy(&self, widget: &str) -> Unbumped {
        self.options.unbumped_of.get(widget).copied().unwrap_or(self.options.unbumped)
    }

    /// What would happen, with each state carried and dropped again.
    pub(super) fn preview(&mut self) -> UpdatePlan {
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
                from: found.module().version().to_owned(),
                to: part.to.version().to_owned(),
                plan: part.way.kind(),
                in_place: matches!(part.way, Way::InPlace),
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
    pub(super) fn ask(&mut self) -> Result<(), Stop> {
        let has_handlers = !self.options.is_accepted && !self.registry.handlers.is_empty();
        if !has_handlers && self.options.before.is_none() {
            return Ok(());
        }
        let plan = self.outline(&mut BTreeMap::new());
        if has_handlers {
            match self.registry.verdict(&plan) {
                Verdict::Apply => {}
                Verdict::Defer(waits) => return Err(Stop::Deferred(waits)),
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

    /// One entry for each widget that was there before.
    pub(super) fn widget_updates(&self) -> Vec<WidgetUpdate> {
        /// How many instances, how many of them are moved, and the most that happens to one.
        #[derive(Clone, Copy)]
        struct Found(usize, usize, PlanKind);
        let mut found: BTreeMap<*const Module, Found> = BTreeMap::new();
        let parts = self.parts.iter().map(|part| {
            let in_place = usize::from(matches!(part.way, Way::InPlace));
            (&part.to, Found(1, in_place, part.way.kind()))
        });
        let crossings = self
            .crossings
            .iter()
            .map(|crossing| (crossing.way.to(), Found(crossing.moved, crossing.moved, PlanKind::HandOver)));
        for (to, Found(instances, in_place, kind)) in parts.chain(crossings) {
            let all = found.entry(Arc::as_ptr(to)).or_insert(Found(0, 0, kind));
            *all = Found(all.0 + instances, all.1 + in_place, all.2.max(kind));
        }
        let update = |to: &'a Arc<Module>| {
            let from = &self.registry.code.modules.get(to.id())?.module;
            let idle = || Found(0, 0, plan_without_state(from, to));
            let Found(instances, in_place, plan) = found.get(&Arc::as_ptr(to)).copied().unwrap_or_else(idle);
            let encoded = match instances - in_place {
                0 => None,
                _ if plan != PlanKind::HandOver => None,
                _ if in_place > 0 => Some("it has changed since its state was recorded last".to_owned()),
                _ => self.encoded.get(to.id()).cloned(),
            };
            let (id, from, to) = (to.id().to_owned(), from.version().to_owned(), to.version().to_owned());
            Some(WidgetUpdate { id, from, to, instances, plan, in_place, encoded })
        };
        self.modules().filter_map(update).collect()
    }

    /// The ids of the widgets that are new.
    pub(super) fn added(&self) -> Vec<String> {
        let is_new = |module: &&Arc<Module>| !self.registry.code.modules.contains_key(module.id());
        self.modules().filter(is_new).map(|module| module.id().to_owned()).collect()
    }
}

/// The plan for a widget that has no instances.
fn plan_without_state(from: &Module, to: &Module) -> PlanKind {
    plan(from, to).kind().unwrap_or(PlanKind::HandOver)
}
