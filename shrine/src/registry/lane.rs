//! The messages that wait on a connection, and what happens when there is no room for another.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::abi::handle::{Payload, Piece};
use crate::transform::PayloadInfo;

/// How many messages a stream holds unless it is told otherwise.
pub const STREAM_CAPACITY: usize = 1024;

/// What a connection does with messages that its target has no time for yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Mode {
    /// Only the latest counts: a newer message takes the place of one that waits.
    Port,
    /// All count, in order.
    Stream {
        /// How many may wait; at least 1.
        capacity: usize,
        /// What happens when that many wait.
        overflow: Overflow,
    },
}

impl Default for Mode {
    fn default() -> Self {
        Self::Stream { capacity: STREAM_CAPACITY, overflow: Overflow::Block }
    }
}

/// What a stream does when it is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The producer is not run until there is room. What one handler sends is taken whole, so the capacity may be
    /// exceeded by that.
    #[default]
    Block,
    /// The oldest message that waits is dropped, and counted.
    DropOldest,
    /// The new message is dropped, and counted.
    DropNewest,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Its place in the order of all messages of the registry.
    pub(super) seq: u64,
    /// Its type: an index into the types of its lane.
    of: u32,
    pub(super) payload: Payload,
}

/// How often what happened to the messages of a lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Handled by the target.
    pub(super) delivered: u64,
    /// Dropped by the overflow policy.
    pub(super) dropped: u64,
    /// Replaced by a newer one, on a port.
    pub(super) superseded: u64,
}

/// The queue of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    messages: VecDeque<Message>,
    /// Messages of types that the target does not take now, in their order: they wait until it does.
    aside: Vec<Message>,
    types: Vec<PayloadInfo>,
    pub(super) counts: Counts,
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Whether the producer has to wait.
    pub(super) fn holds_producer(&self, mode: Mode) -> bool {
        matches!(mode, Mode::Stream { capacity, overflow: Overflow::Block } if self.len() >= capacity)
    }

    /// The place of the message that is next.
    pub(super) fn front(&self) -> Option<u64> {
        self.messages.front().map(|message| message.seq)
    }

    /// What messages of that type are entered as.
    pub(super) fn type_index(&mut self, fingerprint: u64, of: impl FnOnce() -> PayloadInfo) -> u32 {
        let known = self.types.iter().position(|known| known.fingerprint == fingerprint);
        let at = known.unwrap_or_else(|| {
            if self.messages.is_empty() && self.aside.is_empty() {
                self.types.clear();
            }
            self.types.push(of());
            self.types.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// What messages of that type are entered as, if any was.
    pub(super) fn known_type(&self, fingerprint: u64) -> Option<u32> {
        let at = self.types.iter().position(|known| known.fingerprint == fingerprint)?;
        u32::try_from(at).ok()
    }

    /// The first messages that wait, as long as they are of that type.
    pub(super) fn first_of(&self, of: u32) -> impl Iterator<Item = &[u8]> {
        self.messages.iter().take_while(move |message| message.of == of).map(|message| &*message.payload)
    }

    /// The type of a message of this lane.
    pub(super) fn type_of(&self, message: &Message) -> &PayloadInfo {
        &self.types[message.of as usize]
    }

    /// How many messages wait for the target to take their type.
    pub(super) fn aside(&self) -> usize {
        self.aside.len()
    }

    /// The types that messages of this lane may have.
    pub(super) fn types(&self) -> &[PayloadInfo] {
        &self.types
    }

    /// Whether any message of that type waits.
    pub(super) fn has(&self, of: usize) -> bool {
        self.messages.iter().chain(&self.aside).any(|message| message.of as usize == of)
    }

    /// Puts messages aside whose type does not pass, and takes back in those whose type does. The flags are in the
    /// order of [`types`](Self::types).
    pub(super) fn sort_out(&mut self, passes: &[bool]) {
        let passes = |message: &Message| passes.get(message.of as usize).copied().unwrap_or_default();
        if self.aside.is_empty() && self.messages.iter().all(passes) {
            return;
        }
        let mut all: Vec<_> = self.messages.drain(..).chain(self.aside.drain(..)).collect();
        all.sort_by_key(|message| message.seq);
        let (passing, aside): (Vec<_>, Vec<_>) = all.into_iter().partition(passes);
        (self.messages, self.aside) = (passing.into(), aside);
    }

    /// The messages of types that pass, all in one type; the others are put aside. An error comes with the number of
    /// the message, from 1.
    pub(super) fn converted<E>(
        &self,
        passes: &[bool],
        to: PayloadInfo,
        mut convert: impl FnMut(&PayloadInfo, &[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Self, (usize, E)> {
        let mut lane = self.clone();
        lane.sort_out(passes);
        let fingerprint = to.fingerprint;
        let index = lane.type_index(fingerprint, || to);
        for (at, message) in lane.messages.iter_mut().enumerate() {
            let of = &lane.types[message.of as usize];
            if of.fingerprint != fingerprint {
                message.payload = convert(of, &message.payload).map_err(|error| (at + 1, error))?.into();
                message.of = index;
            }
        }
        Ok(lane)
    }

    /// Enters messages of one type, as the mode says. Answers with how many.
    pub(super) fn push_all<'a>(
        &mut self,
        mode: Mode,
        seq: u64,
        of: u32,
        payloads: impl Iterator<Item = Piece<'a>>,
    ) -> u64 {
        let mut next = seq;
        for payload in payloads {
            if let Mode::Stream { overflow: Overflow::Block, .. } = mode {
                payload.put(|payload| self.messages.push_back(Message { seq: next, of, payload }));
            } else {
                self.push(mode, next, of, payload.message().into());
            }
            next += 1;
        }
        next - seq
    }

    /// Enters a message, as the mode says.
    pub(super) fn push(&mut self, mode: Mode, seq: u64, of: u32, payload: Payload) {
        match mode {
            Mode::Port => {
                // It keeps its place, so that a fast producer does not put it off for ever.
                if let Some(waiting) = self.messages.back_mut() {
                    (waiting.of, waiting.payload) = (of, payload);
                    self.counts.superseded += 1;
                    return;
                }
            }
            Mode::Stream { capacity, overflow: Overflow::DropNewest } if self.len() >= capacity => {
                self.counts.dropped += 1;
                return;
            }
            Mode::Stream { capacity, overflow: Overflow::DropOldest } => {
                while self.len() >= capacity.max(1) {
                    self.messages.pop_front();
                    self.counts.dropped += 1;
                }
            }
            Mode::Stream { .. } => {}
        }
        self.messages.push_back(Message { seq, of, payload });
    }

    /// Takes the first messages off, which are delivered. Answers with the last of them.
    pub(super) fn deliver(&mut self, messages: usize) -> Option<Message> {
        let before = messages.min(self.len()).checked_sub(1)?;
        self.counts.delivered += before as u64 + 1;
        self.messages.drain(..before);
        self.messages.pop_front()
    }

    /// Fits what waits to another mode.
    pub(super) fn refit(&mut self, mode: Mode) {
        let (room, from_front) = match mode {
            Mode::Port => (1, true),
            Mode::Stream { capacity, overflow: Overflow::DropOldest } => (capacity, true),
            Mode::Stream { capacity, overflow: Overflow::DropNewest } => (capacity, false),
            Mode::Stream { overflow: Overflow::Block, .. } => return,
        };
        while self.len() > room.max(1) {
            if from_front {
                self.messages.pop_front()
            } else {
                self.messages.pop_back()
            };
            match mode {
                Mode::Port => self.counts.superseded += 1,
                Mode::Stream { .. } => self.counts.dropped += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::shape::Shape;

    fn lane(mode: Mode, payloads: impl IntoIterator<Item = u8>) -> Lane {
        let mut lane = Lane::default();
        for (seq, payload) in payloads.into_iter().enumerate() {
            let of = lane.type_index(7, || PayloadInfo { fingerprint: 7, shape: Shape::Unit });
            lane.push(mode, seq as u64, of, vec![payload].into());
        }
        lane
    }

    fn payloads(lane: &Lane) -> Vec<u8> {
        lane.messages.iter().map(|message| message.payload[0]).collect()
    }

    fn stream(overflow: Overflow) -> Mode {
        Mode::Stream { capacity: 3, overflow }
    }

    #[test]
    fn each_policy_keeps_what_it_says_and_counts_the_rest() {
        let blocked = lane(stream(Overflow::Block), 0..5);
        assert_eq!((payloads(&blocked), blocked.counts.dropped), (vec![0, 1, 2, 3, 4], 0));
        assert!(blocked.holds_producer(stream(Overflow::Block)));
        let oldest = lane(stream(Overflow::DropOldest), 0..5);
        assert_eq!((payloads(&oldest), oldest.counts.dropped), (vec![2, 3, 4], 2));
        assert!(!oldest.holds_producer(stream(Overflow::DropOldest)));
        let newest = lane(stream(Overflow::DropNewest), 0..5);
        assert_eq!((payloads(&newest), newest.counts.dropped), (vec![0, 1, 2], 2));
        let port = lane(Mode::Port, 0..5);
        assert_eq!((payloads(&port), port.counts.superseded, port.front()), (vec![4], 4, Some(0)));
    }

    #[test]
    fn another_mode_keeps_what_it_would_have_kept() {
        let mut waiting = lane(stream(Overflow::Block), 0..5);
        waiting.refit(stream(Overflow::Block));
        assert_eq!(payloads(&waiting), [0, 1, 2, 3, 4]);
        waiting.refit(Mode::Stream { capacity: 4, overflow: Overflow::DropNewest });
        assert_eq!(payloads(&waiting), [0, 1, 2, 3]);
        waiting.refit(Mode::Stream { capacity: 2, overflow: Overflow::DropOldest });
        assert_eq!(payloads(&waiting), [2, 3]);
        waiting.refit(Mode::Port);
        assert_eq!(
            (payloads(&waiting), waiting.counts),
            (vec![3], Counts { delivered: 0, dropped: 3, superseded: 1 })
        );
    }

    #[test]
    fn messages_of_types_that_do_not_pass_wait_aside_and_come_back_in_order() {
        let mut lane = lane(stream(Overflow::Block), 0..2);
        let other = lane.type_index(8, || PayloadInfo { fingerprint: 8, shape: Shape::Unit });
        for (seq, of) in [(2, other), (3, 0), (4, other)] {
            lane.push(Mode::default(), seq, of, vec![seq as u8].into());
        }
        assert!(lane.has(0) && lane.has(1));
        lane.sort_out(&[true, false]);
        assert_eq!((payloads(&lane), lane.aside()), (vec![0, 1, 3], 2));
        lane.deliver(1);
        lane.sort_out(&[false, true]);
        assert_eq!((payloads(&lane), lane.aside()), (vec![2, 4], 2));
        lane.sort_out(&[true, true]);
        assert_eq!((payloads(&lane), lane.aside()), (vec![1, 2, 3, 4], 0));
    }

    #[test]
    fn what_passes_is_converted_to_one_type_and_the_rest_is_kept() {
        let mut lane = lane(stream(Overflow::Block), 0..2);
        let other = lane.type_index(8, || PayloadInfo { fingerprint: 8, shape: Shape::Unit });
        lane.push(Mode::default(), 2, other, vec![2].into());
        let to = PayloadInfo { fingerprint: 9, shape: Shape::Unit };
        let double = |_: &PayloadInfo, payload: &[u8]| Ok::<_, ()>(vec![payload[0] * 2]);
        let done = lane.converted(&[true, false], to.clone(), double).expect("converts");
        assert_eq!((payloads(&done), done.aside()), (vec![0, 2], 1));
        assert!(done.messages.iter().all(|message| done.type_of(message).fingerprint == 9));
        let fails = |_: &PayloadInfo, payload: &[u8]| if payload[0] == 1 { Err(()) } else { Ok(vec![]) };
        assert_eq!(lane.converted(&[true, true], to, fails).map(drop), Err((2, ())));
    }
}
