//! What cargo's compiler remembers of a crate, for ours: so that the first call of ours is as fast as all others.
//!
//! The compiler keeps a directory for each crate, with one for each session in it: a file is never changed once its
//! session has ended, and the next session takes it over as a hard link. So do we.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::build::Cancel;
use crate::build::unit::Unit;

/// What is to be taken over: from a directory of cargo's to one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) struct Seed {
    pub(super) crate_name: String,
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
}

impl Seed {
    /// What there is to take over for a unit.
    pub(super) fn of(unit: &Unit, to: &Path) -> Option<Self> {
        let (crate_name, from) = (unit.crate_name.clone(), unit.incremental.clone()?);
        Some(Self { crate_name, from, to: to.to_owned() })
    }

    /// Takes over the newest session of each crate of that name. What cannot be is compiled from nothing.
    pub(in crate::build) fn sow(&self, cancel: &Cancel) {
        for crate_directory in directories(&self.from) {
            let name = name(&crate_directory);
            let is_of_crate =
                name.rsplit_once('-').is_some_and(|(crate_name, _)| crate_name == self.crate_name);
            if is_of_crate && !cancel.is_cancelled() {
                let _ = take_over(&crate_directory, &self.to.join(name));
            }
        }
    }
}

/// Takes over the newest session of a crate.
fn take_over(from: &Path, to: &Path) -> io::Result<()> {
    // `s-<time>-<random>-<hash>` is a session that has ended; one that is under way ends in `-working`. The time has
    // digits of one length, so the names are in its order.
    let ended = |name: &String| name.starts_with("s-") && !name.ends_with("-working");
    let Some(session) = directories(from).iter().map(|path| name(path)).filter(ended).max() else {
        return Ok(());
    };
    if directories(to).iter().any(|known| name(known) >= session) {
        return Ok(());
    }
    // Under a name that the compiler does not look at, until it is complete.
    let draft = to.join(format!("{session}-working"));
    fs::create_dir_all(&draft)?;
    for entry in fs::read_dir(from.join(&session))? {
        let entry = entry?;
        fs::hard_link(entry.path(), draft.join(entry.file_name()))?;
    }
    // A session without a lock is taken for garbage. Its file is named without the hash.
    let lock = session.rsplit_once('-').map_or(session.as_str(), |(lock, _)| lock);
    fs::write(to.join(format!("{lock}.lock")), "")?;
    fs::rename(draft, to.join(&session))
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sown(from: &Path, to: &Path) -> Vec<String> {
        let seed = Seed { crate_name: "sum".to_owned(), from: from.to_owned(), to: to.to_owned() };
        seed.sow(&Cancel::default());
        let mut found: Vec<_> = directories(to)
            .iter()
            .flat_map(|of_crate| fs::read_dir(of_crate).unwrap().flatten())
            .map(|entry| name(&entry.path()))
            .collect();
        found.sort();
        found
    }

    #[test]
    fn the_newest_session_that_has_ended_is_taken_over() {
        let (cargos, ours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for session in
            ["sum-1a/s-hb1-0a-old", "sum-1a/s-hb2-0b-new", "sum-1a/s-hb3-0c-working", "summary-2b/s-hb9-0d-x"]
        {
            fs::create_dir_all(cargos.path().join(session)).unwrap();
            fs::write(cargos.path().join(session).join("dep-graph.bin"), session).unwrap();
        }
        assert_eq!(sown(cargos.path(), ours.path()), ["s-hb2-0b-new", "s-hb2-0b.lock"]);
        let copy = fs::read_to_string(ours.path().join("sum-1a/s-hb2-0b-new/dep-graph.bin")).unwrap();
        assert_eq!(copy, "sum-1a/s-hb2-0b-new");
        // Once is enough, and what is newer here stays.
        assert_eq!(sown(cargos.path(), ours.path()).len(), 2);
        fs::create_dir_all(cargos.path().join("sum-1a/s-hb4-0e-newer")).unwrap();
        assert_eq!(sown(cargos.path(), ours.path()).len(), 4);
    }

    #[test]
    fn where_there_is_nothing_there_is_nothing_to_take_over() {
        let ours = tempfile::tempdir().unwrap();
        assert!(sown(Path::new("/nowhere"), ours.path()).is_empty());
    }
}
