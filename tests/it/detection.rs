//! Edits that come in odd ways: from a build itself, and faster than builds end.

use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde_json::json;
use shrine_tests::{Project, Watch};

/// A build script that writes another number into a module each time.
const STAMP: &str = r#"fn main() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    std::fs::write("src/stamp.rs", format!("pub const STAMP: u128 = {now};\n")).unwrap();
}
"#;

#[test]
fn a_build_script_that_writes_into_its_sources_is_told_of_and_edits_still_go_live() {
    let project = Project::of_example("counter", "counter-stamped");
    let source = project.read("src/lib.rs");
    project.write("src/stamp.rs", "pub const STAMP: u128 = 0;\n");
    project.write(
        "src/lib.rs",
        &format!("{source}\nmod stamp;\n/// When.\npub const STAMP: u128 = stamp::STAMP;\n"),
    );
    project.write("build.rs", STAMP);
    // Where rustc alone is called, the script does not run for what it has written itself.
    let mut watch = Watch::start(project.path(), &["--no-replay"]);
    let told = watch.wait_for("build_loop");
    assert_eq!(told["paths"], json!(["src/stamp.rs"]));
    assert!(told["builds"].as_u64().is_some_and(|builds| builds <= 10), "{told:#}");
    let (reason, help) =
        (told["reason"].as_str().unwrap_or_default(), told["help"].as_str().unwrap_or_default());
    assert!(reason.contains("`src/stamp.rs`") && help.contains("OUT_DIR"), "{told:#}");
    let builds = watch.names().iter().filter(|name| **name == "changed").count();
    assert!(builds <= 10, "{:?}", watch.names());

    // An edit is built, and what the script does meanwhile is not.
    project.edit("self.total += n * self.step;", "self.total += 10 * n * self.step;");
    loop {
        let changed = watch.wait_for("changed");
        if changed["paths"] == json!(["src/lib.rs"]) {
            assert_eq!(changed["decision"], "rebuild", "{changed:#}");
            break;
        }
    }
    let changed = watch.wait_for("changed");
    assert_eq!((&changed["paths"], &changed["decision"]), (&json!(["src/stamp.rs"]), &json!("nothing")));
    watch.wait_for("updated");
    watch.command("send counter.add 1");
    assert_eq!(watch.wait_for("output")["value"], 10);

    // Without the script there is nothing left to be told of.
    fs::remove_file(project.path().join("build.rs")).expect("is there");
    project.edit("10 * n", "100 * n");
    watch.wait_for("updated");
    watch.command("quit");
    let (status, _, errors) = watch.end();
    assert!(status.success(), "{errors}");
    assert_eq!(watch.names().iter().filter(|name| **name == "build_loop").count(), 1, "it is told once");
    assert!(errors.contains("help: let the build script write into `OUT_DIR`"), "{errors}");
}

#[test]
fn code_goes_live_while_somebody_types_faster_than_it_is_built() {
    let project = Project::of_example("counter", "counter-typed");
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    let (file, source) = (project.path().join("src/lib.rs"), project.read("src/lib.rs"));
    let (stop, stopped) = mpsc::channel::<()>();
    let typist = std::thread::spawn(move || {
        let mut saves = 0;
        // Not a time that anything depends on: it is far shorter than a build can be.
        while stopped.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
            saves += 1;
            let text = source.replace("self.total += n * self.step;", &format!("self.total += {saves} * n;"));
            fs::write(&file, text).expect("saves");
        }
        saves
    });
    for _ in 0..2 {
        watch.wait_for("updated");
    }
    drop(stop);
    let saves: i64 = typist.join().expect("types");
    // What was saved last is what runs in the end.
    let mut total = 0;
    loop {
        watch.command("send counter.add 1");
        let value = watch.wait_for("output")["value"].as_i64().expect("a number");
        if value - total == saves {
            break;
        }
        total = value;
    }
    watch.quit();
}

/// A macro that does the same, in the crate that it is expanded in.
const STAMPING_MACRO: &str = r#"//! It writes files, as macros should not.

/// Writes another number into a module each time.
#[proc_macro]
pub fn stamp(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let file = std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("src/stamp.rs");
    std::fs::write(file, format!("pub const STAMP: u128 = {now};\n")).unwrap();
    proc_macro::TokenStream::new()
}
"#;

#[test]
fn a_macro_that_writes_into_its_sources_is_told_of() {
    let project = Project::of_example("counter", "counter-macro-stamped");
    let source = project.read("src/lib.rs");
    project.write("src/stamp.rs", "pub const STAMP: u128 = 0;\n");
    project.write(
        "src/lib.rs",
        &format!("{source}\nmod stamp;\n/// When.\npub const STAMP: u128 = stamp::STAMP;\ncounter_stamping::stamp!();\n"),
    );
    let stamping = "[package]\nname = \"counter-stamping\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\nproc-macro = true\n";
    project.write("stamping/Cargo.toml", stamping);
    project.write("stamping/src/lib.rs", STAMPING_MACRO);
    let dependency = "[dependencies.counter-stamping]\npath = \"stamping\"\n";
    project.write("Cargo.toml", &project.manifest(dependency));
    let mut watch = Watch::start(project.path(), &[]);
    let told = watch.wait_for("build_loop");
    assert_eq!(told["paths"], json!(["src/stamp.rs"]), "{told:#}");
    project.edit("self.total += n * self.step;", "self.total += 10 * n * self.step;");
    watch.wait_for("updated");
    watch.command("send counter.add 1");
    assert_eq!(watch.wait_for("output")["value"], 10);
    watch.command("quit");
    let (status, _, errors) = watch.end();
    assert!(status.success(), "{errors}");
}
