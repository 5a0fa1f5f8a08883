//! Instances, connections, and which message is next.
//!
//! Every input port is fed through lanes: one for each connection, and one for what is sent from outside. A message has
//! a place in the order of all messages, and an instance handles what is next over all of its lanes. Instances that
//! have work stand in a queue and take turns, one message each, so none starves the rest. An instance that feeds a full
//! stream is held until there is room; when everything that could run is held in a circle, the one with the oldest
//! message runs all the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::ConnectOptions;
use super::connection::{Connection, Endpoint, Path, Route, Transforms, fit};
use super::instance::Instance;
use super::lane::{Lane, Message, Mode};
use crate::abi::handle::{Module, Payload, Piece};
use crate::transform::PayloadInfo;
use crate::widget::PortInfo;

/// The next message of an instance.
pub(super) struct Next {
    /// The place of its connection.
    pub(super) place: usize,
    /// The input port that it goes to.
    pub(super) port: u32,
    /// What it is entered as, if the port takes it as it is.
    pub(super) of: Option<u32>,
    /// How many messages of the connection are next one after the other, unless the handler of one sends anything.
    pub(super) most: usize,
}

#[derive(Default)]
pub(super) struct Graph {
    pub(super) instances: Vec<Instance>,
    index: HashMap<String, usize>,
    /// Places stay; a place that is empty is used again.
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// The places of the connections that name an instance.
    named: HashMap<String, Vec<usize>>,
    /// Instances that have work, in the order of their turns.
    turns: VecDeque<usize>,
    /// Instances that have work and feed a full stream.
    held: Vec<usize>,
    seq: u64,
    turned: Vec<usize>,
    /// While there is one, lanes are copied to it before they change.
    journal: Option<BTreeMap<usize, Lane>>,
}

impl Graph {
    pub(super) fn at(&self, instance: &str) -> Option<usize> {
        self.index.get(instance).copied()
    }

    /// All connections with their places, those from outside too.
    pub(super) fn connections(&self) -> impl Iterator<Item = (usize, &Connection)> {
        self.connections.iter().enumerate().filter_map(|(at, connection)| Some((at, connection.as_ref()?)))
    }

    pub(super) fn connection(&self, at: usize) -> Option<&Connection> {
        self.connections.get(at)?.as_ref()
    }

    pub(super) fn connection_mut(&mut self, at: usize) -> Option<&mut Connection> {
        self.connections.get_mut(at)?.as_mut()
    }

    /// The place of the connection between two ports.
    pub(super) fn between(&self, source: &Endpoint, target: &Endpoint) -> Option<usize> {
        let places = self.named.get(&target.instance)?;
        places.iter().copied().find(|at| {
            self.connection(*at)
                .is_some_and(|known| known.source.as_ref() == Some(source) && known.target == *target)
        })
    }

    /// The places of the connections that name an instance.
    pub(super) fn connections_of(&self, instance: &str) -> Vec<usize> {
        self.named.get(instance).cloned().unwrap_or_default()
    }

    /// How many messages wait.
    pub(super) fn waiting(&self) -> usize {
        self.connections().map(|(_, connection)| connection.lane.len()).sum()
    }

    pub(super) fn insert(&mut self, instance: Instance, transforms: &Transforms) {
        let at = self.instances.len();
        self.index.insert(instance.id.clone(), at);
        self.instances.push(instance);
        self.wire(at, transforms);
    }

    /// Takes the instances at these places out, which are sorted, and what was sent to them from outside.
    pub(super) fn remove(&mut self, places: &[usize], transforms: &Transforms) -> Vec<Instance> {
        let (mut at, mut places) = (0, places.iter().peekable());
        let mut is_gone = |_: &mut Instance| {
            at += 1;
            places.next_if(|place| **place + 1 == at).is_some()
        };
        let removed: Vec<_> = self.instances.extract_if(.., &mut is_gone).collect();
        for place in removed.iter().flat_map(|removed| self.connections_of(&removed.id)).collect::<Vec<_>>() {
            if self.connection(place).is_some_and(|connection| connection.source.is_none()) {
                self.take_out(place);
            }
        }
        for removed in &removed {
            self.index.remove(&removed.id);
        }
        for (at, instance) in self.instances.iter().enumerate() {
            if let Some(place) = self.index.get_mut(&instance.id) {
                *place = at;
            }
        }
        self.wire_all(transforms);
        removed
    }

    pub(super) fn connect(&mut self, connection: Connection, transforms: &Transforms) -> usize {
        let ends = ends_of(&connection);
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.connections.push(None);
                self.connections.len() - 1
            }
        };
        self.connections[at] = Some(connection);
        for end in &ends {
            let places = self.named.entry(end.clone()).or_default();
            if !places.contains(&at) {
                places.push(at);
            }
        }
        self.wire_ends(&ends, transforms);
        at
    }

    pub(super) fn disconnect(&mut self, at: usize, transforms: &Transforms) -> Option<Connection> {
        let removed = self.take_out(at)?;
        self.wire_ends(&ends_of(&removed), transforms);
        Some(removed)
    }

    /// Takes a connection out; the caller wires afterwards.
    pub(super) fn take_out(&mut self, at: usize) -> Option<Connection> {
        let removed = self.connections.get_mut(at)?.take()?;
        self.free.push(at);
        for end in ends_of(&removed) {
            if let Some(places) = self.named.get_mut(&end) {
                places.retain(|place| *place != at);
            }
        }
        Some(removed)
    }

    fn wire_ends(&mut self, ends: &[String], transforms: &Transforms) {
        for end in ends {
            if let Some(at) = self.at(end) {
                self.wire(at, transforms);
            }
        }
    }

    /// Validates all connections, and fits all instances to them.
    pub(super) fn wire_all(&mut self, transforms: &Transforms) {
        self.turns.clear();
        self.held.clear();
        for instance in &mut self.instances {
            (instance.in_turn, instance.is_held) = (false, false);
        }
        for place in 0..self.connections.len() {
            self.validate(place, transforms);
        }
        for at in 0..self.instances.len() {
            self.fit_instance(at);
        }
    }

    /// Validates these connections, and fits their instances and those at `changed` to them. The order of turns stays.
    pub(super) fn wire_some(&mut self, places: &[usize], changed: &BTreeSet<usize>, transforms: &Transforms) {
        let mut instances = changed.clone();
        for place in places {
            self.validate(*place, transforms);
            let ends = self.connection(*place).map(ends_of).unwrap_or_default();
            instances.extend(ends.iter().filter_map(|end| self.at(end)));
        }
        for at in instances {
            self.fit_instance(at);
        }
    }

    /// Validates the connections of an instance against the code that it and the others run, and fits it to them.
    fn wire(&mut self, at: usize, transforms: &Transforms) {
        for place in self.connections_of(&self.instances[at].id) {
            self.validate(place, transforms);
        }
        self.fit_instance(at);
    }

    /// Fits an instance to the code that it runs and to its connections, which were validated.
    fn fit_instance(&mut self, at: usize) {
        let instance = &mut self.instances[at];
        let interface = instance.module().interface();
        let (inputs, outputs) = (interface.inputs.len(), interface.outputs.len());
        instance.routes.iter_mut().for_each(Vec::clear);
        instance.routes.resize_with(outputs, Vec::new);
        instance.inlets.clear();
        instance.inlets.resize(inputs, None);
        instance.next.clear();
        instance.full = 0;
        let Some(places) = self.named.get(&instance.id).cloned() else { return };
        let id = instance.id.clone();
        let mut others = Vec::new();
        for place in places {
            let Some(connection) = self.connections.get_mut(place).and_then(Option::as_mut) else { continue };
            if let Some(source) = &connection.source
                && source.instance == id
            {
                let instance = &mut self.instances[at];
                let outputs = &instance.module().interface().outputs;
                if let Some(port) = outputs.iter().position(|port| port.name == source.port) {
                    instance.routes[port].push(place);
                }
                instance.full += usize::from(connection.holds_producer());
                if connection.target.instance != id && !connection.listed {
                    others.push(place);
                }
            }
            if connection.target.instance == id {
                connection.listed = false;
                if let (None, Route::Live(path)) = (&connection.source, &connection.route) {
                    self.instances[at].inlets[path.port as usize] = Some(place);
                }
                others.push(place);
            }
        }
        for place in others {
            self.list(place);
        }
        if !self.instances[at].next.is_empty() {
            self.give_turn(at);
        }
    }

    fn module(&self, instance: &str) -> Option<&Module> {
        Some(self.instances[self.at(instance)?].module())
    }

    fn validate(&mut self, place: usize, transforms: &Transforms) {
        let Some(connection) = self.connection(place) else { return };
        let end = |endpoint: &Endpoint| self.at(&endpoint.instance);
        let (source, target) = (connection.source.as_ref(), &connection.target);
        let source_module = source.and_then(|source| self.module(&source.instance));
        let modules = (source_module, self.module(&target.instance));
        let found = fit(connection, (source, target), modules, transforms);
        let (mut passes, mut is_plain) = (None, false);
        let route = match (found, end(target)) {
            (Ok(fit), Some(target)) => {
                is_plain = fit.is_plain();
                let source = source.and_then(end);
                passes = Some(fit.passes);
                Route::Live(Path { source, target, port: fit.input, transform: fit.transform })
            }
            (Ok(_), None) => Route::Parked(format!("there is no instance `{}`", target.instance)),
            (Err(reason), _) => Route::Parked(reason),
        };
        if let Some(connection) = self.connection_mut(place) {
            (connection.route, connection.is_plain) = (route, is_plain);
            if let Some(passes) = passes {
                connection.lane.sort_out(&passes);
            }
            if connection.told.as_deref() != connection.parked() {
                self.turned.push(place);
            }
        }
    }

    /// The places of connections that may have been parked or resumed since the last call.
    pub(super) fn turned(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.turned)
    }

    /// Enters a connection that has messages in its target's list of what is next.
    fn list(&mut self, place: usize) {
        let Some(Some(connection)) = self.connections.get_mut(place) else { return };
        let (Route::Live(path), Some(front), false) =
            (&connection.route, connection.lane.front(), connection.listed)
        else {
            return;
        };
        connection.listed = true;
        let target = path.target;
        self.instances[target].next.push(Reverse((front, place)));
        self.give_turn(target);
    }

    fn give_turn(&mut self, at: usize) {
        let instance = &mut self.instances[at];
        // One that is held gets its turn when there is room.
        let waits = instance.is_held && instance.full > 0;
        if !instance.in_turn && !waits {
            instance.in_turn = true;
            self.turns.push_back(at);
        }
    }

    /// How many connections an output port feeds.
    pub(super) fn feeds(&self, at: usize, port: u32) -> usize {
        self.instances[at].routes.get(port as usize).map_or(0, Vec::len)
    }

    /// Sends messages from an output port to the connection that it feeds as the `nth`.
    pub(super) fn feed<'a>(
        &mut self,
        at: usize,
        port: u32,
        nth: usize,
        messages: impl IntoIterator<Item = Piece<'a>>,
    ) {
        let place = self.instances[at].routes[port as usize][nth];
        self.save(place);
        let info = &self.instances[at].module().interface().outputs[port as usize];
        let Some(Some(connection)) = self.connections.get_mut(place) else { return };
        let was_full = connection.holds_producer();
        let of = connection.lane.type_index(info.fingerprint, || PayloadInfo::from(info));
        self.seq += connection.lane.push_all(connection.options.mode, self.seq, of, messages.into_iter());
        if connection.holds_producer() && !was_full {
            self.instances[at].full += 1;
        }
        self.list(place);
    }

    /// Sends a message from outside to an input port; the payload is of that port's type. Answers with its place in the order.
    pub(super) fn send_in(
        &mut self,
        target: Endpoint,
        of: &PortInfo,
        payload: Payload,
        transforms: &Transforms,
    ) -> u64 {
        let place = self.inlet(target, transforms);
        let seq = self.seq;
        self.seq += 1;
        self.enter(place, seq, of, payload, transforms);
        seq
    }

    /// Enters a message from outside that has a place in the order.
    fn enter(&mut self, place: usize, seq: u64, of: &PortInfo, payload: Payload, transforms: &Transforms) {
        self.save(place);
        let Some(Some(connection)) = self.connections.get_mut(place) else { return };
        let index = connection.lane.type_index(of.fingerprint, || PayloadInfo::from(of));
        connection.lane.push(connection.options.mode, seq, index, payload);
        if let Route::Live(path) = &connection.route {
            let takes = self.instances[path.target].module().interface().inputs.get(path.port as usize);
            if takes.is_none_or(|takes| takes.fingerprint != of.fingerprint) {
                // It was accepted when other code ran: whether it can be read now is found out, or it waits.
                self.validate(place, transforms);
            }
        }
        self.list(place);
    }

    /// The place of the lane that leads from outside to an input port.
    fn inlet(&mut self, target: Endpoint, transforms: &Transforms) -> usize {
        if let Some(at) = self.at(&target.instance) {
            let instance = &self.instances[at];
            let inputs = &instance.module().interface().inputs;
            let port = inputs.iter().position(|port| port.name == target.port);
            if let Some(place) = port.and_then(|port| instance.inlets[port]) {
                return place;
            }
        }
        let is_it = |connection: &Connection| connection.source.is_none() && connection.target == target;
        let known = self.named.get(&target.instance).into_iter().flatten().copied();
        let known = known.into_iter().find(|place| self.connection(*place).is_some_and(is_it));
        known.unwrap_or_else(|| {
            let options = ConnectOptions::default().capacity(usize::MAX);
            self.connect(Connection::new(None, target, options), transforms)
        })
    }

    /// The instance whose turn it is.
    pub(super) fn turn(&mut self) -> Option<usize> {
        while let Some(at) = self.turns.pop_front() {
            let instance = &mut self.instances[at];
            instance.in_turn = false;
            if instance.handle.is_none() || instance.next.is_empty() {
                continue;
            }
            if instance.full == 0 {
                return Some(at);
            }
            if !instance.is_held {
                instance.is_held = true;
                self.held.push(at);
            }
        }
        self.free_a_circle()
    }

    /// Of the instances that are held by each other in a circle, the one with the oldest message.
    fn free_a_circle(&mut self) -> Option<usize> {
        let held = std::mem::take(&mut self.held);
        let (held, free): (Vec<_>, Vec<_>) = held.into_iter().partition(|at| self.instances[*at].full > 0);
        for at in free {
            self.instances[at].is_held = false;
        }
        let candidates = held.iter().copied().filter(|at| self.is_runnable(*at) && self.is_in_circle(*at));
        let oldest = candidates.min_by_key(|at| self.instances[*at].next.peek().map(|Reverse(first)| *first));
        self.held = held;
        oldest
    }

    fn is_runnable(&self, at: usize) -> bool {
        let instance = &self.instances[at];
        instance.handle.is_some() && !instance.next.is_empty()
    }

    /// Whether what holds an instance waits, in the end, for that instance.
    fn is_in_circle(&self, start: usize) -> bool {
        let (mut seen, mut todo) = (vec![start], vec![start]);
        while let Some(at) = todo.pop() {
            for place in self.instances[at].routes.iter().flatten() {
                let Some(connection) = self.connection(*place) else { continue };
                let (true, Route::Live(path)) = (connection.holds_producer(), &connection.route) else {
                    continue;
                };
                if path.target == start {
                    return true;
                }
                if self.instances[path.target].full > 0 && !seen.contains(&path.target) {
                    seen.push(path.target);
                    todo.push(path.target);
                }
            }
        }
        false
    }

    /// The next message of an instance, with those after it that would be next in any case.
    pub(super) fn next(&mut self, at: usize) -> Option<Next> {
        let place = self.first(at)?;
        let connection = self.connection(place)?;
        let Route::Live(path) = &connection.route else { return None };
        let instance = &self.instances[at];
        // While nobody else waits for a turn, and nothing else waits here, it is this instance's turn again and again.
        let is_alone = self.turns.is_empty() && instance.full == 0 && instance.next.len() == 1;
        let most = match connection.options.mode {
            _ if !is_alone => 1,
            // The message that makes room gives those a turn who were held.
            Mode::Stream { capacity, .. } if connection.holds_producer() => {
                connection.lane.len() + 1 - capacity
            }
            _ => usize::MAX,
        };
        let takes = instance.module().interface().inputs.get(path.port as usize)?;
        let of = match path.transform {
            None => connection.lane.known_type(takes.fingerprint),
            Some(_) => None,
        };
        let of = of.filter(|of| connection.lane.first_of(*of).next().is_some());
        Some(Next { place, port: path.port, of, most })
    }

    /// An instance, and the connection whose message is next for it.
    pub(super) fn ends(&mut self, at: usize, place: usize) -> Option<(&mut Instance, &Connection)> {
        Some((self.instances.get_mut(at)?, self.connections.get(place)?.as_ref()?))
    }

    /// The place of the connection that has the next message of an instance.
    fn first(&mut self, at: usize) -> Option<usize> {
        while let Some(Reverse((seq, place))) = self.instances[at].next.peek().copied() {
            let connection = self.connections.get_mut(place).and_then(Option::as_mut);
            let is_live = connection.as_ref().is_some_and(|connection| connection.parked().is_none());
            if let Some(connection) = connection {
                if is_live && connection.lane.front() == Some(seq) {
                    return Some(place);
                }
                connection.listed = false;
            }
            self.instances[at].next.pop();
            if is_live {
                // The overflow policy has dropped what was first.
                self.list(place);
            }
        }
        None
    }

    /// Takes so many messages of an instance off a connection, after [`next`](Self::next) has named it. Answers with the last.
    pub(super) fn take(&mut self, at: usize, place: usize, messages: usize) -> Option<Message> {
        self.save(place);
        self.instances[at].next.pop();
        let connection = self.connections.get_mut(place)?.as_mut()?;
        connection.listed = false;
        let source = match &connection.route {
            Route::Live(path) => path.source,
            Route::Parked(_) => None,
        };
        let was_full = connection.holds_producer();
        let last = connection.lane.deliver(messages);
        if was_full
            && !connection.holds_producer()
            && let Some(source) = source
        {
            self.instances[source].full = self.instances[source].full.saturating_sub(1);
            if self.instances[source].full == 0 {
                self.give_turn(source);
            }
        }
        self.list(place);
        if !self.instances[at].next.is_empty() {
            self.give_turn(at);
        }
        last
    }

    /// Whether any instance could handle a message now.
    pub(super) fn has_work(&self) -> bool {
        let could = |at: &usize| self.is_runnable(*at) && self.instances[*at].full == 0;
        self.turns.iter().any(could)
            || self.held.iter().any(|at| self.is_runnable(*at) && self.is_in_circle(*at))
    }

    /// Begins to keep lanes as they are now.
    pub(super) fn begin_journal(&mut self) {
        self.journal = Some(BTreeMap::new());
    }

    pub(super) fn end_journal(&mut self) {
        self.journal = None;
    }

    fn save(&mut self, place: usize) {
        if let Some(journal) = &mut self.journal
            && !journal.contains_key(&place)
            && let Some(Some(connection)) = self.connections.get(place)
        {
            journal.insert(place, connection.lane.clone());
        }
    }

    /// Puts all lanes back to where the journal began; the caller wires afterwards.
    pub(super) fn rewind(&mut self) {
        for (place, lane) in self.journal.take().into_iter().flatten() {
            if let Some(connection) = self.connection_mut(place) {
                connection.lane = lane;
            }
        }
    }

    /// Enters a message from outside again, at the place that it had.
    pub(super) fn send_again(
        &mut self,
        target: Endpoint,
        seq: u64,
        of: &PortInfo,
        payload: Payload,
        transforms: &Transforms,
    ) {
        let place = self.inlet(target, transforms);
        self.enter(place, seq, of, payload, transforms);
    }
}

fn ends_of(connection: &Connection) -> Vec<String> {
    let mut ends = vec![connection.target.instance.clone()];
    if let Some(source) = &connection.source
        && source.instance != connection.target.instance
    {
        ends.push(source.instance.clone());
    }
    ends
}
