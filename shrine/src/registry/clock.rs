//! Where a registry gets the time from.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock. The owner of a registry supplies it, so that tests need no sleeping.
pub trait Clock: Send {
    /// The time since some fixed point; never goes back.
    fn now(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that goes on when it is told to.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

/// Measures the parts of something that goes on.
#[derive(Debug)]
pub(super) struct Stopwatch {
    last: Cell<Instant>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { last: Cell::new(Instant::now()) }
    }

    /// Microseconds since the last lap.
    pub(super) fn lap(&self) -> u64 {
        let now = Instant::now();
        u64::try_from((now - self.last.replace(now)).as_micros()).unwrap_or(u64::MAX)
    }
}
