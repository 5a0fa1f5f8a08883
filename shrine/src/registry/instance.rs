//! A running instance of a widget.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::error::RegistryError;
use super::history::{History, Snapshot};
use crate::abi::handle::{CallError, Handle, Module};
use crate::state::attic::Attic;
use crate::state::shape::Shape;

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) id: String,
    /// The code that it runs; also when it is down.
    pub(super) module: Arc<Module>,
    /// The instance itself; none when it could not be restored after a fault.
    pub(super) handle: Option<Handle>,
    pub(super) attic: Attic,
    pub(super) inbox: VecDeque<Message>,
    /// Messages whose port is not there in the current code, in the order of their arrival.
    pub(super) parked: Vec<ParkedMessage>,
    pub(super) timers: Vec<Timer>,
    pub(super) history: History,
    pub(super) checkpoint: Option<Checkpoint>,
    /// For each output port, the connections that leave it.
    pub(super) routes: Vec<Vec<usize>>,
}

/// A message that waits, for the input port of that index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) port: u32,
    pub(super) payload: Vec<u8>,
}

/// A message that waits for its port to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParkedMessage {
    pub(super) port: String,
    pub(super) fingerprint: u64,
    pub(super) payload: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) struct Timer {
    pub(super) name: String,
    pub(super) period: Duration,
    pub(super) due: Duration,
}

/// The state before and after the last update: while it has not changed since, going back loses nothing.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    pub(super) before: Snapshot,
    pub(super) after: Arc<[u8]>,
}

impl Instance {
    pub(super) fn new(id: &str, mut handle: Handle, now: Duration) -> Result<Self, CallError> {
        let module = Arc::clone(handle.module());
        let state = handle.encode()?.into();
        let snapshot = Snapshot { module: Arc::clone(&module), state, attic: Attic::default() };
        Ok(Self {
            id: id.to_owned(),
            handle: Some(handle),
            attic: Attic::default(),
            inbox: VecDeque::new(),
            parked: Vec::new(),
            timers: timers_of(&module, &[], now),
            history: History::new("created", snapshot),
            checkpoint: None,
            routes: Vec::new(),
            module,
        })
    }

    pub(super) fn handle(&mut self) -> Result<&mut Handle, RegistryError> {
        match &mut self.handle {
            Some(handle) => Ok(handle),
            None => Err(RegistryError::Down { instance: self.id.clone() }),
        }
    }

    /// The encoded state; the last recorded one when the instance is down.
    pub(super) fn state(&mut self) -> Result<Arc<[u8]>, CallError> {
        match &mut self.handle {
            Some(handle) => handle.encode().map(Into::into),
            None => Ok(Arc::clone(&self.history.current().state)),
        }
    }

    pub(super) fn snapshot(&mut self) -> Result<Snapshot, CallError> {
        let state = self.state()?;
        Ok(Snapshot { module: Arc::clone(&self.module), state, attic: self.attic.clone() })
    }

    pub(super) fn shape(&self) -> &Shape {
        head_shape(&self.module)
    }

    /// Puts an instance from that state in place of the current one, in the same code.
    pub(super) fn rebuild(&mut self, snapshot: &Snapshot) -> Result<(), CallError> {
        let (handle, attic) = self.module.decode(self.module.version(), &snapshot.state, &snapshot.attic)?;
        self.handle = Some(handle);
        self.attic = attic;
        Ok(())
    }

    /// Fits inbox and timers to the code that the instance now runs. `before` is the code it ran.
    pub(super) fn adopt(&mut self, before: &Module, now: Duration) {
        let names = |message: Message| {
            let port = &before.interface().inputs[message.port as usize];
            ParkedMessage { port: port.name.clone(), fingerprint: port.fingerprint, payload: message.payload }
        };
        // Parked ones came first: what found its port again goes before what arrived since.
        let waiting: Vec<_> = self.parked.drain(..).chain(self.inbox.drain(..).map(names)).collect();
        for message in waiting {
            match input_port(&self.module, &message.port, message.fingerprint) {
                Some(port) => self.inbox.push_back(Message { port, payload: message.payload }),
                None => self.parked.push(message),
            }
        }
        self.timers = timers_of(&self.module, &self.timers, now);
    }
}

/// The shape of the state that the code has.
pub(super) fn head_shape(module: &Module) -> &Shape {
    module.versions().first().map_or(&Shape::Unit, |info| &info.shape)
}

/// The index of the input port of that name and type.
pub(super) fn input_port(module: &Module, name: &str, fingerprint: u64) -> Option<u32> {
    let found = module
        .interface()
        .inputs
        .iter()
        .position(|port| port.name == name && port.fingerprint == fingerprint)?;
    u32::try_from(found).ok()
}

/// The timers of the code. One that ran before keeps its phase.
fn timers_of(module: &Module, before: &[Timer], now: Duration) -> Vec<Timer> {
    let timer = |info: &crate::widget::TimerInfo| {
        let period = Duration::from_nanos(info.period);
        let due = match before.iter().find(|timer| timer.name == info.name) {
            Some(timer) if timer.period == period => timer.due,
            Some(timer) => (timer.due.saturating_sub(timer.period) + period).max(now),
            None => now + period,
        };
        Timer { name: info.name.clone(), period, due }
    };
    module.interface().timers.iter().map(timer).collect()
}
