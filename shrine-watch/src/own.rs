//! Directories in a target directory that belong to one process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A directory of this process alone, below one in which every process has its own. It is removed with all that is in it
/// when this value is dropped, and those of processes that have ended when the next one is made.
#[derive(Debug)]
pub(crate) struct OwnDirectory(PathBuf);

impl OwnDirectory {
    /// Names a directory below `all`. It is made by whoever writes into it.
    pub(crate) fn below(all: &Path) -> Self {
        remove_those_of_the_dead(all);
        let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        Self(all.join(format!("{}-{start:x}", std::process::id())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes the directories of processes that are no more.
fn remove_those_of_the_dead(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process =
            name.to_str().and_then(|name| name.split_once('-')).and_then(|(id, _)| id.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new("/proc").join(id.to_string()).exists())
            && Path::new("/proc/self").exists()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_have_left_is_removed() {
        let target = tempfile::tempdir().unwrap();
        let all = target.path();
        // No process has a number above the kernel's limit of 2^22.
        let (dead, alive) = (all.join("99999999-1"), all.join(format!("{}-1", std::process::id())));
        fs::create_dir_all(&dead).unwrap();
        fs::create_dir_all(&alive).unwrap();
        drop(OwnDirectory::below(all));
        assert!(!dead.exists());
        assert!(alive.exists());
    }

    #[test]
    fn it_goes_with_its_value() {
        let target = tempfile::tempdir().unwrap();
        let own = OwnDirectory::below(target.path());
        let path = own.path().to_owned();
        fs::create_dir_all(path.join("x")).unwrap();
        drop(own);
        assert!(!path.exists());
    }
}
