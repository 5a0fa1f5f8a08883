//! `shrine.lock`: the shapes of what was released, one file for each crate.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use serde::Deserialize;

use super::version::order;
use crate::error::Error;

/// The file beside a crate's Cargo.toml.
pub const FILE: &str = "shrine.lock";

/// The released versions, by the id of the widget or the name of the nested type, then by version.
pub type Lock = BTreeMap<String, BTreeMap<String, Entry>>;

/// A released version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The fingerprint of its shape.
    pub fingerprint: u64,
    /// A line for each field or variant.
    pub shape: Vec<String>,
    /// The names of the fields that it has no longer.
    pub retired: Vec<String>,
}

/// An entry as it is in the file.
#[derive(Deserialize)]
struct Written {
    fingerprint: String,
    shape: Vec<String>,
    #[serde(default)]
    retired: Vec<String>,
}

/// The lock of a crate; none when nothing was released.
///
/// # Errors
///
/// When the file is there and cannot be understood.
pub fn read(directory: &Path) -> Result<Option<Lock>, Error> {
    let path = directory.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text)
            .map(Some)
            .map_err(|reason| Error::Configuration { reason: format!("{}: {reason}", path.display()) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("read {}", path.display()), error)),
    }
}

/// Reads the text of a lock.
///
/// # Errors
///
/// When it is no lock; says where.
pub fn parse(text: &str) -> Result<Lock, String> {
    let written: BTreeMap<String, BTreeMap<String, Written>> =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let mut lock = Lock::new();
    for (name, versions) in written {
        for (version, Written { fingerprint, shape, retired }) in versions {
            let fingerprint = u64::from_str_radix(&fingerprint, 16)
                .map_err(|_| format!("`{fingerprint}` is no fingerprint, in [{name}.\"{version}\"]"))?;
            let entry = Entry { fingerprint, shape, retired };
            lock.entry(name.clone()).or_default().insert(version, entry);
        }
    }
    Ok(lock)
}

/// The text of a lock, with the oldest version of each first.
#[must_use]
pub fn print(lock: &Lock) -> String {
    let mut text = HEADER.to_owned();
    for (name, versions) in lock {
        let mut versions: Vec<_> = versions.iter().collect();
        versions.sort_by_key(|(version, _)| order(version));
        for (version, entry) in versions {
            let _ =
                write!(text, "\n[{}.{version:?}]\nfingerprint = \"{:016x}\"\n", key(name), entry.fingerprint);
            let _ = writeln!(text, "shape = [");
            for line in &entry.shape {
                let _ = writeln!(text, "    {line:?},");
            }
            let _ = writeln!(text, "]");
            if !entry.retired.is_empty() {
                let _ = writeln!(text, "retired = {:?}", entry.retired);
            }
        }
    }
    text
}

const HEADER: &str = "\
# The shapes of the state that was released. `cargo shrine release` adds to it; nothing in it changes any more.
# Commit it: from here the compiler knows when an edit needs a higher version.
";

/// A key is bare where TOML allows it.
fn key(name: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if name.chars().all(is_bare) { name.to_owned() } else { format!("{name:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_and_the_oldest_comes_first() {
        let entry = |fingerprint, shape: &[&str], retired: &[&str]| Entry {
            fingerprint,
            shape: shape.iter().map(|line| (*line).to_owned()).collect(),
            retired: retired.iter().map(|name| (*name).to_owned()).collect(),
        };
        let versions = [("0.10.0", entry(255, &["n: i64"], &["title"])), ("0.9.0", entry(1, &[], &[]))];
        let versions = versions.map(|(version, entry)| (version.to_owned(), entry));
        let lock = Lock::from([("a.b".to_owned(), versions.into())]);
        let text = print(&lock);
        let expected = "\n[\"a.b\".\"0.9.0\"]\nfingerprint = \"0000000000000001\"\nshape = [\n]\n\
            \n[\"a.b\".\"0.10.0\"]\nfingerprint = \"00000000000000ff\"\nshape = [\n    \"n: i64\",\n]\nretired = [\"title\"]\n";
        assert_eq!(text, format!("{HEADER}{expected}"));
        assert_eq!(parse(&text), Ok(lock));
    }

    #[test]
    fn what_is_no_lock_is_refused_with_the_place() {
        assert!(parse("[counter]\nx = 1\n").is_err());
        let wrong = parse("[counter.\"1.0.0\"]\nfingerprint = \"xyz\"\nshape = []\n");
        assert_eq!(wrong, Err("`xyz` is no fingerprint, in [counter.\"1.0.0\"]".to_owned()));
    }
}
