//! Tells of calls into a widget that do not come back.
//!
//! A call cannot be ended from outside: the code may hold anything. But someone can be told what it is that everything
//! waits for.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A call into a widget that has not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stuck {
    /// The instance.
    pub instance: String,
    /// What was called: a port, a timer, a hook, `encode` or `migrate`.
    pub call: String,
    /// How long it has been running.
    pub running: Duration,
}

/// Watches over calls, from a thread of its own, once [`Watchdog::install`] was called.
#[derive(Default)]
pub(super) struct Watchdog {
    post: Option<Arc<Post>>,
}

#[derive(Default)]
struct Post {
    current: Mutex<Current>,
    ended: Condvar,
    /// Counted up when a call goes on with something else: each message counts by itself.
    beat: Arc<AtomicU64>,
}

#[derive(Default)]
struct Current {
    call: Option<Call>,
    is_over: bool,
}

struct Call {
    instance: String,
    name: String,
    since: Instant,
    /// What was counted when it was looked at last.
    beat: u64,
    /// It is told of when it has run for that long.
    next: Duration,
}

impl Call {
    /// Answers with how long it has been running, if that is to be told.
    fn look(&mut self, now: Instant, beat: u64, patience: Duration) -> Option<Duration> {
        if self.beat != beat {
            (self.beat, self.since, self.next) = (beat, now, Duration::ZERO);
        }
        if self.next.is_zero() {
            self.next = patience;
        }
        let running = now.saturating_duration_since(self.since);
        let is_told = running >= self.next;
        if is_told {
            self.next *= 2;
        }
        is_told.then_some(running)
    }
}

impl Post {
    /// Nothing panics while it holds the lock, so what it protects is whole.
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog").field("is_installed", &self.post.is_some()).finish()
    }
}

/// A call that goes on until this is dropped.
pub(super) struct Guard(Option<Arc<Post>>);

impl Watchdog {
    /// Has calls told of that run for longer than `patience`, and again each time that has doubled.
    pub(super) fn install(
        &mut self,
        patience: Duration,
        mut tell: impl FnMut(&Stuck) + Send + 'static,
    ) -> std::io::Result<()> {
        self.retire();
        let post = Arc::new(Post::default());
        let seen = Arc::clone(&post);
        let patience = patience.max(Duration::from_millis(1));
        std::thread::Builder::new().name("shrine-watchdog".to_owned()).spawn(move || {
            loop {
                let guard = seen.current();
                if guard.is_over {
                    return;
                }
                let waited = seen.ended.wait_timeout(guard, patience / 2);
                let mut current = waited.unwrap_or_else(PoisonError::into_inner).0;
                let Some(call) = &mut current.call else { continue };
                let beat = seen.beat.load(Ordering::Relaxed);
                if let Some(running) = call.look(Instant::now(), beat, patience) {
                    let (instance, call) = (call.instance.clone(), call.name.clone());
                    drop(current);
                    tell(&Stuck { instance, call, running });
                }
            }
        })?;
        self.post = Some(post);
        Ok(())
    }

    /// A call begins.
    pub(super) fn enter(&self, instance: &str, call: &str) -> Guard {
        let Some(post) = &self.post else { return Guard(None) };
        post.current().call = Some(Call {
            instance: instance.to_owned(),
            name: call.to_owned(),
            since: Instant::now(),
            beat: post.beat.load(Ordering::Relaxed),
            next: Duration::ZERO,
        });
        Guard(Some(Arc::clone(post)))
    }

    /// What a call counts up that goes on with something else; none if nobody watches.
    pub(super) fn beat(&self) -> Option<Arc<AtomicU64>> {
        self.post.as_ref().map(|post| Arc::clone(&post.beat))
    }

    fn retire(&mut self) {
        if let Some(post) = self.post.take() {
            post.current().is_over = true;
            post.ended.notify_all();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(post) = &self.0 {
            post.current().call = None;
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.retire();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_call_that_goes_on_with_something_else_begins_anew() {
        let (start, patience) = (Instant::now(), Duration::from_secs(3));
        let mut call = Call {
            instance: String::new(),
            name: String::new(),
            since: start,
            beat: 0,
            next: Duration::ZERO,
        };
        let mut told = |second: u64, beat| {
            call.look(start + Duration::from_secs(second), beat, patience).map(|running| running.as_secs())
        };
        assert_eq!([told(1, 0), told(2, 1), told(4, 1), told(5, 1)], [None, None, None, Some(3)]);
        assert_eq!([told(6, 1), told(8, 1), told(9, 2), told(12, 2)], [None, Some(6), None, Some(3)]);
    }

    #[test]
    fn a_call_that_does_not_come_back_is_told_of() {
        let (tell, told) = channel();
        let mut watchdog = Watchdog::default();
        watchdog
            .install(Duration::from_millis(1), move |stuck| drop(tell.send(stuck.clone())))
            .expect("starts");
        drop(watchdog.enter("quick", "add"));
        let guard = watchdog.enter("slow", "before_update");
        // It goes on until it was told of, however long that takes.
        let stuck = told.iter().find(|stuck| stuck.instance == "slow").expect("is told");
        assert_eq!(stuck.call, "before_update");
        drop(guard);
        drop(watchdog);
        assert_eq!(told.iter().filter(|stuck| stuck.instance != "slow").count(), 0, "its thread has ended");
    }
}
