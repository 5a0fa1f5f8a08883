//! What is in the files that a library is made of, read again only where a file looks other than before.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::watch::files_of;

/// What is in a file or a directory: a hash; none when it is not there.
pub(super) type Content = Option<u64>;

/// By how much the times of files may be late: file systems read a coarser clock than programs.
const CLOCK_TICK: Duration = Duration::from_millis(10);

/// Remembers contents.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    known: HashMap<PathBuf, (Signature, u64)>,
    /// The directories that are never part of another: they are made by builds.
    outputs: Vec<PathBuf>,
}

/// What changes when somebody writes to a file, save within one tick of the file system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signature {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What was in files at one time, before something was made of them.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    contents: HashMap<PathBuf, Content>,
    /// How those looked that are there and are no directories.
    looks: HashMap<PathBuf, Signature>,
}

impl Stamps {
    /// Contents of directories are without `outputs`.
    pub(super) fn new(outputs: &[PathBuf]) -> Self {
        Self { known: HashMap::new(), outputs: outputs.to_vec() }
    }

    /// What is in a file now. Of a directory it is the names, sizes and times of its files.
    pub(super) fn look(&mut self, path: &Path) -> Content {
        let metadata = fs::metadata(path).ok()?;
        if metadata.is_dir() {
            let mut hasher = DefaultHasher::new();
            for file in files_of(path, &self.outputs) {
                let Ok(metadata) = fs::metadata(&file) else { continue };
                let Signature { inode: _, size, modified, changed: _ } = Signature::of(&metadata);
                (&file, size, modified).hash(&mut hasher);
            }
            return Some(hasher.finish());
        }
        let signature = Signature::of(&metadata);
        if let Some((before, content)) = self.known.get(path)
            && *before == signature
        {
            return Some(*content);
        }
        let content = hash(&fs::read(path).ok()?);
        if is_older_than(&metadata, SystemTime::now()) {
            self.known.insert(path.to_owned(), (signature, content));
        } else {
            // Another write within the tick of the clock would look the same.
            self.known.remove(path);
        }
        Some(content)
    }

    /// What is in each of the files.
    pub(super) fn snapshot<'a>(&mut self, paths: impl Iterator<Item = &'a PathBuf>) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for path in paths {
            if !snapshot.contents.contains_key(path) {
                if let Some(signature) = signature(path) {
                    snapshot.looks.insert(path.clone(), signature);
                }
                snapshot.contents.insert(path.clone(), self.look(path));
            }
        }
        snapshot
    }

    /// What was in files when something was made of them that began at `began`. Of a file that nobody had asked for then
    /// it is known only when it is older; of another, when nobody has written to it since: what was written and taken
    /// back meanwhile may be what was read.
    pub(super) fn used(
        &mut self,
        inputs: impl Iterator<Item = PathBuf>,
        snapshot: &Snapshot,
        began: SystemTime,
    ) -> Used {
        let mut used = BTreeMap::new();
        for path in inputs {
            let content = match snapshot.contents.get(&path) {
                Some(content) => (snapshot.looks.get(&path).copied() == signature(&path)).then_some(*content),
                None => {
                    let is_old = |path: &Path| {
                        fs::metadata(path).is_ok_and(|metadata| is_older_than(&metadata, began))
                    };
                    let are_old =
                        is_old(&path) && files_of(&path, &self.outputs).iter().all(|file| is_old(file));
                    are_old.then(|| self.look(&path))
                }
            };
            used.insert(path, content);
        }
        Used(used)
    }
}

/// What was in the files that something was made of; none where that is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Used(BTreeMap<PathBuf, Option<Content>>);

impl Used {
    /// The files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }

    /// Adds a file.
    pub(super) fn add(&mut self, path: PathBuf, content: Content) {
        self.0.insert(path, Some(content));
    }

    /// The first file that is not as it was, or may not be.
    pub(super) fn changed(&self, snapshot: &Snapshot) -> Option<&Path> {
        let is_other = |(path, content): &(&PathBuf, &Option<Content>)| {
            content.is_none() || snapshot.contents.get(*path) != content.as_ref()
        };
        self.0.iter().find(is_other).map(|(path, _)| path.as_path())
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

/// How a file looks; none when there is no file, or a directory, which is known by what is in it.
fn signature(path: &Path) -> Option<Signature> {
    let metadata = fs::metadata(path).ok()?;
    (!metadata.is_dir()).then(|| Signature::of(&metadata))
}

/// Whether nobody has written to a file since some time, as far as clocks tell.
fn is_older_than(metadata: &Metadata, time: SystemTime) -> bool {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds) + CLOCK_TICK <= time
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time by which all that was written until now is old.
    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(60)
    }

    fn used(stamps: &mut Stamps, path: &Path) -> Used {
        let paths = [path.to_owned()];
        let snapshot = stamps.snapshot(paths.iter());
        stamps.used(paths.into_iter(), &snapshot, later())
    }

    fn is_changed(stamps: &mut Stamps, used: &Used) -> bool {
        let snapshot = stamps.snapshot(used.paths());
        used.changed(&snapshot).is_some()
    }

    #[test]
    fn contents_count_and_times_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let (file, mut stamps) = (folder.path().join("a.rs"), Stamps::default());
        fs::write(&file, "one").unwrap();
        let made = used(&mut stamps, &file);
        assert!(!is_changed(&mut stamps, &made));
        // Of the same length, and maybe within one tick of the clock.
        fs::write(&file, "two").unwrap();
        assert!(is_changed(&mut stamps, &made));
        fs::write(&file, "one").unwrap();
        assert!(!is_changed(&mut stamps, &made));
        fs::remove_file(&file).unwrap();
        assert!(is_changed(&mut stamps, &made));
    }

    #[test]
    fn an_old_time_does_not_hide_another_content() {
        let folder = tempfile::tempdir().unwrap();
        let (file, mut stamps) = (folder.path().join("a.rs"), Stamps::default());
        fs::write(&file, "one").unwrap();
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        let made = used(&mut stamps, &file);
        fs::write(&file, "two").unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        assert!(is_changed(&mut stamps, &made));
    }

    #[test]
    fn a_file_that_turns_out_to_matter_late_must_be_old() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.rs");
        fs::write(&file, "one").unwrap();
        let mut stamps = Stamps::default();
        let nothing = Snapshot::default();
        let unsure = stamps.used([file.clone()].into_iter(), &nothing, SystemTime::UNIX_EPOCH);
        assert!(is_changed(&mut stamps, &unsure), "it may have been written while it was read");
        let sure = stamps.used([file].into_iter(), &nothing, later());
        assert!(!is_changed(&mut stamps, &sure));
    }

    #[test]
    fn what_was_written_and_taken_back_while_it_was_read_may_have_been_read() {
        let folder = tempfile::tempdir().unwrap();
        let (file, mut stamps) = (folder.path().join("a.rs"), Stamps::default());
        fs::write(&file, "one").unwrap();
        let snapshot = stamps.snapshot([file.clone()].iter());
        // Of another length meanwhile, and of the same in the end; the inode tells where the clock is too coarse.
        fs::remove_file(&file).unwrap();
        fs::write(folder.path().join("b.rs"), "").unwrap();
        fs::write(&file, "one").unwrap();
        let made = stamps.used([file.clone()].into_iter(), &snapshot, later());
        assert!(is_changed(&mut stamps, &made));
        let snapshot = stamps.snapshot([file.clone()].iter());
        let made = stamps.used([file].into_iter(), &snapshot, later());
        assert!(!is_changed(&mut stamps, &made), "nobody has written to it");
    }

    #[test]
    fn a_directory_changes_with_all_that_is_in_it_but_outputs() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let mut stamps = Stamps::new(std::slice::from_ref(&target));
        fs::create_dir_all(folder.path().join("deep/er")).unwrap();
        fs::create_dir_all(&target).unwrap();
        let made = used(&mut stamps, folder.path());
        fs::write(target.join("x"), "").unwrap();
        assert!(!is_changed(&mut stamps, &made));
        fs::write(folder.path().join("deep/er/x"), "").unwrap();
        assert!(is_changed(&mut stamps, &made));
    }
}
