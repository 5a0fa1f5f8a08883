//! What has happened, in order: for its owner, for those who follow, and for those who come later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// How many events a registry remembers; the oldest go first.
pub const EVENT_LIMIT: usize = 100_000;

/// An event with its place in the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recorded {
    /// Counts up from 0 in each registry.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// The events of a registry as they happen; from [`Registry::subscribe`](super::Registry::subscribe). It can be moved
/// to another thread, and ends with the registry.
#[derive(Debug)]
pub struct Subscription {
    events: Receiver<Arc<Recorded>>,
}

impl Subscription {
    /// The next event, if one is there.
    #[must_use]
    pub fn try_next(&self) -> Option<Arc<Recorded>> {
        self.events.try_recv().ok()
    }

    /// Waits for the next event; none when the registry is gone, or no event came in time.
    #[must_use]
    pub fn next_within(&self, timeout: Duration) -> Option<Arc<Recorded>> {
        self.events.recv_timeout(timeout).ok()
    }
}

/// Waits for each next event, until the registry is gone.
impl Iterator for Subscription {
    type Item = Arc<Recorded>;

    fn next(&mut self) -> Option<Self::Item> {
        self.events.recv().ok()
    }
}

#[derive(Debug, Default)]
pub(super) struct EventLog {
    entries: VecDeque<Arc<Recorded>>,
    next: u64,
    /// What [`take`](Self::take) gives next.
    taken: u64,
    followers: Vec<Sender<Arc<Recorded>>>,
}

impl EventLog {
    pub(super) fn add(&mut self, event: Event) {
        let recorded = Arc::new(Recorded { seq: self.next, event });
        self.next += 1;
        self.followers.retain(|follower| follower.send(Arc::clone(&recorded)).is_ok());
        if self.entries.len() == EVENT_LIMIT {
            self.entries.pop_front();
        }
        self.entries.push_back(recorded);
    }

    /// What was not taken yet.
    pub(super) fn take(&mut self) -> Vec<Event> {
        let new = self.since(self.taken).map(|recorded| recorded.event.clone()).collect();
        self.taken = self.next;
        new
    }

    /// What is remembered of the events from that place on.
    pub(super) fn since(&self, seq: u64) -> impl Iterator<Item = &Arc<Recorded>> {
        let first = self.next - self.entries.len() as u64;
        let skip = usize::try_from(seq.saturating_sub(first)).unwrap_or(usize::MAX).min(self.entries.len());
        self.entries.range(skip..)
    }

    /// Replays what is remembered from that place on, and follows.
    pub(super) fn subscribe(&mut self, from: u64) -> Subscription {
        let (follower, events) = channel();
        for recorded in self.since(from) {
            // Cannot fail: the receiver is here.
            let _ = follower.send(Arc::clone(recorded));
        }
        self.followers.push(follower);
        Subscription { events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u64) -> Event {
        Event::Unchanged { generation: n }
    }

    #[test]
    fn what_was_taken_is_still_there_for_those_who_come_later() {
        let mut log = EventLog::default();
        let early = log.subscribe(0);
        for n in 0..3 {
            log.add(event(n));
        }
        assert_eq!(log.take(), [event(0), event(1), event(2)]);
        assert_eq!(log.take(), []);
        let late = log.subscribe(1);
        log.add(event(3));
        let seqs = |subscription: &Subscription| {
            std::iter::from_fn(|| subscription.try_next()).map(|recorded| recorded.seq).collect::<Vec<_>>()
        };
        assert_eq!((seqs(&early), seqs(&late)), (vec![0, 1, 2, 3], vec![1, 2, 3]));
        assert_eq!(log.take(), [event(3)]);
        drop(log);
        assert_eq!(early.count(), 0, "it ends with the registry");
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut log = EventLog::default();
        (0..EVENT_LIMIT as u64 + 5).for_each(|n| log.add(event(n)));
        assert_eq!(log.since(0).next().map(|recorded| recorded.seq), Some(5));
        assert_eq!(log.take().len(), EVENT_LIMIT);
    }
}
