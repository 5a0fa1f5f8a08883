//! A running instance of a widget.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use super::crew::Crew;
use super::error::RegistryError;
use super::history::{Cause, History, Snapshot};
use super::inbox::Slot;
use super::past::Past;
use crate::abi::handle::{CallError, Handle, Module};
use crate::state::attic::Attic;
use crate::state::shape::Shape;

/// What an update looks at first is in front, in the order that is written.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Instance {
    /// Those that run the same code; also when it is down.
    crew: Arc<Crew>,
    /// The instance itself; none when it could not be restored after a fault.
    pub(super) handle: Option<Handle>,
    /// Whether the last state of the history is the encoding of the state as it is now.
    is_recorded: bool,
    pub(super) id: String,
    pub(super) attic: Arc<Attic>,
    /// Where the messages of its own threads go. The same for as long as the instance is there, whatever code it runs.
    pub(super) slot: Arc<Slot>,
    pub(super) timers: Vec<Timer>,
    past: Past,
    /// The generation in which it was made.
    pub(super) born: u64,
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
    pub(super) fn new(id: &str, crew: &Arc<Crew>, slot: Arc<Slot>, now: Duration) -> Result<Self, CallError> {
        let module = Arc::clone(crew.module());
        let mut handle = module.create()?;
        crew.take_in(&mut handle);
        let state = handle.encode()?.into();
        let snapshot = Snapshot { module: Arc::clone(&module), state, attic: Arc::default() };
        Ok(Self {
            crew: Arc::clone(crew),
            handle: Some(handle.with_inbox(slot.clone())),
            is_recorded: true,
            id: id.to_owned(),
            attic: Arc::default(),
            slot,
            timers: timers_of(&module, &[], now),
            past: Past::new(History::new("created", snapshot), crew),
            born: 0,
            watched: BTreeSet::new(),
            routes: Vec::new(),
            inlets: Vec::new(),
            next: BinaryHeap::new(),
            full: 0,
            in_turn: false,
            is_held: false,
        })
    }

    /// The code that it runs; also when it is down.
    pub(super) fn module(&self) -> &Arc<Module> {
        self.crew.module()
    }

    /// Those that run the same code.
    pub(super) fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

    /// Has it run other code from now on. The caller gives it an instance of that.
    pub(super) fn transfer(&mut self, crew: &Arc<Crew>) {
        self.past.catch_up(&self.crew);
        self.crew = Arc::clone(crew);
        self.past.skip(crew);
    }

    /// Its history and updates, written down to the last.
    pub(super) fn past(&mut self) -> &mut Past {
        self.past.catch_up(&self.crew);
        self.past.history.catch_up();
        &mut self.past
    }

    /// The same, for somebody who only looks.
    pub(super) fn whole_past(&self) -> Cow<'_, Past> {
        self.past.whole(&self.crew)
    }

    /// Its history and updates before an update that moved its crew: that of this number.
    pub(super) fn past_before(&mut self, update: usize) -> &mut Past {
        self.past.catch_up_to(&self.crew, update);
        &mut self.past
    }

    /// Notes that the last update of its crew was written down for it by itself.
    pub(super) fn skip_update(&mut self) {
        self.past.skip(&self.crew);
    }

    /// The last state of its history, recorded or not.
    pub(super) fn last_state(&self) -> Snapshot {
        // An update that is not written down yet changed nothing but the code.
        Snapshot { module: Arc::clone(self.module()), ..self.past.history.current().clone() }
    }

    /// Enters the states that one handler after the other has left, encoded, into its history.
    pub(super) fn record<'a>(
        &mut self,
        handler: impl for<'b> FnOnce(&'b Module, &'b [Timer]) -> Cause<'b>,
        states: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) {
        self.past.catch_up(&self.crew);
        let module = self.crew.module();
        let cause = handler(module, &self.timers);
        self.past.history.note_handled(cause, module, states, &self.attic);
        self.is_recorded = true;
    }

    /// Whether the state after each handler is recorded, or the last state alone is kept.
    pub(super) fn records_handlers(&self) -> bool {
        self.past.history.records_handlers()
    }

    /// Begins its history anew, with the state that it has.
    pub(super) fn begin_history(&mut self, snapshot: Snapshot) {
        self.past = Past::new(History::new("created", snapshot), &self.crew);
        self.is_recorded = true;
    }

    /// Notes whether the last state of the history is the encoding of the state as it is now.
    pub(super) fn set_recorded(&mut self, is_recorded: bool) {
        self.is_recorded = is_recorded;
    }

    /// Whether it runs, and its state as it is now is recorded: then it can change its code as it is.
    pub(super) fn is_settled(&self) -> bool {
        self.is_recorded && self.handle.as_ref().is_some_and(|handle| !handle.is_poisoned())
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
            None => Ok(Arc::clone(&self.past.history.current().state)),
        }
    }

    pub(super) fn snapshot(&mut self) -> Result<Snapshot, CallError> {
        let state = self.state()?;
        Ok(Snapshot { module: Arc::clone(self.module()), state, attic: Arc::clone(&self.attic) })
    }

    pub(super) fn shape(&self) -> &Shape {
        head_shape(self.module())
    }

    /// Puts an instance from that state in place of the current one, in the same code.
    pub(super) fn rebuild(&mut self, snapshot: &Snapshot) -> Result<(), CallError> {
        let (handle, attic) = self.decode(snapshot)?;
        self.install(handle, attic);
        Ok(())
    }

    /// An instance from that state, in the code that this one runs.
    pub(super) fn decode(&self, snapshot: &Snapshot) -> Result<(Handle, Attic), CallError> {
        self.module().decode(self.module().version(), &snapshot.state, &snapshot.attic)
    }

    /// Puts that instance in place of the current one.
    pub(super) fn install(&mut self, handle: Handle, attic: Attic) {
        let inbox = self.slot.clone();
        self.put(handle.with_inbox(inbox), attic);
    }

    /// The same for one that has its inbox.
    pub(super) fn put(&mut self, mut handle: Handle, attic: Attic) {
        self.crew.take_in(&mut handle);
        self.handle = Some(handle);
        self.attic = Arc::new(attic);
        self.is_recorded = false;
    }

    /// Fits timers to the code that the instance now runs.
    pub(super) fn adopt_timers(&mut self, now: Duration) {
        self.timers = timers_of(self.crew.module(), &self.timers, now);
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
