//! What handlers leave behind: the messages that they sent, and the states after them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::payload::Piece;
use crate::abi::SentMessage;

/// How much room is kept for the next call.
const KEPT: usize = 1 << 20;
/// After so many bytes of states, no more messages are handled in one call.
const STATES: usize = 1 << 16;

/// What a handler sent.
#[derive(Default)]
pub struct Sent {
    messages: Vec<SentMessage>,
    /// One behind the other. Invariant: messages end in order, and none beyond the end.
    payloads: Vec<u8>,
}

impl Sent {
    /// The messages in the order of sending: output ports by index, with payloads.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Piece<'_>)> {
        self.messages.iter().scan(0, |start, SentMessage { port, end }| {
            let payload = Piece::of(&self.payloads[*start..], *end - *start);
            *start = *end;
            Some((*port, payload))
        })
    }

    /// Whether nothing was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn push(&mut self, port: u32, payload: &[u8]) {
        self.payloads.extend_from_slice(payload);
        self.messages.push(SentMessage { port, end: self.payloads.len() });
    }

    /// Adds messages with their payloads. False, and nothing is added, if they do not end where they should.
    pub(super) fn extend(&mut self, messages: &[SentMessage], payloads: &[u8]) -> bool {
        let last = messages.last().map_or(0, |last| last.end);
        if last != payloads.len() || !messages.is_sorted_by_key(|message| message.end) {
            return false;
        }
        let start = self.payloads.len();
        self.payloads.extend_from_slice(payloads);
        let behind = |message: &SentMessage| SentMessage { end: start + message.end, ..*message };
        self.messages.extend(messages.iter().map(behind));
        true
    }

    pub(super) fn clear(&mut self) {
        self.messages.clear();
        self.messages.shrink_to(KEPT / size_of::<SentMessage>());
        self.payloads.clear();
        self.payloads.shrink_to(KEPT);
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(port, payload)| (port, payload.message()))).finish()
    }
}

/// The states after messages that were handled in one call.
#[derive(Debug, Default)]
pub struct States {
    /// One behind the other; or the last alone.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    keeps_last: bool,
    count: usize,
    /// From then on, no more are wanted in one call.
    until: Option<Instant>,
    beat: Option<Arc<AtomicU64>>,
}

impl States {
    /// The states in their order: all, or the last of them. Empty if no message was handled to its end.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        let start = |nth: usize| nth.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends.iter().enumerate().map(move |(nth, end)| &self.bytes[start(nth)..*end])
    }

    /// After how many messages there was one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether only the last is kept. What is kept changes with the next call.
    pub fn keep_last(&mut self, keeps_last: bool) {
        self.keeps_last = keeps_last;
    }

    /// From then on, no more messages are handled in one call after the one under way.
    pub fn stop_at(&mut self, until: Option<Instant>) {
        self.until = until;
    }

    /// Has that counted up with each state from now on.
    pub fn count_up(&mut self, beat: Arc<AtomicU64>) {
        self.beat = Some(beat);
    }

    /// Adds one. Answers whether more are wanted.
    pub(super) fn push(&mut self, state: &[u8]) -> bool {
        if self.keeps_last {
            self.bytes.clear();
            self.ends.clear();
        }
        self.bytes.extend_from_slice(state);
        self.ends.push(self.bytes.len());
        self.count += 1;
        if let Some(beat) = &self.beat {
            beat.fetch_add(1, Ordering::Relaxed);
        }
        !self.is_full() && self.until.is_none_or(|until| Instant::now() < until)
    }

    /// Whether no more are wanted.
    pub(super) fn is_full(&self) -> bool {
        !self.keeps_last && self.bytes.len() >= STATES
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.ends.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_one_by_one_or_at_once() {
        let mut sent = Sent::default();
        sent.push(1, b"one");
        let ends =
            |ends: &[usize]| ends.iter().map(|end| SentMessage { port: 2, end: *end }).collect::<Vec<_>>();
        assert!(sent.extend(&ends(&[0, 3]), b"two"));
        let all = [(1, &b"one"[..]), (2, b""), (2, b"two")];
        let messages = |sent: &Sent| {
            sent.iter().map(|(port, payload)| (port, payload.message().to_vec())).collect::<Vec<_>>()
        };
        let all = all.map(|(port, payload)| (port, payload.to_vec()));
        assert_eq!(messages(&sent), all);
        for wrong in [&[2][..], &[4], &[3, 2], &[4, 3], &[]] {
            assert!(!sent.extend(&ends(wrong), b"two"), "{wrong:?}");
            assert_eq!(messages(&sent), all, "nothing of it is taken");
        }
        sent.clear();
        assert!(sent.is_empty());
    }

    #[test]
    fn all_states_are_kept_or_the_last() {
        let mut states = States::default();
        let beat = Arc::<AtomicU64>::default();
        states.count_up(Arc::clone(&beat));
        for keeps_last in [false, true] {
            states.keep_last(keeps_last);
            states.clear();
            assert!(states.push(b"a") && states.push(b"") && states.push(b"bc"));
            let all = [&b"a"[..], b"", b"bc"];
            assert!(states.iter().eq(all[if keeps_last { 2 } else { 0 }..].iter().copied()));
            assert_eq!(states.count(), 3);
        }
        assert_eq!(beat.load(Ordering::Relaxed), 6);
        assert!(states.push(&vec![0; STATES]), "there is room, where only one is kept");
        states.keep_last(false);
        states.clear();
        assert!(!states.push(&vec![0; STATES]), "a large one is the last of its call");
        states.clear();
        states.stop_at(Some(Instant::now()));
        assert!(!states.push(b"a") && states.iter().eq([b"a"]), "it is taken, and the last");
    }
}
