//! `cargo shrine doctor`, in surroundings that somebody has damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use shrine_tests::{Project, ask, ask_json, ask_with};

/// Severity, kind and text of what was found.
fn findings(answer: &Value) -> Vec<(String, String, String)> {
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let all = answer["findings"].as_array().into_iter().flatten();
    let found: Vec<_> = all
        .map(|finding| {
            assert!(!text(finding, "why").is_empty(), "{finding:#}");
            let what = format!("{} {}", text(finding, "what"), text(finding, "help"));
            (text(finding, "severity"), text(finding, "kind"), what)
        })
        .collect();
    let has_errors = found.iter().any(|(severity, ..)| severity == "error");
    assert_eq!(answer["code"], json!(if has_errors { 100 } else { 0 }), "{answer:#}");
    found
}

/// Checks that one thing was found, of this severity and kind, and that it says so.
fn expect(answer: &Value, severity: &str, kind: &str, says: &str) {
    let found = findings(answer);
    let is_it =
        |found: &&(String, String, String)| found.0 == severity && found.1 == kind && found.2.contains(says);
    assert_eq!(found.iter().filter(is_it).count(), 1, "{severity} {kind} {says}: {answer:#}");
}

fn doctor(folder: &Path, environment: &[(&str, &str)]) -> Value {
    ask_with(folder, &["doctor", "--message-format", "json"], environment).json()
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).expect("writes");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("can be run");
}

#[test]
fn where_nothing_is_wrong_it_says_what_it_has_looked_at() {
    let project = Project::of_example("counter", "counter-healthy");
    let answer = ask(project.path(), &["doctor"]);
    assert_eq!(answer.code, Some(0), "{answer:#?}");
    for line in
        ["ok: rustc 1.", "ok: a library of one function was built", "ok: one widget crate, counter-healthy"]
    {
        assert!(answer.text.contains(line), "{line}: {answer:#?}");
    }
    assert!(answer.text.contains("0 errors, "), "{answer:#?}");
    let names: Vec<_> = fs::read_dir(project.path()).expect("is there").flatten().collect();
    assert!(names.len() <= 3, "it leaves nothing but a Cargo.lock: {names:?}");
}

#[test]
fn what_stands_between_cargo_and_the_compiler_is_found() {
    let project = Project::of_example("counter", "counter-wrapped");
    let sccache = project.path().join("sccache");
    let used = project.path().join("used");
    script(&sccache, &format!("#!/bin/sh\necho \"$@\" >> {used:?}\nexec \"$@\"\n"));
    let shown = sccache.display().to_string();
    let answer = doctor(project.path(), &[("RUSTC_WRAPPER", &shown)]);
    expect(&answer, "note", "wrapper", "in front of the compiler (RUSTC_WRAPPER)");
    assert!(project.read("used").contains("cargo_shrine_trial"), "the trial goes through it too");

    let answer = doctor(project.path(), &[("RUSTC_WRAPPER", "/nowhere/sccache")]);
    expect(&answer, "error", "wrapper", "no program `/nowhere/sccache`");
    assert_eq!(findings(&answer).len(), 1, "what follows from it is not said again: {answer:#}");

    project.write(".cargo/config.toml", &format!("[build]\nrustc-workspace-wrapper = {shown:?}\n"));
    let answer = doctor(project.path(), &[]);
    expect(&answer, "note", "wrapper", "`build.rustc-workspace-wrapper` of ");
}

#[test]
fn a_build_that_cannot_be_loaded_is_found_before_it_is_tried() {
    let project = Project::of_example("counter", "counter-sabotaged");
    let answer = doctor(project.path(), &[("RUSTFLAGS", "-C linker=/nowhere/cc")]);
    expect(&answer, "error", "linker", "linker `/nowhere/cc` not found");
    let answer = doctor(project.path(), &[("RUSTFLAGS", "-C link-arg=-Wl,--build-id=none -Dwarnings")]);
    expect(&answer, "error", "flags", "--build-id=none");
    expect(&answer, "warning", "flags", "`-D warnings`");
    // A way that the table of flags does not know is found by the trial.
    let answer = doctor(
        project.path(),
        &[("RUSTFLAGS", "-C link-args=-Wl,--no-dynamic-linker,--build-id=uuid,--build-id=none")],
    );
    assert!(!findings(&answer).is_empty(), "{answer:#}");

    project.write("Cargo.toml", &project.manifest("[profile.dev]\npanic = \"abort\"\ncodegen-units = 1\n"));
    let answer = doctor(project.path(), &[]);
    expect(&answer, "error", "profile", "`panic = abort` in the profile `dev`");
    expect(&answer, "warning", "profile", "`codegen-units = 1`");
    assert_eq!(
        answer["facts"]["build"]["trial"]["failed"]["said"].as_str().map(|said| said.contains("abort")),
        Some(true)
    );

    project.write("Cargo.toml", &project.manifest("[profile.dev]\nlto = \"thin\"\n"));
    expect(&doctor(project.path(), &[]), "error", "profile", "`lto = thin`");
}

#[test]
fn files_that_cannot_be_understood_are_found_each() {
    let project = Project::of_example("counter", "counter-unreadable");
    project.write("shrine.toml", "[instances.a]\nwigdet = \"counter\"\n");
    project.write("shrine.lock", "<<<<<<< HEAD\n");
    project.write(".gitignore", "shrine.lock\n");
    let git = Command::new("git").args(["init", "--quiet"]).current_dir(project.path()).status();
    assert!(git.is_ok_and(|status| status.success()));
    let target = project.path().join("built");
    let arguments =
        ["doctor", "--message-format", "json", "--target-dir", target.to_str().unwrap_or_default()];
    let answer = ask_with(project.path(), &arguments, &[]).json();
    expect(&answer, "error", "scene", "did you mean `widget`?");
    expect(&answer, "error", "lock", "shrine.lock");
    expect(&answer, "warning", "git", "git leaves `");
    expect(&answer, "note", "git", "/built` out");

    project.write("rust-toolchain.toml", "channel = \"stable\"\n");
    let answer = doctor(project.path(), &[]);
    expect(&answer, "error", "toolchain", "rust-toolchain.toml` cannot be understood");
}

#[test]
fn it_works_on_what_is_broken_and_where_there_is_nothing() {
    let project = Project::of_example("counter", "counter-broken");
    project.write("Cargo.toml", "[package\n");
    expect(&doctor(project.path(), &[]), "error", "project", "Cargo.toml");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, answer) = ask_json(folder.path(), &["doctor"]);
    expect(&answer, "note", "project", "cargo shrine new");
    assert_eq!(code, Some(0));
    // Without cargo and compiler there is little to see.
    let answer = doctor(project.path(), &[("PATH", "/nowhere"), ("CARGO", "cargo")]);
    expect(&answer, "error", "toolchain", "`rustc` cannot be run");
    expect(&answer, "error", "toolchain", "`cargo` cannot be run");
    // A file where the target directory should be.
    let project = Project::of_example("counter", "counter-no-target");
    let target = project.path().join("Cargo.toml/target");
    let arguments =
        ["doctor", "--message-format", "json", "--target-dir", target.to_str().unwrap_or_default()];
    expect(&ask_with(project.path(), &arguments, &[]).json(), "error", "target_directory", "no directory");
}
