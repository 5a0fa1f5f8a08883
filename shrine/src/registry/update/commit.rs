//! The switch.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::carry::Carried;
use super::super::crew::Move;
use super::super::history::Snapshot;
use super::super::history::updates::Mark;
use super::super::instance::Instance;
use super::super::probation::{Before, Probation};
use super::super::report::{Reports, hex};
use super::transaction::{Part, Role, Transaction, Way};
use crate::abi::handle::{Handle, Library};
use crate::event::{ConnectionCounts, Update};

impl Transaction<'_> {
    /// Switches. Nothing here can fail.
    pub(super) fn commit(&mut self, build_ids: &[Vec<u8>]) -> Update {
        let widgets = self.widget_updates();
        let added = self.added();
        let counts = ConnectionCounts { kept: self.kept, ..ConnectionCounts::default() };
        let counts = self.connections.iter().fold(counts, |mut counts, connection| {
            connection.count(&mut counts);
            counts
        });
        let mut probation = self.probation();
        let mark = Mark { generation: self.next.generation, at: self.registry.clock.now() };
        self.lead(mark, probation.as_mut());
        self.registry.code = std::mem::take(&mut self.next);
        self.registry.next_generation += 1;
        let mut reports = Reports::default();
        let mut retired = Vec::new();
        let mut anew = Vec::new();
        for mut part in std::mem::take(&mut self.parts) {
            if matches!(part.way, Way::Reset) {
                // Nothing of it lives on: this is an end and a beginning.
                self.registry.stopped(part.at);
                anew.push(part.at);
            }
            let instance = &mut self.registry.graph.instances[part.at];
            if let (Some(probation), Some(snapshot)) = (&mut probation, part.untouched.take()) {
                let (timers, updates) = (instance.timers.clone(), instance.past().updates.clone());
                probation.part(part.at, Before { snapshot, timers, updates });
            }
            let carried = part.carried.take();
            let touched = carried.as_ref().map(|carried| carried.report.clone()).unwrap_or_default();
            reports.add(part.to.id(), &instance.id, touched);
            retired.extend(self.switch(&mut part, carried, mark));
        }
        self.rewire(probation.as_mut());
        if let Some(probation) = probation {
            self.registry.graph.begin_journal();
            self.registry.probation = Some(probation);
        }
        drop(retired);
        for at in anew {
            self.registry.started(at);
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
            generation: self.registry.code.generation,
            build_id: build_ids.join("+"),
            widgets,
            added,
            report: reports.finish(),
            connections: counts,
            phases_us: *phases,
        }
    }

    /// Moves the instances that stay where they lie in memory, all of a widget at once.
    fn lead(&mut self, mark: Mark, mut probation: Option<&mut Probation>) {
        for part in &self.parts {
            let instance = &mut self.registry.graph.instances[part.at];
            instance.past();
            if let (false, Some(handle)) = (matches!(part.way, Way::InPlace), &mut instance.handle) {
                handle.leave();
            }
        }
        for crossing in &self.crossings {
            let (crew, way) = (&crossing.crew, &crossing.way);
            if let Some(probation) = probation.as_deref_mut() {
                probation.moves(crew);
            }
            let led = crew.lead(way);
            debug_assert!(
                led,
                "the proof was made for the code that the crew runs, and nobody else leads it"
            );
            if crossing.moved > 0 {
                crew.note(Move { from: Arc::clone(way.from()), to: Arc::clone(way.to()), mark });
                // For the parts, it is written down by itself.
                for part in self.parts.iter().filter(|part| Arc::ptr_eq(&part.to, way.to())) {
                    self.registry.graph.instances[part.at].skip_update();
                }
            }
            if let Some(loaded) = self.next.modules.get_mut(way.to().id()) {
                loaded.crew = Arc::clone(crew);
            }
        }
    }

    /// Puts an instance into the new code, and answers with the old one, if that is another.
    fn switch(&mut self, part: &mut Part, carried: Option<Carried>, mark: Mark) -> Option<Handle> {
        let instance = &mut self.registry.graph.instances[part.at];
        let taken = part.taken.take()?;
        let mut retired = None;
        match (&part.way, carried) {
            (Way::InPlace, _) => {
                instance.adopt_timers(mark.at);
                let after = Snapshot { module: Arc::clone(&part.to), ..taken.clone() };
                instance.past().updated(taken, after, mark);
                instance.set_recorded(true);
            }
            (_, None) => return None,
            (_, Some(Carried { handle, attic, .. })) => {
                if let Some(loaded) = self.registry.code.modules.get(part.to.id())
                    && !Arc::ptr_eq(instance.crew(), &loaded.crew)
                {
                    instance.transfer(&loaded.crew);
                }
                retired = instance.handle.take();
                instance.put(handle, attic);
                instance.adopt_timers(mark.at);
                note_update(instance, taken, mark);
                self.registry.shared.runs(&instance.id, instance.crew());
            }
        }
        retired
    }

    /// Fits connections and instances to each other.
    fn rewire(&mut self, mut probation: Option<&mut Probation>) {
        let graph = &mut self.registry.graph;
        let mut changed = BTreeSet::new();
        let mut places = Vec::new();
        for connection in std::mem::take(&mut self.connections) {
            changed.extend(connection.ends().filter_map(|instance| graph.at(instance)));
            places.push(connection.place());
            connection.apply(graph, probation.as_deref_mut());
        }
        let parts = self.roles.iter().enumerate().filter(|(_, role)| **role == Role::Part);
        changed.extend(parts.map(|(at, _)| at));
        graph.wire_some(&places, &changed, &self.registry.code.transforms);
    }

    /// What the update is taken back with, if there is anything that could panic.
    fn probation(&self) -> Option<Probation> {
        if self.options.probation == 0 || (self.parts.is_empty() && self.crossings.is_empty()) {
            return None;
        }
        let build = |library: &&Library| Some((library.name().to_owned(), library.build_id()?.to_vec()));
        let libraries = self.libraries.iter().filter_map(build).collect();
        Some(Probation::new(self.options.probation, self.registry.code.clone(), libraries))
    }
}

/// Enters an update into the instance's history, and what going back would restore.
fn note_update(instance: &mut Instance, before: Snapshot, mark: Mark) {
    let Ok(after) = instance.snapshot() else { return };
    instance.past().updated(before, after, mark);
    instance.set_recorded(true);
}
