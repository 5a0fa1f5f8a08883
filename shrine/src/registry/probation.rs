//! The first messages after an update: if the new code panics on them, the update is taken back.
//!
//! While new code is on probation the graph keeps what it would need to be as it was at the commit: the lanes that have
//! changed since, and the states of instances before their first handler. Messages from outside are noted as they come.
//! Taking an update back restores all of that, puts the old code in place, and enters the messages from outside
//! again: what the new code did inside the graph has not happened. What has left the graph cannot be called back.
//!
//! Instances that the update moved as they lie in memory have nothing kept for them at the commit: until one runs, its state
//! is the one that was recorded before. It is kept before the first handler, or when the update is taken back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::connection::{Connection, Endpoint};
use super::crew::Crew;
use super::history::updates::UpdateCheckpoints;
use super::history::{Occasion, Snapshot};
use super::instance::{Instance, Timer};
use super::lane::Lane;
use super::{LoadedCode, Registry};
use crate::abi::handle::{CallError, Module};
use crate::event::{self, Event, RollBack};

/// How many handlers of updated instances run before an update is settled, unless it is told otherwise.
pub const PROBATION: usize = 8;

/// How many handlers and messages of the whole graph a probation lasts at most, so that what it keeps is bounded.
const WINDOW: usize = 4096;

pub(super) struct Probation {
    /// How many handlers of updated instances are left.
    left: usize,
    /// How many handlers and arrivals of any are left.
    window: usize,
    code: LoadedCode,
    libraries: Vec<(String, Vec<u8>)>,
    /// The updated instances, by their places; of those that were moved, the ones that have run since.
    parts: BTreeMap<usize, Before>,
    moved: Vec<Moved>,
    /// The other instances that have run since.
    others: BTreeMap<usize, Before>,
    connections: Vec<(usize, Ends)>,
    dropped: Vec<Connection>,
    arrivals: Vec<Arrival>,
}

/// An instance before the update, or before its first handler since.
pub(super) struct Before {
    pub(super) snapshot: Snapshot,
    pub(super) timers: Vec<Timer>,
    pub(super) updates: UpdateCheckpoints,
}

/// Instances that were moved at once.
struct Moved {
    crew: Arc<Crew>,
    /// The code that they ran.
    from: Arc<Module>,
    /// The number of the update among those of the crew.
    update: usize,
}

/// A connection before the update.
pub(super) struct Ends {
    pub(super) source: Option<Endpoint>,
    pub(super) target: Endpoint,
    pub(super) lane: Lane,
}

/// A message from outside. Its type is that of an input port of the code that ran when it came.
pub(super) struct Arrival {
    pub(super) target: Endpoint,
    pub(super) seq: u64,
    pub(super) module: Arc<Module>,
    pub(super) port: u32,
    pub(super) payload: Vec<u8>,
}

impl Probation {
    pub(super) fn new(messages: usize, code: LoadedCode, libraries: Vec<(String, Vec<u8>)>) -> Self {
        Self {
            left: messages,
            window: WINDOW,
            code,
            libraries,
            parts: BTreeMap::new(),
            moved: Vec::new(),
            others: BTreeMap::new(),
            connections: Vec::new(),
            dropped: Vec::new(),
            arrivals: Vec::new(),
        }
    }

    pub(super) fn part(&mut self, at: usize, before: Before) {
        self.parts.insert(at, before);
    }

    /// The instances of a crew that have no [part](Self::part) are moved by its next update.
    pub(super) fn moves(&mut self, crew: &Arc<Crew>) {
        let (crew, from) = (Arc::clone(crew), Arc::clone(crew.module()));
        self.moved.push(Moved { update: crew.count(), crew, from });
    }

    fn moved(&self, instance: &Instance) -> Option<&Moved> {
        self.moved.iter().find(|moved| Arc::ptr_eq(&moved.crew, instance.crew()))
    }

    /// Keeps what an instance was before it was moved, if it was and that is not kept yet.
    fn keep_moved(&mut self, at: usize, instance: &mut Instance) {
        if self.parts.contains_key(&at) {
            return;
        }
        let Some((from, update)) = self.moved(instance).map(|moved| (Arc::clone(&moved.from), moved.update))
        else {
            return;
        };
        let past = instance.past_before(update);
        let snapshot = Snapshot { module: from, ..past.history.current().clone() };
        let updates = past.updates.clone();
        self.parts.insert(at, Before { snapshot, timers: instance.timers.clone(), updates });
    }

    pub(super) fn connection(&mut self, place: usize, ends: Ends) {
        self.connections.push((place, ends));
    }

    pub(super) fn dropped(&mut self, connection: Connection) {
        self.dropped.push(connection);
    }

    pub(super) fn arrived(&mut self, arrival: Arrival) {
        self.arrivals.push(arrival);
        self.window = self.window.saturating_sub(1);
    }
}

impl Registry {
    /// Ends the probation: the update stays.
    pub(super) fn settle(&mut self) {
        if self.probation.take().is_some() {
            self.graph.end_journal();
        }
    }

    pub(super) fn is_on_probation(&self, at: usize) -> bool {
        let instance = &self.graph.instances[at];
        self.probation
            .as_ref()
            .is_some_and(|probation| probation.parts.contains_key(&at) || probation.moved(instance).is_some())
    }

    /// Keeps what an instance was before it was moved, because its past is about to change.
    pub(super) fn keep_moved(&mut self, at: usize) {
        if let Some(probation) = &mut self.probation {
            probation.keep_moved(at, &mut self.graph.instances[at]);
        }
    }

    /// Keeps the state of an instance that is about to run.
    pub(super) fn begin_handler(&mut self, at: usize) {
        self.keep_moved(at);
        let Some(probation) = &mut self.probation else { return };
        if probation.parts.contains_key(&at) || probation.others.contains_key(&at) {
            return;
        }
        let instance = &mut self.graph.instances[at];
        let Ok(snapshot) = instance.snapshot() else { return };
        let (timers, updates) = (instance.timers.clone(), instance.past().updates.clone());
        probation.others.insert(at, Before { snapshot, timers, updates });
    }

    /// A handler has come back.
    pub(super) fn end_handler(&mut self, at: usize) {
        let Some(probation) = &mut self.probation else { return };
        probation.window = probation.window.saturating_sub(1);
        if probation.parts.contains_key(&at) {
            probation.left = probation.left.saturating_sub(1);
        }
        if probation.left == 0 || probation.window == 0 {
            self.settle();
        }
    }

    /// Takes the update back, because new code has panicked.
    pub(super) fn take_back(&mut self, at: usize, call: &str, error: &CallError) {
        let Some(mut probation) = self.probation.take() else { return };
        for (at, instance) in self.graph.instances.iter_mut().enumerate() {
            probation.keep_moved(at, instance);
        }
        let moved = std::mem::take(&mut probation.moved);
        let Probation { mut code, libraries, parts, others, connections, dropped, arrivals, .. } = probation;
        let instance = &self.graph.instances[at];
        let (widget, instance) = (instance.module().id().to_owned(), instance.id.clone());
        let reason = format!("`{call}` of the new code: {error}");

        for loaded in code.modules.values_mut() {
            // What was moved is not moved back, but made anew from its state, like everything else.
            if moved.iter().any(|moved| Arc::ptr_eq(&moved.crew, &loaded.crew)) {
                loaded.crew = Crew::new(&loaded.module);
            }
        }
        self.code = code;
        let ran: Vec<usize> = parts.keys().chain(others.keys()).copied().collect();
        for (at, before) in parts.into_iter().chain(others) {
            self.put_back(at, before);
        }
        self.graph.rewind();
        for (place, Ends { source, target, lane }) in connections {
            if let Some(connection) = self.graph.connection_mut(place) {
                (connection.source, connection.target, connection.lane) = (source, target, lane);
            }
        }
        for connection in dropped {
            self.graph.connect(connection, &self.code.transforms);
        }
        self.graph.wire_all(&self.code.transforms);
        for Arrival { target, seq, module, port, payload } in arrivals {
            let of = &module.interface().inputs[port as usize];
            self.graph.send_again(target, seq, of, payload.into(), &self.code.transforms);
        }
        self.tell_parked();
        for (library, build_id) in libraries {
            self.rejected.insert(library, (build_id, reason.clone()));
        }
        self.log(Event::RolledBack(RollBack {
            phase: event::PROBATION.to_owned(),
            widget,
            instance: Some(instance),
            reason,
            running_generation: self.generation(),
        }));
        for at in ran {
            self.started(at);
        }
    }

    fn put_back(&mut self, at: usize, before: Before) {
        let now: Duration = self.clock.now();
        let Before { snapshot, timers, updates } = before;
        self.stopped(at);
        let instance = &mut self.graph.instances[at];
        instance.past().updates = updates;
        if let Some(loaded) = self.code.modules.get(snapshot.module.id())
            && !Arc::ptr_eq(instance.crew(), &loaded.crew)
        {
            instance.transfer(&loaded.crew);
        }
        instance.handle = None;
        instance.timers = timers;
        instance.adopt_timers(now);
        let rebuilt = instance.rebuild(&snapshot);
        instance.past().history.note(Occasion::Change, format_args!("update taken back"), snapshot);
        self.shared.runs(&instance.id, instance.crew());
        if let Err(error) = rebuilt {
            let instance = instance.id.clone();
            let reason = format!("it could not be restored and is down until the next update: {error}");
            self.log(Event::Fault { instance, port: "probation".to_owned(), reason });
        }
    }
}
