//! States of handlers that are recorded and not written down yet.

use std::sync::Arc;

use super::{Cause, Entry};

/// The state of the newest entry that is written down, and those that came after it. The last of all is not among them: a
/// history has that at hand.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    /// One behind the other, and where each ends.
    states: Vec<u8>,
    ends: Vec<usize>,
    /// What made the state after each of these, and how many in a row.
    causes: Vec<(Arc<str>, usize)>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many states there are, which is how many changes are not written down.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.states.len()
    }

    /// The state of the newest entry that is written down; empty if there is nothing.
    pub(super) fn first(&self) -> &[u8] {
        &self.states[..self.ends.first().copied().unwrap_or(0)]
    }

    /// Says what makes the changes that follow. `newest` is the newest entry that is written down.
    pub(super) fn begin(&mut self, cause: Cause<'_>, newest: Option<&Entry>) {
        if !self.causes.last().is_some_and(|(last, _)| cause.is(last)) {
            let known = newest.map(|newest| &newest.cause).filter(|known| cause.is(known));
            self.causes.push((known.map_or_else(|| cause.to_string().into(), Arc::clone), 0));
        }
    }

    /// Notes a change: the state before it.
    pub(super) fn push(&mut self, before: &[u8]) {
        if let Some((_, times)) = self.causes.last_mut() {
            self.states.extend_from_slice(before);
            self.ends.push(self.states.len());
            *times += 1;
        }
    }

    /// The state after each change, with what made it; the last is told.
    pub(super) fn changes<'a>(&'a self, last: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a Arc<str>)> {
        let states = self.ends.windows(2).map(|ends| &self.states[ends[0]..ends[1]]);
        let causes = self.causes.iter().flat_map(|(cause, times)| std::iter::repeat_n(cause, *times));
        states.chain([last]).zip(causes)
    }

    /// Forgets the first states. Answers with what made the one that is the first then; none, and nothing is forgotten, if
    /// there are not more than that.
    pub(super) fn drop(&mut self, states: usize) -> Option<Arc<str>> {
        if states >= self.ends.len() {
            return None;
        }
        let bytes = self.ends[states.checked_sub(1)?];
        self.states.drain(..bytes);
        self.ends.drain(..states);
        self.ends.iter_mut().for_each(|end| *end -= bytes);
        let (mut left, mut made) = (states, None);
        for (cause, times) in &mut self.causes {
            let here = left.min(*times);
            (*times, left) = (*times - here, left - here);
            made = Some(Arc::clone(cause));
            if left == 0 {
                break;
            }
        }
        self.causes.retain(|(_, times)| *times > 0);
        made
    }

    /// Forgets all, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.states.clear();
        self.ends.clear();
        self.causes.clear();
    }
}
