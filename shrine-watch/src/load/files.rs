//! A file of its own for each generation.
//!
//! The dynamic loader knows libraries by path and inode: what it has open it does not read again. So no generation has
//! the path or the inode of another, in this process or in one that watches the same crate at the same time.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::LoadError;
use crate::own::OwnDirectory;

/// How many files are kept, for debuggers. Those before them are deleted; the loader has them open.
const KEPT: usize = 4;

#[derive(Debug)]
pub(super) struct Files {
    directory: OwnDirectory,
    attempts: u64,
    kept: VecDeque<PathBuf>,
}

impl Files {
    pub(super) fn new(target_directory: &Path) -> Self {
        let directory = OwnDirectory::below(&target_directory.join("shrine-generations"));
        Self { directory, attempts: 0, kept: VecDeque::new() }
    }

    /// Writes a file that nothing else has the path or inode of.
    pub(super) fn store(
        &mut self,
        artifact: &Path,
        bytes: &[u8],
        build_id: &[u8],
    ) -> Result<PathBuf, LoadError> {
        self.attempts += 1;
        let stem = artifact.file_stem().unwrap_or_default().to_string_lossy();
        let hash: String = build_id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let path = self.directory.path().join(format!("{stem}-g{}-{hash}.so", self.attempts));
        write(&path, bytes).map_err(|error| {
            let _ = fs::remove_file(&path);
            LoadError::new(
                format!("cannot write {}: {error}", path.display()),
                "make room, or use another `--target-dir`",
            )
        })?;
        self.kept.push_back(path.clone());
        if self.kept.len() > KEPT
            && let Some(oldest) = self.kept.pop_front()
        {
            let _ = fs::remove_file(oldest);
        }
        Ok(path)
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_same_library_twice_gets_two_files() {
        let target = tempfile::tempdir().unwrap();
        let mut files = Files::new(target.path());
        let artifact = Path::new("/t/libcounter.so");
        let [first, second] = [(); 2].map(|()| files.store(artifact, b"same", &[0xab; 20]).unwrap());
        assert_ne!(first, second);
        assert_ne!(fs::metadata(&first).unwrap().ino(), fs::metadata(&second).unwrap().ino());
        assert!(first.to_string_lossy().ends_with("libcounter-g1-abababab.so"));
    }

    #[test]
    fn only_the_last_files_stay() {
        let target = tempfile::tempdir().unwrap();
        let mut files = Files::new(target.path());
        let stored: Vec<_> = (0..7).map(|_| files.store(Path::new("liba.so"), b"x", &[1]).unwrap()).collect();
        let there: Vec<_> = stored.iter().map(|path| path.exists()).collect();
        assert_eq!(there, [false, false, false, true, true, true, true]);
        drop(files);
        assert!(!stored[6].exists());
    }
}
