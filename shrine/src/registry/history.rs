//! The states that an instance has had.
//!
//! Undo does not cut the past off: going back is itself an entry. What undo and redo walk along is the *line* of
//! states that were made by anything else; a change after an undo starts the line anew from there.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::abi::handle::Module;
use crate::event::HistorySummary;
use crate::state::attic::Attic;

/// How many entries an instance keeps.
pub const HISTORY_ENTRIES: usize = 256;
/// How many bytes of states an instance keeps.
pub const HISTORY_BYTES: usize = 4 << 20;

/// A state, with the code that can read it.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) module: Arc<Module>,
    pub(super) state: Arc<[u8]>,
    pub(super) attic: Attic,
}

#[derive(Debug)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    next: u64,
    /// The indices of the entries that undo and redo walk along; `at` is where we are.
    line: VecDeque<u64>,
    at: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    index: u64,
    cause: String,
    snapshot: Snapshot,
}

impl History {
    pub(super) fn new(cause: &str, snapshot: Snapshot) -> Self {
        let mut history = Self { entries: VecDeque::new(), next: 0, line: VecDeque::new(), at: 0, bytes: 0 };
        history.record(cause, snapshot);
        history
    }

    /// The current state, as it was when it was recorded last.
    pub(super) fn current(&self) -> &Snapshot {
        // Invariant: `new` makes an entry, and `bound` keeps the last.
        &self.entries[self.entries.len() - 1].snapshot
    }

    /// Adds a state, unless it is the current one.
    pub(super) fn record(&mut self, cause: &str, snapshot: Snapshot) {
        if let Some(last) = self.entries.back()
            && Arc::ptr_eq(&last.snapshot.module, &snapshot.module)
            && last.snapshot.state == snapshot.state
        {
            return;
        }
        self.line.truncate(self.at + 1);
        self.line.push_back(self.next);
        self.at = self.line.len() - 1;
        self.append(cause.to_owned(), snapshot);
    }

    /// The state before the current one, and the index of the entry that is undone.
    pub(super) fn before(&self) -> Option<(u64, &Snapshot)> {
        let target = *self.line.get(self.at.checked_sub(1)?)?;
        Some((self.line[self.at], self.find(target)?))
    }

    /// The state that was undone last, and its index.
    pub(super) fn after(&self) -> Option<(u64, &Snapshot)> {
        let target = *self.line.get(self.at + 1)?;
        Some((target, self.find(target)?))
    }

    /// Notes that the state before was restored, as `snapshot`.
    pub(super) fn went_back(&mut self, undone: u64, snapshot: Snapshot) {
        self.at -= 1;
        self.append(format!("undo {undone}"), snapshot);
    }

    /// Notes that the state after was restored, as `snapshot`.
    pub(super) fn went_forward(&mut self, redone: u64, snapshot: Snapshot) {
        self.at += 1;
        self.append(format!("redo {redone}"), snapshot);
    }

    pub(super) fn summaries(&self) -> Vec<HistorySummary> {
        let last = self.entries.len() - 1;
        let summary = |(position, entry): (usize, &Entry)| HistorySummary {
            index: entry.index,
            cause: entry.cause.clone(),
            version: entry.snapshot.module.version().to_owned(),
            bytes: entry.snapshot.state.len(),
            current: position == last,
        };
        self.entries.iter().enumerate().map(summary).collect()
    }

    fn append(&mut self, cause: String, snapshot: Snapshot) {
        self.bytes += snapshot.state.len();
        self.entries.push_back(Entry { index: self.next, cause, snapshot });
        self.next += 1;
        while self.entries.len() > 1 && (self.entries.len() > HISTORY_ENTRIES || self.bytes > HISTORY_BYTES) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.bytes -= oldest.snapshot.state.len();
        // The line keeps at least the place where we are.
        if self.at > 0 && self.line.front() == Some(&oldest.index) {
            self.line.pop_front();
            self.at -= 1;
        }
    }

    fn find(&self, index: u64) -> Option<&Snapshot> {
        let at = self.entries.binary_search_by_key(&index, |entry| entry.index).ok()?;
        Some(&self.entries[at].snapshot)
    }
}
