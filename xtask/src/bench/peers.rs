//! What is measured beside Shrine, and how the tools for it come about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use super::failure::Failure;
use super::process::{self, command};

/// The versions that are measured.
pub(crate) const HOT_LIB_RELOADER: &str = "0.8.2";
pub(crate) const CARGO_WATCH: &str = "8.5.3";
pub(crate) const DIOXUS: &str = "0.7.10";

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

/// The command line of Dioxus, which patches programs only with the library of its own version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dx {
    pub(crate) binary: PathBuf,
    pub(crate) version: String,
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
    pub(crate) fn find_dx(&self) -> Option<Dx> {
        let here = self.root.join("bin/dx");
        let paths = std::env::var_os("PATH")?;
        let on_path = std::env::split_paths(&paths).map(|folder| folder.join("dx"));
        std::iter::once(here).chain(on_path).find_map(|binary| dioxus(&binary))
    }

    /// dx, built if it is not there.
    pub(crate) fn dx(&self) -> Result<Dx, Failure> {
        if let Some(dx) = self.find_dx() {
            return Ok(dx);
        }
        let binary = self.installed("dioxus-cli", "dx", DIOXUS)?;
        dioxus(&binary).ok_or_else(|| Failure::new(format!("{} does not say its version", binary.display())))
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
fn dioxus(binary: &Path) -> Option<Dx> {
    if !binary.is_file() {
        return None;
    }
    let mut dx = command(binary);
    dx.arg("--version");
    let lines = process::finish(dx, Duration::from_secs(30)).ok()?;
    let version = lines.iter().find_map(|line| version(line))?;
    Some(Dx { binary: binary.to_owned(), version })
}

/// The version in what `dx --version` prints.
fn version(line: &str) -> Option<String> {
    let version = line.strip_prefix("dioxus ")?.split(' ').next()?;
    version.starts_with(|first: char| first.is_ascii_digit()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dioxus_is_dx() {
        assert_eq!(version("dioxus 0.7.10 (3b2ce5f)"), Some("0.7.10".to_owned()));
        assert_eq!(version("dx toolkit 1.2"), None);
        assert_eq!(dioxus(Path::new("/nowhere/dx")), None);
    }
}
