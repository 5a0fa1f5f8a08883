//! Decides when to look at the files: soon after somebody has written, but not while. The time comes from the caller.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

/// How long it must be quiet after a file event. Editors save in several steps, which are microseconds apart.
const QUIET: Duration = Duration::from_millis(10);
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
    /// Whoever wrote it has closed it, or it is gone.
    Finished,
    /// Something else.
    Other,
}

/// Waits for quiet. Times count from any one moment.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// The times of the first and of the newest event since the last look.
    since: Option<(Duration, Duration)>,
    unfinished: BTreeSet<PathBuf>,
}

impl Quiet {
    /// Something has happened that a look is due for.
    pub(super) fn stir(&mut self, now: Duration) {
        let first = self.since.map_or(now, |(first, _)| first);
        self.since = Some((first, now));
    }

    /// A file event came in about a path that matters.
    pub(super) fn event(&mut self, now: Duration, sign: Sign, path: &Path) {
        match sign {
            Sign::Written => drop(self.unfinished.insert(path.to_owned())),
            Sign::Finished => drop(self.unfinished.remove(path)),
            Sign::Other => {}
        }
        self.stir(now);
    }

    /// When to look; none while nothing has happened.
    pub(super) fn due(&self) -> Option<Duration> {
        let (first, newest) = self.since?;
        let patience = if self.unfinished.is_empty() { PATIENCE } else { UNFINISHED };
        let quiet = if self.unfinished.is_empty() { QUIET } else { UNFINISHED };
        Some((newest + quiet).min(first + patience))
    }

    /// Looks: what happens from now on is something new. Answers when the first event came in.
    pub(super) fn look(&mut self) -> Option<Duration> {
        self.unfinished.clear();
        self.since.take().map(|(first, _)| first)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
            while let Some(due) = quiet.due().filter(|due| *due <= now) {
                looks.push(u64::try_from(due.as_millis()).unwrap());
                quiet.look();
            }
        };
        for (milliseconds, sign, path) in case.events {
            let now = Duration::from_millis(milliseconds);
            look_until(&mut quiet, now);
            quiet.event(now, sign, &path);
        }
        look_until(&mut quiet, Duration::MAX);
        assert_eq!(looks, case.looks, "{}", name.display());
    }
}
