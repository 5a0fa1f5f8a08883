//! A program's widgets: their code, instances, connections and history, and the updates that replace the code.
//!
//! A [`Registry`] does nothing by itself. Its owner calls [`poll`](Registry::poll); between two messages is the only
//! point at which code is replaced, so no handler ever sees half an update. It takes the time from its owner's
//! [`Clock`] and reports all that happens as [`Event`]s.
//!
//! ```
//! use shrine::prelude::*;
//! use shrine::registry::{ManualClock, Registry};
//!
//! #[widget(id = "ticker", version = "1.0.0")]
//! #[derive(Debug, Clone, Default, PartialEq)]
//! struct Ticker {
//!     ticks: u32,
//! }
//!
//! #[widget]
//! impl Ticker {
//!     #[every("1s")]
//!     fn tick(&mut self) {
//!         self.ticks += 1;
//!     }
//! }
//!
//! # fn main() -> Result<(), shrine::BoxError> {
//! let clock = ManualClock::default();
//! let mut registry = Registry::with_clock(clock.clone());
//! registry.link::<Ticker>()?;
//! registry.create("clock", "ticker")?;
//! clock.advance(std::time::Duration::from_secs(1));
//! registry.poll();
//! assert_eq!(registry.state::<Ticker>("clock")?, Ticker { ticks: 1 });
//! # Ok(())
//! # }
//! ```

mod carry;
mod clock;
mod connection;
mod error;
mod history;
mod instance;
mod update;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use connection::{Connection, Endpoint, Route, rewire};
use history::Snapshot;
use instance::{Instance, Message};

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::RegistryError;
pub use history::{HISTORY_BYTES, HISTORY_ENTRIES};
pub use update::{HotUpdate, Outcome};

use crate::abi::handle::{CallError, LINKED, Library, Module, Sent};
use crate::event::{Event, InstanceSummary, WidgetSummary};
use crate::state::json::{from_json, to_json};
use crate::state::plan::Decision;
use crate::state::value::Value;
use crate::state::{State, from_bytes, to_bytes};
use crate::widget::{Behaviour, Widget};

/// How many messages one [`Registry::poll`] handles at most, so that a cycle of connections does not keep its caller.
pub const POLL_LIMIT: usize = 10_000;

/// How many events wait for [`Registry::take_events`]; the oldest go first.
pub const EVENT_LIMIT: usize = 100_000;

/// Owns widgets, instances, connections and history.
pub struct Registry {
    clock: Box<dyn Clock>,
    modules: BTreeMap<String, Loaded>,
    libraries: BTreeMap<String, Option<Vec<u8>>>,
    instances: Vec<Instance>,
    index: HashMap<String, usize>,
    connections: Vec<Connection>,
    generation: u64,
    events: VecDeque<Event>,
}

/// The code that a widget runs, and the library that it came with.
#[derive(Debug, Clone)]
struct Loaded {
    module: Arc<Module>,
    library: String,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("generation", &self.generation)
            .field("modules", &self.modules.keys())
            .field("instances", &self.index.keys())
            .finish_non_exhaustive()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// An empty registry on the clock of the machine.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock::default())
    }

    /// An empty registry on a clock of the caller's.
    #[must_use]
    pub fn with_clock(clock: impl Clock + 'static) -> Self {
        Self {
            clock: Box::new(clock),
            modules: BTreeMap::new(),
            libraries: BTreeMap::new(),
            instances: Vec::new(),
            index: HashMap::new(),
            connections: Vec::new(),
            generation: 0,
            events: VecDeque::new(),
        }
    }

    /// Takes a widget in that is part of this program.
    ///
    /// # Errors
    ///
    /// When a widget of that id is there already, or the program aborts on panic.
    pub fn link<W: Widget + Behaviour>(&mut self) -> Result<(), RegistryError> {
        if self.modules.contains_key(W::ID) {
            return Err(RegistryError::WidgetExists { widget: W::ID.to_owned() });
        }
        for module in Library::in_process(LINKED).with::<W>()?.modules() {
            let loaded = Loaded { module: Arc::clone(module), library: LINKED.to_owned() };
            self.modules.insert(module.id().to_owned(), loaded);
        }
        Ok(())
    }

    /// Puts new code in place of the running one, with all instances or not at all. The first load of a library is
    /// the same thing without instances.
    ///
    /// In order: the plan for each instance; `before_update` on the old code; taking the states; building the new
    /// instances beside the old; `after_update` on the new code; the new code's answer that it is alive; the switch.
    /// Whatever fails before the switch ends the new instances, calls `update_failed` on the old ones in reverse
    /// order, and leaves their states and queues byte for byte as they were.
    pub fn hot_update(&mut self, library: Library, options: HotUpdate) -> Outcome {
        update::run(self, &library, options)
    }

    /// The running generation: how many updates were committed. None before anything was loaded or linked.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        (!self.modules.is_empty()).then_some(self.generation)
    }

    /// The widgets, sorted by id.
    #[must_use]
    pub fn widgets(&self) -> Vec<WidgetSummary> {
        let summary = |loaded: &Loaded| WidgetSummary {
            id: loaded.module.id().to_owned(),
            version: loaded.module.version().to_owned(),
            fingerprint: format!("{:016x}", loaded.module.fingerprint()),
        };
        self.modules.values().map(summary).collect()
    }

    /// The instances, in the order of their creation.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceSummary> {
        let summary = |instance: &Instance| InstanceSummary {
            id: instance.id.clone(),
            widget: instance.module.id().to_owned(),
        };
        self.instances.iter().map(summary).collect()
    }

    /// Makes an instance with the widget's `Default`.
    ///
    /// # Errors
    ///
    /// When the name is taken or none, the widget is unknown, or its `Default` panics.
    pub fn create(&mut self, instance: &str, widget: &str) -> Result<(), RegistryError> {
        if instance.is_empty() || instance.contains(char::is_whitespace) {
            return Err(RegistryError::InvalidName { instance: instance.to_owned() });
        }
        if self.index.contains_key(instance) {
            return Err(RegistryError::InstanceExists { instance: instance.to_owned() });
        }
        let Some(loaded) = self.modules.get(widget) else {
            let known = self.modules.keys().cloned().collect();
            return Err(RegistryError::UnknownWidget { widget: widget.to_owned(), known });
        };
        let made =
            loaded.module.create().and_then(|handle| Instance::new(instance, handle, self.clock.now()));
        let made = made.map_err(|error| RegistryError::Call { instance: instance.to_owned(), error })?;
        self.index.insert(instance.to_owned(), self.instances.len());
        self.instances.push(made);
        self.rewire();
        self.log(Event::Created { instance: instance.to_owned(), widget: widget.to_owned() });
        Ok(())
    }

    /// Ends an instance. Its connections stay, parked, until an instance of that name is there again.
    ///
    /// # Errors
    ///
    /// When there is no such instance.
    pub fn remove(&mut self, instance: &str) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.instances.remove(at);
        self.index =
            self.instances.iter().enumerate().map(|(at, instance)| (instance.id.clone(), at)).collect();
        self.rewire();
        self.log(Event::Removed { instance: instance.to_owned() });
        Ok(())
    }

    /// Connects an output port to an input port: `connect("counter.total", "display.show")`.
    ///
    /// # Errors
    ///
    /// When a port is unknown, the types differ, or the two are connected already.
    pub fn connect(&mut self, source: &str, target: &str) -> Result<(), RegistryError> {
        let (from, to) = (endpoint(source)?, endpoint(target)?);
        let sender = &self.instances[self.at(&from.instance)?];
        let Some((_, sends)) = connection::output(&sender.module, &from.port) else {
            return Err(unknown_port(sender, &from.port, false));
        };
        let receiver = &self.instances[self.at(&to.instance)?];
        let Some((_, takes)) = connection::input(&receiver.module, &to.port) else {
            return Err(unknown_port(receiver, &to.port, true));
        };
        let [source, target] = [source, target].map(str::to_owned);
        if sends.fingerprint != takes.fingerprint {
            let (sends, takes) = (sends.shape.to_string(), takes.shape.to_string());
            return Err(RegistryError::NotConnectable { source, sends, target, takes });
        }
        if self.connections.iter().any(|known| known.source == from && known.target == to) {
            return Err(RegistryError::Connected { source, target });
        }
        let route = Route::Parked(String::new());
        self.connections.push(Connection { source: from, target: to, route, queue: VecDeque::new() });
        self.rewire();
        self.log(Event::Connected { source, target });
        Ok(())
    }

    /// Sends a message to an input port: `send("counter.add", &5_i64)`. It is handled by the next
    /// [`poll`](Self::poll).
    ///
    /// # Errors
    ///
    /// When the port is unknown or takes another type.
    pub fn send<T: State>(&mut self, target: &str, message: &T) -> Result<(), RegistryError> {
        let (at, port) = self.input(target)?;
        let takes = &self.instances[at].module.interface().inputs[port as usize];
        if takes.fingerprint != T::FINGERPRINT {
            return Err(RegistryError::OtherType {
                target: target.to_owned(),
                expected: takes.shape.to_string(),
                found: crate::state::shape_of::<T>().to_string(),
            });
        }
        let payload = to_bytes(message).map_err(|error| self.call_failed(at, error.to_string()))?;
        self.instances[at].inbox.push_back(Message { port, payload });
        Ok(())
    }

    /// Sends a message that is written as JSON.
    ///
    /// # Errors
    ///
    /// When the port is unknown, or the JSON is not of its type.
    pub fn send_json(&mut self, target: &str, message: &serde_json::Value) -> Result<(), RegistryError> {
        let (at, port) = self.input(target)?;
        let takes = &self.instances[at].module.interface().inputs[port as usize];
        let value = from_json(message, &takes.shape).map_err(|mismatch| RegistryError::Shape {
            target: target.to_owned(),
            expected: takes.shape.to_string(),
            mismatch,
        })?;
        let payload = to_bytes(&value).map_err(|error| self.call_failed(at, error.to_string()))?;
        self.instances[at].inbox.push_back(Message { port, payload });
        Ok(())
    }

    /// Runs the timers that are due and delivers the messages that wait, up to [`POLL_LIMIT`]. Answers with how many
    /// handlers ran: after less than the limit, nothing waits.
    pub fn poll(&mut self) -> usize {
        let mut handled = self.run_timers();
        loop {
            let before = handled;
            // One message for each instance in turn: a busy one does not starve the rest.
            for at in 0..self.instances.len() {
                if handled >= POLL_LIMIT {
                    return handled;
                }
                if let Some(message) = self.instances[at].inbox.pop_front() {
                    self.deliver(at, &message);
                    handled += 1;
                }
            }
            if handled == before {
                return handled;
            }
        }
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
        if self.instances.iter().any(|instance| instance.handle.is_some() && !instance.inbox.is_empty()) {
            return Some(Duration::ZERO);
        }
        let timers =
            self.instances.iter().filter(|instance| instance.handle.is_some()).flat_map(|i| &i.timers);
        let due = timers.map(|timer| timer.due).min()?;
        Some(due.saturating_sub(self.clock.now()))
    }

    /// The state of an instance, decoded as its Rust type.
    ///
    /// # Errors
    ///
    /// When there is no such instance, or its state is of another type.
    pub fn state<T: State>(&mut self, instance: &str) -> Result<T, RegistryError> {
        let at = self.at(instance)?;
        let bytes = self.encoded(at)?;
        from_bytes(&bytes).map_err(|error| self.call_failed(at, error.to_string()))
    }

    /// The state of an instance in its encoding.
    ///
    /// # Errors
    ///
    /// When there is no such instance, or it cannot be encoded.
    pub fn state_bytes(&mut self, instance: &str) -> Result<Arc<[u8]>, RegistryError> {
        let at = self.at(instance)?;
        self.encoded(at)
    }

    /// The state of an instance as [`Event::State`].
    ///
    /// # Errors
    ///
    /// When there is no such instance, or it cannot be encoded.
    pub fn state_json(&mut self, instance: &str) -> Result<Event, RegistryError> {
        let at = self.at(instance)?;
        let bytes = self.encoded(at)?;
        let value: Value = from_bytes(&bytes).map_err(|error| self.call_failed(at, error.to_string()))?;
        let found = &self.instances[at];
        Ok(Event::State {
            instance: found.id.clone(),
            widget: found.module.id().to_owned(),
            version: found.module.version().to_owned(),
            value: to_json(&value, found.shape()),
        })
    }

    /// Sets the state of an instance from JSON. Fields that the JSON does not name keep their values.
    ///
    /// # Errors
    ///
    /// When there is no such instance, or the JSON is not of its shape.
    pub fn set_json(&mut self, instance: &str, state: &serde_json::Value) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        let mut state = state.clone();
        if let (Some(fields), Event::State { value: serde_json::Value::Object(current), .. }) =
            (state.as_object_mut(), self.state_json(instance)?)
        {
            for (name, value) in current {
                fields.entry(name).or_insert(value);
            }
        }
        let found = &mut self.instances[at];
        let value = from_json(&state, found.shape()).map_err(|mismatch| RegistryError::Shape {
            target: instance.to_owned(),
            expected: found.shape().to_string(),
            mismatch,
        })?;
        let bytes = to_bytes(&value).map_err(|error| self.call_failed(at, error.to_string()))?;
        let found = &mut self.instances[at];
        let snapshot =
            Snapshot { module: Arc::clone(&found.module), state: bytes.into(), attic: found.attic.clone() };
        found
            .rebuild(&snapshot)
            .map_err(|error| RegistryError::Call { instance: instance.to_owned(), error })?;
        found.history.record("set", snapshot);
        Ok(())
    }

    /// What the widget shows of an instance, as [`Event::View`].
    ///
    /// # Errors
    ///
    /// When there is no such instance, it is down, or the view panics.
    pub fn view(&mut self, instance: &str) -> Result<Event, RegistryError> {
        let at = self.at(instance)?;
        let result = self.instances[at].handle()?.view();
        match result {
            Ok(value) => Ok(Event::View { instance: instance.to_owned(), value }),
            Err(error) => {
                self.fault(at, "view", &error);
                Err(RegistryError::Call { instance: instance.to_owned(), error })
            }
        }
    }

    /// The history of an instance, as [`Event::History`].
    ///
    /// # Errors
    ///
    /// When there is no such instance.
    pub fn history(&self, instance: &str) -> Result<Event, RegistryError> {
        let at = self.at(instance)?;
        Ok(Event::History { instance: instance.to_owned(), value: self.instances[at].history.summaries() })
    }

    /// Goes back to the state before the current one. A state of an older version migrates.
    ///
    /// # Errors
    ///
    /// When there is no such instance, nothing is before, or that state has no way into the running code.
    pub fn undo(&mut self, instance: &str) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        let Some((undone, target)) = self.instances[at].history.before() else {
            return Err(RegistryError::NoHistory { instance: instance.to_owned(), what: "undo" });
        };
        let target = target.clone();
        let restored = self.restore(at, &target)?;
        self.instances[at].history.went_back(undone, restored);
        Ok(())
    }

    /// Goes to the state that was undone last.
    ///
    /// # Errors
    ///
    /// As [`undo`](Self::undo).
    pub fn redo(&mut self, instance: &str) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        let Some((redone, target)) = self.instances[at].history.after() else {
            return Err(RegistryError::NoHistory { instance: instance.to_owned(), what: "redo" });
        };
        let target = target.clone();
        let restored = self.restore(at, &target)?;
        self.instances[at].history.went_forward(redone, restored);
        Ok(())
    }

    /// The connections, as [`Event::Connections`].
    #[must_use]
    pub fn connections(&self) -> Event {
        Event::Connections { value: self.connections.iter().map(Connection::summary).collect() }
    }

    /// What has happened since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    fn log(&mut self, event: Event) {
        if self.events.len() == EVENT_LIMIT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn at(&self, instance: &str) -> Result<usize, RegistryError> {
        self.index.get(instance).copied().ok_or_else(|| RegistryError::UnknownInstance {
            instance: instance.to_owned(),
            known: self.instances.iter().map(|instance| instance.id.clone()).collect(),
        })
    }

    fn input(&self, target: &str) -> Result<(usize, u32), RegistryError> {
        let endpoint = endpoint(target)?;
        let at = self.at(&endpoint.instance)?;
        let found = connection::input(&self.instances[at].module, &endpoint.port);
        match found.map(|(port, _)| u32::try_from(port)) {
            Some(Ok(port)) => Ok((at, port)),
            _ => Err(unknown_port(&self.instances[at], &endpoint.port, true)),
        }
    }

    fn encoded(&mut self, at: usize) -> Result<Arc<[u8]>, RegistryError> {
        let found = &mut self.instances[at];
        found.state().map_err(|error| RegistryError::Call { instance: found.id.clone(), error })
    }

    fn call_failed(&self, at: usize, message: String) -> RegistryError {
        let error = CallError::Failed(crate::abi::Failure { message, location: None });
        RegistryError::Call { instance: self.instances[at].id.clone(), error }
    }

    fn rewire(&mut self) {
        rewire(&mut self.instances, &self.index, &mut self.connections);
    }

    /// Puts a state of the history in place of the current one.
    fn restore(&mut self, at: usize, target: &Snapshot) -> Result<Snapshot, RegistryError> {
        let found = &mut self.instances[at];
        let unreachable = |reason: String| RegistryError::Unreachable { instance: found.id.clone(), reason };
        let decision = carry::plan(&target.module, &found.module);
        if let Decision::Refuse(reason) = &decision {
            return Err(unreachable(update::explain(reason, &target.module, &found.module).0));
        }
        let carried = carry::carry(target, &found.module, &decision, None)
            .map_err(|error| unreachable(error.reason))?;
        found.handle = Some(carried.handle);
        found.attic = carried.attic;
        found.snapshot().map_err(|error| RegistryError::Call { instance: found.id.clone(), error })
    }

    fn run_timers(&mut self) -> usize {
        let now = self.clock.now();
        let mut handled = 0;
        for at in 0..self.instances.len() {
            for index in 0..self.instances[at].timers.len() {
                let timer = &mut self.instances[at].timers[index];
                if timer.due > now {
                    continue;
                }
                // A timer that was held up fires once, and keeps its phase.
                let missed = (now - timer.due).as_nanos() / timer.period.as_nanos().max(1);
                timer.due += timer.period * u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
                let name = timer.name.clone();
                let Some(handle) = &mut self.instances[at].handle else { continue };
                let result = handle.tick(u32::try_from(index).unwrap_or(u32::MAX));
                self.handled(at, &name, "timer", result);
                handled += 1;
            }
        }
        handled
    }

    fn deliver(&mut self, at: usize, message: &Message) {
        let found = &mut self.instances[at];
        let port = found.module.interface().inputs[message.port as usize].name.clone();
        match &mut found.handle {
            Some(handle) => {
                let result = handle.deliver(message.port, &message.payload);
                self.handled(at, &port, "message", result);
            }
            None => {
                let reason = "a message came in while the instance is down; it is dropped".to_owned();
                self.log(Event::Fault { instance: self.instances[at].id.clone(), port, reason });
            }
        }
    }

    /// What follows a handler: its messages leave, and its state is recorded.
    fn handled(&mut self, at: usize, name: &str, what: &str, result: Result<Sent, CallError>) {
        match result {
            Ok(sent) => {
                self.dispatch(at, sent);
                self.record(at, &format!("{what} {name}"));
            }
            Err(error) => self.fault(at, name, &error),
        }
    }

    fn dispatch(&mut self, at: usize, sent: Sent) {
        for (port, payload) in sent {
            let routes = self.instances[at].routes.get(port as usize).cloned().unwrap_or_default();
            if routes.is_empty() {
                self.output(at, port, &payload);
            }
            for route in routes {
                let connection = &mut self.connections[route];
                match &connection.route {
                    Route::Live { target, port } => {
                        let message = Message { port: *port, payload: payload.clone() };
                        self.instances[*target].inbox.push_back(message);
                    }
                    Route::Parked(_) => {
                        let fingerprint =
                            self.instances[at].module.interface().outputs[port as usize].fingerprint;
                        connection.queue.push_back((fingerprint, payload.clone()));
                    }
                }
            }
        }
    }

    /// A message that nothing is connected to receive.
    fn output(&mut self, at: usize, port: u32, payload: &[u8]) {
        let found = &self.instances[at];
        let Some(info) = found.module.interface().outputs.get(port as usize) else { return };
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

    fn record(&mut self, at: usize, cause: &str) {
        let found = &mut self.instances[at];
        match found.snapshot() {
            Ok(snapshot) => found.history.record(cause, snapshot),
            Err(error) => self.fault(at, "state", &error),
        }
    }

    /// Reports a fault. An instance that panicked is put back to its last recorded state.
    fn fault(&mut self, at: usize, port: &str, error: &CallError) {
        let found = &mut self.instances[at];
        let instance = found.id.clone();
        let mut events = vec![Event::Fault {
            instance: instance.clone(),
            port: port.to_owned(),
            reason: error.to_string(),
        }];
        if found.handle.as_ref().is_some_and(crate::abi::handle::Handle::is_poisoned) {
            found.handle = None;
            let snapshot = found.history.current().clone();
            if let Err(error) = found.rebuild(&snapshot) {
                let reason = format!("it could not be restored and is down until the next update: {error}");
                events.push(Event::Fault { instance, port: port.to_owned(), reason });
            }
        }
        events.into_iter().for_each(|event| self.log(event));
    }
}

fn endpoint(text: &str) -> Result<Endpoint, RegistryError> {
    // Ids of widgets may have dots in them, and so may names of instances; ports are Rust names.
    match text.rsplit_once('.') {
        Some((instance, port)) if !instance.is_empty() && !port.is_empty() => {
            Ok(Endpoint { instance: instance.to_owned(), port: port.to_owned() })
        }
        _ => Err(RegistryError::NotAPort { text: text.to_owned() }),
    }
}

fn unknown_port(instance: &Instance, port: &str, input: bool) -> RegistryError {
    let interface = instance.module.interface();
    let ports = if input { &interface.inputs } else { &interface.outputs };
    let known = ports.iter().map(|port| port.name.clone()).collect();
    RegistryError::UnknownPort { instance: instance.id.clone(), port: port.to_owned(), input, known }
}
