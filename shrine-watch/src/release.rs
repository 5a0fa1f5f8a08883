//! What was released stays as it was: what goes into `shrine.lock`, and whether it still holds.
//!
//! Pure but for [`git`] and [`lock`]: what the widgets say and what the lock says go in, additions and findings come out.

mod check;
mod finding;
pub mod git;
pub mod lock;
pub mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shrine::abi::handle::Module;
use shrine::state::lock::{self as locked, Entry, Lock, ReleasedVersion, Releases};
use shrine::state::shape::Shape;

pub use check::{Checked, Other, check, check_source};
pub use finding::{Finding, Kind, Severity};

/// Which table of the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Widgets, by id.
    Widgets,
    /// Types with a version of their own, by name.
    States,
}

impl Table {
    /// The table of a lock.
    fn of(self, lock: &Lock) -> &BTreeMap<String, Releases> {
        match self {
            Self::Widgets => &lock.widgets,
            Self::States => &lock.states,
        }
    }

    fn of_mut(self, lock: &mut Lock) -> &mut BTreeMap<String, Releases> {
        match self {
            Self::Widgets => &mut lock.widgets,
            Self::States => &mut lock.states,
        }
    }

    fn get<'a>(self, lock: &'a Lock, name: &str, version: &ReleasedVersion) -> Option<&'a Entry> {
        self.of(lock).get(name)?.get(version)
    }
}

/// All entries of a lock: types first, for they explain widgets.
fn entries(lock: &Lock) -> impl Iterator<Item = (Table, &String, &ReleasedVersion, &Entry)> {
    [Table::States, Table::Widgets].into_iter().flat_map(move |table| {
        table.of(lock).iter().flat_map(move |(name, releases)| {
            releases.iter().map(move |(version, entry)| (table, name, version, entry))
        })
    })
}

/// What the widgets of a crate are now, in the form of a lock: every version of every chain, heads included, and the
/// nested types with versions of their own.
///
/// # Errors
///
/// When two nested types share name and version, so that the lock could not tell them apart.
pub fn present(widgets: &[Arc<Module>]) -> Result<Lock, Vec<Finding>> {
    let (mut present, mut findings) = (Lock::default(), Vec::new());
    for module in widgets {
        for info in module.versions() {
            add(&mut present, Table::Widgets, module.id(), &info.version, &info.shape, info.fingerprint);
            for locked::Nested { name, version, shape } in locked::nested(&info.shape) {
                let Some(version) = version else { continue };
                let fingerprint = shape.fingerprint();
                let known = add(&mut present, Table::States, name, version, shape, fingerprint);
                if known.is_some_and(|known| known != fingerprint) {
                    findings.push(Finding::ambiguous(name, version));
                }
            }
        }
    }
    if findings.is_empty() { Ok(present) } else { Err(findings) }
}

/// Enters a version, and answers with the fingerprint that is entered.
fn add(
    lock: &mut Lock,
    table: Table,
    name: &str,
    version: &str,
    shape: &Shape,
    fingerprint: u64,
) -> Option<u64> {
    // The macros refuse versions that are none.
    let version = version.parse().ok()?;
    let releases = table.of_mut(lock).entry(name.to_owned()).or_default();
    let entry = releases.entry(version).or_insert_with(|| Entry::of(fingerprint, shape));
    Some(entry.fingerprint)
}

/// What a release does to the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The lock as it will be.
    pub lock: Lock,
    /// The versions that it did not have.
    pub added: Vec<(String, ReleasedVersion)>,
    /// Names of versions that it had which are gone since.
    pub retired: Vec<(String, ReleasedVersion, Vec<String>)>,
}

/// Adds what the lock does not have yet.
///
/// # Errors
///
/// When a version is in the lock with another shape: what was released is not rewritten.
pub fn release(lock: &Lock, present: &Lock, widgets: &[Arc<Module>]) -> Result<Release, Vec<Finding>> {
    let findings = changed(lock, present, widgets);
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut release = Release { lock: lock.clone(), added: Vec::new(), retired: Vec::new() };
    for (table, name, version, entry) in entries(present) {
        if table.get(lock, name, version).is_none() {
            let releases = table.of_mut(&mut release.lock).entry(name.clone()).or_default();
            releases.insert(version.clone(), entry.clone());
            release.added.push((name.clone(), version.clone()));
        }
    }
    for table in [Table::States, Table::Widgets] {
        for (name, releases) in table.of_mut(&mut release.lock) {
            for (version, names) in gone(releases) {
                let Some(entry) = releases.get_mut(&version) else { continue };
                let new: Vec<_> = names.into_iter().filter(|name| !entry.retired.contains(name)).collect();
                entry.retired.extend(new.iter().cloned());
                entry.retired.sort();
                if !new.is_empty() && table.get(lock, name, &version).is_some() {
                    release.retired.push((name.clone(), version, new));
                }
            }
        }
    }
    Ok(release)
}

/// The names of each version that the next one does not have.
fn gone(releases: &Releases) -> Vec<(ReleasedVersion, BTreeSet<String>)> {
    let names = |entry: &Entry| -> BTreeSet<String> {
        entry.shape.iter().map(|line| locked::name(line).to_owned()).collect()
    };
    let next = releases.values().skip(1);
    let pairs = releases.iter().zip(next);
    pairs.map(|((version, entry), next)| (version.clone(), &names(entry) - &names(next))).collect()
}

/// The released versions that have another shape now. Older versions follow from newer ones, and widgets from the nested
/// types in them: of what follows from another finding nothing is said.
fn changed(lock: &Lock, present: &Lock, widgets: &[Arc<Module>]) -> Vec<Finding> {
    let mut changed: Vec<(Table, &String, &ReleasedVersion, &Entry, &Entry)> = Vec::new();
    for (table, name, version, now) in entries(present) {
        let Some(released) = table.get(lock, name, version) else { continue };
        if released.fingerprint != now.fingerprint {
            // Versions come in their order, so that the newest stays.
            changed.retain(|known| (known.0, known.1) != (table, name));
            changed.push((table, name, version, released, now));
        }
    }
    let has_nested = changed.iter().any(|(table, ..)| *table == Table::States);
    changed.retain(|(table, _, _, released, now)| {
        !has_nested || *table == Table::States || released.shape != now.shape
    });
    let finding =
        |(table, name, version, released, now): (Table, &String, &ReleasedVersion, &Entry, &Entry)| {
            let is_head =
                widgets.iter().any(|module| module.id() == name && module.version() == version.as_str());
            Finding::changed(name, version.as_str(), table == Table::States || is_head, released, now)
        };
    changed.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_retired_where_the_next_version_does_not_have_it() {
        let entry = |lines: &[&str]| Entry {
            fingerprint: 0,
            shape: lines.iter().map(|line| (*line).to_owned()).collect(),
            retired: Vec::new(),
        };
        let versions = [
            ("0.10.0", entry(&["total: i64"])),
            ("0.9.0", entry(&["count: i64"])),
            ("0.8.0", entry(&["count: i32", "title: String"])),
        ];
        let releases = versions.map(|(version, entry)| (version.parse().unwrap(), entry)).into();
        let gone: Vec<_> =
            gone(&releases).into_iter().map(|(version, names)| (version.to_string(), names)).collect();
        let expected = [("0.8.0", "title"), ("0.9.0", "count")];
        assert_eq!(gone, expected.map(|(version, name)| (version.to_owned(), [name.to_owned()].into())));
    }
}
