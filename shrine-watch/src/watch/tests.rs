//! A real directory, watched. Each test waits for what must come, with a deadline.

use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::SystemTime;

use shrine::event::ChangeDecision;

use super::*;
use crate::build::{Artifact, Package, PackageBuild, Verdict};

const DEADLINE: Duration = Duration::from_secs(10);

struct Watched {
    root: tempfile::TempDir,
    watcher: Watcher,
    changes: Receiver<Noticed>,
}

impl Watched {
    fn new() -> Self {
        Self::with(None)
    }

    fn with(poll: Option<Duration>) -> Self {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("a/Cargo.toml"), "1");
        write(&root.path().join("a/src/lib.rs"), "1");
        let path = root.path().join("a");
        let package = Package { name: "a".to_owned(), roots: vec![path.clone()], ..Package::default() };
        let outputs = vec![path.join("target")];
        let project = Project {
            root: path.clone(),
            directory: path,
            outputs,
            packages: vec![package],
            ..Project::default()
        };
        let (send, changes) = mpsc::channel();
        let watcher = Watcher::start(&project, poll, move |noticed| drop(send.send(noticed))).unwrap();
        Self { root, watcher, changes }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("a").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    /// The next change that is one. After a failure any file counts, so a look may catch what `write` puts beside.
    fn next(&self) -> Vec<String> {
        loop {
            let change = self.changes.recv_timeout(DEADLINE).expect("a change before the deadline").change;
            let mut paths = change.paths;
            paths.retain(|path| !path.ends_with(".written"));
            if change.decision != ChangeDecision::Nothing && !paths.is_empty() {
                return paths;
            }
        }
    }

    fn built(&self, verdict: Verdict) {
        self.watcher.building();
        let packages = vec![PackageBuild { package: "a".to_owned(), verdict, way: None }];
        let (began, took) = (SystemTime::now() + DEADLINE, Duration::ZERO);
        self.watcher.built(BuildResult { build: 1, packages, project: None, began, took });
        // Only when this was seen, the result before it was taken in.
        self.write("src/marker.rs", &format!("{:?}", Instant::now()));
        assert_eq!(self.next(), ["src/marker.rs"]);
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // As editors do it: the content is never half there.
    let beside = path.with_extension("written");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

#[test]
fn an_edit_is_noticed() {
    let watched = Watched::new();
    watched.write("src/lib.rs", "2");
    assert_eq!(watched.next(), ["src/lib.rs"]);
}

#[test]
fn new_directories_are_watched_too() {
    let watched = Watched::new();
    watched.write("src/deep/er/mod.rs", "1");
    assert_eq!(watched.next(), ["src/deep/er/mod.rs"]);
    watched.write("src/deep/er/mod.rs", "2");
    assert_eq!(watched.next(), ["src/deep/er/mod.rs"]);
}

#[test]
fn a_directory_that_was_made_anew_is_watched() {
    let watched = Watched::new();
    fs::remove_dir_all(watched.path("src")).unwrap();
    assert_eq!(watched.next(), ["src/lib.rs"]);
    watched.write("src/lib.rs", "1");
    assert_eq!(watched.next(), ["src/lib.rs"]);
    watched.write("src/lib.rs", "2");
    assert_eq!(watched.next(), ["src/lib.rs"]);
}

#[test]
fn a_package_that_went_away_and_came_back_is_watched() {
    let watched = Watched::new();
    let away = watched.root.path().join("away");
    fs::rename(watched.path(""), &away).unwrap();
    assert_eq!(watched.next().len(), 2);
    fs::rename(&away, watched.root.path().join("a")).unwrap();
    assert_eq!(watched.next().len(), 2);
    watched.write("src/lib.rs", "2");
    assert_eq!(watched.next(), ["src/lib.rs"]);
}

#[test]
fn what_the_compiler_has_read_is_watched() {
    let watched = Watched::new();
    watched.write("data/words.txt", "1");
    let inputs = vec![watched.path("src/lib.rs"), watched.path("data/words.txt")];
    watched.built(Verdict::Built(Artifact { inputs, ..Artifact::default() }));
    watched.write("data/words.txt", "2");
    assert_eq!(watched.next(), ["data/words.txt"]);
}

#[test]
fn after_a_failure_a_missing_file_may_appear_in_a_new_directory() {
    let watched = Watched::new();
    watched.built(Verdict::Failed {
        errors: 1,
        warnings: 0,
        rendered: String::new(),
        packages: BTreeSet::new(),
    });
    watched.write("data/words.txt", "1");
    assert_eq!(watched.next(), ["data/words.txt"]);
}

#[test]
fn an_editor_that_truncates_is_waited_for() {
    let watched = Watched::new();
    let mut file = fs::File::create(watched.path("src/lib.rs")).unwrap();
    std::io::Write::write_all(&mut file, b"2").unwrap();
    drop(file);
    assert_eq!(watched.next(), ["src/lib.rs"]);
    // A file that stays empty is a change like any other.
    fs::write(watched.path("src/lib.rs"), "").unwrap();
    assert_eq!(watched.next(), ["src/lib.rs"]);
}

#[test]
fn a_checkout_of_a_hundred_files_is_noticed_whole() {
    let watched = Watched::new();
    let mut expected: BTreeSet<String> = (0..100).map(|number| format!("src/m{number}.rs")).collect();
    for name in &expected {
        fs::write(watched.path(name), "1").unwrap();
    }
    while !expected.is_empty() {
        for path in watched.next() {
            expected.remove(&path);
        }
    }
}

#[test]
fn links_are_followed() {
    let watched = Watched::new();
    let elsewhere = watched.root.path().join("elsewhere");
    write(&elsewhere.join("deep/x.rs"), "1");
    write(&elsewhere.join("file.rs"), "1");
    write(&watched.root.path().join("data/words.txt"), "1");
    let link = |from: &Path, to: &str| std::os::unix::fs::symlink(from, watched.path(to)).unwrap();
    link(&elsewhere.join("deep"), "src/linked");
    assert_eq!(watched.next(), ["src/linked/x.rs"]);
    write(&elsewhere.join("deep/x.rs"), "2");
    assert_eq!(watched.next(), ["src/linked/x.rs"]);
    // A way back to where it came from ends there.
    link(&watched.path("src"), "src/linked/back");
    link(&elsewhere.join("file.rs"), "src/file.rs");
    assert_eq!(watched.next(), ["src/file.rs"]);
    let inputs = vec![watched.path("src/lib.rs"), watched.path("src/file.rs")];
    watched.built(Verdict::Built(Artifact { inputs, ..Artifact::default() }));
    write(&elsewhere.join("file.rs"), "2");
    assert_eq!(watched.next(), ["src/file.rs"]);
}

#[test]
fn without_events_it_looks_by_itself() {
    let watched = Watched::with(Some(Duration::from_millis(10)));
    watched.write("src/lib.rs", "2");
    assert_eq!(watched.next(), ["src/lib.rs"]);
    fs::remove_dir_all(watched.path("src")).unwrap();
    assert_eq!(watched.next(), ["src/lib.rs"]);
    watched.write("src/lib.rs", "2");
    assert_eq!(watched.next(), ["src/lib.rs"]);
}
