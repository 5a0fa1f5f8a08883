//! What a clean `cargo build` of a tree gives.
//!
//! For each widget, a small program links the widget's crate and prints what the widget should answer. The sources are
//! written anew from the model into a place of their own, and nothing that an earlier build has made of them is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use serde_json::Value;
use shrine_tests::{repository, without_cargos_own};

use crate::tree::Tree;
use crate::{disk, target};

/// What cargo makes of a widget.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Built {
    /// What it should answer.
    Answers(String),
    Fails(Failure),
}

/// How a build fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Failure {
    /// The error codes, as `E0308`; errors that have none are not in it.
    pub(crate) codes: BTreeSet<String>,
    /// The packages that the compiler found errors in; none when it was not the compiler.
    pub(crate) packages: BTreeSet<String>,
    /// What was said.
    pub(crate) said: String,
}

/// What cargo makes of each widget.
pub(crate) type Expected = BTreeMap<&'static str, Built>;

pub(crate) struct Reference {
    root: PathBuf,
    target: PathBuf,
    known: Vec<(Tree, Expected)>,
}

impl Reference {
    /// One that builds in `target`, with the sources at `root`.
    pub(crate) fn new(root: &Path, target: &Path) -> Self {
        Self { root: root.to_owned(), target: target.to_owned(), known: Vec::new() }
    }

    /// Builds a tree, unless that was done before.
    pub(crate) fn build(&mut self, tree: &Tree) -> io::Result<Expected> {
        if let Some((_, expected)) = self.known.iter().find(|(known, _)| known == tree) {
            return Ok(expected.clone());
        }
        target::clean(&self.target)?;
        if self.root.exists() {
            fs::remove_dir_all(&self.root)?;
        }
        disk::write_all(&self.root, &tree.files_with_programs())?;
        fs::copy(repository().join("Cargo.lock"), self.root.join("workspace/Cargo.lock"))?;
        let mut expected = Expected::new();
        for widget in tree.widgets() {
            expected.insert(widget, self.program(widget)?);
        }
        self.known.push((tree.clone(), expected.clone()));
        Ok(expected)
    }

    fn program(&self, widget: &str) -> io::Result<Built> {
        let workspace = self.root.join("workspace");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        without_cargos_own(&mut cargo);
        cargo.args(["build", "--keep-going", "--message-format", "json", "--package"]);
        cargo.arg(format!("edits-print-{widget}")).arg("--target-dir").arg(&self.target);
        cargo.current_dir(&workspace).env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "0");
        let built = cargo.stdin(Stdio::null()).output()?;
        if !built.status.success() {
            return Ok(Built::Fails(Failure::read(&workspace, &built.stdout, &built.stderr)));
        }
        let printed =
            Command::new(self.target.join("debug").join(format!("edits-print-{widget}"))).output()?;
        if !printed.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&printed.stderr).into_owned()));
        }
        Ok(Built::Answers(String::from_utf8_lossy(&printed.stdout).into_owned()))
    }
}

impl Failure {
    /// From what cargo has printed with `--message-format json`.
    fn read(workspace: &Path, stdout: &[u8], stderr: &[u8]) -> Self {
        let mut failure = Self::default();
        let lines = String::from_utf8_lossy(stdout);
        for message in lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let (said, level) = (&message["message"]["rendered"], &message["message"]["level"]);
            let is_error = message["reason"] == "compiler-message" && level == "error";
            let (Some(said), true) = (said.as_str(), is_error) else { continue };
            if said.starts_with("error: aborting due to") {
                continue;
            }
            failure.said.push_str(said);
            let file = message["target"]["src_path"].as_str().map(Path::new);
            failure.packages.extend(file.map(|file| package(workspace, file)));
        }
        failure.said.push_str(&String::from_utf8_lossy(stderr));
        failure.codes = codes(&failure.said);
        failure
    }
}

/// The name of the package that a file is in.
fn package(workspace: &Path, file: &Path) -> String {
    let member = file.strip_prefix(workspace).ok().and_then(|below| below.iter().next());
    let member = member.map_or("outside".into(), |member| member.to_string_lossy());
    format!("edits-{member}")
}

/// The error codes in what a compiler has said.
pub(crate) fn codes(said: &str) -> BTreeSet<String> {
    let after = said.split("error[").skip(1);
    after.filter_map(|text| text.split_once(']')).map(|(code, _)| code.to_owned()).collect()
}
