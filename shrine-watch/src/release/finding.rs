//! What is wrong with a release, and what to do about it.

use std::fmt;

use serde::Serialize;
use shrine::state::lock::Entry;

/// Something that is wrong, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The package whose lock it is about.
    pub package: String,
    /// The widget, or the nested type.
    pub widget: String,
    /// The version that it is about.
    pub version: String,
    /// What kind of thing.
    pub kind: Kind,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub help: String,
    /// How bad it is.
    pub severity: Severity,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A released version has another shape now.
    Changed,
    /// No hop leads from a released version to the head.
    Unreachable,
    /// Two nested types have one name and one version.
    Ambiguous,
    /// An entry of the lock is another than in the revision that it is compared with.
    Rewritten,
    /// An entry of that revision is gone.
    Deleted,
    /// The name of a field that was removed has come back with another type.
    NameReused,
    /// No captured state tests the way from a released version to the head.
    NoGolden,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// State would be lost.
    Error,
    /// It may be so on purpose.
    Warning,
}

/// How an entry of the lock comes back.
fn restored(revision: &str, file: &str) -> String {
    let revision = name_of(revision);
    let git = match file.rsplit_once('/') {
        Some((directory, file)) if directory.starts_with('/') => {
            format!("git -C {directory} checkout {revision} -- {file}")
        }
        _ => format!("git checkout {revision} -- {file}"),
    };
    format!("restore the entry: `{git}`, then `cargo shrine release`")
}

impl Finding {
    fn error(widget: &str, version: &str, kind: Kind, reason: String, help: String) -> Self {
        let (package, widget, version) = (String::new(), widget.to_owned(), version.to_owned());
        Self { package, widget, version, kind, reason, help, severity: Severity::Error }
    }

    /// The same, about this package.
    #[must_use]
    pub fn of(self, package: &str) -> Self {
        Self { package: package.to_owned(), ..self }
    }

    /// Code and lock disagree. `is_head` says that it is no version behind the head of its widget.
    pub(super) fn changed(widget: &str, version: &str, is_head: bool, released: &Entry, now: &Entry) -> Self {
        let reason =
            format!("it was released with another shape: {}", differences(&released.shape, &now.shape));
        let help = if !is_head {
            format!(
                "let the hop that leads on from {version} begin at the released shape: take the edit of the `#[migrate]` \
                 lines back, or that of a nested type without a version"
            )
        } else {
            format!(
                "raise the version, as `cargo shrine bump {widget}` does, or go back to the released shape"
            )
        };
        Self::error(widget, version, Kind::Changed, reason, help)
    }

    /// The widget has no such version any more.
    pub(super) fn unreachable(widget: &str, version: &str, head: Option<&str>) -> Self {
        let (reason, help) = match head {
            Some(head) => (
                format!("it was released, and no hop leads from it to {head}"),
                format!(
                    "add `#[migrate(from = \"{version}\", ..)]` to the chain: a running program may hold that state"
                ),
            ),
            None => (
                "it was released, and the widget is gone".to_owned(),
                format!("keep a widget with `id = \"{widget}\"`: a running program may hold that state"),
            ),
        };
        Self::error(widget, version, Kind::Unreachable, reason, help)
    }

    pub(super) fn ambiguous(name: &str, version: &str) -> Self {
        let reason = format!("two types in the state are called `{name}` and have version {version}");
        let help =
            "give one of them another name: the lock knows nested types by name and version".to_owned();
        Self::error(name, version, Kind::Ambiguous, reason, help)
    }

    pub(super) fn rewritten(
        widget: &str,
        version: &str,
        (revision, file): (&str, &str),
        before: &Entry,
        now: &Entry,
    ) -> Self {
        let what = if before.shape == now.shape {
            "its fingerprint".to_owned()
        } else {
            differences(&before.shape, &now.shape)
        };
        let reason = format!("its entry in shrine.lock is another than in {revision}: {what}");
        Self::error(widget, version, Kind::Rewritten, reason, restored(revision, file))
    }

    pub(super) fn deleted(widget: &str, version: &str, (revision, file): (&str, &str)) -> Self {
        let reason = format!("its entry was in shrine.lock in {revision}, and is gone");
        Self::error(widget, version, Kind::Deleted, reason, restored(revision, file))
    }

    /// The widget is in another crate now, and its entries are not.
    pub(super) fn left_behind(widget: &str, version: &str, package: &str) -> Self {
        let reason = format!(
            "it was released, and the widget is in `{package}` now, whose shrine.lock does not have it"
        );
        let help = "move its entries to that file, as they are".to_owned();
        Self::error(widget, version, Kind::Unreachable, reason, help)
    }

    /// `before` is the version that had the name, and the type that it had.
    pub(super) fn name_reused(
        widget: &str,
        version: &str,
        field: &str,
        before: (&str, &str),
        now: &str,
    ) -> Self {
        let (had, ty) = before;
        let reason =
            format!("`{field}: {now}` has the name of `{field}: {ty}`, which {had} had and which is retired");
        let help = "choose another name: the value of the old field may still wait in an attic".to_owned();
        Self::error(widget, version, Kind::NameReused, reason, help)
    }

    pub(super) fn no_golden(widget: &str, version: &str) -> Self {
        let reason = "no captured state tests the way to the head".to_owned();
        let help = format!(
            "run {version} with `cargo shrine watch`, then `cargo shrine capture INSTANCE`; it goes into \
             shrine-fixtures/{widget}/{version}"
        );
        let error = Self::error(widget, version, Kind::NoGolden, reason, help);
        Self { severity: Severity::Warning, ..error }
    }
}

/// The revision without what explains it.
fn name_of(revision: &str) -> &str {
    revision.split(' ').next().unwrap_or(revision)
}

/// Lines that are in one shape only.
fn differences(before: &[String], now: &[String]) -> String {
    let only_in = |lines: &[String], others: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !others.contains(line)).map(|line| format!("`{line}`")).collect()
    };
    let list = |lines: &[String]| if lines.is_empty() { "nothing".to_owned() } else { lines.join(", ") };
    let (gone, come) = (only_in(before, now), only_in(now, before));
    match (gone.is_empty(), come.is_empty()) {
        (true, true) => "a nested type has changed".to_owned(),
        (false, true) => format!("{} is gone", list(&gone)),
        (true, false) => format!("{} is new", list(&come)),
        (false, false) => format!("{} was {}", list(&come), list(&gone)),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self { widget, version, reason, help, .. } = self;
        write!(f, "{severity}: {widget} {version}: {reason}\n  help: {help}")
    }
}
