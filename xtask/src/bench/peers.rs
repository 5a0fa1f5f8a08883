//! What is measured beside Shrine, and how the tools for it come about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use super::failure::Failure;
use super::process::{self, command};

/// The versions that are measured.
pub(crate) const HOT_LIB_RELOADER: &str = "0.8.2";
pub(crate) const CARGO_WATCH: &str = "8.5.3";
pub(crate) const DIOXUS: &str = "0.7.9";

/// How long a tool may take to be built.
const BUILD: Duration = Duration::from_secs(3600);

/// Another way to see an edit run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// `cargo build`, and start the program.
    Cargo,
    /// hot-lib-reloader with cargo-watch.
    HotLib,
    /// `dx serve --hotpatch` of dioxus-cli.
    Dx,
    /// Only Shrine and rustc.
    None,
}

/// Where tools are installed, and what has come of it.
#[derive(Debug)]
pub(crate) struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Below that folder.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// cargo-watch, built if it is not there.
    pub(crate) fn cargo_watch(&self) -> Result<PathBuf, Failure> {
        self.installed("cargo-watch", "cargo-watch", CARGO_WATCH)
    }

    /// dx, if it is there already.
    pub(crate) fn find_dx(&self) -> Option<PathBuf> {
        let here = self.root.join("bin/dx");
        let paths = std::env::var_os("PATH")?;
        let on_path = std::env::split_paths(&paths).map(|folder| folder.join("dx"));
        std::iter::once(here).chain(on_path).find(|path| is_dioxus(path))
    }

    /// dx, built if it is not there.
    pub(crate) fn dx(&self) -> Result<PathBuf, Failure> {
        match self.find_dx() {
            Some(path) => Ok(path),
            None => self.installed("dioxus-cli", "dx", DIOXUS),
        }
    }

    fn installed(&self, package: &str, binary: &str, version: &str) -> Result<PathBuf, Failure> {
        let path = self.root.join("bin").join(binary);
        // A crash of an installation leaves no binary; another version is in cargo's own list.
        if path.is_file() && is_listed(&self.root, package, version) {
            return Ok(path);
        }
        eprintln!("     Building {package} {version}, once");
        let mut cargo = command("cargo");
        cargo.args(["install", package, "--version", version, "--locked", "--root"]).arg(&self.root);
        cargo.arg("--target-dir").arg(self.root.join("build"));
        process::finish(cargo, BUILD).map_err(|failure| failure.context(format!("{package} {version}")))?;
        Ok(path)
    }
}

/// Whether `cargo install` has put that version there.
fn is_listed(root: &Path, package: &str, version: &str) -> bool {
    let list = std::fs::read_to_string(root.join(".crates.toml")).unwrap_or_default();
    list.lines().any(|line| line.contains(&format!("\"{package} {version} ")))
}

/// There are other programs of that name.
fn is_dioxus(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    let mut dx = command(path);
    dx.arg("--version");
    process::finish(dx, Duration::from_secs(30))
        .is_ok_and(|lines| lines.iter().any(|line| line.contains("dioxus")))
}
