//! Goldens: states of running instances, kept in files that tests migrate to the head ever after.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder beside a crate's Cargo.toml.
pub const FOLDER: &str = "shrine-fixtures";

/// The folder of one version's goldens, below the directory of the crate.
#[must_use]
pub fn folder(crate_directory: &Path, widget: &str, version: &str) -> PathBuf {
    crate_directory.join(FOLDER).join(widget).join(version)
}

/// Whether a version has a golden.
#[must_use]
pub fn exists(crate_directory: &Path, widget: &str, version: &str) -> bool {
    let files = fs::read_dir(folder(crate_directory, widget, version)).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.path().extension().is_some_and(|extension| extension == "json"))
}

/// Whether a golden can have that name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain)
}

/// Writes a state into a file of that name, and answers with its path. What is there is never written over: a second
/// `counter` becomes `counter-2`.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write(folder: &Path, name: &str, state: &Value) -> io::Result<PathBuf> {
    let is_plain = |letter: char| if is_name(&letter.to_string()) || letter == '.' { letter } else { '-' };
    let stem: String = name.chars().map(is_plain).collect();
    fs::create_dir_all(folder)?;
    let mut text = serde_json::to_string_pretty(state).map_err(io::Error::other)?;
    text.push('\n');
    for number in 1_u32.. {
        let numbered = if number == 1 { format!("{stem}.json") } else { format!("{stem}-{number}.json") };
        let path = folder.join(numbered);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_there_is_not_written_over() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path(), "counter", "1.0.0");
        assert!(!exists(root.path(), "counter", "1.0.0"));
        let paths = [1, 2, 3].map(|total| write(&folder, "big", &json!({"total": total})).unwrap());
        assert_eq!(paths, ["big.json", "big-2.json", "big-3.json"].map(|name| folder.join(name)));
        assert_eq!(fs::read_to_string(&paths[1]).unwrap(), "{\n  \"total\": 2\n}\n");
        assert!(exists(root.path(), "counter", "1.0.0"));
    }

    #[test]
    fn an_instance_of_any_name_has_a_file() {
        let root = tempfile::tempdir().unwrap();
        let path = write(root.path(), "../a b", &json!(1)).unwrap();
        assert_eq!(path, root.path().join("..-a-b.json"));
    }

    #[test]
    fn names_stay_in_their_folder() {
        assert!(is_name("after-a-day_2.0"));
        for name in ["", ".hidden", "..", "a/b", "a b"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
