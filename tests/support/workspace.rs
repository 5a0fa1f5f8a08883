//! A workspace in a temporary folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::repository;

/// A workspace that a user could have written. The names of its packages begin with its own: all tests share one target
/// directory.
#[derive(Debug)]
pub struct Workspace {
    folder: tempfile::TempDir,
    name: String,
}

impl Workspace {
    /// A virtual workspace with these members.
    #[must_use]
    pub fn new(name: &str, members: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix(name).tempdir().expect("a temporary folder");
        let workspace = Self { folder, name: name.to_owned() };
        workspace.members(members);
        workspace
    }

    /// Writes the manifest of the workspace.
    pub fn members(&self, members: &[&str]) {
        self.write("Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n"));
    }

    /// Writes a library that depends on the `shrine` of this repository and on other members beside it.
    pub fn library(&self, member: &str, dependencies: &[&str], source: &str) {
        let shrine = repository().join("shrine");
        let dependencies: String = dependencies
            .iter()
            .map(|other| format!("{} = {{ path = \"../{other}\" }}\n", self.package(other)))
            .collect();
        let manifest = format!(
            "[package]\nname = {:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             shrine = {{ path = {shrine:?} }}\n{dependencies}",
            self.package(member)
        );
        self.write(&format!("{member}/src/lib.rs"), source);
        self.write(&format!("{member}/Cargo.toml"), &manifest);
    }

    /// The name of the package of a member.
    #[must_use]
    pub fn package(&self, member: &str) -> String {
        format!("{}-{}", self.name, member.rsplit('/').next().unwrap_or(member))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        let write = || -> io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(self.path()))?;
            fs::write(&path, text)
        };
        write().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Replaces the one place in a file that reads `old`.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        let path: PathBuf = self.path().join(file);
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(source.matches(old).count(), 1, "{old:?} is there once in\n{source}");
        self.write(file, &source.replacen(old, new, 1));
    }
}
