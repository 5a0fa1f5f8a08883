//! Keeps an eye on directories, not on files: editors replace files, and directories come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use notify::{ErrorKind, RecursiveMode, Watcher};

use super::inputs::Inputs;
use crate::error::Error;

/// How deep below `src` directories are followed.
const DEPTH: usize = 32;

/// How many directories are watched at most for a file that is missing.
const MANY: usize = 1_000;

/// The directories that are watched.
pub(super) struct Directories<W> {
    watcher: W,
    /// With their inodes: a directory that was made anew must be watched anew.
    watched: BTreeMap<PathBuf, u64>,
    /// Those that are watched only because a package in them may go and come back.
    above: BTreeSet<PathBuf>,
    /// Those packages.
    roots: BTreeSet<PathBuf>,
}

impl<W: Watcher> Directories<W> {
    pub(super) fn new(watcher: W) -> Self {
        Self { watcher, watched: BTreeMap::new(), above: BTreeSet::new(), roots: BTreeSet::new() }
    }

    /// Watches what is to be watched now.
    pub(super) fn refresh(&mut self, inputs: &Inputs) -> Result<(), Error> {
        let mut all = wanted(inputs);
        self.roots = inputs.roots().cloned().collect();
        let above = inputs.roots().filter_map(|root| root.parent()).map(Path::to_owned);
        self.above = above.filter(|directory| !all.contains(directory)).collect();
        all.extend(self.above.iter().cloned());
        let there: BTreeMap<PathBuf, u64> = all
            .into_iter()
            .filter_map(|path| Some((fs::metadata(&path).ok()?.ino(), path)))
            .map(|(inode, path)| (path, inode))
            .collect();
        let gone: Vec<_> = self
            .watched
            .iter()
            .filter(|(path, inode)| there.get(*path) != Some(inode))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.watched.remove(&path);
            // It fails for a directory that is no more: the system has ended that watch by itself.
            let _ = self.watcher.unwatch(&path);
        }
        for (path, inode) in there {
            if self.watched.contains_key(&path) {
                continue;
            }
            match self.watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path, inode);
                }
                // It went away just now; another event tells when it is back.
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
                Err(error) => return Err(explain(&error)),
            }
        }
        Ok(())
    }

    /// Whether an event about `path` may matter.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        let is_watched =
            |directory: &Path| self.watched.contains_key(directory) && !self.above.contains(directory);
        is_watched(path) || self.roots.contains(path) || path.parent().is_some_and(is_watched)
    }
}

/// The directories in which files matter, whether they are there or not.
pub(super) fn wanted(inputs: &Inputs) -> BTreeSet<PathBuf> {
    let mut wanted: BTreeSet<PathBuf> = inputs.roots().cloned().collect();
    for directory in inputs.configured() {
        wanted.extend([directory.to_owned(), directory.join(".cargo")]);
    }
    wanted.extend(inputs.fixed().filter_map(|(path, _)| path.parent().map(Path::to_owned)));
    for directory in inputs.source_directories() {
        walk_directories(&directory, DEPTH, &mut |directory| {
            wanted.insert(directory.to_owned());
        });
    }
    for path in inputs.tracked() {
        // Up to the package, so that a directory that is removed and made again is noticed.
        let root =
            inputs.roots().filter(|root| path.starts_with(root)).max_by_key(|root| root.as_os_str().len());
        let above =
            path.ancestors().skip(1).take_while(|above| root.is_none_or(|root| above.starts_with(root)));
        wanted.extend(above.take(if root.is_some() { DEPTH } else { 1 }).map(Path::to_owned));
    }
    if inputs.any_counts() {
        // The file that the last build has missed may appear anywhere in a package.
        for root in inputs.roots() {
            walk_directories(root, DEPTH, &mut |directory| {
                if wanted.len() < MANY {
                    wanted.insert(directory.to_owned());
                }
            });
        }
    }
    wanted.retain(|directory| !inputs.is_output(directory));
    wanted
}

/// Calls `visit` for each file below `directory`.
pub(super) fn walk(directory: &Path, visit: &mut dyn FnMut(&Path)) {
    walk_directories(directory, DEPTH, &mut |directory| {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| !kind.is_dir()) {
                visit(&entry.path());
            }
        }
    });
}

/// Calls `visit` for `directory` and those below it. Hidden ones, `target`, and links to directories are left out.
fn walk_directories(directory: &Path, depth: usize, visit: &mut dyn FnMut(&Path)) {
    visit(directory);
    if depth == 0 {
        return;
    }
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_left_out = name == "target" || name.as_encoded_bytes().starts_with(b".");
        if !is_left_out && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk_directories(&entry.path(), depth - 1, visit);
        }
    }
}

pub(super) fn explain(error: &notify::Error) -> Error {
    Error::Watch { reason: error.to_string() }
}
