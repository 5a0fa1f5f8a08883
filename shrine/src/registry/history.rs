//! The states that an instance has had.
//!
//! The past is never cut off: going back is itself an entry, and so is going forward, jumping to an entry and going
//! back to a checkpoint.
//!
//! **The line.** Undo and redo walk along a line of entries: those that were made by anything else than going back or
//! forward, each a change of the one before. A change after an undo starts the line anew from there, as in any editor;
//! what was undone is no longer redone, but still listed and jumped to. A jump to an entry of the line is as many
//! undos or redos at once: redo then goes on with what followed that entry. A jump to an entry off the line is a
//! change like any other: undo takes it back, and nothing is left to redo.
//!
//! **The policy** says which states are recorded by themselves. The state that an instance is put back to after a
//! panic is always the last one, recorded or not ([`current`](History::current)). Whatever is asked for (undo, jump, a
//! checkpoint) first records the state that it leaves, so that redo and jump lead back to it.
//!
//! **When it is written down.** States of handlers come by the million, and all but the last few are forgotten before anybody
//! asks. They are kept as they came ([`pending`]) until somebody does, or until they are too many.
//!
//! **The bounds.** The last state is kept whole, each older one as the difference from the next ([`delta`]), attics
//! as well. When there is too much, the oldest entries go; those with a name go last, the last state never. If a state
//! that was come back to loses its first entry, the entry of the coming back takes its place on the line. Undo does not
//! pass over what is gone; a named entry beyond it is still gone back to by its name. What is counted is the room of
//! what is kept, without that of the code, which libraries hold anyway.

mod delta;
#[cfg(all(test, feature = "fixtures"))]
mod model;
mod pending;
#[cfg(test)]
mod tests;
pub(super) mod updates;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::list;
use crate::abi::handle::Module;
use crate::event::HistorySummary;
use crate::state::attic::{Attic, AtticEntry};
use crate::state::{from_bytes, to_bytes};

use delta::Delta;
use pending::Pending;

/// How many entries an instance keeps, unless it is told otherwise.
pub const HISTORY_ENTRIES: usize = 256;
/// How many bytes of states an instance keeps, unless it is told otherwise.
pub const HISTORY_BYTES: usize = 4 << 20;
/// How many bytes of states wait at most until they are written down.
const PENDING_BYTES: usize = 64 << 10;
/// How long the name of a checkpoint may be, in bytes.
pub const CHECKPOINT_NAME: usize = 100;

/// How much of its past an instance keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryLimits {
    /// How many entries. The last is always kept.
    pub entries: usize,
    /// How many bytes: the last state whole, the others as differences. The last is kept even when it is larger.
    pub bytes: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self { entries: HISTORY_ENTRIES, bytes: HISTORY_BYTES }
    }
}

/// Which states of an instance are recorded by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// After every message and timer that changed the state, and all that `Update` records.
    #[default]
    Message,
    /// After updates, and when the state is set.
    Update,
    /// None: only checkpoints, and what is left and reached by going back and forward.
    Manual,
}

/// What made a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// A message or a timer.
    Handler,
    /// An update, or a state that was set.
    Change,
}

impl Policy {
    fn records(self, occasion: Occasion) -> bool {
        match self {
            Self::Message => true,
            Self::Update => occasion == Occasion::Change,
            Self::Manual => false,
        }
    }
}

/// Why a history has not got what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryError {
    /// There is no entry of that index.
    UnknownEntry {
        /// What was asked for.
        index: u64,
        /// The oldest that there is.
        first: u64,
        /// The newest.
        last: u64,
    },
    /// There is no checkpoint of that name.
    UnknownCheckpoint {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// That cannot be the name of a checkpoint.
    InvalidCheckpoint {
        /// The name.
        name: String,
    },
}

impl HistoryError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::UnknownEntry { first, last, .. } if first == last => format!("there is only entry {first}"),
            Self::UnknownEntry { first, last, .. } => {
                format!("the entries that are kept are among {first} to {last}; `history` lists them")
            }
            Self::UnknownCheckpoint { known, .. } => format!("there are {}", list(known)),
            Self::InvalidCheckpoint { .. } => format!(
                "names of checkpoints have no blanks, are no numbers, and have at most {CHECKPOINT_NAME} bytes"
            ),
        }
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownEntry { index, .. } => write!(f, "there is no entry {index} in the history"),
            Self::UnknownCheckpoint { name, .. } => write!(f, "there is no checkpoint `{name}`"),
            Self::InvalidCheckpoint { name } => {
                write!(f, "`{}` is no name for a checkpoint", name.escape_debug())
            }
        }
    }
}

impl std::error::Error for HistoryError {}

/// A state, with the code that can read it.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) module: Arc<Module>,
    pub(super) state: Arc<[u8]>,
    pub(super) attic: Arc<Attic>,
}

impl Snapshot {
    fn is(&self, other: &Self) -> bool {
        self.is_by(&other.module, &other.attic) && self.state == other.state
    }

    /// Whether it is a state of that code, with that attic.
    fn is_by(&self, module: &Arc<Module>, attic: &Arc<Attic>) -> bool {
        Arc::ptr_eq(&self.module, module) && (Arc::ptr_eq(&self.attic, attic) || self.attic == *attic)
    }

    /// Makes it that state; in the room that it has, if nobody else sees it.
    fn put(&mut self, state: &[u8]) {
        match Arc::get_mut(&mut self.state) {
            Some(room) if room.len() == state.len() => room.copy_from_slice(state),
            _ => self.state = state.into(),
        }
    }
}

/// A handler that made a state: what it is, and its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause<'a>(pub(super) &'static str, pub(super) &'a str);

impl Cause<'_> {
    fn is(self, text: &str) -> bool {
        let name = text.strip_prefix(self.0).and_then(|rest| rest.strip_prefix(' '));
        name == Some(self.1)
    }
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

/// A step that a history offers: restore its state, then tell [`History::arrived`].
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) snapshot: Snapshot,
    cause: String,
    /// The entry of the line that it leads to.
    place: u64,
}

/// The history of one instance.
#[derive(Debug, Clone)]
pub(super) struct History {
    limits: HistoryLimits,
    policy: Policy,
    /// From the oldest to the newest. Invariant: there is one.
    entries: VecDeque<Entry>,
    /// The state of the newest entry, with those that are not written down. Invariant: so is that of the entry of the line
    /// where we are.
    newest: Snapshot,
    /// What is not written down yet: see [`catch_up`](Self::catch_up).
    pending: Pending,
    /// The state as it is now, if it is not that of the newest entry.
    unrecorded: Option<Snapshot>,
    next: u64,
    /// The indices of the entries that undo and redo walk along; `at` is where we are.
    line: VecDeque<u64>,
    at: usize,
    names: BTreeMap<String, u64>,
    /// The room of entries and names, and that of the newest attic.
    held: usize,
    attic: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    index: u64,
    /// The same as that of its neighbours, where those say the same.
    cause: Arc<str>,
    module: Arc<Module>,
    /// The length of its state.
    len: usize,
    /// What makes its state from that of the next entry; for the newest, nothing yet.
    state: Delta,
    /// The same for its attic, encoded; none when it is the same.
    attic: Option<Delta>,
    /// The entry of the line that it is a copy of; for a change, itself.
    place: u64,
    /// How many other entries are copies of it.
    copies: usize,
    /// How many checkpoints name it.
    names: usize,
}

impl History {
    pub(super) fn new(cause: &str, snapshot: Snapshot) -> Self {
        let mut history = Self {
            limits: HistoryLimits::default(),
            policy: Policy::default(),
            entries: VecDeque::new(),
            newest: snapshot.clone(),
            pending: Pending::default(),
            unrecorded: None,
            next: 0,
            line: VecDeque::new(),
            at: 0,
            names: BTreeMap::new(),
            held: 0,
            attic: attic_bytes(&snapshot.attic),
        };
        history.change(cause.into(), snapshot);
        history
    }

    pub(super) fn set_policy(&mut self, policy: Policy) {
        self.catch_up();
        self.policy = policy;
    }

    /// Sets the bounds; what is too much goes at once.
    pub(super) fn set_limits(&mut self, limits: HistoryLimits) {
        self.catch_up();
        self.limits = limits;
        self.bound();
    }

    /// The last state, recorded or not: what an instance is put back to after a panic.
    pub(super) fn current(&self) -> &Snapshot {
        self.unrecorded.as_ref().unwrap_or(&self.newest)
    }

    /// Takes a new state in: it is recorded if the policy says so, and is [`current`](Self::current) in any case.
    pub(super) fn note(&mut self, occasion: Occasion, cause: fmt::Arguments<'_>, snapshot: Snapshot) {
        self.catch_up();
        if snapshot.is(&self.newest) {
            self.unrecorded = None;
        } else if self.policy.records(occasion) {
            self.settle(Some(&snapshot));
            self.change(self.shared(cause), snapshot);
        } else {
            self.unrecorded = Some(snapshot);
        }
        self.bound();
    }

    /// The same for the states that one handler after the other has left, encoded, by the same code and with the same attic.
    /// Only the last of them counts if the policy does not record them.
    pub(super) fn note_handled<'a>(
        &mut self,
        cause: Cause<'_>,
        module: &Arc<Module>,
        states: impl DoubleEndedIterator<Item = &'a [u8]>,
        attic: &Arc<Attic>,
    ) {
        if self.records_handlers() {
            self.record_handled(cause, module, states, attic);
        } else if let Some(state) = { states }.next_back() {
            self.note_last(cause, module, state, attic);
        }
    }

    /// Whether the states after handlers are recorded.
    pub(super) fn records_handlers(&self) -> bool {
        self.policy.records(Occasion::Handler)
    }

    fn record_handled<'a>(
        &mut self,
        cause: Cause<'_>,
        module: &Arc<Module>,
        mut states: impl Iterator<Item = &'a [u8]>,
        attic: &Arc<Attic>,
    ) {
        while self.unrecorded.is_some() || !self.newest.is_by(module, attic) {
            let Some(state) = states.next() else { return };
            let snapshot =
                Snapshot { module: Arc::clone(module), state: state.into(), attic: Arc::clone(attic) };
            self.note(Occasion::Handler, format_args!("{cause}"), snapshot);
        }
        let mut last: Option<&[u8]> = None;
        for state in states {
            let before = last.unwrap_or(&self.newest.state);
            // Mostly they differ in their last byte, which is found out without a call.
            if before.last() != state.last() || *before != *state {
                if last.is_none() {
                    self.pending.begin(cause, self.entries.back());
                }
                self.pending.push(before);
                last = Some(state);
            }
        }
        if let Some(state) = last {
            self.newest.put(state);
            if !Arc::ptr_eq(&self.newest.attic, attic) {
                // The same, but what is shared with the instance takes no room of its own.
                self.newest.attic = Arc::clone(attic);
            }
            self.bound_pending();
        }
    }

    /// A state that is not recorded: mostly it costs no new room.
    fn note_last(&mut self, cause: Cause<'_>, module: &Arc<Module>, state: &[u8], attic: &Arc<Attic>) {
        if self.newest.is_by(module, attic) && *self.newest.state == *state {
            self.unrecorded = None;
            return;
        }
        if let Some(known) = &mut self.unrecorded
            && known.is_by(module, attic)
            && known.state.len() == state.len()
        {
            return known.put(state);
        }
        let (module, attic) = (Arc::clone(module), Arc::clone(attic));
        self.note(
            Occasion::Handler,
            format_args!("{cause}"),
            Snapshot { module, state: state.into(), attic },
        );
    }

    /// Names the state as it is now, whatever the policy. A name that is in use moves here.
    ///
    /// Answers with the index of the entry: the newest one, if that is its state, else a new one.
    pub(super) fn checkpoint(&mut self, name: &str, snapshot: Snapshot) -> Result<u64, HistoryError> {
        if !is_checkpoint_name(name) {
            return Err(HistoryError::InvalidCheckpoint { name: name.to_owned() });
        }
        self.catch_up();
        if snapshot.is(&self.newest) {
            self.unrecorded = None;
        } else {
            self.settle(Some(&snapshot));
            self.change(format!("checkpoint {name}").into(), snapshot);
        }
        let index = self.entries.back().map_or(0, |entry| entry.index);
        self.forget_name(name);
        self.held += name_bytes(name);
        self.names.insert(name.to_owned(), index);
        if let Some(newest) = self.entries.back_mut() {
            newest.names += 1;
        }
        self.bound();
        Ok(index)
    }

    /// The step back to the state before the current one.
    pub(super) fn undo(&self) -> Option<Step> {
        let (undone, place) = match &self.unrecorded {
            Some(_) => (self.next, *self.line.get(self.at)?),
            None => (*self.line.get(self.at)?, *self.line.get(self.at.checked_sub(1)?)?),
        };
        let snapshot = self.snapshot(self.position(place)?)?;
        Some(Step { snapshot, cause: format!("undo {undone}"), place })
    }

    /// The step to the state that was undone last.
    pub(super) fn redo(&self) -> Option<Step> {
        if self.unrecorded.is_some() {
            // A change after an undo: nothing is left to redo.
            return None;
        }
        let place = *self.line.get(self.at + 1)?;
        let snapshot = self.snapshot(self.position(place)?)?;
        Some(Step { snapshot, cause: format!("redo {place}"), place })
    }

    /// The step to any entry.
    pub(super) fn jump(&self, index: u64) -> Result<Step, HistoryError> {
        self.step_to(index, format!("jump {index}"))
    }

    /// The step to what was named.
    pub(super) fn restore(&self, name: &str) -> Result<Step, HistoryError> {
        match self.names.get(name) {
            Some(index) => self.step_to(*index, format!("restore {name}")),
            None => {
                let known = self.names.keys().cloned().collect();
                Err(HistoryError::UnknownCheckpoint { name: name.to_owned(), known })
            }
        }
    }

    /// Notes that the state of a step was restored, as `restored`: if its version is another, it has migrated.
    pub(super) fn arrived(&mut self, step: Step, restored: Snapshot) {
        self.catch_up();
        self.settle(None);
        match self.line.iter().position(|index| *index == step.place) {
            Some(at) => {
                self.at = at;
                self.append(step.cause.into(), restored, step.place);
            }
            None => self.change(step.cause.into(), restored),
        }
        self.bound();
    }

    pub(super) fn summaries(&self) -> Vec<HistorySummary> {
        let last = self.entries.len() - 1;
        let names = |entry: &Entry| match entry.names {
            0 => Vec::new(),
            _ => self
                .names
                .iter()
                .filter(|named| *named.1 == entry.index)
                .map(|named| named.0.clone())
                .collect(),
        };
        let summary = |(position, entry): (usize, &Entry)| HistorySummary {
            index: entry.index,
            cause: entry.cause.to_string(),
            version: entry.module.version().to_owned(),
            bytes: entry.len,
            current: position == last && self.unrecorded.is_none(),
            checkpoints: names(entry),
        };
        self.entries.iter().enumerate().map(summary).collect()
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        let unrecorded = self.unrecorded.as_ref().map_or(0, |unrecorded| {
            let shared = Arc::ptr_eq(&unrecorded.attic, &self.newest.attic);
            unrecorded.state.len() + if shared { 0 } else { attic_bytes(&unrecorded.attic) }
        });
        self.held + self.newest.state.len() + self.attic + unrecorded
    }

    fn step_to(&self, index: u64, cause: String) -> Result<Step, HistoryError> {
        let position = self.position(index);
        // A state is always read back; an attic too, since it was encoded here.
        match position.and_then(|position| Some((position, self.snapshot(position)?))) {
            Some((position, snapshot)) => Ok(Step { snapshot, cause, place: self.entries[position].place }),
            None => {
                let first = self.entries.front().map_or(0, |entry| entry.index);
                Err(HistoryError::UnknownEntry { index, first, last: self.next.saturating_sub(1) })
            }
        }
    }

    /// Records the state that is left, unless that is recorded or where we go.
    fn settle(&mut self, goal: Option<&Snapshot>) {
        let Some(left) = self.unrecorded.take() else { return };
        if !left.is(&self.newest) && goal.is_none_or(|goal| !goal.is(&left)) {
            self.change("unrecorded".into(), left);
        }
    }

    /// The text of a cause; that of the last entry again, where it is the same.
    fn shared(&self, cause: fmt::Arguments<'_>) -> Arc<str> {
        /// Takes as much of the text as is written to it.
        struct Rest<'a>(&'a str);

        impl fmt::Write for Rest<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 = self.0.strip_prefix(text).ok_or(fmt::Error)?;
                Ok(())
            }
        }

        if let Some(last) = self.entries.back() {
            let mut rest = Rest(&last.cause);
            if fmt::write(&mut rest, cause).is_ok() && rest.0.is_empty() {
                return Arc::clone(&last.cause);
            }
        }
        cause.to_string().into()
    }

    /// Adds an entry to the line.
    fn change(&mut self, cause: Arc<str>, snapshot: Snapshot) {
        self.go_on();
        self.append(cause, snapshot, self.next);
    }

    /// Makes the next entry the end of the line.
    fn go_on(&mut self) {
        self.line.truncate(self.at + 1);
        self.line.push_back(self.next);
        self.at = self.line.len() - 1;
    }

    fn append(&mut self, cause: Arc<str>, snapshot: Snapshot, place: u64) {
        self.overtake(&snapshot.state, &snapshot.attic);
        self.enter(cause, &snapshot.module, snapshot.state.len(), place);
        self.newest = snapshot;
    }

    /// Adds an entry for the state that is the newest from now on.
    fn enter(&mut self, cause: Arc<str>, module: &Arc<Module>, len: usize, place: u64) {
        let entry = Entry {
            index: self.next,
            cause,
            module: Arc::clone(module),
            len,
            state: Delta::default(),
            attic: None,
            place,
            copies: 0,
            names: 0,
        };
        if let Some(original) = self.position(place) {
            self.entries[original].copies += 1;
        }
        self.held += entry.held();
        self.entries.push_back(entry);
        self.next += 1;
    }

    /// Makes the newest entry one that is told by its difference from `next`.
    fn overtake(&mut self, state: &[u8], attic: &Arc<Attic>) {
        let Some(entry) = self.entries.back_mut() else { return };
        self.held -= entry.held();
        entry.state = Delta::between(state, &self.newest.state);
        if !Arc::ptr_eq(&self.newest.attic, attic) && self.newest.attic != *attic {
            self.attic = attic_bytes(attic);
            entry.attic = Some(Delta::between(&encoded(attic), &encoded(&self.newest.attic)));
        }
        self.held += entry.held();
    }

    /// Whether all is written down. Only then is the past told, or gone back to.
    pub(super) fn is_whole(&self) -> bool {
        self.pending.is_empty()
    }

    /// Writes down what is not yet. The history is then what it would be, had each state been entered when it came.
    pub(super) fn catch_up(&mut self) {
        if self.is_whole() {
            return;
        }
        self.drop_pending();
        let mut pending = std::mem::take(&mut self.pending);
        let last = std::mem::replace(&mut self.newest.state, pending.first().into());
        let (module, attic) = (Arc::clone(&self.newest.module), Arc::clone(&self.newest.attic));
        for (state, cause) in pending.changes(&last) {
            self.go_on();
            self.overtake(state, &attic);
            self.enter(Arc::clone(cause), &module, state.len(), self.next);
            self.newest.state = state.into();
            self.bound();
        }
        self.newest.state = last;
        pending.clear();
        self.pending = pending;
    }

    /// Keeps what is not written down within bounds.
    fn bound_pending(&mut self) {
        if self.pending.bytes() > PENDING_BYTES.min(self.limits.bytes) {
            self.catch_up();
        } else if self.pending.len() > self.limits.entries.saturating_mul(2) {
            self.drop_pending();
            if self.pending.len() > self.limits.entries.saturating_mul(2) {
                self.catch_up();
            }
        }
    }

    /// Forgets what would be forgotten in any case when all is written down, because there are too many entries after it.
    fn drop_pending(&mut self) {
        let kept = self.limits.entries.max(1);
        // As many entries as states, with the newest; and which of them go is only sure if none has a name.
        let Some(gone) = (self.pending.len() + 1).checked_sub(kept).filter(|gone| *gone > 0) else { return };
        if !self.names.is_empty() {
            return;
        }
        let Some(before) = self.entries.back().map(|entry| entry.index) else { return };
        let Some(cause) = self.pending.drop(gone) else { return };
        self.entries.clear();
        self.line.clear();
        (self.at, self.held) = (0, 0);
        self.next = before + gone as u64;
        self.go_on();
        let (module, len) = (Arc::clone(&self.newest.module), self.pending.first().len());
        self.enter(cause, &module, len, self.next);
    }

    fn bound(&mut self) {
        while self.entries.len() > 1
            && (self.entries.len() > self.limits.entries || self.bytes() > self.limits.bytes)
        {
            let older = self.entries.range(..self.entries.len() - 1);
            self.forget(older.into_iter().position(|entry| entry.names == 0).unwrap_or(0));
        }
    }

    fn forget(&mut self, position: usize) {
        let Some(gone) = self.entries.remove(position) else { return };
        self.held -= gone.held();
        if let Some(older) = position.checked_sub(1).and_then(|position| self.entries.get_mut(position)) {
            self.held -= older.held();
            older.state = older.state.over(&gone.state);
            older.attic = match (older.attic.take(), gone.attic) {
                (Some(older), Some(gone)) => Some(older.over(&gone)),
                (older, gone) => older.or(gone),
            };
            self.held += older.held();
        }
        if gone.names > 0 {
            let names = self.names.iter().filter(|named| *named.1 == gone.index);
            self.held -= names.map(|named| name_bytes(named.0)).sum::<usize>();
            self.names.retain(|_, index| *index != gone.index);
        }
        if let Some(original) = self.position(gone.place) {
            self.entries[original].copies -= 1;
        }
        let heir = if gone.copies == 0 { None } else { self.bequeath(gone.index) };
        let Some(place) = self.line.iter().position(|index| *index == gone.index) else { return };
        if let Some(heir) = heir {
            self.line[place] = heir;
        } else if place < self.at {
            self.line.drain(..=place);
            self.at -= place + 1;
        } else {
            // Never where we are: if that is not the newest entry itself, then the newest is a copy of it.
            self.line.truncate(place);
        }
    }

    /// Makes the newest copy of an entry that is gone the one that the others are copies of.
    fn bequeath(&mut self, gone: u64) -> Option<u64> {
        let copies: Vec<_> =
            (0..self.entries.len()).filter(|position| self.entries[*position].place == gone).collect();
        let (heir, others) = copies.split_last()?;
        let index = self.entries[*heir].index;
        self.entries[*heir].copies = others.len();
        copies.iter().for_each(|position| self.entries[*position].place = index);
        Some(index)
    }

    fn forget_name(&mut self, name: &str) {
        let Some(index) = self.names.remove(name) else { return };
        self.held -= name_bytes(name);
        if let Some(position) = self.position(index) {
            self.entries[position].names -= 1;
        }
    }

    fn position(&self, index: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&index, |entry| entry.index).ok()
    }

    /// The state of an entry, made from the newest through all that are between.
    fn snapshot(&self, position: usize) -> Option<Snapshot> {
        let last = self.entries.len() - 1;
        let entry = self.entries.get(position)?;
        if position == last {
            return Some(self.newest.clone());
        }
        let (mut state, mut before) = (Vec::new(), self.newest.state.to_vec());
        let mut attic: Option<Vec<u8>> = None;
        for entry in self.entries.range(position..last).rev() {
            state.clear();
            entry.state.apply(&before, &mut state);
            std::mem::swap(&mut state, &mut before);
            if let Some(delta) = &entry.attic {
                let base = match attic.take() {
                    Some(base) => base,
                    None => encoded(&self.newest.attic),
                };
                let mut made = Vec::new();
                delta.apply(&base, &mut made);
                attic = Some(made);
            }
        }
        let attic = match attic {
            Some(encoded) => Arc::new(from_bytes(&encoded).ok()?),
            None => Arc::clone(&self.newest.attic),
        };
        Some(Snapshot { module: Arc::clone(&entry.module), state: before.into(), attic })
    }
}

impl Entry {
    fn held(&self) -> usize {
        let attic = self.attic.as_ref().map_or(0, Delta::held);
        // With its place on the line.
        size_of::<Self>() + size_of::<u64>() + self.cause.len() + self.state.held() + attic
    }
}

/// An attic is flat, and so always written. Were it not, nothing could be read back, and no step would lead there.
fn encoded(attic: &Attic) -> Vec<u8> {
    to_bytes(attic).unwrap_or_default()
}

fn attic_bytes(attic: &Attic) -> usize {
    let entry = |entry: &AtticEntry| {
        size_of::<AtticEntry>() + entry.version.len() + entry.path.len() + entry.value.len()
    };
    attic.entries().iter().map(entry).sum()
}

fn name_bytes(name: &str) -> usize {
    size_of::<(String, u64)>() + name.len()
}

/// A number would be taken for an index.
fn is_checkpoint_name(name: &str) -> bool {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let has_blank = name.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    !is_number && !has_blank && name.len() <= CHECKPOINT_NAME
}
