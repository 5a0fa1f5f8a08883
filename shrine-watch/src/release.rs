//! What was released stays as it was: what goes into `shrine.lock`, and whether it still holds.
//!
//! Pure but for [`git`]: what the widgets say and what the lock says go in, additions and findings come out.

mod check;
mod finding;
pub mod git;
pub mod lock;
pub(crate) mod outline;
pub mod version;

use std::collections::BTreeSet;
use std::sync::Arc;

use shrine::abi::handle::Module;
use shrine::state::shape::Shape;
use shrine::state::step::VersionInfo;

pub use check::{Checked, check};
pub use finding::{Finding, Kind, Severity};
use lock::{Entry, Lock};
use outline::lines;

/// What the widgets of a crate are now, in the form of a lock: every version of every chain, heads included, and the
/// nested types with versions of their own.
///
/// # Errors
///
/// When two nested types share name and version, so that the lock could not tell them apart.
pub fn present(widgets: &[Arc<Module>]) -> Result<Lock, Vec<Finding>> {
    let (mut present, mut findings) = (Lock::new(), Vec::new());
    for module in widgets {
        let versions = module.versions();
        for (index, info) in versions.iter().enumerate() {
            let retired =
                versions.get(index + 1).map(|older| retired(older, &info.shape)).unwrap_or_default();
            let entry = Entry { fingerprint: info.fingerprint, shape: lines(&info.shape), retired };
            present.entry(module.id().to_owned()).or_default().insert(info.version.clone(), entry);
            for nested in outline::nested(&info.shape) {
                let entry = Entry {
                    fingerprint: nested.shape.fingerprint(),
                    shape: lines(nested.shape),
                    retired: Vec::new(),
                };
                let known = present.entry(nested.name.to_owned()).or_default();
                let known = known.entry(nested.version.to_owned()).or_insert_with(|| entry.clone());
                if known.fingerprint != entry.fingerprint {
                    findings.push(Finding::ambiguous(nested.name, nested.version));
                }
            }
        }
    }
    if findings.is_empty() { Ok(present) } else { Err(findings) }
}

/// The names of the fields that a hop takes away.
fn retired(older: &VersionInfo, newer: &Shape) -> Vec<String> {
    let (Shape::Struct(before), Shape::Struct(after)) = (&older.shape, newer) else { return Vec::new() };
    let operations = older.hop.iter().flat_map(|hop| &hop.operations);
    let renamed: BTreeSet<_> = operations
        .filter(|operation| operation.kind == "rename")
        .filter_map(|operation| operation.detail.as_deref())
        .collect();
    let is_gone = |name: &&str| after.field(name).is_none() && !renamed.contains(name);
    let mut gone: Vec<_> =
        before.fields.iter().map(|field| field.name.as_str()).filter(is_gone).map(str::to_owned).collect();
    gone.sort();
    gone
}

/// A version that goes into the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The widget, or the nested type.
    pub widget: String,
    /// The version.
    pub version: String,
    /// What the lock says of it from now on.
    pub entry: Entry,
}

/// What the lock does not have yet.
///
/// # Errors
///
/// When a version is in the lock with another shape: what was released is not rewritten.
pub fn additions(
    lock: &Lock,
    present: &Lock,
    widgets: &[Arc<Module>],
) -> Result<Vec<Addition>, Vec<Finding>> {
    let findings = changed(lock, present, widgets);
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut additions = Vec::new();
    for (widget, versions) in present {
        let is_new =
            |version: &String| lock.get(widget).is_none_or(|released| !released.contains_key(version));
        for (version, entry) in versions.iter().filter(|(version, _)| is_new(version)) {
            additions.push(Addition {
                widget: widget.clone(),
                version: version.clone(),
                entry: entry.clone(),
            });
        }
    }
    additions.sort_by_key(|addition| (addition.widget.clone(), version::order(&addition.version)));
    Ok(additions)
}

/// The released versions that have another shape now. Older versions follow from newer ones, and widgets from the nested
/// types in them: of what follows from another finding nothing is said.
fn changed(lock: &Lock, present: &Lock, widgets: &[Arc<Module>]) -> Vec<Finding> {
    let mut changed = Vec::new();
    for (name, versions) in present {
        let differs = |(version, now): (&String, &Entry)| {
            let released = lock.get(name)?.get(version)?;
            (released.fingerprint != now.fingerprint)
                .then(|| (version.clone(), released.clone(), now.clone()))
        };
        let differing = versions.iter().filter_map(differs);
        changed
            .extend(differing.max_by_key(|(version, ..)| version::order(version)).map(|found| (name, found)));
    }
    let head = |name: &str| widgets.iter().find(|module| module.id() == name).map(|module| module.version());
    let has_nested = changed.iter().any(|(name, _)| head(name).is_none());
    changed.retain(|(name, (_, released, now))| {
        !has_nested || head(name).is_none() || released.shape != now.shape
    });
    let finding = |(name, (version, released, now)): (&String, (String, Entry, Entry))| {
        let is_old = head(name).is_some_and(|head| head != version);
        Finding::changed(name, &version, is_old, &released, &now)
    };
    changed.into_iter().map(finding).collect()
}
