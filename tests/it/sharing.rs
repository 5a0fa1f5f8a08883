//! Libraries that are linked to one library of their dependencies.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use shrine_tests::{Project, Watch, repository};
use shrine_watch::load::check;

/// A widget whose code is for a good part that of other crates, generic code among it.
const READER: &str = "\
use shrine::prelude::*;

#[widget(id = \"reader\", version = \"1.0.0\")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reader {
    pub read: u64,
}

#[widget]
impl Reader {
    #[input]
    fn add(&mut self, text: String, sum: &mut Output<i64>) {
        self.read += 1;
        match serde_json::from_str::<Vec<i64>>(&text) {
            Ok(all) => sum.send(all.iter().sum::<i64>() * 1),
            Err(error) => sum.send(-i64::try_from(error.column()).unwrap_or(0)),
        }
    }
}
";

const ALLOCATOR: &str = "
struct Own;

unsafe impl std::alloc::GlobalAlloc for Own {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        unsafe { std::alloc::System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: std::alloc::Layout) {
        unsafe { std::alloc::System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static OWN: Own = Own;
";

fn project(name: &str, source: &str) -> Project {
    let project = Project::new(name, source);
    let manifest = project.manifest("");
    project.write(
        "Cargo.toml",
        &manifest.replacen("[dependencies]\n", "[dependencies]\nserde_json = \"1\"\n", 1),
    );
    // What is compiled here, and nothing newer.
    project.write("Cargo.lock", &fs::read_to_string(repository().join("Cargo.lock")).expect("a lock file"));
    project
}

/// How the only library was linked in the next build of it.
fn link(watch: &mut Watch) -> Value {
    let built = watch.wait_for("built");
    assert_eq!(built["packages"][0]["way"], "replay", "{built:#}");
    built["packages"][0]["link"].clone()
}

/// The libraries of dependencies that what this process has open is linked to, by the names in the files that it has
/// mapped.
fn needed(watch: &Watch, crate_name: &str) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{}/maps", watch.id())).expect("its memory");
    let mut files: Vec<PathBuf> =
        maps.lines().filter_map(|line| line.split_whitespace().nth(5)).map(PathBuf::from).collect();
    files.retain(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("lib{crate_name}-g")))
    });
    files.sort();
    files.dedup();
    let shared = |path: &PathBuf| {
        let seen = fs::read(path).ok().and_then(|bytes| check::inspect(&bytes)).expect("a library");
        seen.needed.into_iter().find(|name| name.starts_with("libshrine_deps-")).unwrap_or_default()
    };
    files.iter().map(shared).collect()
}

fn add(watch: &mut Watch, text: &str) -> Value {
    watch.send("reader.add", &json!(text))
}

/// One test after the other: they have their dependencies in one shared library, and one of them takes it away.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn generations_share_one_library_of_their_dependencies() {
    let _turn = turn();
    let project = project("sharing", READER);
    let mut watch = Watch::start(project.path(), &["--why"]);
    watch.expect("ready");
    assert_eq!(add(&mut watch, "[1, 2]"), 3);
    let told = watch.wait_for("linking");
    let told = &told["packages"][0];
    assert_eq!((&told["package"], &told["link"]), (&json!("sharing"), &json!("shared")), "{told:#}");
    let library = Path::new(told["library"].as_str().expect("a path")).to_owned();
    let name = library.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    for factor in 2..5 {
        project.edit(&format!("() * {}", factor - 1), &format!("() * {factor}"));
        assert_eq!(link(&mut watch)["link"], "shared");
        watch.expect("updated");
        assert_eq!(add(&mut watch, "[1, 2]"), 3 * factor);
    }
    let needed = needed(&watch, "sharing");
    assert!(needed.len() >= 3 && needed.contains(&name), "{needed:?}");
    assert!(needed.iter().filter(|found| !found.is_empty()).all(|found| *found == name), "{needed:?}");
    assert_eq!(watch.state("reader"), json!({"read": 4}));

    // A mistake is told in terms of `shrine`, as it would be otherwise.
    project.edit("sum: &mut Output<i64>", "sum: &mut Output<Inbox>");
    let failed = watch.wait_for("build_failed");
    let rendered = failed["rendered"].as_str().unwrap_or_default();
    assert!(
        rendered.contains("`shrine::Inbox` cannot be part")
            && !rendered.contains("multiple different versions"),
        "{rendered}"
    );
    project.edit("sum: &mut Output<Inbox>", "sum: &mut Output<i64>");
    watch.wait_for("built");

    // What is gone is done without, and made again.
    fs::remove_dir_all(library.parent().expect("a directory")).expect("removes it");
    project.edit("() * 4", "() * 5");
    assert_eq!(link(&mut watch)["reason"], "not_yet");
    watch.expect("updated");
    assert_eq!(add(&mut watch, "[1, 2]"), 15);
    assert_eq!(watch.wait_for("linking")["packages"][0]["link"], "shared");
    project.edit("() * 5", "() * 6");
    assert_eq!(link(&mut watch)["link"], "shared");
    watch.expect("updated");
    assert_eq!(add(&mut watch, "[1, x]"), -5);

    // An edit may need what sharing does not go together with.
    project.edit("use shrine::prelude::*;", &format!("use shrine::prelude::*;\n{ALLOCATOR}"));
    let plain = link(&mut watch);
    assert_eq!((&plain["link"], &plain["reason"]), (&json!("plain"), &json!("unlinked")), "{plain:#}");
    watch.expect("updated");
    assert_eq!(add(&mut watch, "[1, 2]"), 18);
    watch.quit();
}

#[test]
fn what_does_not_go_together_with_sharing_is_linked_plainly() {
    let _turn = turn();
    let project = project("sharing-not", &format!("{READER}{ALLOCATOR}"));
    let mut watch = Watch::start(project.path(), &["--why"]);
    watch.expect("ready");
    let told = watch.wait_for("linking");
    let told = &told["packages"][0];
    assert_eq!((&told["link"], &told["reason"]), (&json!("plain"), &json!("unlinked")), "{told:#}");
    assert!(told["why"].as_str().is_some_and(|why| why.contains("#[global_allocator]")), "{told:#}");
    project.edit("() * 1", "() * 2");
    assert_eq!(link(&mut watch)["link"], "plain");
    watch.expect("updated");
    assert_eq!(add(&mut watch, "[1, 2]"), 6);
    assert!(needed(&watch, "sharing_not").iter().all(String::is_empty));
    watch.quit();

    let mut watch = Watch::start(project.path(), &["--no-sharing", "--why"]);
    watch.expect("ready");
    project.edit("() * 2", "() * 3");
    assert_eq!(link(&mut watch)["reason"], "off");
    watch.expect("updated");
    assert_eq!(add(&mut watch, "[1, 2]"), 9);
    watch.quit();
    assert!(!watch.names().contains(&"linking"));
}
