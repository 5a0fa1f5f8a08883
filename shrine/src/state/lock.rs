//! `shrine.lock`: the shapes of released versions (feature `host`).
//!
//! One file for each crate, beside its `Cargo.toml`, committed. `cargo shrine release` adds what is released;
//! `#[widget]` and `#[state(version = "..")]` read it and refuse an edit that changes the shape of a released version,
//! and a release that no hop leads from. A crate without the file has released nothing.
//!
//! ```toml
//! format = 1
//!
//! [widget.counter."0.9.0"]
//! fingerprint = "d7a04485f3ae3328"
//! shape = [
//!     "count: i64",
//!     "title: String",
//! ]
//! retired = ["title"]
//!
//! [state.Item."1"]
//! fingerprint = "00c2a4b1f0d9e871"
//! shape = ["text: String"]
//! ```
//!
//! A widget is listed by its id, a type with a version of its own by its name, which two such types of one crate must
//! therefore not share. What is retired are names of that version which a later one does not have: they never come
//! back as another type.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::shape::Shape;

mod outline;

pub use outline::{Nested, lines, name, nested, split};

/// The name of the file.
pub const FILE: &str = "shrine.lock";

/// The format that is read and written.
pub const FORMAT: u32 = 1;

/// Everything that a crate has released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Lock {
    format: u32,
    /// By the id of the widget.
    #[serde(default, rename = "widget", skip_serializing_if = "BTreeMap::is_empty")]
    pub widgets: BTreeMap<String, Releases>,
    /// By the name of the type.
    #[serde(default, rename = "state", skip_serializing_if = "BTreeMap::is_empty")]
    pub states: BTreeMap<String, Releases>,
}

/// The released versions of one widget or type, oldest first.
pub type Releases = BTreeMap<ReleasedVersion, Entry>;

/// A released version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The fingerprint of its shape.
    #[serde(serialize_with = "hexadecimal", deserialize_with = "from_hexadecimal")]
    pub fingerprint: u64,
    /// A line for each field or variant, sorted: see [`lines`].
    #[serde(default)]
    pub shape: Vec<String>,
    /// The names among them that a later version does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<String>,
}

/// A version as it was written; ordered as semver orders it.
#[derive(Debug, Clone)]
pub struct ReleasedVersion {
    text: String,
    version: semver::Version,
}

/// Why a text is no lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError(String);

impl Default for Lock {
    fn default() -> Self {
        Self { format: FORMAT, widgets: BTreeMap::new(), states: BTreeMap::new() }
    }
}

impl Lock {
    /// Reads a lock; an empty text is an empty lock.
    ///
    /// # Errors
    ///
    /// When the text is no TOML, has another format, or says what this version does not know.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        #[derive(Deserialize)]
        struct Format {
            format: Option<u32>,
        }
        let failed = |error: toml::de::Error| LockError(error.to_string().trim_end().to_owned());
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        match toml::from_str(text).map_err(failed)? {
            Format { format: Some(FORMAT) } => toml::from_str(text).map_err(failed),
            Format { format: Some(other) } => {
                Err(LockError(format!("its format is {other}, and this version of shrine knows {FORMAT}")))
            }
            Format { format: None } => Err(LockError(format!("it does not begin with `format = {FORMAT}`"))),
        }
    }
}

/// Prints the file: always the same text for the same releases.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = toml::to_string_pretty(self).map_err(|_| fmt::Error)?;
        f.write_str(
            "# The shapes of released versions. `cargo shrine release` writes this file; commit it.\n",
        )?;
        f.write_str(&text)
    }
}

impl Entry {
    /// What a lock says about a version of that shape.
    #[must_use]
    pub fn of(fingerprint: u64, shape: &Shape) -> Self {
        Self { fingerprint, shape: lines(shape), retired: Vec::new() }
    }
}

impl ReleasedVersion {
    /// The text, as in `#[widget(version = "..")]`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ReleasedVersion {
    type Err = LockError;

    /// Reads a version; parts that a type with a short version leaves out are zero.
    fn from_str(text: &str) -> Result<Self, LockError> {
        let parts = text.split(['-', '+']).next().unwrap_or_default().split('.').count();
        let padded = match parts {
            1 | 2 if !text.contains(['-', '+']) => format!("{text}{}", ".0".repeat(3 - parts)),
            _ => text.to_owned(),
        };
        let version = semver::Version::parse(&padded)
            .map_err(|error| LockError(format!("`{text}` is not a version: {error}")))?;
        Ok(Self { text: text.to_owned(), version })
    }
}

impl fmt::Display for ReleasedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for ReleasedVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ReleasedVersion {}

impl PartialOrd for ReleasedVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ReleasedVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.version.cmp(&other.version)
    }
}

impl Serialize for ReleasedVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ReleasedVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LockError {}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn hexadecimal<S: Serializer>(fingerprint: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{fingerprint:016x}"))
}

fn from_hexadecimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = u64::from_str_radix(&text, 16).ok().filter(|_| text.len() == 16);
    number.ok_or_else(|| de::Error::custom(format!("`{text}` is no fingerprint of 16 hexadecimal digits")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let entry = |fingerprint, shape: &[&str], retired: &[&str]| Entry {
            fingerprint,
            shape: shape.iter().map(|line| (*line).to_owned()).collect(),
            retired: retired.iter().map(|name| (*name).to_owned()).collect(),
        };
        let version = |text: &str| text.parse().expect("a version");
        let counter = [
            (version("0.10.0"), entry(1, &["count: i64"], &[])),
            (version("0.9.0"), entry(0xd7a0_4485_f3ae_3328, &["count: i64", "title: String"], &["title"])),
        ];
        let item = [(version("2"), entry(2, &[], &[]))];
        Lock {
            widgets: [("counter".to_owned(), counter.into())].into(),
            states: [("Item".to_owned(), item.into())].into(),
            ..Lock::default()
        }
    }

    #[test]
    fn what_is_printed_is_read_again_in_the_order_of_versions() {
        let text = lock().to_string();
        assert_eq!(Lock::parse(&text), Ok(lock()));
        let (old, new) = (text.find("0.9.0").expect("there"), text.find("0.10.0").expect("there"));
        assert!(old < new, "{text}");
        assert!(text.contains("[widget.counter.\"0.9.0\"]\nfingerprint = \"d7a04485f3ae3328\"\n"), "{text}");
        assert!(text.contains("[state.Item.2]") || text.contains("[state.Item.\"2\"]"), "{text}");
    }

    #[test]
    fn a_crate_without_releases_has_an_empty_lock() {
        assert_eq!(Lock::parse(""), Ok(Lock::default()));
        assert_eq!(Lock::parse(&Lock::default().to_string()), Ok(Lock::default()));
    }

    #[test]
    fn what_is_no_lock_is_refused_with_the_reason() {
        let error = |text: &str| Lock::parse(text).expect_err("no lock").to_string();
        assert!(error("[widget]").contains("format = 1"));
        assert!(error("format = 2").contains("its format is 2"));
        assert!(error("format = 1\nwidgets = 1").contains("unknown field `widgets`"));
        assert!(error("format = 1\n[widget.a.\"x\"]\nfingerprint = \"0\"").contains("`x` is not a version"));
        assert!(
            error("format = 1\n[widget.a.\"1.0.0\"]\nfingerprint = \"0\"").contains("16 hexadecimal digits")
        );
    }
}
