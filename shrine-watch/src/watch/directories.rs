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

/// How many directories are watched at most for a file that is missing, or for a new member.
const MANY: usize = 1_000;

/// How many directories are visited below one: a link may lead anywhere.
const LIMIT: usize = 10_000;

/// What a directory is, whatever it is called: its device and inode.
type Identity = (u64, u64);

/// The directories that are watched.
pub(super) struct Directories<W> {
    /// None when nothing tells of changes, and so no directory has to be watched.
    watcher: Option<W>,
    /// With what they are: a directory that was made anew must be watched anew. No two are the same one: the system has
    /// one watch for a directory, whatever links lead to it.
    watched: BTreeMap<PathBuf, Identity>,
    /// Those that are watched only because a package in them may go and come back.
    above: BTreeSet<PathBuf>,
    /// Those packages.
    roots: BTreeSet<PathBuf>,
}

impl<W: Watcher> Directories<W> {
    pub(super) fn new(watcher: Option<W>) -> Self {
        Self { watcher, watched: BTreeMap::new(), above: BTreeSet::new(), roots: BTreeSet::new() }
    }

    /// Watches what is to be watched now.
    pub(super) fn refresh(&mut self, inputs: &Inputs) -> Result<(), Error> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        let mut all = wanted(inputs);
        self.roots = inputs.roots().cloned().collect();
        let above = inputs.roots().filter_map(|root| root.parent()).map(Path::to_owned);
        self.above = above.filter(|directory| !all.contains(directory)).collect();
        all.extend(self.above.iter().cloned());
        let mut taken = BTreeSet::new();
        let mut there: BTreeMap<PathBuf, Identity> = BTreeMap::new();
        // Those that matter first: what is `above` under another name matters too.
        let (above, below): (Vec<_>, Vec<_>) = all.into_iter().partition(|path| self.above.contains(path));
        for path in below.into_iter().chain(above) {
            if let Some(identity) = identity(&path).filter(|identity| taken.insert(*identity)) {
                there.insert(path, identity);
            }
        }
        let gone: Vec<_> = self
            .watched
            .iter()
            .filter(|(path, identity)| there.get(*path) != Some(identity))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.watched.remove(&path);
            // It fails for a directory that is no more: the system has ended that watch by itself.
            let _ = watcher.unwatch(&path);
        }
        for (path, identity) in there {
            if self.watched.contains_key(&path) {
                continue;
            }
            match watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path, identity);
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
    wanted.extend(inputs.fixed().filter_map(|path| path.parent().map(Path::to_owned)));
    for directory in inputs.source_directories() {
        walk_directories(&directory, DEPTH, &mut |directory| {
            wanted.insert(directory.to_owned());
        });
    }
    for folder in inputs.folders() {
        walk_directories(folder, DEPTH, &mut |directory| {
            wanted.insert(directory.to_owned());
        });
    }
    for nursery in inputs.nurseries() {
        wanted.insert(nursery.clone());
        wanted.extend(children(nursery).take(MANY));
    }
    // A file may be a link to one that is elsewhere.
    let files = inputs.tracked().cloned().chain(inputs.fixed());
    let linked = files.filter(|path| path.is_symlink()).filter_map(|path| fs::canonicalize(path).ok());
    wanted.extend(linked.filter_map(|path| path.parent().map(Path::to_owned)));
    let roots: Vec<&PathBuf> = inputs.roots().collect();
    for path in inputs.tracked() {
        // Up to the package, so that a directory that is removed and made again is noticed.
        let root =
            roots.iter().filter(|root| path.starts_with(root)).max_by_key(|root| root.as_os_str().len());
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
pub(crate) fn walk(directory: &Path, visit: &mut dyn FnMut(&Path)) {
    walk_directories(directory, DEPTH, &mut |directory| {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_file() || (kind.is_symlink() && path.is_file())) {
                visit(&path);
            }
        }
    });
}

/// The directories in `directory`, but for hidden ones and `target`.
pub(super) fn children(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let name = entry.file_name();
        let is_left_out = name == "target" || name.as_encoded_bytes().starts_with(b".");
        let kind = entry.file_type().ok().filter(|_| !is_left_out)?;
        let path = entry.path();
        (kind.is_dir() || (kind.is_symlink() && path.is_dir())).then_some(path)
    })
}

/// Calls `visit` for `directory` and those below it, links included, but for hidden ones and `target`. A directory that
/// several ways lead to is visited once, by its own name if it has one here.
fn walk_directories(directory: &Path, depth: usize, visit: &mut dyn FnMut(&Path)) {
    let mut seen = BTreeSet::from_iter(identity(directory).filter(|_| !directory.is_symlink()));
    let (mut queue, mut links) = (vec![(directory.to_owned(), depth)], Vec::new());
    while let Some((directory, depth)) = queue.pop().or_else(|| links.pop()) {
        if directory.is_symlink() && identity(&directory).is_some_and(|identity| !seen.insert(identity)) {
            continue;
        }
        visit(&directory);
        if depth == 0 {
            continue;
        }
        for child in children(&directory) {
            if child.is_symlink() {
                links.push((child, depth - 1));
            } else if seen.len() < LIMIT && identity(&child).is_some_and(|identity| seen.insert(identity)) {
                queue.push((child, depth - 1));
            }
        }
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

pub(super) fn explain(error: &notify::Error) -> Error {
    Error::Watch { reason: error.to_string() }
}
