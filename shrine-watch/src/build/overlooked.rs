//! What cargo would overlook. It compares times: a file that gets another content and an older time, as from `cp -p`, `mv`
//! or a link that now leads elsewhere, looks to it as if nothing had happened.
//!
//! So what files looked like when cargo was asked last is kept beside what it has built. Packages with files that have
//! changed since then, and are not newer, lose cargo's note that they are built: it builds them again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::Project;
use super::scripts::name_of_package;
use crate::watch::files_below;

/// The file in the target directory.
const FILE: &str = "shrine-looks.json";

/// What files looked like when cargo was asked last.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Looks {
    /// When that was, since 1970.
    asked: Duration,
    /// A hash of what changes when somebody writes to a file or puts another one in its place.
    files: BTreeMap<PathBuf, u64>,
}

impl Looks {
    /// Before cargo is asked: has it build what it would overlook, and remembers how files look now. It is no mistake when
    /// that cannot be read or written: then cargo is believed, as it is elsewhere.
    pub(super) fn before_cargo(project: &Project) {
        let mut looks = Self::read(&project.target_directory);
        let overlooked = looks.renew(project, SystemTime::now());
        let directories: BTreeSet<Option<&PathBuf>> =
            overlooked.iter().map(|path| project.owner(path)).collect();
        // Of a file that is in no package it is not known which ones read it.
        let packages: Vec<&PathBuf> = match directories.contains(&None) {
            true => project.directories.iter().collect(),
            false => directories.into_iter().flatten().collect(),
        };
        let names: BTreeSet<String> =
            packages.into_iter().filter_map(|directory| name_of_package(directory)).collect();
        let is_forgotten = names.is_empty() || forget(&project.target_directory, &names).is_ok();
        if is_forgotten {
            looks.write(&project.target_directory);
        }
    }

    /// After a build that began at `began`: remembers how the files look that something was made of.
    pub(super) fn learn(project: &Project, inputs: &[PathBuf], began: SystemTime) {
        let mut looks = Self::read(&project.target_directory);
        let count = looks.files.len();
        for path in inputs {
            let Ok(metadata) = fs::metadata(path) else { continue };
            // What was written meanwhile may be older than what was read: nothing looks like it.
            let look = if changed(&metadata) < began { look(&metadata) } else { 0 };
            looks.files.entry(path.clone()).or_insert(look);
        }
        if looks.files.len() > count {
            looks.write(&project.target_directory);
        }
    }

    /// Takes in how files look now. Those that have changed and seem older than they are, as far as cargo sees.
    fn renew(&mut self, project: &Project, now: SystemTime) -> Vec<PathBuf> {
        // Cargo looks at all files of a package whose build script does not say what it reads.
        let scripts = project.packages.iter().flat_map(|package| &package.scripts);
        let homes: BTreeSet<&PathBuf> = scripts.filter_map(|script| project.owner(script)).collect();
        let mut paths: BTreeSet<PathBuf> = self.files.keys().cloned().collect();
        for home in homes {
            files_below(home, &mut |file| paths.extend([file.to_owned()]));
        }
        let asked = UNIX_EPOCH + self.asked;
        let before = std::mem::take(&mut self.files);
        self.asked = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut overlooked = Vec::new();
        for path in paths {
            // Cargo sees that a file is gone.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let look = look(&metadata);
            let is_old = metadata.modified().is_ok_and(|modified| modified <= asked);
            if is_old && before.get(&path).is_some_and(|before| *before != look) {
                overlooked.push(path.clone());
            }
            self.files.insert(path, look);
        }
        overlooked
    }

    fn read(target_directory: &Path) -> Self {
        let bytes = fs::read(target_directory.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn write(&self, target_directory: &Path) {
        let write = || -> io::Result<()> {
            let draft = target_directory.join(format!("{FILE}-{}", std::process::id()));
            fs::create_dir_all(target_directory)?;
            fs::write(&draft, serde_json::to_vec(self)?)?;
            fs::rename(&draft, target_directory.join(FILE))
        };
        let _ = write();
    }
}

fn look(metadata: &Metadata) -> u64 {
    let mut hasher = DefaultHasher::new();
    (metadata.dev(), metadata.ino(), metadata.size()).hash(&mut hasher);
    (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()).hash(&mut hasher);
    hasher.finish()
}

/// When somebody last did something to a file; nobody can set that time.
fn changed(metadata: &Metadata) -> SystemTime {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    UNIX_EPOCH + Duration::new(seconds, u32::try_from(metadata.ctime_nsec()).unwrap_or_default())
}

/// Takes away cargo's notes that these packages are built: `<target>/[<triple>/]<profile>/.fingerprint/<name>-<hash>`.
fn forget(target_directory: &Path, names: &BTreeSet<String>) -> io::Result<()> {
    let children = |directory: &Path| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let profiles = children(target_directory);
    let profiles: Vec<_> = profiles.iter().flat_map(|path| children(path)).chain(profiles.clone()).collect();
    for note in profiles.iter().flat_map(|profile| children(&profile.join(".fingerprint"))) {
        let file_name = note.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if file_name.rsplit_once('-').is_some_and(|(name, _)| names.contains(name)) {
            fs::remove_dir_all(note)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Package;

    /// A package with a build script in a folder, and how its files look.
    fn package() -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("p");
        for directory in
            ["p/src", "p/data", "target/debug/.fingerprint/p-01", "target/debug/.fingerprint/p-q-01"]
        {
            fs::create_dir_all(folder.path().join(directory)).unwrap();
        }
        fs::write(home.join("Cargo.toml"), "[package]\nname = \"p\"\n").unwrap();
        fs::write(home.join("src/lib.rs"), "one").unwrap();
        fs::write(home.join("data/a"), "one").unwrap();
        let package = Package { scripts: vec![home.join("build.rs")], ..Package::default() };
        let target_directory = folder.path().join("target");
        let project = Project {
            packages: vec![package],
            directories: vec![home],
            target_directory,
            ..Project::default()
        };
        (folder, project)
    }

    fn write_with_time_of(file: &Path, text: &str, time: SystemTime) {
        let beside = file.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::File::options().append(true).open(&beside).unwrap().set_modified(time).unwrap();
        fs::rename(beside, file).unwrap();
    }

    #[test]
    fn another_content_with_an_old_time_is_found_and_one_with_a_new_time_is_left_to_cargo() {
        let (folder, project) = package();
        let (source, data) = (folder.path().join("p/src/lib.rs"), folder.path().join("p/data/a"));
        let time = fs::metadata(&source).unwrap().modified().unwrap();
        let later = |seconds| SystemTime::now() + Duration::from_secs(seconds);
        let mut looks = Looks::default();
        assert!(looks.renew(&project, later(10)).is_empty(), "nothing is known of any file before");
        assert!(looks.renew(&project, later(20)).is_empty());
        write_with_time_of(&source, "two", time);
        assert_eq!(looks.renew(&project, later(30)), std::slice::from_ref(&source));
        assert!(looks.renew(&project, later(40)).is_empty(), "it is told once");
        write_with_time_of(&data, "two", later(50));
        assert!(looks.renew(&project, later(60)).is_empty());
        fs::remove_file(&source).unwrap();
        assert!(looks.renew(&project, later(70)).is_empty());
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_another_file() {
        let (folder, project) = package();
        let old = folder.path().join("old");
        fs::write(&old, "old").unwrap();
        let link = folder.path().join("p/data/a");
        let mut looks = Looks::default();
        looks.renew(&project, SystemTime::now() + Duration::from_secs(10));
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&old, &link).unwrap();
        assert_eq!(looks.renew(&project, SystemTime::now() + Duration::from_secs(20)), [link]);
    }

    #[test]
    fn cargo_forgets_the_package_and_no_other() {
        let (folder, project) = package();
        let fingerprints = folder.path().join("target/debug/.fingerprint");
        let source = folder.path().join("p/src/lib.rs");
        let time = fs::metadata(&source).unwrap().modified().unwrap();
        Looks::before_cargo(&project);
        Looks::before_cargo(&project);
        assert!(fingerprints.join("p-01").exists());
        write_with_time_of(&source, "two", time);
        Looks::before_cargo(&project);
        assert!(!fingerprints.join("p-01").exists() && fingerprints.join("p-q-01").exists());
    }

    #[test]
    fn an_input_that_was_written_during_the_build_is_not_trusted() {
        let (folder, project) = package();
        let file = folder.path().join("elsewhere.txt");
        fs::write(&file, "one").unwrap();
        Looks::learn(&project, std::slice::from_ref(&file), UNIX_EPOCH);
        let later = SystemTime::now() + Duration::from_secs(60);
        let mut looks = Looks {
            asked: later.duration_since(UNIX_EPOCH).unwrap(),
            ..Looks::read(&project.target_directory)
        };
        assert_eq!(looks.renew(&project, later), [file]);
    }
}
