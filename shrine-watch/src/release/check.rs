//! Whether what was released still holds.

use std::sync::Arc;

use shrine::abi::handle::Module;
use shrine::state::lock::{Entry, Lock, ReleasedVersion, Releases, split};

use super::finding::Finding;
use super::{Table, changed, entries, present};
use crate::bump::source::Place;
use crate::bump::words::{FIRST, Part};
use crate::bump::{Versions, in_source, released, shown};

/// A crate with what was said about it before.
pub struct Checked<'a> {
    /// The name of its package.
    pub package: &'a str,
    /// Its lock, as a person names it.
    pub file: &'a str,
    /// Its widgets.
    pub widgets: &'a [Arc<Module>],
    /// What was released.
    pub lock: &'a Lock,
    /// The lock of another revision, and how a person names that.
    pub before: Option<(&'a str, &'a Lock)>,
    /// The other crates of the project: a widget may have moved there.
    pub others: &'a [Other<'a>],
    /// Whether a widget's version has a golden.
    pub has_golden: &'a dyn Fn(&str, &str) -> bool,
}

/// Another crate.
pub struct Other<'a> {
    /// The name of its package.
    pub package: &'a str,
    /// Its widgets.
    pub widgets: &'a [Arc<Module>],
    /// What was released.
    pub lock: &'a Lock,
}

/// All that is wrong.
#[must_use]
pub fn check(checked: &Checked<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match present(checked.widgets) {
        Ok(present) => {
            findings.extend(changed(checked.lock, &present, checked.widgets));
            findings.extend(unreachable(checked, &present));
            findings.extend(reused(checked.lock, &present));
        }
        Err(ambiguous) => findings.extend(ambiguous),
    }
    if let Some((revision, before)) = checked.before {
        findings.extend(edited(checked, before, revision));
    }
    findings.extend(untested(checked));
    findings.into_iter().map(|finding| finding.of(checked.package)).collect()
}

/// What is wrong with a declaration that does not compile, as far as its source tells: the compiler refuses most of what
/// no longer holds, and then there are no widgets to ask. `versions` are those of the nested types.
#[must_use]
pub fn check_source(name: &str, place: &Place, releases: &Releases, versions: &Versions) -> Vec<Finding> {
    let mut findings = Vec::new();
    let head = place.version.as_deref().unwrap_or(FIRST);
    // `2` and `2.0` are one version.
    let is = |version: &ReleasedVersion, text: &str| {
        text.parse().is_ok_and(|known: ReleasedVersion| known == *version)
    };
    let is_known =
        |version: &ReleasedVersion| is(version, head) || place.chain.iter().any(|from| is(version, from));
    for (version, entry) in releases {
        if !is_known(version) {
            findings.push(Finding::unreachable(name, version.as_str(), Some(head)));
        }
        let Some(before) = released(entry, versions) else { continue };
        let now = in_source(place, &before, versions);
        for retired in &entry.retired {
            let of = |parts: &[Part]| parts.iter().find(|part| part.name == *retired).cloned();
            if let (Some(before), Some(now)) = (of(&before), of(&now))
                && before != now
            {
                let (before, now) = (shown(&before, versions), shown(&now, versions));
                findings.push(Finding::name_reused(name, head, retired, (version.as_str(), &before), &now));
            }
        }
    }
    findings
}

/// Released versions that the code does not have.
fn unreachable(checked: &Checked<'_>, present: &Lock) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, name, version, _) in entries(checked.lock) {
        // A nested type is reached through the widgets that contain it.
        if table == Table::States || table.get(present, name, version).is_some() {
            continue;
        }
        let head = checked.widgets.iter().find(|module| module.id() == name).map(|module| module.version());
        let has_it = |other: &&Other<'_>| other.widgets.iter().any(|module| module.id() == name);
        match checked.others.iter().find(has_it).filter(|_| head.is_none()) {
            Some(other) if table.get(other.lock, name, version).is_some() => {}
            Some(other) => findings.push(Finding::left_behind(name, version.as_str(), other.package)),
            None => findings.push(Finding::unreachable(name, version.as_str(), head)),
        }
    }
    findings
}

/// Entries that are not what they were. They may be in the lock of another crate now, as they were.
fn edited(checked: &Checked<'_>, before: &Lock, revision: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, name, version, entry) in entries(before) {
        let is_kept = |now: &Entry| {
            let keeps = |retired: &String| now.retired.contains(retired);
            now.fingerprint == entry.fingerprint
                && now.shape == entry.shape
                && entry.retired.iter().all(keeps)
        };
        let kept_in = |lock: &Lock| table.get(lock, name, version).is_some_and(is_kept);
        let at = (revision, checked.file);
        match table.get(checked.lock, name, version) {
            None if checked.others.iter().any(|other| kept_in(other.lock)) => {}
            None => findings.push(Finding::deleted(name, version.as_str(), at)),
            Some(now) if is_kept(now) => {}
            Some(now) => findings.push(Finding::rewritten(name, version.as_str(), at, entry, now)),
        }
    }
    findings
}

/// Names that are retired and mean something else now.
fn reused(lock: &Lock, present: &Lock) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, name, version, entry) in entries(lock) {
        let Some(versions) = table.of(present).get(name) else { continue };
        for retired in &entry.retired {
            let part = |entry: &Entry| {
                let found = entry.shape.iter().map(|line| split(line)).find(|(part, _)| part == retired);
                found.map(|(_, ty)| ty.to_owned())
            };
            let Some(before) = part(entry) else { continue };
            let mut later = versions.iter().filter(|(later, _)| *later > version);
            let reused =
                later.find_map(|(later, entry)| Some((later, part(entry).filter(|now| *now != before)?)));
            if let Some((later, now)) = reused {
                let before = (version.as_str(), before.as_str());
                findings.push(Finding::name_reused(name, later.as_str(), retired, before, &now));
            }
        }
    }
    findings
}

/// Released versions whose way to the head was never gone with a real state.
fn untested(checked: &Checked<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in checked.widgets {
        let Some(released) = checked.lock.widgets.get(module.id()) else { continue };
        let has_hop = |version: &&str| {
            module.versions().iter().any(|info| info.version == **version && info.hop.is_some())
        };
        for version in released.keys().map(|version| version.as_str()).filter(has_hop) {
            if !(checked.has_golden)(module.id(), version) {
                findings.push(Finding::no_golden(module.id(), version));
            }
        }
    }
    findings
}
