//! Messages: how they get in, are handled, and leave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{self, Endpoint, Route, prepare};
use super::graph::Next;
use super::history::Cause;
use super::instance::{Instance, Timer};
use super::probation::Arrival;
use super::watchdog::Watchdog;
use super::{Registry, RegistryError, endpoint, unknown_port};
use crate::abi::handle::{CallError, Handle, Module, Room, Sent};
use crate::event::Event;
use crate::state::json::{from_json, to_json};
use crate::state::value::Value;
use crate::state::{State, from_bytes, to_bytes};

/// How many messages one [`Registry::poll`] handles at most, so that a cycle of connections does not keep its caller.
pub const POLL_LIMIT: usize = 10_000;

/// What ran: by its index, because its name is seldom told.
#[derive(Clone, Copy)]
enum Handler {
    Input(u32),
    Timer(usize),
}

impl Handler {
    fn cause<'a>(self, module: &'a Module, timers: &'a [Timer]) -> Cause<'a> {
        let what = match self {
            Self::Input(_) => "message",
            Self::Timer(_) => "timer",
        };
        Cause(what, self.name(module, timers))
    }

    fn name<'a>(self, module: &'a Module, timers: &'a [Timer]) -> &'a str {
        let name = match self {
            Self::Input(port) => module.interface().inputs.get(port as usize).map(|port| port.name.as_str()),
            Self::Timer(timer) => timers.get(timer).map(|timer| timer.name.as_str()),
        };
        name.unwrap_or_default()
    }
}

/// Has an instance handle messages of one port; none if it is down.
fn handle<'a>(
    watchdog: &Watchdog,
    instance: &mut Instance,
    port: u32,
    messages: impl IntoIterator<Item = &'a [u8]>,
    room: &mut Room,
) -> Option<Result<(), CallError>> {
    room.states_mut().keep_last(!instance.records_handlers());
    let name = Handler::Input(port).name(instance.module(), &instance.timers);
    let _guard = watchdog.enter(&instance.id, name);
    Some(instance.handle.as_mut()?.handle(port, messages, room))
}

impl Registry {
    /// Sends a message to an input port: `send("counter.add", &5_i64)`. It is handled by the next
    /// [`poll`](Self::poll).
    ///
    /// # Errors
    ///
    /// When the port is unknown or takes another type.
    pub fn send<T: State>(&mut self, target: &str, message: &T) -> Result<(), RegistryError> {
        let (at, port, target) = self.input(target)?;
        let info = &self.graph.instances[at].module().interface().inputs[port as usize];
        if info.fingerprint != T::FINGERPRINT {
            return Err(RegistryError::OtherType {
                target: target.to_string(),
                expected: info.shape.to_string(),
                found: crate::state::shape_of::<T>().to_string(),
            });
        }
        let payload = to_bytes(message).map_err(|error| self.call_failed(at, error.to_string()))?;
        let module = Arc::clone(self.graph.instances[at].module());
        self.send_in(target, &module, port, payload);
        Ok(())
    }

    /// Sends a message that is written as JSON.
    ///
    /// # Errors
    ///
    /// When the port is unknown, or the JSON is not of its type.
    pub fn send_json(&mut self, target: &str, message: &serde_json::Value) -> Result<(), RegistryError> {
        let (at, port, target) = self.input(target)?;
        let module = Arc::clone(self.graph.instances[at].module());
        let shape = &module.interface().inputs[port as usize].shape;
        let value = from_json(message, shape).map_err(|mismatch| RegistryError::Shape {
            target: target.to_string(),
            expected: shape.to_string(),
            mismatch,
        })?;
        let payload = to_bytes(&value).map_err(|error| self.call_failed(at, error.to_string()))?;
        self.send_in(target, &module, port, payload);
        Ok(())
    }

    /// Runs the timers that are due and delivers the messages that wait, up to [`POLL_LIMIT`]. Answers with how many
    /// handlers ran: after less than the limit, nothing that could run waits.
    ///
    /// Updates that were deferred are applied here once their time has come.
    pub fn poll(&mut self) -> usize {
        self.poll_at_most(POLL_LIMIT)
    }

    /// As [`poll`](Self::poll), but stops once that many handlers ran. Timers that are due run all the same.
    pub fn poll_at_most(&mut self, handlers: usize) -> usize {
        self.poll_until(handlers, None)
    }

    /// Polls for that long, on the clock of the machine, or until nothing waits: when the time is over, the handler under way
    /// is the last. Timers and messages from other threads have their turn all the same. Answers with how many handlers ran.
    pub fn poll_for(&mut self, time: Duration) -> usize {
        /// How long timers and other threads wait at most, beside the handler under way.
        const ROUND: Duration = Duration::from_millis(1);
        let end = Instant::now() + time;
        let mut handled = 0;
        loop {
            let more = self.poll_until(POLL_LIMIT, Some(end.min(Instant::now() + ROUND)));
            handled += more;
            if more == 0 || Instant::now() >= end {
                return handled;
            }
        }
    }

    fn poll_until(&mut self, handlers: usize, end: Option<Instant>) -> usize {
        self.take_in();
        self.apply_deferred_if_due();
        self.room.get_or_insert_default().states_mut().stop_at(end);
        let mut handled = self.run_timers();
        while handled < handlers && (handled == 0 || end.is_none_or(|end| Instant::now() < end)) {
            let Some(at) = self.graph.turn() else { break };
            handled += self.handle_next(at, handlers - handled);
        }
        handled
    }

    /// Polls until nothing waits and no timer is due, or `limit` handlers ran.
    pub fn run_until_idle(&mut self, limit: usize) -> usize {
        let mut handled = 0;
        while handled < limit {
            match self.poll() {
                0 => break,
                more => handled += more,
            }
        }
        handled
    }

    /// How long until [`poll`](Self::poll) has something to do; none if only a message can give it something.
    #[must_use]
    pub fn next_timer(&self) -> Option<Duration> {
        if self.shared.has_posted() || self.graph.has_work() || self.deferred_is_due() {
            return Some(Duration::ZERO);
        }
        let may_tick = self.graph.instances.iter().filter(|instance| instance.may_tick());
        let timers = may_tick.flat_map(|instance| &instance.timers).map(|timer| timer.due);
        let due = timers.chain(self.deferred_until()).min()?;
        Some(due.saturating_sub(self.clock.now()))
    }

    /// Has an output port's messages reported as [`Event::Output`] even while something is connected to it.
    ///
    /// # Errors
    ///
    /// When the port is unknown.
    pub fn watch(&mut self, source: &str, is_watched: bool) -> Result<(), RegistryError> {
        let Endpoint { instance, port } = endpoint(source)?;
        let at = self.at(&instance)?;
        let found = &mut self.graph.instances[at];
        if connection::output(found.module(), &port).is_none() {
            return Err(unknown_port(found, &port, false));
        }
        if is_watched {
            found.watched.insert(port);
        } else {
            found.watched.remove(&port);
        }
        Ok(())
    }

    /// Takes in what other threads have sent.
    pub(super) fn take_in(&mut self) {
        for posted in self.shared.take() {
            self.send_in(posted.target, &posted.module, posted.port, posted.payload);
        }
    }

    /// Enters a message whose type is that of an input port of `module`.
    fn send_in(&mut self, target: Endpoint, module: &Arc<Module>, port: u32, payload: Vec<u8>) {
        let arrival = self.probation.as_ref().map(|_| (target.clone(), payload.clone()));
        let of = &module.interface().inputs[port as usize];
        let seq = self.graph.send_in(target, of, payload.into(), &self.code.transforms);
        if let (Some(probation), Some((target, payload))) = (&mut self.probation, arrival) {
            probation.arrived(Arrival { target, seq, module: Arc::clone(module), port, payload });
        }
    }

    fn input(&self, target: &str) -> Result<(usize, u32, Endpoint), RegistryError> {
        let target = endpoint(target)?;
        let at = self.at(&target.instance)?;
        let found = &self.graph.instances[at];
        match connection::input(found.module(), &target.port) {
            Some((port, _)) => Ok((at, port, target)),
            None => Err(unknown_port(found, &target.port, true)),
        }
    }

    fn run_timers(&mut self) -> usize {
        let now = self.clock.now();
        let mut handled = 0;
        for at in 0..self.graph.instances.len() {
            for index in 0..self.graph.instances[at].timers.len() {
                let instance = &mut self.graph.instances[at];
                // An update may have been taken back in between, and its timers with it.
                let Some(timer) = instance.timers.get(index) else { break };
                if timer.due > now || !instance.may_tick() {
                    continue;
                }
                self.begin_handler(at);
                let instance = &mut self.graph.instances[at];
                let timer = &mut instance.timers[index];
                // A timer that was held up fires once, and keeps its phase.
                let missed = (now - timer.due).as_nanos() / timer.period.as_nanos().max(1);
                timer.due += timer.period * u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
                let Some(handle) = &mut instance.handle else { continue };
                let mut room = self.room.take().unwrap_or_default();
                let guard = self.watchdog.enter(&instance.id, &timer.name);
                let result = handle.tick(u32::try_from(index).unwrap_or(u32::MAX), &mut room);
                drop(guard);
                self.handled(at, Handler::Timer(index), result, &room);
                self.room = Some(room);
                handled += 1;
            }
        }
        handled
    }

    /// Handles the next message of an instance, with those after it that would be next in any case. Answers with how many.
    fn handle_next(&mut self, at: usize, limit: usize) -> usize {
        self.begin_handler(at);
        let Some(Next { place, port, of, most }) = self.graph.next(at) else { return 0 };
        // New code is watched from message to message.
        let limit = if self.probation.is_some() { 1 } else { limit.min(most) };
        let mut room = self.room.take().unwrap_or_default();
        let handled = match of {
            Some(of) => self.handle_plain(at, (place, port), (of, limit), &mut room),
            None => self.handle_prepared(at, (place, port), &mut room),
        };
        self.room = Some(room);
        handled
    }

    /// Handles messages of one type that the port takes as they are.
    fn handle_plain(
        &mut self,
        at: usize,
        (place, port): (usize, u32),
        (of, limit): (u32, usize),
        room: &mut Room,
    ) -> usize {
        let Some((instance, connection)) = self.graph.ends(at, place) else { return 0 };
        let messages = connection.lane.first_of(of).take(limit);
        let Some(result) = handle(&self.watchdog, instance, port, messages, room) else { return 0 };
        let handled = (room.states().count() + usize::from(result.is_err())).max(1);
        self.graph.take(at, place, handled);
        self.handled(at, Handler::Input(port), result, room);
        handled
    }

    /// Handles a message that goes through a transform, or is converted.
    fn handle_prepared(&mut self, at: usize, (place, port): (usize, u32), room: &mut Room) -> usize {
        let Some(message) = self.graph.take(at, place, 1) else { return 0 };
        let Some((instance, connection)) = self.graph.ends(at, place) else { return 0 };
        let Route::Live(path) = &connection.route else { return 0 };
        let of = connection.lane.type_of(&message);
        let prepared = prepare(&message.payload, of, (path.transform.as_deref(), port), instance.module());
        match prepared {
            Ok(None) => {}
            Err(error) => {
                let name = connection.target.port.clone();
                self.fault(at, &name, &error);
            }
            Ok(Some(payload)) => {
                let Some(result) = handle(&self.watchdog, instance, port, [&*payload], room) else {
                    return 0;
                };
                self.handled(at, Handler::Input(port), result, room);
            }
        }
        1
    }

    /// What follows a handler, or several of one port: their states are recorded, and what the last has sent leaves.
    fn handled(&mut self, at: usize, handler: Handler, result: Result<(), CallError>, room: &Room) {
        let instance = &mut self.graph.instances[at];
        let states = room.states().iter();
        if states.len() > 0 {
            instance.record(|module, timers| handler.cause(module, timers), states);
        }
        let is_recorded = result.is_ok() && room.states().count() > 0;
        // Until it is recorded below, and for good if it is not.
        instance.set_recorded(is_recorded);
        self.dispatch(at, room.sent());
        match result {
            Ok(()) if is_recorded => {}
            Ok(()) => self.record(at, handler),
            Err(error) if room.is_unrecorded() => self.fault(at, "state", &error),
            Err(error) => {
                let instance = &self.graph.instances[at];
                let name = handler.name(instance.module(), &instance.timers).to_owned();
                if matches!(error, CallError::Panicked(_)) {
                    if self.is_on_probation(at) {
                        return self.take_back(at, &name, &error);
                    }
                    self.fault(at, &name, &error);
                } else {
                    self.fault(at, &name, &error);
                    // What it did before is done: the next one that panics goes back to that.
                    self.record(at, handler);
                }
            }
        }
        self.end_handler(at);
    }

    /// Sends on what a handler has sent.
    fn dispatch(&mut self, at: usize, sent: &Sent) {
        let mut messages = sent.iter().peekable();
        while let Some((port, payload)) = messages.next() {
            let fed = self.graph.feeds(at, port);
            if fed == 0 || self.is_watched(at, port) {
                self.output(at, port, payload.message());
            } else if fed == 1 {
                let more = std::iter::from_fn(|| messages.next_if(|(next, _)| *next == port));
                self.graph.feed(at, port, 0, [payload].into_iter().chain(more.map(|(_, payload)| payload)));
                continue;
            }
            for nth in 0..fed {
                self.graph.feed(at, port, nth, [payload]);
            }
        }
    }

    fn is_watched(&self, at: usize, port: u32) -> bool {
        let instance = &self.graph.instances[at];
        !instance.watched.is_empty() && {
            let info = instance.module().interface().outputs.get(port as usize);
            info.is_some_and(|info| instance.watched.contains(&info.name))
        }
    }

    /// Reports a message that leaves the graph, or is watched.
    fn output(&mut self, at: usize, port: u32, payload: &[u8]) {
        let found = &self.graph.instances[at];
        let Some(info) = found.module().interface().outputs.get(port as usize) else { return };
        let value = from_bytes::<Value>(payload).map(|value| to_json(&value, &info.shape));
        let event = match value {
            Ok(value) => Event::Output { instance: found.id.clone(), port: info.name.clone(), value },
            Err(error) => Event::Fault {
                instance: found.id.clone(),
                port: info.name.clone(),
                reason: error.to_string(),
            },
        };
        self.log(event);
    }

    fn record(&mut self, at: usize, handler: Handler) {
        let found = &mut self.graph.instances[at];
        let Some(handle) = &mut found.handle else { return };
        match handle.encode_into(&mut self.buffer) {
            Ok(()) => {
                let state = [&self.buffer[..]].into_iter();
                found.record(|module, timers| handler.cause(module, timers), state);
            }
            Err(error) => self.fault(at, "state", &error),
        }
    }

    /// Reports a fault. An instance that panicked is put back to its last recorded state, and begins anew.
    pub(super) fn fault(&mut self, at: usize, port: &str, error: &CallError) {
        if self.restore_after(at, port, error) {
            self.started(at);
        }
    }

    /// Reports a fault. Answers whether the instance had panicked and was put back.
    pub(super) fn restore_after(&mut self, at: usize, port: &str, error: &CallError) -> bool {
        let found = &mut self.graph.instances[at];
        let instance = found.id.clone();
        let mut events = vec![Event::Fault {
            instance: instance.clone(),
            port: port.to_owned(),
            reason: error.to_string(),
        }];
        let has_panicked = found.handle.as_ref().is_some_and(Handle::is_poisoned);
        if has_panicked {
            found.handle = None;
            let snapshot = found.last_state();
            if let Err(error) = found.rebuild(&snapshot) {
                let reason = format!("it could not be restored and is down until the next update: {error}");
                events.push(Event::Fault { instance, port: port.to_owned(), reason });
            }
        }
        events.into_iter().for_each(|event| self.log(event));
        has_panicked
    }
}
