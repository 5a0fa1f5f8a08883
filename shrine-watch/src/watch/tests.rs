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

/// What editors and tools do when they save, call by call, and which files are other than before when they are done.
mod editors {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Does something, and checks that exactly these files are noticed, whatever is there in between.
    fn check(watched: &Watched, act: impl FnOnce(&dyn Fn(&str) -> PathBuf), expected: &[&str]) {
        act(&|name| watched.path(name));
        // Events come in order: what was done before the marker is seen with it, or before.
        watched.write("src/marker.rs", &format!("{:?}", Instant::now()));
        let mut found = BTreeSet::new();
        while !found.contains("src/marker.rs") {
            found.extend(watched.next());
        }
        found.remove("src/marker.rs");
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        // All of it: nothing is left to be noticed.
        watched.write("src/marker.rs", &format!("{:?}", Instant::now()));
        assert_eq!(watched.next(), ["src/marker.rs"]);
    }

    fn append(path: &Path, text: &str) {
        fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn vim_moves_the_old_file_away_after_a_probe_and_keeps_a_swap_file_open() {
        let watched = Watched::new();
        let mut swap = fs::File::create(watched.path("src/.lib.rs.swp")).unwrap();
        swap.write_all(b"b0VIM").unwrap();
        check(
            &watched,
            |path| {
                fs::write(path("src/4913"), "").unwrap();
                fs::remove_file(path("src/4913")).unwrap();
                fs::rename(path("src/lib.rs"), path("src/lib.rs~")).unwrap();
                fs::write(path("src/lib.rs"), "2").unwrap();
                fs::remove_file(path("src/lib.rs~")).unwrap();
                swap.write_all(b"more").unwrap();
            },
            &["src/lib.rs"],
        );
    }

    #[test]
    fn emacs_locks_with_a_link_and_saves_by_itself_into_another_file() {
        let watched = Watched::new();
        check(
            &watched,
            |path| {
                symlink("me@host.1234:5678", path("src/.#lib.rs")).unwrap();
                fs::write(path("src/#lib.rs#"), "fn half(").unwrap();
            },
            &[],
        );
        check(
            &watched,
            |path| {
                fs::rename(path("src/lib.rs"), path("src/lib.rs~")).unwrap();
                fs::write(path("src/lib.rs"), "2").unwrap();
                fs::remove_file(path("src/#lib.rs#")).unwrap();
                fs::remove_file(path("src/.#lib.rs")).unwrap();
            },
            &["src/lib.rs"],
        );
    }

    #[test]
    fn vs_code_truncates_and_writes() {
        let watched = Watched::new();
        check(
            &watched,
            |path| {
                let mut file = fs::File::create(path("src/lib.rs")).unwrap();
                file.write_all(b"half of ").unwrap();
                file.write_all(b"it").unwrap();
            },
            &["src/lib.rs"],
        );
    }

    #[test]
    fn jetbrains_writes_beside_and_swaps_two_names() {
        let watched = Watched::new();
        check(
            &watched,
            |path| {
                fs::write(path("src/lib.rs___jb_tmp___"), "2").unwrap();
                fs::rename(path("src/lib.rs"), path("src/lib.rs___jb_old___")).unwrap();
                fs::rename(path("src/lib.rs___jb_tmp___"), path("src/lib.rs")).unwrap();
                fs::remove_file(path("src/lib.rs___jb_old___")).unwrap();
            },
            &["src/lib.rs"],
        );
    }

    #[test]
    fn sed_writes_beside_and_renames_and_a_formatter_saves_once_more() {
        let watched = Watched::new();
        check(
            &watched,
            |path| {
                fs::write(path("src/sedQ3xYz"), "fn  f(){}").unwrap();
                fs::rename(path("src/sedQ3xYz"), path("src/lib.rs")).unwrap();
                fs::write(path("src/lib.rs"), "fn f() {}\n").unwrap();
            },
            &["src/lib.rs"],
        );
    }

    #[test]
    fn a_touch_and_a_save_of_the_same_are_no_edits() {
        let watched = Watched::new();
        check(
            &watched,
            |path| {
                let file = fs::File::options().write(true).open(path("src/lib.rs")).unwrap();
                file.set_modified(SystemTime::now() + Duration::from_secs(1)).unwrap();
            },
            &[],
        );
        check(&watched, |path| fs::write(path("src/lib.rs"), "1").unwrap(), &[]);
        let stay = |path: &dyn Fn(&str) -> PathBuf| {
            let mut permissions = fs::metadata(path("src/lib.rs")).unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(path("src/lib.rs"), permissions).unwrap();
        };
        check(&watched, stay, &[]);
    }

    #[test]
    fn a_checkout_removes_adds_and_changes_and_another_takes_it_back() {
        let watched = Watched::new();
        for name in ["a", "b", "c"] {
            watched.write(&format!("src/{name}.rs"), "1");
            assert_eq!(watched.next(), [format!("src/{name}.rs")]);
        }
        let all = ["src/a.rs", "src/b.rs", "src/d/mod.rs", "src/lib.rs"];
        check(
            &watched,
            |path| {
                fs::remove_file(path("src/a.rs")).unwrap();
                fs::write(path("src/b.rs"), "2").unwrap();
                fs::create_dir(path("src/d")).unwrap();
                fs::write(path("src/d/mod.rs"), "1").unwrap();
                fs::remove_file(path("src/lib.rs")).unwrap();
                fs::write(path("src/lib.rs"), "2").unwrap();
            },
            &all,
        );
        check(
            &watched,
            |path| {
                fs::write(path("src/a.rs"), "1").unwrap();
                fs::write(path("src/b.rs"), "1").unwrap();
                fs::remove_dir_all(path("src/d")).unwrap();
                fs::write(path("src/lib.rs"), "1").unwrap();
            },
            &all,
        );
    }

    #[test]
    fn sources_that_are_moved_away_are_noticed_when_they_are_back() {
        let watched = Watched::new();
        fs::rename(watched.path("src"), watched.path("away")).unwrap();
        assert_eq!(watched.next(), ["src/lib.rs"]);
        fs::rename(watched.path("away"), watched.path("src")).unwrap();
        assert_eq!(watched.next(), ["src/lib.rs"]);
        check(&watched, |path| append(&path("src/lib.rs"), "2"), &["src/lib.rs"]);
    }

    #[test]
    fn a_file_with_two_names_is_noticed_under_both() {
        let watched = Watched::new();
        check(
            &watched,
            |path| fs::hard_link(path("src/lib.rs"), path("src/twin.rs")).unwrap(),
            &["src/twin.rs"],
        );
        check(&watched, |path| append(&path("src/twin.rs"), "2"), &["src/lib.rs", "src/twin.rs"]);
        let outside = watched.root.path().join("outside.rs");
        fs::hard_link(watched.path("src/lib.rs"), &outside).unwrap();
        check(&watched, |_| append(&outside, "3"), &["src/lib.rs", "src/twin.rs"]);
    }

    #[test]
    fn a_source_that_is_a_link_is_noticed_when_what_it_leads_to_is_edited_or_another() {
        let watched = Watched::new();
        let elsewhere = watched.root.path().join("elsewhere");
        write(&elsewhere.join("one.rs"), "1");
        write(&elsewhere.join("two.rs"), "2");
        check(
            &watched,
            |path| symlink(elsewhere.join("one.rs"), path("src/linked.rs")).unwrap(),
            &["src/linked.rs"],
        );
        check(&watched, |_| append(&elsewhere.join("one.rs"), "2"), &["src/linked.rs"]);
        check(
            &watched,
            |path| {
                symlink(elsewhere.join("two.rs"), path("src/new")).unwrap();
                fs::rename(path("src/new"), path("src/linked.rs")).unwrap();
            },
            &["src/linked.rs"],
        );
        check(&watched, |_| write(&elsewhere.join("two.rs"), "3"), &["src/linked.rs"]);
    }

    #[test]
    fn what_is_outside_of_the_sources_is_noticed_where_the_compiler_has_read_it() {
        let watched = Watched::new();
        write(&watched.root.path().join("x.rs"), "1");
        write(&watched.root.path().join("unread.rs"), "1");
        watched.write("my-target/debug/build/a-1/out/made.rs", "1");
        let inputs = ["src/lib.rs", "../x.rs", "my-target/debug/build/a-1/out/made.rs"];
        // As the compiler names it: with the way that the source took.
        let inputs = inputs.map(|name| watched.path(name)).to_vec();
        watched.built(Verdict::Built(Artifact { inputs, ..Artifact::default() }));
        check(&watched, |path| append(&path("../x.rs"), "2"), &["../x.rs"]);
        check(
            &watched,
            |path| {
                append(&path("../unread.rs"), "2");
                write(&path("target/debug/build/a-1/out/made.rs"), "2");
                write(&path("examples/e.rs"), "2");
                write(&path("README.md"), "2");
            },
            &[],
        );
    }
}
