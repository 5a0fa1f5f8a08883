//! What an instance has been: its history, and the states around its updates.

use std::borrow::Cow;
use std::sync::Arc;

use super::crew::{Crew, Move};
use super::history::updates::{Mark, UpdateCheckpoints};
use super::history::{History, Occasion, Snapshot};

/// The past of one instance, as far as it was written down: see [`Crew`].
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) history: History,
    /// The states around the last updates.
    pub(super) updates: UpdateCheckpoints,
    /// How many of the updates of its crew are written down.
    seen: usize,
}

impl Past {
    pub(super) fn new(history: History, crew: &Crew) -> Self {
        Self { history, updates: UpdateCheckpoints::default(), seen: crew.count() }
    }

    /// The whole past, for somebody who only looks.
    pub(super) fn whole(&self, crew: &Crew) -> Cow<'_, Self> {
        if self.seen == crew.count() && self.history.is_whole() {
            return Cow::Borrowed(self);
        }
        let mut whole = self.clone();
        whole.catch_up(crew);
        whole.history.catch_up();
        Cow::Owned(whole)
    }

    /// Writes down the updates that are not yet.
    pub(super) fn catch_up(&mut self, crew: &Crew) {
        self.catch_up_to(crew, usize::MAX);
    }

    /// The same up to the update of that number, without it.
    pub(super) fn catch_up_to(&mut self, crew: &Crew, end: usize) {
        if self.seen >= crew.count().min(end) {
            return;
        }
        let missing = crew.since(self.seen);
        for Move { from, to, mark } in missing.into_iter().take(end - self.seen) {
            let before = Snapshot { module: from, ..self.history.current().clone() };
            let after = Snapshot { module: to, ..before.clone() };
            self.updated(before, after, mark);
            self.seen += 1;
        }
    }

    /// Goes on with another crew, or after an update of this one that was written down by itself.
    pub(super) fn skip(&mut self, crew: &Crew) {
        self.seen = crew.count();
    }

    /// Writes an update down: an entry of the history, and what going back would restore.
    pub(super) fn updated(&mut self, before: Snapshot, after: Snapshot, mark: Mark) {
        let (from, to) = (Arc::clone(&before.module), Arc::clone(&after.module));
        self.updates.push(before, after.clone(), mark);
        let (from, to) = (from.version(), to.version());
        let cause = if from == to { String::new() } else { format!("{from} -> ") };
        self.history.note(Occasion::Change, format_args!("update {cause}{to}"), after);
    }
}
