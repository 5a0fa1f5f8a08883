//! Reads the files that matter.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::detect::{Seen, Sight};
use super::directories;
use super::inputs::{Inputs, looks_like_source};

/// Reads files, those that look the same as before only once.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    read: HashMap<PathBuf, (Signature, u64)>,
}

/// What changes when somebody writes to a file, save within one tick of the file system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signature {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Scanner {
    /// All files that matter and are there. Those in `touched` are read in any case.
    pub(super) fn scan(&mut self, inputs: &Inputs, touched: &BTreeSet<PathBuf>) -> Sight {
        let mut paths: BTreeSet<PathBuf> = inputs.fixed().collect();
        paths.extend(inputs.tracked().cloned());
        paths.extend(inputs.in_folders());
        for directory in inputs.source_directories() {
            directories::walk(&directory, &mut |file| {
                if looks_like_source(file) {
                    paths.insert(file.to_owned());
                }
            });
        }
        for nursery in inputs.nurseries() {
            paths.extend(directories::children(nursery).map(|child| child.join("Cargo.toml")));
        }
        if inputs.any_counts() {
            for directory in directories::wanted(inputs) {
                let files = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
                paths.extend(files.filter(|file| inputs.is_possibly_missing(file) && file.is_file()));
            }
        }
        let sight =
            paths.into_iter().filter_map(|path| self.read(&path, touched).map(|seen| (path, seen))).collect();
        self.read.retain(|path, _| Sight::contains_key(&sight, path));
        sight
    }

    fn read(&mut self, path: &Path, touched: &BTreeSet<PathBuf>) -> Option<Seen> {
        let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
        let signature = Signature::of(&metadata);
        let changed = SystemTime::UNIX_EPOCH
            + Duration::new(unsigned(metadata.ctime()), unsigned(metadata.ctime_nsec()));
        if !touched.contains(path)
            && let Some((before, content)) = self.read.get(path)
            && *before == signature
        {
            return Some(Seen { content: *content, changed, is_empty: *content == hash(&[]) });
        }
        let bytes = fs::read(path).ok()?;
        let content = hash(&bytes);
        self.read.insert(path.to_owned(), (signature, content));
        Some(Seen { content, changed, is_empty: bytes.is_empty() })
    }
}

impl Signature {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Times before 1970 are as old as those of 1970.
fn unsigned<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
