//! The trial: a library of one function, built and checked as those of widgets are.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::mem::size_of;
use std::path::{Path, PathBuf};

use cargo_metadata::Message;
use shrine::abi::{Descriptor, SYMBOL_PREFIX};
use toml_edit::DocumentMut;

use crate::build::{CargoOptions, Package, Project, cargo};
use crate::doctor::Trial;
use crate::load::check;

/// How many lines of what the compiler says are kept.
const LINES: usize = 40;

/// The name of the package.
const NAME: &str = "cargo-shrine-trial";

/// Builds in a directory of its own in `place`, as cargo builds in `directory` a crate of the workspace of `root`.
pub(super) fn make(
    place: &Path,
    directory: &Path,
    root: &Path,
    library_directory: &Path,
    options: &CargoOptions,
) -> Trial {
    let folder = place.join(format!("{NAME}-{}", std::process::id()));
    let trial = write(&folder, root).and_then(|()| build(&folder, directory, library_directory, options));
    drop(fs::remove_dir_all(&folder));
    trial.unwrap_or_else(|error| Trial::Failed { said: format!("{}: {error}", folder.display()) })
}

fn write(folder: &Path, root: &Path) -> io::Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    let mut manifest = format!(
        "[package]\nname = \"{NAME}\"\nversion = \"0.0.0\"\nedition = \"2021\"\npublish = false\n\n[workspace]\n"
    );
    manifest.push_str(&profiles(&fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default()));
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), source())
}

/// The profiles of a manifest, without what they say of single packages, which are not here.
fn profiles(manifest: &str) -> String {
    let Ok(manifest) = manifest.parse::<DocumentMut>() else { return String::new() };
    let Some(profiles) = manifest.get("profile").and_then(|item| item.as_table_like()) else {
        return String::new();
    };
    let mut text = String::new();
    for (name, profile) in profiles.iter() {
        let Some(settings) = profile.as_table_like() else { continue };
        let _ = writeln!(text, "\n[profile.{name}]");
        for (key, value) in settings.iter().filter(|(_, value)| value.is_value()) {
            let _ = writeln!(text, "{key} = {}", value.to_string().trim());
        }
    }
    text
}

/// It has what the loader looks for in a library, and is never opened: the descriptor is empty.
fn source() -> String {
    let size = size_of::<Descriptor>();
    format!(
        "//! Written by `cargo shrine doctor`.\n#![allow(non_upper_case_globals, missing_docs)]\n\
         #[no_mangle]\npub static {SYMBOL_PREFIX}trial: [u8; {size}] = [0; {size}];\n\
         #[no_mangle]\npub extern \"C\" fn trial() -> usize {{ std::env::args().count() }}\n"
    )
}

fn build(
    folder: &Path,
    directory: &Path,
    library_directory: &Path,
    options: &CargoOptions,
) -> io::Result<Trial> {
    let package = Package {
        name: NAME.to_owned(),
        id: NAME.to_owned(),
        manifest: folder.join("Cargo.toml"),
        ..Package::default()
    };
    let project = Project {
        root: folder.to_owned(),
        directory: directory.to_owned(),
        target_directory: folder.join("target"),
        library_directory: library_directory.to_owned(),
        ..Project::default()
    };
    let (release, profile) = (options.release, options.profile.clone());
    let options = CargoOptions { release, profile, offline: true, ..CargoOptions::default() };
    let output = cargo::build_command(&project, &package, &options).output()?;
    let (mut said, mut library) = (String::new(), None);
    for message in Message::parse_stream(output.stdout.as_slice()) {
        match message? {
            Message::CompilerMessage(message) => said += &message.message.rendered.unwrap_or_default(),
            Message::CompilerArtifact(artifact) => library = artifact.filenames.first().map(PathBuf::from),
            _ => {}
        }
    }
    let Some(library) = library.filter(|_| output.status.success()) else {
        if said.is_empty() {
            said = String::from_utf8_lossy(&output.stderr).into_owned();
        }
        let lines: Vec<_> = said.lines().take(LINES).collect();
        return Ok(Trial::Failed { said: lines.join("\n") });
    };
    let bytes = fs::read(&library)?;
    Ok(match check::check(&bytes) {
        Ok(checked) => Trial::Good { linker: check::linker(&bytes), std: checked.toolchain.std },
        Err(error) => Trial::Unloadable { reason: error.reason, help: error.help },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_come_along_without_what_they_say_of_packages() {
        let manifest = "[package]\nname = \"a\"\n[profile.dev]\ndebug = 1 # few\n[profile.dev.package.b]\nopt-level = 3\n\
                        [profile.slow]\ninherits = \"dev\"\n";
        assert_eq!(
            profiles(manifest),
            "\n[profile.dev]\ndebug = 1 # few\n\n[profile.slow]\ninherits = \"dev\"\n"
        );
        assert_eq!(profiles("no manifest"), "");
    }
}
