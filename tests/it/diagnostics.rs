//! What the compiler says is passed on while the build goes on.

use std::io::{BufRead, BufReader};

use shrine_tests::{Project, Watch, Workspace, without_json};

/// A build script that does not end before a file is there.
fn waiting_for(file: &std::path::Path) -> String {
    format!("fn main() {{ while !std::path::Path::new({file:?}).exists() {{ std::thread::yield_now(); }} }}")
}

const WARNING: &str = "macro_rules! idle { () => { let idle = 1; } }\n/// Nothing.\npub fn noisy() { let unused = 1; idle!(); }\n";

/// A widget crate whose build script can only be compiled after `noisy`, and waits for the file `go`.
fn project(name: &str) -> Project {
    let project = Project::of_example("counter", name);
    let noisy = format!("[package]\nname = \"{name}-noisy\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    project.write("noisy/Cargo.toml", &noisy);
    project.write("noisy/src/lib.rs", &format!("//! Noisy.\n{WARNING}"));
    let build = format!("[build-dependencies.{name}-noisy]\npath = \"noisy\"\n");
    project.write("Cargo.toml", &project.manifest(&build));
    project.write("build.rs", &waiting_for(&project.path().join("go")));
    project
}

/// Waits for what the compiler says of a package, before which there may only be more that it says.
fn told(watch: &mut Watch, package: &str, text: &str) {
    loop {
        let event = watch.next_event();
        assert_eq!(event["event"], "diagnostic", "the build has not ended: {event:#}");
        let rendered = event["rendered"].as_str().unwrap_or_default();
        if event["package"] == package && rendered.contains(text) {
            return;
        }
    }
}

#[test]
fn warnings_are_told_before_the_build_that_they_are_of_has_ended() {
    let project = project("counter-noisy");
    let mut watch = Watch::start(project.path(), &[]);
    // Until there is that file, the build cannot end.
    told(&mut watch, "counter-noisy-noisy", "unused variable: `unused`");
    told(&mut watch, "counter-noisy-noisy", "unused variable: `idle`");
    project.write("go", "");
    watch.expect("ready");

    // The same where rustc alone is called.
    project.edit("self.total = 0;", "let forgotten = 0; self.total = 0;");
    assert_eq!(watch.next_event()["event"], "changed");
    told(&mut watch, "counter-noisy", "unused variable: `forgotten`");
    watch.expect("updated");
    watch.quit();
}

#[test]
fn people_read_them_at_once_too() {
    let project = project("counter-noisy-text");
    let mut child = without_json(project.path()).spawn().expect("starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("unused variable: `unused`")));
    assert!(lines.any(|line| line.contains("unused variable: `idle`")));
    project.write("go", "");
    assert!(lines.any(|line| line.contains("ready")));
    drop(child.stdin.take());
    assert!(child.wait().is_ok_and(|status| status.success()));
}

#[test]
fn errors_are_told_while_others_are_built() {
    let workspace = Workspace::new("early-errors", &["a", "b"]);
    workspace.library("a", &[], "//! A.\n/// Wrong.\npub fn wrong() -> u8 { \"text\" }\n");
    workspace.library("b", &[], "//! B.\n");
    let go = workspace.path().join("go");
    workspace.write("b/build.rs", &waiting_for(&go));
    let mut watch = Watch::start(workspace.path(), &[]);
    told(&mut watch, "early-errors-a", "mismatched types");
    workspace.write("go", "");
    let failed = watch.expect("build_failed");
    assert!(failed["rendered"].as_str().is_some_and(|text| text.contains("mismatched types")), "{failed:#}");
    watch.quit();
}
