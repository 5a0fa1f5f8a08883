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

mod accept;
mod carry;
mod clock;
mod connection;
mod crew;
mod error;
mod graph;
mod history;
mod inbox;
mod instance;
mod known;
mod lane;
mod lifecycle;
mod log;
mod messages;
mod past;
mod probation;
mod report;
mod states;
mod update;
mod watchdog;
mod wiring;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use accept::{Deferred, Handler};
use connection::{Endpoint, Transforms};
use crew::Crew;
use graph::Graph;
use inbox::Shared;
use instance::Instance;
use log::EventLog;
use probation::Probation;
use watchdog::Watchdog;

pub use accept::{Acceptance, Proposal, Until};
pub use clock::{Clock, ManualClock, SystemClock};
pub use connection::ConnectOptions;
pub use error::{RegistryError, Unfit};
pub use history::{CHECKPOINT_NAME, HISTORY_BYTES, HISTORY_ENTRIES, HistoryError, HistoryLimits, Policy};
pub use inbox::{INBOX_CAPACITY, Inbox, InboxError};
pub use lane::{Mode, Overflow, STREAM_CAPACITY};
pub use log::{EVENT_LIMIT, Recorded, Subscription};
pub use messages::POLL_LIMIT;
pub use probation::PROBATION;
pub use update::{DEADLINE, HotUpdate, Outcome, Unbumped};
pub use watchdog::Stuck;

use crate::abi::handle::{CallError, LINKED, Library, Module, Room};
use crate::event::{Event, InstanceInfo, InstanceSummary, WidgetSummary};
use crate::transform::Transform;
use crate::widget::{Behaviour, Widget};

/// Owns widgets, instances, connections and history.
pub struct Registry {
    clock: Box<dyn Clock>,
    code: LoadedCode,
    graph: Graph,
    /// The generation that the next update makes current.
    next_generation: u64,
    log: EventLog,
    shared: Arc<Shared>,
    handlers: HashMap<String, Handler>,
    deferred: Option<Deferred>,
    probation: Option<Probation>,
    /// The builds that were taken back, by library, and why: they are not tried again.
    rejected: BTreeMap<String, (Vec<u8>, String)>,
    watchdog: Watchdog,
    /// For states that are looked at and not kept.
    buffer: Vec<u8>,
    /// For what handlers leave; none while one is running.
    room: Option<Box<Room>>,
}

/// The code that runs.
#[derive(Debug, Clone, Default)]
struct LoadedCode {
    modules: BTreeMap<String, Loaded>,
    transforms: Transforms,
    /// The library that each transform came with.
    transform_homes: BTreeMap<String, String>,
    /// The builds of the libraries.
    libraries: BTreeMap<String, Option<Vec<u8>>>,
    generation: u64,
}

impl LoadedCode {
    fn remove(&mut self, library: &str) {
        self.modules.retain(|_, loaded| loaded.library != library);
        let homes = &self.transform_homes;
        self.transforms.retain(|name, _| homes.get(name).is_none_or(|home| home != library));
        self.transform_homes.retain(|_, home| home != library);
        self.libraries.remove(library);
    }
}

/// The code that a widget runs, and the library that it came with.
#[derive(Debug, Clone)]
struct Loaded {
    module: Arc<Module>,
    library: String,
    /// Its instances.
    crew: Arc<Crew>,
}

impl Loaded {
    fn new(module: &Arc<Module>, library: &str) -> Self {
        Self { module: Arc::clone(module), library: library.to_owned(), crew: Crew::new(module) }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let instances: Vec<_> = self.graph.instances.iter().map(|instance| &instance.id).collect();
        f.debug_struct("Registry")
            .field("generation", &self.code.generation)
            .field("modules", &self.code.modules.keys())
            .field("instances", &instances)
            .finish_non_exhaustive()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.close();
        for at in (0..self.graph.instances.len()).rev() {
            self.stopped(at);
        }
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
            code: LoadedCode::default(),
            graph: Graph::default(),
            next_generation: 1,
            log: EventLog::default(),
            shared: Arc::default(),
            handlers: HashMap::new(),
            deferred: None,
            probation: None,
            rejected: BTreeMap::new(),
            watchdog: Watchdog::default(),
            buffer: Vec::new(),
            room: None,
        }
    }

    /// Takes a widget in that is part of this program.
    ///
    /// # Errors
    ///
    /// When a widget of that id is there already, or the program aborts on panic.
    pub fn link<W: Widget + Behaviour>(&mut self) -> Result<(), RegistryError> {
        if self.code.modules.contains_key(W::ID) {
            return Err(RegistryError::WidgetExists { widget: W::ID.to_owned() });
        }
        self.settle();
        for module in Library::in_process(LINKED).with::<W>()?.modules() {
            self.code.modules.insert(module.id().to_owned(), Loaded::new(module, LINKED));
        }
        Ok(())
    }

    /// Takes a transform in that is part of this program: `#[transform] fn doubled(..)` is the type `doubled` here.
    ///
    /// # Errors
    ///
    /// When a transform of that name is there already, or the program aborts on panic.
    pub fn link_transform<T: Transform>(&mut self) -> Result<(), RegistryError> {
        if self.code.transforms.contains_key(T::NAME) {
            return Err(RegistryError::TransformExists { transform: T::NAME.to_owned() });
        }
        self.settle();
        for transform in Library::in_process(LINKED).with_transform::<T>()?.transforms() {
            self.code.transforms.insert(transform.name().to_owned(), Arc::clone(transform));
            self.code.transform_homes.insert(transform.name().to_owned(), LINKED.to_owned());
        }
        self.graph.wire_all(&self.code.transforms);
        self.tell_parked();
        Ok(())
    }

    /// Puts new code in place of the running one, with all instances or not at all. The first load of a library is
    /// the same thing without instances.
    ///
    /// In order: the plan for each instance; the handlers of [`accept`](Self::accept); `before_update` on the old code;
    /// taking the states; building the new instances beside the old, with all migrations and checks; the connections;
    /// `after_update` on the new code; the new code's answer that it is alive; the switch. Whatever fails before the
    /// switch ends the new instances, calls `update_failed` on the old ones in reverse order, and leaves their states
    /// and queues byte for byte as they were. New code that panics on its first messages is taken back as well
    /// ([`HotUpdate::probation`]).
    pub fn hot_update(&mut self, library: Library, options: HotUpdate) -> Outcome {
        self.hot_update_all(vec![library], options)
    }

    /// Puts the code of several libraries in place at once: with all instances of all of them, or not at all.
    pub fn hot_update_all(&mut self, libraries: Vec<Library>, options: HotUpdate) -> Outcome {
        update::run(self, libraries, options)
    }

    /// Takes a library out: its instances end, its widgets and transforms are no more. The code stays mapped, and nothing
    /// runs it.
    pub fn remove_library(&mut self, library: &str) {
        self.settle();
        let is_of = |instance: &Instance| {
            self.code.modules.get(instance.module().id()).is_some_and(|loaded| loaded.library == library)
        };
        let instances = self.graph.instances.iter().enumerate();
        let places = instances.filter(|(_, instance)| is_of(instance)).map(|(at, _)| at).collect();
        self.code.remove(library);
        self.end(places);
    }

    /// The running generation: how many updates were committed. None before anything was loaded or linked.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        (!self.code.modules.is_empty()).then_some(self.code.generation)
    }

    /// The widgets, sorted by id.
    #[must_use]
    pub fn widgets(&self) -> Vec<WidgetSummary> {
        let summary = |loaded: &Loaded| WidgetSummary {
            id: loaded.module.id().to_owned(),
            version: loaded.module.version().to_owned(),
            fingerprint: format!("{:016x}", loaded.module.fingerprint()),
        };
        self.code.modules.values().map(summary).collect()
    }

    /// The instances, in the order of their creation.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceSummary> {
        let summary = |instance: &Instance| InstanceSummary {
            id: instance.id.clone(),
            widget: instance.module().id().to_owned(),
        };
        self.graph.instances.iter().map(summary).collect()
    }

    /// What there is to know about an instance: its code, its updates, its connections.
    ///
    /// # Errors
    ///
    /// When there is no such instance.
    pub fn instance(&self, instance: &str) -> Result<InstanceInfo, RegistryError> {
        let found = &self.graph.instances[self.at(instance)?];
        let past = found.whole_past();
        let last = past.updates.last();
        let places = self.graph.connections_of(instance);
        let connections = places.iter().filter_map(|place| self.graph.connection(*place));
        let waiting = connections.clone().filter(|connection| connection.target.instance == instance);
        Ok(InstanceInfo {
            instance: found.id.clone(),
            widget: found.module().id().to_owned(),
            version: found.module().version().to_owned(),
            library: self.code.modules.get(found.module().id()).map(|loaded| loaded.library.clone()),
            generation: last.map_or(found.born, |mark| mark.generation),
            last_update_us: last.map(|mark| u64::try_from(mark.at.as_micros()).unwrap_or(u64::MAX)),
            versions: past.updates.versions(),
            is_down: found.handle.is_none(),
            waiting: waiting.map(|connection| connection.lane.len()).sum(),
            history: past.history.len(),
            connections: connections
                .filter(|connection| connection.source.is_some())
                .map(connection::Connection::summary)
                .collect(),
        })
    }

    /// Makes an instance with the widget's `Default`, and runs `#[started]` on it. An error or panic in that is reported as
    /// [`Event::Fault`]; the instance is there all the same.
    ///
    /// # Errors
    ///
    /// When the name is taken or none, the widget is unknown, or its `Default` panics.
    pub fn create(&mut self, instance: &str, widget: &str) -> Result<(), RegistryError> {
        self.create_from(instance, widget, None)
    }

    /// The same with a state that is written as JSON. Fields that it does not name are those of the widget's `Default`.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and when the JSON is not of the widget's shape. There is no instance then.
    pub fn create_with(
        &mut self,
        instance: &str,
        widget: &str,
        state: &serde_json::Value,
    ) -> Result<(), RegistryError> {
        self.create_from(instance, widget, Some(&|default| states::completed(state, default)))
    }

    /// The same with what `state` makes of the `Default`.
    pub(crate) fn create_from(
        &mut self,
        instance: &str,
        widget: &str,
        state: Option<&dyn Fn(serde_json::Value) -> serde_json::Value>,
    ) -> Result<(), RegistryError> {
        if instance.is_empty() || instance.contains(char::is_whitespace) {
            return Err(RegistryError::InvalidName { instance: instance.to_owned() });
        }
        if self.graph.at(instance).is_some() {
            return Err(RegistryError::InstanceExists { instance: instance.to_owned() });
        }
        let Some(loaded) = self.code.modules.get(widget) else {
            let known = self.code.modules.keys().cloned().collect();
            return Err(RegistryError::UnknownWidget { widget: widget.to_owned(), known });
        };
        let (slot, now) = (self.shared.slot(instance), self.clock.now());
        let made = Instance::new(instance, &loaded.crew, slot, now);
        let mut made = made.map_err(|error| RegistryError::Call { instance: instance.to_owned(), error })?;
        if let Some(state) = state {
            states::begin(&mut made, state)?;
        }
        made.born = self.code.generation;
        self.settle();
        self.shared.begins(&made.slot, made.crew());
        self.graph.insert(made, &self.code.transforms);
        self.log(Event::Created { instance: instance.to_owned(), widget: widget.to_owned() });
        self.tell_parked();
        if let Some(at) = self.graph.at(instance) {
            self.started(at);
        }
        Ok(())
    }

    /// Ends an instance, after `#[stopped]`, and drops the messages that were sent to it from outside. Its connections stay, parked with
    /// what waits on them, until an instance of that name is there again.
    ///
    /// # Errors
    ///
    /// When there is no such instance.
    pub fn remove(&mut self, instance: &str) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.settle();
        self.end(vec![at]);
        Ok(())
    }

    /// Ends the instances at these places, which are sorted, and tells of it.
    fn end(&mut self, places: Vec<usize>) {
        // Before it is told, so that a thread that it waits for can see that its time has come.
        self.shared.forget(&places.iter().map(|at| self.graph.instances[*at].id.as_str()).collect());
        for at in &places {
            self.stopped(*at);
        }
        for removed in self.graph.remove(&places, &self.code.transforms) {
            self.log(Event::Removed { instance: removed.id.clone() });
        }
        self.tell_parked();
    }

    /// The way in for other threads.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        self.shared.inbox()
    }

    /// Has `waker` called, on the sender's thread, when an [`Inbox`] has accepted a message: it should have the owner
    /// [`poll`](Self::poll).
    pub fn on_message(&mut self, waker: impl Fn() + Send + 'static) {
        self.shared.set_waker(Box::new(waker));
    }

    /// Has calls into widgets told of that run for longer than `patience`, from a thread that watches them. The call
    /// itself goes on: nothing can end it but itself.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub fn on_stuck(
        &mut self,
        patience: Duration,
        tell: impl FnMut(&Stuck) + Send + 'static,
    ) -> std::io::Result<()> {
        self.watchdog.install(patience, tell)?;
        if let Some(beat) = self.watchdog.beat() {
            self.room.get_or_insert_default().states_mut().count_up(beat);
        }
        Ok(())
    }

    /// What has happened since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.log.take()
    }

    /// What is remembered of the events from that place on: the update log, without taking anything from anyone.
    pub fn events_since(&self, seq: u64) -> impl Iterator<Item = &Recorded> {
        self.log.since(seq).map(|recorded| &**recorded)
    }

    /// Replays the events that are remembered from that place on (0: all), and follows what happens.
    pub fn subscribe(&mut self, from: u64) -> Subscription {
        self.log.subscribe(from)
    }

    fn log(&mut self, event: Event) {
        self.log.add(event);
    }

    fn at(&self, instance: &str) -> Result<usize, RegistryError> {
        self.graph.at(instance).ok_or_else(|| RegistryError::UnknownInstance {
            instance: instance.to_owned(),
            known: self.graph.instances.iter().map(|instance| instance.id.clone()).collect(),
        })
    }

    fn call_failed(&self, at: usize, message: String) -> RegistryError {
        let error = CallError::Failed(crate::abi::Failure { message, location: None });
        RegistryError::Call { instance: self.graph.instances[at].id.clone(), error }
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
    let interface = instance.module().interface();
    let ports = if input { &interface.inputs } else { &interface.outputs };
    let known = ports.iter().map(|port| port.name.clone()).collect();
    RegistryError::UnknownPort { instance: instance.id.clone(), port: port.to_owned(), input, known }
}
