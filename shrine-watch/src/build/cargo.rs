//! The commands that are run, and the environment that they are run in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::capture::{ENVIRONMENT, Wrapper, environment_mark};
use super::{CargoOptions, Package, Project};
use crate::error::Error;

/// The command that builds the library of a package.
///
/// It is linked dynamically to std, and finds it by an rpath: a program that loads thousands of generations then has
/// one std and not thousands, see ARCHITECTURE.md. Its build id is how the new code proves that it is what runs.
#[must_use]
pub fn build_command(project: &Project, package: &Package, options: &CargoOptions) -> Command {
    let format = if options.colour { "json-diagnostic-rendered-ansi" } else { "json" };
    let mut command = cargo(&project.directory);
    command.args([
        "rustc",
        "--lib",
        "--crate-type",
        "cdylib",
        "--color",
        "never",
        "--message-format",
        format,
    ]);
    command.arg("--package").arg(&package.id).arg("--manifest-path").arg(&package.manifest);
    command.arg("--target-dir").arg(&project.target_directory);
    command.args(options.common()).args(options.selection(package, project));
    command.args(["--", "-C", "prefer-dynamic", "-C", "link-arg=-Wl,--build-id=sha1"]);
    // `-Xlinker` hands on each argument as it is, whatever commas and spaces are in the path.
    let mut rpath = OsString::from("link-arg=");
    rpath.push(&project.library_directory);
    for argument in ["link-arg=-Xlinker".into(), "link-arg=-rpath".into(), "link-arg=-Xlinker".into(), rpath]
    {
        command.arg("-C").arg(argument);
    }
    command.env("SHRINE_DEV", "1").env("CARGO_INCREMENTAL", "1");
    if std::env::var_os("CARGO_PROFILE_DEV_DEBUG").is_none() {
        command.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Has the calls of rustc noted.
pub(super) fn note_calls(command: &mut Command, wrapper: &Wrapper) {
    command.env("RUSTC_WORKSPACE_WRAPPER", &wrapper.script).env(ENVIRONMENT, mark());
}

/// What tells the environment that cargo is called in from others.
pub(super) fn mark() -> String {
    let is_passed_on = |(name, _): &(OsString, OsString)| !name.to_str().is_some_and(is_leaked);
    environment_mark(std::env::vars_os().filter(is_passed_on))
}

/// Cargo, as someone would have called it who stands in `directory`.
#[must_use]
pub fn cargo(directory: &Path) -> Command {
    let outer = std::env::var_os("CARGO").filter(|_| toolchain_file(directory).is_none());
    tool(outer.unwrap_or_else(|| "cargo".into()), directory)
}

/// The compiler that cargo runs in `directory`, unless its configuration names another.
#[must_use]
pub fn rustc(directory: &Path) -> Command {
    tool(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()), directory)
}

/// The directory with the shared `std` that the compiler of `directory` links to.
///
/// # Errors
///
/// When `rustc` cannot be asked.
pub(crate) fn library_directory(directory: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::io("ask `rustc` for its library directory", source);
    let output = rustc(directory).args(["--print", "target-libdir"]).output().map_err(failed)?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if path.is_empty() {
        return Err(failed(std::io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())));
    }
    Ok(path.into())
}

/// A program in `directory`, without what an outer cargo or rustup has left in the environment.
fn tool(program: OsString, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_leaked) {
            command.env_remove(name);
        }
    }
    if toolchain_file(directory).is_some() {
        // Rustup sets it for the toolchain of the outer command, and it would outrank the file.
        command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC");
    }
    command
}

/// Whether `cargo run` sets the variable for the program that it runs. Build scripts and `env!` would see the values of
/// another package.
fn is_leaked(name: &str) -> bool {
    const PREFIXES: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_", "CARGO_FEATURE_"];
    const NAMES: [&str; 6] = [
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_CRATE_NAME",
        "CARGO_BIN_NAME",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
        "CARGO_MAKEFLAGS",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

/// What it is called that says which toolchain is used.
pub const TOOLCHAIN_FILES: [&str; 2] = ["rust-toolchain.toml", "rust-toolchain"];

/// The file that says which toolchain `directory` is built with.
#[must_use]
pub fn toolchain_file(directory: &Path) -> Option<PathBuf> {
    directory
        .ancestors()
        .flat_map(|directory| TOOLCHAIN_FILES.map(|name| directory.join(name)))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_run_sets_is_not_passed_on() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"] {
            assert!(is_leaked(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_PROFILE_DEV_DEBUG", "CARGO_NET_OFFLINE", "PATH"]
        {
            assert!(!is_leaked(name), "{name}");
        }
    }

    #[test]
    fn the_nearest_toolchain_file_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(root.path().join("rust-toolchain"), "stable").unwrap();
        assert_eq!(toolchain_file(&inner), Some(root.path().join("rust-toolchain")));
        std::fs::write(inner.join("rust-toolchain.toml"), "").unwrap();
        assert_eq!(toolchain_file(&inner), Some(inner.join("rust-toolchain.toml")));
    }
}
