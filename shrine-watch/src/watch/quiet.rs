//! Decides when to look at the files: soon after somebody has written, but not while. The time comes from the caller.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

/// How long it must be quiet after a file event. Editors save in several steps, which are microseconds apart.
const QUIET: Duration = Duration::from_millis(10);
/// The same after one file was saved whole: its writer has closed it, or it was moved to its place.
const SAVED: Duration = Duration::from_millis(3);
/// How long to wait for that at most.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long to wait for a file to be closed that is being written: it may have been cut to nothing first.
const UNFINISHED: Duration = Duration::from_millis(200);

/// What a file event says about the writing of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sign {
    /// Some of it was written, or it was cut: whoever does that has it open.
    Written,
    /// Whoever wrote it has closed it, or it was moved here.
    Finished,
    /// It was removed, or moved away. What takes its place may come in a moment.
    Gone,
    /// Something else.
    Other,
}

/// Waits for quiet. Times count from any one moment.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// The times of the first and of the newest event since the last look.
    since: Option<(Duration, Duration)>,
    /// The files of these events that matter, with the last sign of each.
    files: BTreeMap<PathBuf, Sign>,
    /// Whether there was more than what events about these files tell.
    is_vague: bool,
    /// Until when looks were put off for another reason.
    released: Duration,
    /// When it was looked last because of events.
    looked: Option<Duration>,
}

impl Quiet {
    /// Something has happened that a look is due for.
    pub(super) fn stir(&mut self, now: Duration) {
        self.is_vague = true;
        self.note(now);
    }

    /// A file event came in about a path in a directory that is watched, and whether the file itself matters.
    pub(super) fn event(&mut self, now: Duration, sign: Sign, path: &Path, matters: bool) {
        if matters {
            self.files.insert(path.to_owned(), sign);
        }
        // What an editor keeps open for itself is not waited for. A directory may bring files that matter.
        self.note(now);
    }

    fn note(&mut self, now: Duration) {
        let first = self.since.map_or(now, |(first, _)| first);
        self.since = Some((first, now));
    }

    /// When to look, and not before the given time; none while nothing has happened.
    pub(super) fn due(&self, not_before: Option<Duration>) -> Option<Duration> {
        let (first, newest) = self.since?;
        let from = first.max(self.released).max(not_before.unwrap_or_default());
        let (quiet, patience) = if self.files.values().any(|sign| *sign == Sign::Written) {
            (UNFINISHED, UNFINISHED)
        } else if self.is_one_save(first) {
            (SAVED, PATIENCE)
        } else {
            (QUIET, PATIENCE)
        };
        Some((newest + quiet).min(from + patience).max(not_before.unwrap_or_default()))
    }

    /// The times of the first and of the newest event, when all that has happened is that one file was saved.
    pub(super) fn saved(&self) -> Option<(Duration, Duration)> {
        self.since.filter(|(first, _)| self.is_one_save(*first))
    }

    /// Whether all that has happened is that one file was saved. Where there were several, as in a checkout, more may
    /// follow.
    fn is_one_save(&self, first: Duration) -> bool {
        let is_alone = self.looked.is_none_or(|looked| first >= looked + PATIENCE);
        is_alone
            && self.files.len() == 1
            && !self.is_vague
            && self.files.values().all(|sign| *sign == Sign::Finished)
    }

    /// Looks are put off no more: whoever writes now is waited for from now on.
    pub(super) fn release(&mut self, now: Duration) {
        self.released = now;
    }

    /// Looks: what happens from now on is something new. Answers when the first event came in.
    pub(super) fn look(&mut self, now: Duration) -> Option<Duration> {
        if !self.files.is_empty() {
            self.looked = Some(now);
        }
        self.files.clear();
        self.is_vague = false;
        self.since.take().map(|(first, _)| first)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::inputs::looks_like_source;
    use super::*;

    #[derive(Deserialize)]
    struct Case {
        /// At how many milliseconds what happens to which file.
        events: Vec<(u64, Sign, PathBuf)>,
        /// At how many milliseconds it is looked.
        looks: Vec<u64>,
    }

    #[test]
    fn every_case_is_looked_at_when_it_says() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/watch/quiet");
        let mut count = 0;
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let case = serde_json::from_slice(&fs::read(&path).unwrap());
            run(&path, case.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
            count += 1;
        }
        assert!(count > 0, "there are no cases");
    }

    fn run(name: &Path, case: Case) {
        let mut quiet = Quiet::default();
        let mut looks = Vec::new();
        let mut look_until = |quiet: &mut Quiet, now: Duration| {
            while let Some(due) = quiet.due(None).filter(|due| *due <= now) {
                looks.push(u64::try_from(due.as_millis()).unwrap());
                quiet.look(due);
            }
        };
        for (milliseconds, sign, path) in case.events {
            let now = Duration::from_millis(milliseconds);
            look_until(&mut quiet, now);
            let matters = looks_like_source(&path);
            quiet.event(now, sign, &path, matters);
        }
        look_until(&mut quiet, Duration::MAX);
        assert_eq!(looks, case.looks, "{}", name.display());
    }
}
