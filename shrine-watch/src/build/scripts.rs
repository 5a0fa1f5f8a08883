//! What build scripts read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Project;

/// A build script that has run, now or for an earlier build: the name of its package, and where it writes to.
pub(super) type Run = (String, PathBuf);

/// The packages, by their directories, whose build scripts do not say what they read: whenever anything in one of them
/// has changed, cargo runs its script.
pub(super) fn reading_anything(project: &Project, scripts: &[PathBuf], runs: &[Run]) -> BTreeSet<PathBuf> {
    let homes = scripts.iter().filter_map(|script| project.owner(script));
    let reads_anything = |home: &&PathBuf| {
        let Some(name) = name_of_package(home) else { return false };
        runs.iter().filter(|(of, _)| *of == name).any(|(_, out_dir)| {
            let output = fs::read(out_dir.with_file_name("output")).unwrap_or_default();
            !says_what_it_reads(&String::from_utf8_lossy(&output))
        })
    };
    homes.filter(reads_anything).cloned().collect()
}

/// Whether a build script has told what it reads, by what it has printed. What it names is in cargo's own list.
fn says_what_it_reads(output: &str) -> bool {
    output.lines().any(|line| line.starts_with("cargo:rerun-if-") || line.starts_with("cargo::rerun-if-"))
}

/// The name of the package in a directory.
pub(super) fn name_of_package(directory: &Path) -> Option<String> {
    let manifest = fs::read_to_string(directory.join("Cargo.toml")).ok()?.parse::<toml::Table>().ok()?;
    manifest.get("package")?.get("name")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_script_says_what_it_reads_in_either_form() {
        assert!(says_what_it_reads("cargo:rustc-cfg=x\ncargo:rerun-if-changed=data\n"));
        assert!(says_what_it_reads("cargo::rerun-if-env-changed=MODE\n"));
        assert!(!says_what_it_reads("cargo:rustc-cfg=x\nrerun-if-changed=data\n"));
        assert!(!says_what_it_reads(""));
    }
}
