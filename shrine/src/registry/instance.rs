//! A running instance of a widget.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use super::error::RegistryError;
use super::history::updates::UpdateCheckpoints;
use super::history::{History, Snapshot};
use super::inbox::Slot;
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
    pub(super) attic: Arc<Attic>,
    /// Where the messages of its own threads go. The same for as long as the instance is there, whatever code it runs.
    pub(super) slot: Arc<Slot>,
    pub(super) timers: Vec<Timer>,
    pub(super) history: History,
    /// The generation in which it was made.
    pub(super) born: u64,
    /// The states around the last updates.
    pub(super) updates: UpdateCheckpoints,
    /// The output ports whose messages are reported even if something is connected.
    pub(super) watched: BTreeSet<String>,
    /// For each output port, the places of the connections that leave it.
    pub(super) routes: Vec<Vec<usize>>,
    /// For each input port, the place of the lane from outside.
    pub(super) inlets: Vec<Option<usize>>,
    /// The first message of each lane that has any: its place in the order, and that of its connection.
    pub(super) next: BinaryHeap<Reverse<(u64, usize)>>,
    /// How many of the streams that it feeds are full.
    pub(super) full: usize,
    /// Whether it stands in the queue for a turn.
    pub(super) in_turn: bool,
    /// Whether it is among those that are held by full streams.
    pub(super) is_held: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Timer {
    pub(super) name: String,
    pub(super) period: Duration,
    pub(super) due: Duration,
}

impl Instance {
    pub(super) fn new(
        id: &str,
        mut handle: Handle,
        slot: Arc<Slot>,
        now: Duration,
    ) -> Result<Self, CallError> {
        let module = Arc::clone(handle.module());
        let state = handle.encode()?.into();
        let snapshot = Snapshot { module: Arc::clone(&module), state, attic: Arc::default() };
        Ok(Self {
            id: id.to_owned(),
            handle: Some(handle.with_inbox(slot.clone())),
            attic: Arc::default(),
            slot,
            timers: timers_of(&module, &[], now),
            history: History::new("created", snapshot),
            born: 0,
            updates: UpdateCheckpoints::default(),
            watched: BTreeSet::new(),
            routes: Vec::new(),
            inlets: Vec::new(),
            next: BinaryHeap::new(),
            full: 0,
            in_turn: false,
            is_held: false,
            module,
        })
    }

    pub(super) fn handle(&mut self) -> Result<&mut Handle, RegistryError> {
        match &mut self.handle {
            Some(handle) => Ok(handle),
            None => Err(RegistryError::Down { instance: self.id.clone() }),
        }
    }

    /// Whether its timers may run.
    pub(super) fn may_tick(&self) -> bool {
        self.handle.is_some() && self.full == 0
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
        Ok(Snapshot { module: Arc::clone(&self.module), state, attic: Arc::clone(&self.attic) })
    }

    pub(super) fn shape(&self) -> &Shape {
        head_shape(&self.module)
    }

    /// Puts an instance from that state in place of the current one, in the same code.
    pub(super) fn rebuild(&mut self, snapshot: &Snapshot) -> Result<(), CallError> {
        let (handle, attic) = self.decode(snapshot)?;
        self.install(handle, attic);
        Ok(())
    }

    /// An instance from that state, in the code that this one runs.
    pub(super) fn decode(&self, snapshot: &Snapshot) -> Result<(Handle, Attic), CallError> {
        self.module.decode(self.module.version(), &snapshot.state, &snapshot.attic)
    }

    /// Puts that instance in place of the current one.
    pub(super) fn install(&mut self, handle: Handle, attic: Attic) {
        self.handle = Some(handle.with_inbox(self.slot.clone()));
        self.attic = Arc::new(attic);
    }

    /// Fits timers to the code that the instance now runs.
    pub(super) fn adopt_timers(&mut self, now: Duration) {
        self.timers = timers_of(&self.module, &self.timers, now);
    }
}

/// The shape of the state that the code has.
pub(super) fn head_shape(module: &Module) -> &Shape {
    module.versions().first().map_or(&Shape::Unit, |info| &info.shape)
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
