//! How cargo calls rustc, caught by standing in its place, and the same call again without cargo.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::failure::{Context, Failure};
use super::process;

/// The folder that captured calls are written into; set only for this program in rustc's place.
const FOLDER: &str = "XTASK_CAPTURE";

/// One call of rustc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    program: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    directory: PathBuf,
}

/// What this program does when cargo calls it as `RUSTC_WORKSPACE_WRAPPER`: write the call down, and become rustc.
pub(crate) fn stand_in() -> Option<ExitCode> {
    let folder = std::env::var_os(FOLDER)?;
    let mut arguments = std::env::args_os().skip(1);
    let rustc = arguments.next()?;
    let arguments: Vec<_> = arguments.collect();
    let texts: Option<Vec<String>> =
        arguments.iter().map(|argument| argument.to_str().map(str::to_owned)).collect();
    // What is no text cannot be written down, and then it is missed by whoever wants it.
    if let (Some(texts), Some(program)) = (texts, rustc.to_str())
        && let Some(name) = option(&texts, "--crate-name")
        && let Err(failure) = write_down(Path::new(&folder), name, program, &texts)
    {
        eprintln!("error: {failure}");
        return Some(ExitCode::FAILURE);
    }
    let error = Command::new(&rustc).args(&arguments).exec();
    eprintln!("error: cannot run {}: {error}", rustc.display());
    Some(ExitCode::FAILURE)
}

fn write_down(folder: &Path, name: &str, program: &str, arguments: &[String]) -> Result<(), Failure> {
    let directory = std::env::current_dir().context("read the current directory")?;
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter(|(name, _)| name != FOLDER && name != "RUSTC_WORKSPACE_WRAPPER")
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let call = json!({
        "program": program, "arguments": arguments, "environment": environment, "directory": directory,
    });
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, call.to_string()).context(format_args!("write {}", path.display()))
}

/// Has cargo run, and writes down how it calls rustc for the crates of the workspace.
pub(crate) fn capture(mut cargo: Command, folder: &Path, limit: Duration) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).context(format_args!("create {}", folder.display()))?;
    let this = std::env::current_exe().context("find this program")?;
    cargo.env("RUSTC_WORKSPACE_WRAPPER", this).env(FOLDER, folder);
    process::finish(cargo, limit).map(drop)
}

/// The call for a crate, as it was written down.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Call, Failure> {
    let path = folder.join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!("cargo did not compile `{name}`, so nothing was caught: {error}"))
    })?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{} is not what was written: {error}", path.display())))?;
    Call::from_json(&value)
        .ok_or_else(|| Failure::new(format!("{} lacks a part of the call", path.display())))
}

impl Call {
    fn from_json(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            program: text(&value["program"])?,
            arguments: value["arguments"].as_array()?.iter().map(text).collect::<Option<_>>()?,
            environment: value["environment"]
                .as_object()?
                .iter()
                .map(|(name, value)| Some((name.clone(), text(value)?)))
                .collect::<Option<_>>()?,
            directory: text(&value["directory"])?.into(),
        })
    }

    /// The call, to be made again. What it says is left out.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(&self.environment).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The file that it makes, for what rustc calls a `cdylib`.
    pub(crate) fn library(&self) -> Option<PathBuf> {
        let name = option(&self.arguments, "--crate-name")?;
        let extra = self.codegen("extra-filename").unwrap_or_default();
        Some(self.output()?.join(format!("lib{name}{extra}.so")))
    }

    /// The same call without debug info, with a folder of its own for all that it writes.
    pub(crate) fn without_debug_info(&self) -> Option<Self> {
        let beside = |path: &str| format!("{path}-without-debug-info");
        let output = self.output()?.to_str().map(beside)?;
        let incremental = self.codegen("incremental").map(beside)?;
        let mut call = self.clone();
        for argument in &mut call.arguments {
            if argument.starts_with("debuginfo=") {
                "debuginfo=0".clone_into(argument);
            } else if argument.starts_with("incremental=") {
                *argument = format!("incremental={incremental}");
            }
        }
        let at = call.arguments.iter().position(|argument| argument == "--out-dir")?;
        *call.arguments.get_mut(at + 1)? = output;
        Some(call)
    }

    /// Where it writes to.
    pub(crate) fn output(&self) -> Option<&Path> {
        option(&self.arguments, "--out-dir").map(Path::new)
    }

    fn codegen(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    }
}

fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str).filter(|value| !value.starts_with("___"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        let arguments = [
            "--crate-name",
            "small",
            "src/lib.rs",
            "-C",
            "debuginfo=line-tables-only",
            "-C",
            "extra-filename=-12ab",
            "--out-dir",
            "/target/debug/deps",
            "-C",
            "incremental=/target/debug/incremental",
        ];
        let value = json!({
            "program": "rustc", "arguments": arguments, "environment": {"A": "b"}, "directory": "/project",
        });
        Call::from_json(&value).unwrap()
    }

    #[test]
    fn the_same_call_is_made_again() {
        let command = call().command();
        assert_eq!(command.get_program(), "rustc");
        assert_eq!(command.get_args().count(), 11);
        assert_eq!(command.get_current_dir(), Some(Path::new("/project")));
        assert_eq!(call().library(), Some("/target/debug/deps/libsmall-12ab.so".into()));
    }

    #[test]
    fn without_debug_info_it_writes_elsewhere() {
        let other = call().without_debug_info().unwrap();
        assert_eq!(other.output(), Some(Path::new("/target/debug/deps-without-debug-info")));
        assert_eq!(other.codegen("debuginfo"), Some("0"));
        assert_eq!(other.codegen("incremental"), Some("/target/debug/incremental-without-debug-info"));
        assert_eq!(other.arguments.len(), call().arguments.len());
    }

    #[test]
    fn what_cargo_asks_rustc_is_no_crate() {
        let asked = ["-", "--crate-name", "___", "--print=cfg"].map(str::to_owned);
        assert_eq!(option(&asked, "--crate-name"), None);
    }
}
