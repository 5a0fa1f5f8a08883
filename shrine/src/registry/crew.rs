//! What all instances of a widget have in common: the code that they run, and the updates that moved them to it at once.
//!
//! Such an update changes one pointer, however many instances there are. What else an update does to an instance, an entry
//! in its history and one among its updates, is made up for when somebody looks: the state is the one that was recorded
//! last, so nothing has to be encoded for it, then or later.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::history::updates::Mark;
use crate::abi::handle::{Alike, Handle, Module, Seat};

/// The instances of a widget, as one.
#[derive(Debug)]
pub(super) struct Crew {
    seat: Arc<Seat>,
    moves: Mutex<Vec<Move>>,
    /// How many there are, to be asked often.
    count: AtomicUsize,
}

/// An update that moved all instances at once.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) from: Arc<Module>,
    pub(super) to: Arc<Module>,
    pub(super) mark: Mark,
}

impl Crew {
    pub(super) fn new(module: &Arc<Module>) -> Arc<Self> {
        let seat = Seat::new(Arc::clone(module));
        Arc::new(Self { seat, moves: Mutex::default(), count: AtomicUsize::new(0) })
    }

    /// The code that they run.
    pub(super) fn module(&self) -> &Arc<Module> {
        self.seat.module()
    }

    /// Has an instance change its code with the others from now on.
    pub(super) fn take_in(&self, handle: &mut Handle) {
        // One that runs other code stays with that, which is what it was made for.
        let _ = handle.join(&self.seat);
    }

    /// Moves all instances to the new code. False, and nothing changes, if it is not their code that the proof is about.
    pub(super) fn lead(&self, way: &Alike) -> bool {
        self.seat.lead(way)
    }

    /// Notes an update for all instances; one that was told of it by itself passes it over.
    pub(super) fn note(&self, entry: Move) {
        let mut moves = self.moves();
        moves.push(entry);
        self.count.store(moves.len(), Ordering::Release);
    }

    /// How many updates there have been.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The updates, from the first that counts as that.
    pub(super) fn since(&self, first: usize) -> Vec<Move> {
        self.moves().get(first..).unwrap_or_default().to_vec()
    }

    /// Nothing panics while it holds the lock, so what it protects is whole.
    fn moves(&self) -> MutexGuard<'_, Vec<Move>> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
