//! `cargo xtask bench` as someone runs it, and what it says when the measured program does not do what it should.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A short run; with a binary given, that one is measured.
fn bench(results: Option<&Path>, shrine: Option<&Path>) -> Output {
    command(results, shrine).output().expect("runs")
}

fn command(results: Option<&Path>, shrine: Option<&Path>) -> Command {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    // Where the tests of the watcher build their projects: what projects have in common is there already.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../watched");
    xtask.args(["bench", "--quick", "--target-dir"]).arg(target);
    if let Some(path) = results {
        xtask.arg("--results").arg(path);
    }
    if let Some(path) = shrine {
        xtask.arg("--shrine").arg(path);
    }
    xtask.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    xtask
}

/// What stands in for `cargo-shrine`: a script of these lines.
fn script(folder: &Path, lines: &str) -> PathBuf {
    let path = folder.join("cargo-shrine");
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("writes");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("is a program");
    path
}

#[test]
fn a_short_run_measures_every_candidate() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("RESULTS.md");
    let output = bench(Some(&results), None);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let page = std::fs::read_to_string(&results).unwrap();
    for title in ["Shrine", "rustc alone", "rustc alone, no debug info", "cargo build, start the program"] {
        let row = page.lines().find(|line| line.starts_with(&format!("| {title} |")));
        let cells: Vec<&str> = row.unwrap_or_else(|| panic!("{title}\n{page}")).split(" | ").collect();
        assert!(cells[1].ends_with(" ms") && cells[5] == "2 |", "{cells:?}");
    }
    let picture = std::fs::read_to_string(folder.path().join("latency.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains("<title>build "), "{picture}");
}

#[test]
fn an_update_that_is_told_and_not_true_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    // It says that it has updated, and goes on answering as before.
    let shrine = script(
        folder.path(),
        r#"echo '{"event":"ready"}'
while read word widget; do
    case $word in
    view) echo '{"event":"view","instance":"'$widget'","value":"1 edit-000000"}'; echo '{"event":"updated"}' ;;
    quit) exit ;;
    esac
done"#,
    );
    let output = bench(None, Some(&shrine));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("should answer `edit-000001`, and the answer was"), "{errors}");
}

#[test]
fn a_watch_that_ends_is_a_failure_that_shows_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let shrine = script(folder.path(), "echo 'the reason' >&2; exit 3");
    let output = bench(None, Some(&shrine));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("has ended, with exit status: 3"), "{errors}");
    assert!(errors.contains("the reason"), "{errors}");
}

#[test]
fn an_interrupt_ends_all_that_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // It answers as a widget does, and has something else run beside it.
    let lines = format!(
        r#"exec 3<>'{}'
sleep 1000 &
echo '{{"event":"ready"}}'
while read word widget; do echo '{{"event":"view","instance":"'$widget'","value":"edit-000000"}}'; done"#,
        pipe.display()
    );
    let shrine = script(folder.path(), &lines);
    let mut xtask = command(None, Some(&shrine)).spawn().unwrap();
    let mut errors = BufReader::new(xtask.stderr.take().unwrap()).lines().map_while(Result::ok);
    // The next candidate comes when this one is there.
    assert!(errors.by_ref().any(|line| line.contains("Preparing rustc")), "it has ended before");
    let mut pipe = File::open(pipe).unwrap();
    kill_process(Pid::from_child(&xtask), Signal::INT).unwrap();
    assert_eq!(xtask.wait().unwrap().code(), Some(130));
    // The pipe ends when its last writer, which the script has started, has ended.
    assert_eq!(pipe.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn what_is_not_there_to_be_measured_is_told_with_what_there_is() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_xtask")).args(["bench", "--only", "tiny"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("there are small, forty, heavy"), "{errors}");
}
