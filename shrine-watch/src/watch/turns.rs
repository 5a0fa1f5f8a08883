//! Decides whether a change ends the build under way, waits for its end, or starts none. The time comes from the caller.
//!
//! A newer save ends the build under way. There are two cases in which that would go on for ever:
//!
//! - Somebody types, and an editor saves faster than a build ends. Once builds were ended that together took as long as two
//!   take, the next one is left to end, and what was saved meanwhile is built after it.
//! - The build itself changes what it is made of: a build script that writes into its sources. All changes fall into builds
//!   then. After some in a row, builds are left to end, and it is quiet for as long as a build takes: whoever types is seen
//!   there. Where nobody is, a few builds more, these files start no builds any more.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How many builds in a row must have changed their own sources for them to be left to end.
const ODD: u32 = 4;
/// And how many until that is an endless loop.
const ENDLESS: u32 = 8;
/// How much time of builds may be lost, in times that one takes, and at least and at most.
const MAY_BE_LOST: (u32, Duration, Duration) = (2, Duration::from_millis(500), Duration::from_secs(5));
/// How long a build is left to end, in times that one takes, and at least and at most. It may hang.
const PATIENCE: (u32, Duration, Duration) = (4, Duration::from_secs(2), Duration::from_secs(30));
/// How long it is quiet after a build, in times that one takes, and at least and at most.
const PROBE: (u32, Duration, Duration) = (1, Duration::from_millis(100), Duration::from_secs(2));
/// By how much the time of a file may be before that of its change: file systems read a coarser clock than programs.
const CLOCK_TICK: Duration = Duration::from_millis(10);

/// What to do about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize), serde(rename_all = "snake_case"))]
pub(super) enum Verdict {
    /// Build.
    Build,
    /// Nothing any more: so many builds in a row have changed their own sources.
    Endless(u32),
    /// Nothing: these are the files that builds change by themselves.
    Known,
}

/// What is known of builds. Times count from any one moment, as they do for [`Quiet`](super::quiet::Quiet).
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// When the build under way began.
    under_way: Option<Duration>,
    /// When the last one ended that was not ended early.
    ended: Option<Duration>,
    /// How long that one took.
    usual: Option<Duration>,
    /// How long builds took since then that were ended early.
    lost: Duration,
    /// How many of them had been left to end, and did not.
    overdue: u32,
    /// When the newest build began and ended, by the clock of files.
    newest: Option<(SystemTime, Option<SystemTime>)>,
    /// How many changes in a row fell into builds.
    rounds: u32,
    /// What changed in those.
    suspects: BTreeSet<PathBuf>,
    /// The files that start no builds.
    known: BTreeSet<PathBuf>,
    /// Those of them that the newest build has changed.
    changed_again: BTreeSet<PathBuf>,
}

impl Turns {
    /// A build begins. One that was under way was ended.
    pub(super) fn began(&mut self, now: Duration, clock: SystemTime) {
        match self.under_way {
            Some(began) => {
                let was_left_to_end = self.is_left_to_end();
                self.lost += now.saturating_sub(began);
                self.overdue += u32::from(was_left_to_end);
            }
            // A build that did not change them any more has mended it.
            None => self.known = std::mem::take(&mut self.changed_again),
        }
        self.changed_again.clear();
        self.under_way = Some(now);
        self.newest = Some((clock, None));
    }

    /// The build under way has ended, and took so long.
    pub(super) fn ended(&mut self, now: Duration, clock: SystemTime, took: Duration) {
        self.under_way = None;
        self.ended = Some(now);
        self.usual = Some(took);
        (self.lost, self.overdue) = (Duration::ZERO, 0);
        if let Some((_, ended)) = &mut self.newest {
            *ended = Some(clock);
        }
    }

    /// Until when changes wait; none when they do not.
    pub(super) fn hold(&self, now: Duration) -> Option<Duration> {
        let until = match (self.under_way, self.ended) {
            (Some(began), _) if self.is_left_to_end() => {
                began + self.times(PATIENCE) * 2_u32.saturating_pow(self.overdue.min(10))
            }
            (None, Some(ended)) if self.rounds >= ODD => ended + self.times(PROBE),
            _ => return None,
        };
        (until > now).then_some(until)
    }

    /// Judges a change: the files, and when each of them was changed, by the clock of files.
    pub(super) fn judge(&mut self, changed: &[(PathBuf, SystemTime)]) -> Verdict {
        // What was changed when a build had just ended may bear a time of before: that is no build's, for somebody may have
        // waited for its end. A build that writes does so before the compiler has run.
        let is_of_build = |time: &SystemTime| {
            self.newest.is_some_and(|(began, ended)| {
                *time >= began && ended.is_none_or(|ended| *time + CLOCK_TICK < ended)
            })
        };
        if changed.is_empty() || !changed.iter().all(|(_, time)| is_of_build(time)) {
            self.rounds = 0;
            self.suspects.clear();
            return Verdict::Build;
        }
        let paths = || changed.iter().map(|(path, _)| path);
        self.changed_again.extend(paths().filter(|path| self.known.contains(*path)).cloned());
        if paths().all(|path| self.known.contains(path)) {
            return Verdict::Known;
        }
        self.rounds += 1;
        self.suspects.extend(paths().cloned());
        if self.rounds < ENDLESS {
            return Verdict::Build;
        }
        self.known.append(&mut self.suspects);
        self.changed_again.extend(paths().cloned());
        Verdict::Endless(std::mem::take(&mut self.rounds))
    }

    fn is_left_to_end(&self) -> bool {
        self.lost >= self.times(MAY_BE_LOST) || self.rounds >= ODD
    }

    /// As many times as long as a build takes. The first one may take long: then it is the most.
    fn times(&self, (factor, least, most): (u32, Duration, Duration)) -> Duration {
        self.usual.map_or(most, |usual| (usual * factor).clamp(least, most))
    }
}

#[cfg(test)]
mod tests;
