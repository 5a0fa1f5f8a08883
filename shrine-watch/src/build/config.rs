//! What cargo's configuration says that a call of rustc depends on: which programs stand before it, and in which files
//! that may be said.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// How deep configurations may include each other.
const DEPTH: usize = 8;

/// What a configuration says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Configuration {
    /// All files in which something may be said, whether they are there or not.
    pub(super) files: Vec<PathBuf>,
    /// What stands before every call of rustc, as `sccache`.
    pub(super) wrapper: Option<PathBuf>,
    /// What stands before the calls for crates of the workspace.
    pub(super) workspace_wrapper: Option<PathBuf>,
}

impl Configuration {
    /// Reads what holds for a cargo that is called in `directory` with these variables. What cannot be read says
    /// nothing: cargo will complain.
    pub(super) fn read(directory: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let home = variable("CARGO_HOME").map(|home| directory.join(home));
        let home = home.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cargo")));
        let around = directory.ancestors().map(|directory| directory.join(".cargo"));
        let mut found = Self::default();
        for folder in around.chain(home) {
            for name in ["config", "config.toml"] {
                let file = folder.join(name);
                if !found.files.contains(&file) {
                    found.read_file(&file, 0);
                }
            }
        }
        let tool = |name: &str, configured: Option<PathBuf>| {
            let set = [name.to_owned(), format!("CARGO_BUILD_{name}")].iter().find_map(|name| variable(name));
            let tool = set.map(|value| program(&value, directory)).or(configured);
            tool.filter(|path| !path.as_os_str().is_empty())
        };
        found.wrapper = tool("RUSTC_WRAPPER", found.wrapper.take());
        found.workspace_wrapper = tool("RUSTC_WORKSPACE_WRAPPER", found.workspace_wrapper.take());
        found
    }

    /// Takes from a file what none before it has said.
    fn read_file(&mut self, file: &Path, depth: usize) {
        self.files.push(file.to_owned());
        let Some(table) = std::fs::read_to_string(file).ok().and_then(|text| text.parse::<Table>().ok())
        else {
            return;
        };
        // Paths in `<place>/.cargo/config.toml` are relative to the place.
        let place = file.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let build = table.get("build").and_then(Value::as_table);
        let tool = |name: &str| build?.get(name)?.as_str().map(|value| program(OsStr::new(value), place));
        self.wrapper = self.wrapper.take().or_else(|| tool("rustc-wrapper"));
        self.workspace_wrapper = self.workspace_wrapper.take().or_else(|| tool("rustc-workspace-wrapper"));
        let included = match table.get("include") {
            Some(Value::Array(all)) => all.iter().filter_map(included_path).collect(),
            Some(one) => included_path(one).into_iter().collect(),
            None => Vec::new(),
        };
        // Of several, the last one counts most.
        for path in included.into_iter().rev().filter(|_| depth < DEPTH) {
            self.read_file(&file.with_file_name(path), depth + 1);
        }
    }
}

/// `include = "path"`, or a table with the path in it.
fn included_path(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("path")?.as_str())
}

/// A program by its name, or by a path that is relative to a place.
fn program(value: &OsStr, place: &Path) -> PathBuf {
    let path = Path::new(value);
    if path.components().count() > 1 { place.join(path) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(directory: &Path, variables: &[(&str, &str)]) -> Configuration {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Configuration::read(directory, |name| find(name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn the_innermost_configuration_counts_and_variables_count_more() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        for (place, text) in [
            (
                folder.path(),
                "[build]\nrustc-wrapper = \"sccache\"\nrustc-workspace-wrapper = \"tools/outer\"\n",
            ),
            (&inner, "include = \"more.toml\"\n[build]\nrustc-workspace-wrapper = \"bin/mine\"\n"),
        ] {
            fs::create_dir_all(place.join(".cargo")).unwrap();
            fs::write(place.join(".cargo/config.toml"), text).unwrap();
        }
        let home = folder.path().join("home");
        let home = home.to_str().unwrap();
        let found = read(&inner, &[("CARGO_HOME", home)]);
        assert_eq!(found.wrapper, Some("sccache".into()));
        assert_eq!(found.workspace_wrapper, Some(inner.join("bin/mine")));
        assert!(found.files.contains(&inner.join(".cargo/more.toml")), "{:?}", found.files);
        assert!(found.files.contains(&Path::new(home).join("config.toml")), "{:?}", found.files);
        fs::write(inner.join(".cargo/more.toml"), "[build]\nrustc-wrapper = \"other\"\n").unwrap();
        assert_eq!(read(&inner, &[]).wrapper, Some("other".into()));
        assert_eq!(read(&inner, &[("RUSTC_WRAPPER", "")]).wrapper, None, "set to nothing means none");
        let by_variable = read(&inner, &[("CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER", "by/variable")]);
        assert_eq!(by_variable.workspace_wrapper, Some(inner.join("by/variable")));
    }

    #[test]
    fn what_is_no_configuration_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".cargo")).unwrap();
        fs::write(folder.path().join(".cargo/config.toml"), "[build\nrustc-wrapper = 1").unwrap();
        assert_eq!(read(folder.path(), &[]).wrapper, None);
    }
}
