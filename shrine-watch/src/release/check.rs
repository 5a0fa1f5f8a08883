//! Whether what was released still holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::Version;
use shrine::abi::handle::Module;

use super::finding::Finding;
use super::lock::{Entry, Lock};
use super::version::order;
use super::{changed, present};

/// A crate with what was said about it before.
pub struct Checked<'a> {
    /// Its widgets.
    pub widgets: &'a [Arc<Module>],
    /// What was released.
    pub lock: &'a Lock,
    /// The lock of another revision, and how a person names that.
    pub before: Option<(&'a str, &'a Lock)>,
    /// Whether a widget's version has a golden.
    pub has_golden: &'a dyn Fn(&str, &str) -> bool,
}

/// All that is wrong.
#[must_use]
pub fn check(checked: &Checked<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match present(checked.widgets) {
        Ok(present) => {
            findings.extend(changed(checked.lock, &present, checked.widgets));
            findings.extend(missing(checked, &present));
            findings.extend(reused(checked, &present));
        }
        Err(ambiguous) => findings.extend(ambiguous),
    }
    if let Some((revision, before)) = checked.before {
        findings.extend(edited(checked.lock, before, revision));
    }
    findings.extend(untested(checked));
    findings
}

/// Released versions that the code does not have.
fn missing(checked: &Checked<'_>, present: &Lock) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (widget, versions) in checked.lock {
        let head = checked.widgets.iter().find(|module| module.id() == widget).map(|module| module.version());
        // A nested type that no version uses has no state of its own.
        if head.is_none() && !was_widget(widget) {
            continue;
        }
        let known = present.get(widget);
        let is_missing = |version: &&String| known.is_none_or(|known| !known.contains_key(*version));
        let missing = versions.keys().filter(is_missing);
        findings.extend(missing.map(|version| Finding::unreachable(widget, version, head)));
    }
    findings
}

/// Ids of widgets are in lower case; the names of types are not.
fn was_widget(name: &str) -> bool {
    name.starts_with(|first: char| first.is_lowercase())
}

/// Entries that are not what they were.
fn edited(lock: &Lock, before: &Lock, revision: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (widget, versions) in before {
        for (version, entry) in versions {
            match lock.get(widget).and_then(|versions| versions.get(version)) {
                None => findings.push(Finding::deleted(widget, version, revision)),
                Some(now) if now.fingerprint != entry.fingerprint || now.shape != entry.shape => {
                    findings.push(Finding::rewritten(widget, version, revision, entry, now));
                }
                Some(_) => {}
            }
        }
    }
    findings
}

/// Names that were removed and mean something else now.
fn reused(checked: &Checked<'_>, present: &Lock) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in checked.widgets {
        let all = [checked.lock, present].into_iter().filter_map(|lock| lock.get(module.id()));
        let mut versions: BTreeMap<Option<Version>, (&String, &Entry)> = BTreeMap::new();
        for (version, entry) in all.flatten() {
            versions.entry(order(version)).or_insert((version, entry));
        }
        let versions: Vec<_> = versions.into_values().collect();
        for (index, (removed_in, entry)) in versions.iter().enumerate() {
            for name in &entry.retired {
                let Some(before) = versions[..index].iter().rev().find_map(|(_, older)| ty(older, name))
                else {
                    continue;
                };
                let other = |(version, entry): &(&String, &Entry)| {
                    let now = ty(entry, name).filter(|now| *now != before)?;
                    Some(Finding::name_reused(module.id(), version, name, (removed_in, before), now))
                };
                findings.extend(versions[index..].iter().find_map(other));
            }
        }
    }
    findings
}

/// The type of a field, as its line says.
fn ty<'a>(entry: &'a Entry, field: &str) -> Option<&'a str> {
    entry
        .shape
        .iter()
        .find_map(|line| line.split_once(": ").filter(|(name, _)| *name == field))
        .map(|(_, ty)| ty)
}

/// Released versions whose way to the head was never gone with a real state.
fn untested(checked: &Checked<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in checked.widgets {
        let Some(released) = checked.lock.get(module.id()) else { continue };
        let has_hop = |version: &&String| {
            module.versions().iter().any(|info| info.version == **version && info.hop.is_some())
        };
        for version in released.keys().filter(has_hop) {
            if !(checked.has_golden)(module.id(), version) {
                findings.push(Finding::no_golden(module.id(), version));
            }
        }
    }
    findings
}
