//! Builds without cargo: what is live is what cargo would have built, and it is told which way it was made.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shrine_tests::{DEADLINE, Project, Watch, Workspace, shared_target};

/// A widget that says what it is made of.
const PROBE: &str = "\
#![allow(unexpected_cfgs)]
use shrine::prelude::*;

mod part;

#[widget(id = \"probe\", version = \"1.0.0\")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Probe {
    pub asked: i64,
}

#[widget]
impl Probe {
    #[input]
    fn ask(&mut self, n: i64, said: &mut Output<String>) {
        self.asked += n;
        let loud = if cfg!(feature = \"loud\") { \"LOUD\" } else { \"quiet\" };
        let parts = [\"one\", part::part(), include_str!(\"../data.txt\").trim(), env!(\"CARGO_PKG_VERSION\"), loud];
        said.send(parts.join(\" \"));
    }
}
";

const PART: &str = "pub(crate) fn part() -> &'static str {\n    \"part\"\n}\n";

fn ask(watch: &mut Watch) -> String {
    watch.send("probe.ask", &json!(1)).as_str().unwrap_or_default().to_owned()
}

/// How the library of a package was made in the next build of it: by replay of these crates, or by cargo for this reason.
fn way(watch: &mut Watch, package: &str) -> String {
    loop {
        let built = watch.wait_for("built");
        let mut packages = built["packages"].as_array().into_iter().flatten();
        let Some(built) = packages.find(|built| built["package"] == package) else { continue };
        return match built["way"].as_str() {
            Some("replay") => {
                let crates = built["crates"].as_array().into_iter().flatten();
                format!("replay {}", crates.filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
            }
            Some("cargo") => {
                assert!(built["why"].as_str().is_some_and(|why| !why.is_empty()), "{built}");
                format!("cargo {}", built["reason"].as_str().unwrap_or_default())
            }
            other => other.unwrap_or_default().to_owned(),
        };
    }
}

/// How the update came that the last edit leads to, and what the code says then.
fn updated(watch: &mut Watch, package: &str) -> (String, String) {
    let way = way(watch, package);
    watch.expect("updated");
    (way, ask(watch))
}

fn pair(way: &str, said: &str) -> (String, String) {
    (way.to_owned(), said.to_owned())
}

#[test]
fn a_day_of_edits_is_right_whichever_way_it_is_built() {
    let package = "replay-day";
    let project = Project::new(package, PROBE);
    project.write("src/part.rs", PART);
    project.write("data.txt", "data\n");
    let mut watch = Watch::start(project.path(), &["--why"]);
    assert_eq!(way(&mut watch, package), "cargo not_captured");
    watch.expect("ready");
    assert_eq!(ask(&mut watch), "one part data 0.1.0 quiet");

    // What the compiler reads.
    let source = project.path().join("src/lib.rs");
    let time = fs::metadata(&source).and_then(|metadata| metadata.modified()).expect("a time");
    project.edit("\"one\"", "\"two\"");
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "two part data 0.1.0 quiet"));
    project.write("data.txt", "other\n");
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "two part other 0.1.0 quiet"));
    project.write("src/part.rs", "mod deeper;\npub(crate) use deeper::part;\n");
    watch.wait_for("build_failed");
    project.write("src/part/deeper.rs", &PART.replace("\"part\"", "\"deeper\""));
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "two deeper other 0.1.0 quiet"));
    project.write("src/part/deeper.rs", &PART.replace("\"part\"", "\"deepest\""));
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "two deepest other 0.1.0 quiet"));

    // A source that is there again as it was, with its old time: cargo's own library is older than that.
    project.edit("\"two\"", "\"one\"");
    File::options()
        .write(true)
        .open(&source)
        .and_then(|file| file.set_modified(time))
        .expect("sets the time");
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "one deepest other 0.1.0 quiet"));

    // A mistake is the compiler's to tell, and mending it is as fast.
    project.edit("self.asked += n;", "self.asked += m;");
    assert_eq!(way(&mut watch, package), "replay ");
    let failed = watch.expect("build_failed");
    assert_eq!((&failed["errors"], &failed["packages"]), (&json!(1), &json!(["replay-day"])), "{failed:#}");
    assert!(
        failed["rendered"].as_str().is_some_and(|text| text.contains("cannot find value `m`")),
        "{failed:#}"
    );
    project.edit("self.asked += m;", "self.asked += 2 * n;");
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "one deepest other 0.1.0 quiet"));

    // What says how to build.
    let manifest = project.manifest("[features]\ndefault = [\"loud\"]\nloud = []\n");
    project.write("Cargo.toml", &manifest.replace("0.1.0", "0.2.0"));
    assert_eq!(updated(&mut watch, package).1, "one deepest other 0.2.0 LOUD");
    project.edit("\"one\"", "\"three\"");
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "three deepest other 0.2.0 LOUD"));

    // A source with another content and an old time, and cargo is asked: it looks at the time alone.
    watch.command("pause");
    project.edit("\"three\"", "\"four\"");
    File::options()
        .write(true)
        .open(&source)
        .and_then(|file| file.set_modified(time))
        .expect("sets the time");
    project.write("Cargo.toml", &project.read("Cargo.toml").replace("[features]", "# Features.\n[features]"));
    let mut noticed = Vec::new();
    while !["Cargo.toml", "src/lib.rs"].iter().all(|path| noticed.contains(&json!(path))) {
        noticed.extend(watch.wait_for("changed")["paths"].as_array().cloned().unwrap_or_default());
    }
    watch.command("resume");
    watch.wait_for("updated");
    assert_eq!(ask(&mut watch), "four deepest other 0.2.0 LOUD");

    // A build script appears, and says what it reads.
    project.write(
        "build.rs",
        "fn main() {\n    println!(\"cargo::rerun-if-changed=word.txt\");\n    \
         let out = std::env::var(\"OUT_DIR\").unwrap();\n    let word = std::fs::read_to_string(\"word.txt\").unwrap();\n    \
         std::fs::write(format!(\"{out}/word.rs\"), format!(\"{:?}\", word.trim())).unwrap();\n}\n",
    );
    project.write("word.txt", "word\n");
    project.edit("\"four\"", "include!(concat!(env!(\"OUT_DIR\"), \"/word.rs\"))");
    watch.wait_for("updated");
    assert_eq!(ask(&mut watch), "word deepest other 0.2.0 LOUD");
    project.write("word.txt", "sword\n");
    assert_eq!(updated(&mut watch, package), pair("cargo other_input", "sword deepest other 0.2.0 LOUD"));
    project.write("data.txt", "new\n");
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "sword deepest new 0.2.0 LOUD"));

    // It names a directory; it does not say what it reads, so that it may be anything in the package; it says so again.
    let script = project.read("build.rs");
    let told = "cargo::rerun-if-changed=word.txt";
    for (tells, file) in
        [("cargo::rerun-if-changed=words", "words/deep/word"), ("told", "data/word"), (told, "word.txt")]
    {
        project.write(file, "first\n");
        project.write(
            "build.rs",
            &script.replace(told, tells).replace("(\"word.txt\")", &format!("({file:?})")),
        );
        watch.wait_for("updated");
        assert_eq!(ask(&mut watch), "first deepest new 0.2.0 LOUD");
        project.write(file, "second\n");
        assert_eq!(updated(&mut watch, package), pair("cargo other_input", "second deepest new 0.2.0 LOUD"));
    }
    project.write("word.txt", "sword\n");
    assert_eq!(updated(&mut watch, package), pair("cargo other_input", "sword deepest new 0.2.0 LOUD"));
    watch.quit();

    // The next watch knows what cargo did for the first one.
    let mut watch = Watch::start(project.path(), &["--why"]);
    watch.expect("ready");
    project.edit("self.asked += 2 * n;", "self.asked += 3 * n;");
    assert_eq!(updated(&mut watch, package), pair("replay replay-day", "sword deepest new 0.2.0 LOUD"));
    watch.quit();

    // Without it, cargo builds.
    let mut watch = Watch::start(project.path(), &["--why", "--no-replay"]);
    watch.expect("ready");
    project.edit("self.asked += 3 * n;", "self.asked += 4 * n;");
    assert_eq!(updated(&mut watch, package), pair("cargo off", "sword deepest new 0.2.0 LOUD"));
    watch.quit();
}

/// A widget that says what a library, a macro and a crate outside of the workspace say.
const SPEAKER: &str = "\
use shrine::prelude::*;

#[widget(id = \"ID\", version = \"1.0.0\")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Speaker {
    pub asked: i64,
}

#[widget]
impl Speaker {
    #[input]
    fn ask(&mut self, n: i64, said: &mut Output<String>) {
        self.asked += n;
        said.send(SAYS);
    }
}
";

/// The objects that the compiler keeps of a crate, as the numbers of their files: those of each call that are still there,
/// the newest last.
fn remembered(crate_name: &str) -> Vec<BTreeSet<u64>> {
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let replays = entries(&shared_target().join("shrine-replays"));
    let crates = replays.iter().flat_map(|replay| entries(&replay.join("incremental")));
    let name = |path: &Path| path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let of_crate = crates.filter(|folder| name(folder).starts_with(&format!("{crate_name}-")));
    let mut calls: Vec<_> =
        of_crate.flat_map(|folder| entries(&folder)).filter(|path| path.is_dir()).collect();
    // Their names begin with the time.
    calls.sort();
    let objects = |call: &PathBuf| {
        let objects = entries(call).into_iter().filter(|path| path.extension() == Some(OsStr::new("o")));
        objects.filter_map(|path| Some(fs::metadata(path).ok()?.ino())).collect::<BTreeSet<_>>()
    };
    calls.iter().map(objects).collect()
}

fn says(watch: &mut Watch, speaker: &str) -> String {
    watch.send(&format!("{speaker}.ask"), &json!(1)).as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_edit_below_compiles_what_is_above_and_nothing_else() {
    let (left, right) = ("replay-tree-left", "replay-tree-right");
    let outside = Project::new("replay-outside", "pub fn outside() -> &'static str { \"outside\" }\n");
    let workspace = Workspace::new("replay-tree", &["base", "middle", "words", "left", "right"]);
    workspace.library(
        "base",
        &[],
        "pub fn base() -> String { \"base\".to_owned() }\npub fn unused() -> u8 { 1 }\n",
    );
    workspace.library(
        "middle",
        &["base"],
        "pub fn middle() -> String { format!(\"{}!\", replay_tree_base::base()) }\n",
    );
    workspace.library("words", &[], "");
    let manifest = "[package]\nname = \"replay-tree-words\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\nproc-macro = true\n";
    workspace.write("words/Cargo.toml", manifest);
    workspace.write("words/src/lib.rs", MACRO);
    let speaker = |id: &str, says: &str| SPEAKER.replace("ID", id).replace("SAYS", says);
    workspace.library(
        "left",
        &["middle", "words"],
        &speaker("left", "format!(\"{} {}\", replay_tree_middle::middle(), replay_tree_words::word!())"),
    );
    workspace.library(
        "right",
        &["base"],
        &speaker("right", "format!(\"{} {}\", replay_tree_base::base(), replay_outside::outside())"),
    );
    let path = outside.path();
    workspace.edit(
        "right/Cargo.toml",
        "[dependencies]\n",
        &format!("[dependencies]\nreplay-outside = {{ path = {path:?} }}\n"),
    );
    let mut watch = Watch::start(workspace.path(), &["--why"]);
    watch.wait_for("ready");
    assert_eq!(
        (says(&mut watch, "left"), says(&mut watch, "right")),
        ("base! word".to_owned(), "base outside".to_owned())
    );

    // Below both, through one library more for one of them.
    workspace.edit("base/src/lib.rs", "\"base\"", "\"bass\"");
    assert_eq!(way(&mut watch, left), "replay replay-tree-base replay-tree-middle replay-tree-left");
    watch.expect("updated");
    assert_eq!(
        (says(&mut watch, "left"), says(&mut watch, "right")),
        ("bass! word".to_owned(), "bass outside".to_owned())
    );

    // What the compiler remembers of those above stays good.
    let before: BTreeSet<u64> = remembered("replay_tree_left").into_iter().flatten().collect();
    workspace.edit("base/src/lib.rs", "\"bass\"", "\"brass\"");
    watch.expect("updated");
    assert_eq!(says(&mut watch, "left"), "brass! word");
    // What the next call would remove is removed after this one.
    let started = Instant::now();
    let newest = loop {
        match &remembered("replay_tree_left")[..] {
            [newest] => break newest.clone(),
            calls => assert!(started.elapsed() < DEADLINE, "what {} calls have left is there", calls.len()),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let kept = newest.iter().filter(|object| before.contains(object)).count();
    assert!(2 * kept > newest.len(), "{kept} of {} objects were not compiled again", newest.len());
    workspace.edit("base/src/lib.rs", "\"brass\"", "\"bass\"");
    watch.expect("updated");

    // Below one of them: the other one is not compiled.
    workspace.edit("middle/src/lib.rs", "{}!", "{}?");
    assert_eq!(way(&mut watch, left), "replay replay-tree-middle replay-tree-left");
    let updated = watch.expect("updated");
    assert_eq!(updated["widgets"].as_array().map(Vec::len), Some(1), "{updated:#}");
    assert_eq!(says(&mut watch, "left"), "bass? word");

    // What no widget calls is in no library: none is updated.
    workspace.edit("base/src/lib.rs", "-> u8 { 1 }", "-> u8 { 2 }");
    assert_eq!(way(&mut watch, right), "replay replay-tree-base replay-tree-right");
    watch.expect("unchanged");

    // A mistake below is told once, and mended the same way.
    workspace.edit("base/src/lib.rs", "\"bass\".to_owned()", "\"bass\"");
    let failed = watch.wait_for("build_failed");
    assert_eq!(
        (&failed["errors"], &failed["packages"]),
        (&json!(1), &json!(["replay-tree-base"])),
        "{failed:#}"
    );
    workspace.edit("base/src/lib.rs", "\"bass\" }", "\"bass\".to_uppercase() }");
    watch.wait_for("updated");
    assert_eq!(
        (says(&mut watch, "left"), says(&mut watch, "right")),
        ("BASS? word".to_owned(), "BASS outside".to_owned())
    );

    // What rustc is not called for as before: a macro, and a crate outside of the workspace.
    workspace.edit("words/src/lib.rs", "\\\"word", "\\\"sword");
    assert_eq!(way(&mut watch, left), "cargo tool");
    watch.expect("updated");
    assert_eq!(says(&mut watch, "left"), "BASS? sword");
    outside.write("src/lib.rs", "pub fn outside() -> &'static str { \"out\" }\n");
    assert_eq!(way(&mut watch, right), "cargo other_input");
    watch.expect("updated");
    assert_eq!(says(&mut watch, "right"), "BASS out");

    // And after that again.
    workspace.edit("base/src/lib.rs", "to_uppercase", "to_lowercase");
    assert_eq!(way(&mut watch, left), "replay replay-tree-base replay-tree-middle replay-tree-left");
    watch.expect("updated");
    assert_eq!(
        (says(&mut watch, "left"), says(&mut watch, "right")),
        ("bass? sword".to_owned(), "bass out".to_owned())
    );

    // Libraries without widgets are not built by themselves, as long as they have none.
    let alone = |watch: &Watch| {
        let built = watch.seen().iter().filter(|event| event["event"] == "built").skip(1);
        let packages = built.flat_map(|built| built["packages"].as_array().cloned().unwrap_or_default());
        packages.filter(|built| built["package"] == "replay-tree-base").count()
    };
    assert_eq!(alone(&watch), 0);
    let widget = speaker("base", "\"I am base\".to_owned()");
    workspace.write(
        "base/src/lib.rs",
        &format!(
            "{widget}\npub fn base() -> String {{ \"bass\".to_owned() }}\npub fn unused() -> u8 {{ 2 }}\n"
        ),
    );
    watch.wait_for("created");
    assert_eq!(says(&mut watch, "base"), "I am base");
    assert_eq!(alone(&watch), 1);
    watch.quit();
}

const MACRO: &str = "\
extern crate proc_macro;

#[proc_macro]
pub fn word(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    \"\\\"word\\\"\".parse().unwrap()
}
";

/// A program that writes down whether it is called for the edited source, and carries the call out.
fn witness(path: &Path) {
    let text = "#!/bin/sh\ncase \"$*\" in *--crate-name\\ replay_*) grep -c two src/lib.rs >>\"$0.log\" ;; esac\nexec \"$@\"\n";
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .expect("a script");
}

#[test]
fn the_users_own_wrappers_are_called_each_time() {
    let package = "replay-wrapped";
    let project = Project::new(package, PROBE);
    project.write("src/part.rs", PART);
    project.write("data.txt", "data\n");
    let (around, inside) = (project.path().join("around all"), project.path().join("inside"));
    witness(&around);
    witness(&inside);
    project.write(
        ".cargo/config.toml",
        "[build]\nrustc-wrapper = \"./around all\"\nrustc-workspace-wrapper = \"./inside\"\n",
    );
    let has_seen = |path: &Path, count: &str| {
        let log = fs::read_to_string(path.with_extension("log")).unwrap_or_default();
        log.lines().any(|line| line == count)
    };
    let mut watch = Watch::start(project.path(), &["--why"]);
    watch.wait_for("ready");
    assert!(has_seen(&around, "0") && has_seen(&inside, "0"));
    project.edit("\"one\"", "\"two\"");
    assert_eq!(updated(&mut watch, package), pair("replay replay-wrapped", "two part data 0.1.0 quiet"));
    assert!(has_seen(&around, "1") && has_seen(&inside, "1"));
    watch.quit();
}
