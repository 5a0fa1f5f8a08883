//! Commands of `cargo shrine` that end by themselves.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::watch::{binary, shared_target, without_cargos_own};

/// What a command has said.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its standard output.
    pub text: String,
    /// Its standard error.
    pub errors: String,
}

impl Answer {
    /// What it has said, as JSON. Checks that it is one line, and says what the process ended with.
    #[must_use]
    pub fn json(&self) -> Value {
        let json: Value =
            serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        assert_eq!(json["code"].as_i64(), self.code.map(i64::from), "{self:#?}");
        assert_eq!((json["v"].as_i64(), self.text.lines().count()), (Some(1), 1), "{self:#?}");
        json
    }
}

/// Runs `cargo shrine COMMAND .. FOLDER` without input, and waits for its end.
#[must_use]
pub fn ask(folder: &Path, arguments: &[&str]) -> Answer {
    let target = shared_target();
    let target = [Path::new("--target-dir"), &target].map(Path::as_os_str);
    run(Command::new(binary()).args(arguments).arg(folder).args(target))
}

/// Runs `cargo shrine COMMAND .. FOLDER` with these variables of the environment, and builds where it would by itself.
#[must_use]
pub fn ask_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Answer {
    run(Command::new(binary()).args(arguments).arg(folder).envs(environment.iter().copied()))
}

fn run(command: &mut Command) -> Answer {
    without_cargos_own(command);
    let output = command.stdin(Stdio::null()).output().expect("runs");
    Answer {
        code: output.status.code(),
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The same with `--message-format json`: the exit code and the JSON.
#[must_use]
pub fn ask_json(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let answer = ask(folder, &[arguments, &["--message-format", "json"]].concat());
    (answer.code, answer.json())
}
