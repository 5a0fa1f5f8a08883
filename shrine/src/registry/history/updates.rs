//! The states around the last updates, so that going back can be exact.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Snapshot, attic_bytes};

/// How many updates are kept.
const UPDATES: usize = 16;
/// How many bytes of states are kept. The last update is kept even when it is larger.
const BYTES: usize = 4 << 20;

/// The states before and after each of the last updates: while a state is still what an update made of it, going back
/// over that update loses nothing, whatever the chain can do.
#[derive(Debug, Clone, Default)]
pub(crate) struct UpdateCheckpoints {
    updates: VecDeque<Update>,
}

#[derive(Debug, Clone)]
struct Update {
    before: Snapshot,
    after: Snapshot,
    mark: Mark,
}

/// Which update it was, and when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The generation that it made current.
    pub(crate) generation: u64,
    /// On the registry's clock.
    pub(crate) at: Duration,
}

impl UpdateCheckpoints {
    /// Notes an update that is done.
    pub(crate) fn push(&mut self, mut before: Snapshot, after: Snapshot, mark: Mark) {
        if let Some(last) = self.updates.back()
            && last.after.state == before.state
            && last.after.attic == before.attic
        {
            // The same bytes, encoded anew: once is enough.
            before.state = Arc::clone(&last.after.state);
            before.attic = Arc::clone(&last.after.attic);
        }
        self.updates.push_back(Update { before, after, mark });
        while self.updates.len() > 1 && (self.updates.len() > UPDATES || self.bytes() > BYTES) {
            self.updates.pop_front();
        }
    }

    /// The last update.
    pub(crate) fn last(&self) -> Option<Mark> {
        self.updates.back().map(|update| update.mark)
    }

    /// The versions that ran before, the oldest first, each once.
    pub(crate) fn versions(&self) -> Vec<String> {
        let mut versions: Vec<String> = Vec::new();
        for version in self.updates.iter().map(|update| update.before.module.version()) {
            if !versions.iter().any(|known| known == version) {
                versions.push(version.to_owned());
            }
        }
        versions
    }

    /// The state that code of that version and fingerprint had, if `state`, in the code that runs now, is what the
    /// updates since have made of it and nothing else has changed it: over one update or over several.
    pub(crate) fn exact(&self, version: &str, fingerprint: u64, state: &[u8]) -> Option<&Snapshot> {
        // Each update ends in the code that runs then, so the last one ends in that of now.
        let running = &self.updates.back()?.after;
        let mut reached: Vec<&Snapshot> = Vec::new();
        for Update { before, after, .. } in self.updates.iter().rev() {
            let leads_here = (same_code(after, running) && *after.state == *state)
                || reached.iter().any(|reached| same_as(after, reached));
            if !leads_here {
                continue;
            }
            if before.module.version() == version && before.module.fingerprint() == fingerprint {
                return Some(before);
            }
            reached.push(before);
        }
        None
    }

    fn bytes(&self) -> usize {
        let mut bytes = 0;
        let mut last: Option<&Snapshot> = None;
        for snapshot in self.updates.iter().flat_map(|update| [&update.before, &update.after]) {
            if last.is_none_or(|last| !Arc::ptr_eq(&last.state, &snapshot.state)) {
                bytes += snapshot.state.len();
            }
            if last.is_none_or(|last| !Arc::ptr_eq(&last.attic, &snapshot.attic)) {
                bytes += attic_bytes(&snapshot.attic);
            }
            last = Some(snapshot);
        }
        bytes
    }
}

fn same_as(left: &Snapshot, right: &Snapshot) -> bool {
    same_code(left, right) && left.state == right.state && left.attic == right.attic
}

/// Whether two states are of the same type. The same bytes may mean another thing in another version.
fn same_code(left: &Snapshot, right: &Snapshot) -> bool {
    left.module.version() == right.module.version() && left.module.fingerprint() == right.module.fingerprint()
}
