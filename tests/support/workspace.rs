//! A workspace in a temporary folder.

use std::path::Path;
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

    /// A copy of an example that consists of several crates, in a folder of the example's name, as it is a folder of
    /// this repository's workspace.
    #[must_use]
    pub fn of_example(example: &str) -> Self {
        let workspace = Self::new(example, &[]);
        let manifest = read(&repository().join("Cargo.toml"));
        let (before, members) = manifest.split_once("members = [").expect("the workspace has members");
        let (_, after) = members.split_once(']').expect("the list has an end");
        let shrine = format!("path = {:?}", repository().join("shrine"));
        let after = after.replace("path = \"shrine\"", &shrine);
        workspace.write("Cargo.toml", &format!("{before}members = [\"{example}/*\"]{after}"));
        copy(&repository().join("examples").join(example), &workspace.path().join(example));
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
        let source = read(&self.path().join(file));
        assert_eq!(source.matches(old).count(), 1, "{old:?} is there once in\n{source}");
        self.write(file, &source.replacen(old, new, 1));
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("makes a folder");
    for entry in fs::read_dir(from).expect("a folder").map_while(Result::ok) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
    }
}
