//! A crate in a temporary folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A crate that a user could have written.
#[derive(Debug)]
pub struct Project {
    folder: tempfile::TempDir,
    name: String,
}

impl Project {
    /// A widget crate of that source.
    #[must_use]
    pub fn new(name: &str, source: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(name).tempdir().expect("a temporary folder");
        let project = Self { folder, name: name.to_owned() };
        project.write("Cargo.toml", &project.manifest(""));
        project.write("src/lib.rs", source);
        project
    }

    /// A copy of the source of one of the examples.
    #[must_use]
    pub fn of_example(example: &str, name: &str) -> Self {
        let source = repository().join("examples").join(example).join("src/lib.rs");
        Self::new(name, &fs::read_to_string(source).expect("the example's source"))
    }

    /// A manifest that depends on the `shrine` of this repository, with `more` at its end.
    #[must_use]
    pub fn manifest(&self, more: &str) -> String {
        let shrine = repository().join("shrine");
        format!(
            "[package]\nname = {:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             shrine = {{ path = {shrine:?} }}\n\n[workspace]\n\n{more}",
            self.name
        )
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

    /// Reads a file.
    #[must_use]
    pub fn read(&self, file: &str) -> String {
        let path = self.path().join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Replaces the one place in `src/lib.rs` that reads `old`.
    pub fn edit(&self, old: &str, new: &str) {
        let source = self.read("src/lib.rs");
        assert_eq!(source.matches(old).count(), 1, "{old:?} is there once in\n{source}");
        self.write("src/lib.rs", &source.replacen(old, new, 1));
    }
}

/// The root of this repository.
#[must_use]
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}
