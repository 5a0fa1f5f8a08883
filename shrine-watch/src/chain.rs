//! What the hops of a widget do with its state, and which way back they have.

use serde::Serialize;
use shrine::state::step::{Class, Operation, VersionInfo};

/// A version with the hop that leads on from it, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The version.
    pub version: String,
    /// The fingerprint of its shape, in hexadecimal.
    pub fingerprint: String,
    /// Whether `shrine.lock` has it.
    pub released: bool,
    /// The hop to the next newer version; none from the newest.
    pub hop: Option<Hop>,
    /// The hops beside the chain.
    pub shortcuts: Vec<Hop>,
}

/// A hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The version that it leads to.
    pub to: String,
    /// Whether the state is the same after going there and back.
    pub class: Class,
    /// What it does, as it is written in `#[migrate]`.
    pub operations: Vec<String>,
}

/// The name of a class for people.
#[must_use]
pub fn class_name(class: Class) -> &'static str {
    match class {
        Class::Lossless => "lossless",
        Class::Lossy => "lossy with attic",
        Class::OneWay => "one-way",
    }
}

/// The versions of a widget, its own first. `released` knows those of the lock.
#[must_use]
pub fn links(versions: &[VersionInfo], released: impl Fn(&VersionInfo) -> bool) -> Vec<Link> {
    let newer = std::iter::once(None).chain(versions.iter().map(Some));
    let hop = |to: &str, class, operations: &[Operation]| Hop {
        to: to.to_owned(),
        class,
        operations: operations.iter().map(written).collect(),
    };
    let link = |(info, newer): (&VersionInfo, Option<&VersionInfo>)| Link {
        version: info.version.clone(),
        fingerprint: format!("{:016x}", info.fingerprint),
        released: released(info),
        hop: newer.zip(info.hop.as_ref()).map(|(newer, of)| hop(&newer.version, of.class, &of.operations)),
        shortcuts: info.shortcuts.iter().map(|of| hop(&of.to, of.class, &of.operations)).collect(),
    };
    versions.iter().zip(newer).map(link).collect()
}

/// An operation as it is written, without the values and the code of converters: those stay in the source.
fn written(operation: &Operation) -> String {
    let Operation { kind, field, detail, converters } = operation;
    let converters: String = converters.iter().map(|converter| format!(", {converter} = ..")).collect();
    match (kind.as_str(), detail) {
        ("rename", Some(old)) => format!("rename({old} => {field})"),
        ("with" | "down", _) => format!("{kind} = {field}"),
        ("manual", _) => kind.clone(),
        // A variant, with what it carries: `Active { since: u64 }`.
        (kind, Some(variant)) if is_variant(variant, field) => format!("{kind}({variant}{converters})"),
        (kind, Some(ty)) => format!("{kind}({field}: {ty}{converters})"),
        (kind, None) => format!("{kind}({field}{converters})"),
    }
}

/// Whether the detail is the whole variant of that name, and not the type of a field.
fn is_variant(detail: &str, name: &str) -> bool {
    detail.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['(', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrine::state::shape::Shape;
    use shrine::state::step::{HopInfo, ShortcutInfo, operation};

    #[test]
    fn operations_are_shown_as_they_are_written() {
        let shown = [
            operation("rename", "total", Some("count"), &[]),
            operation("add", "step", None, &[]),
            operation("remove", "title", Some("String"), &["down"]),
            operation("change", "count", Some("i32"), &["try_up", "down"]),
            operation("change", "Active", Some("Active { since: u32 }"), &["up"]),
            operation("remove", "Old", Some("Old"), &["up"]),
            operation("remove", "Pair", Some("Pair(u8, u8)"), &["up"]),
            operation("with", "up", None, &[]),
            operation("manual", "", None, &[]),
        ];
        let shown: Vec<_> = shown.iter().map(written).collect();
        let expected = [
            "rename(count => total)",
            "add(step)",
            "remove(title: String, down = ..)",
            "change(count: i32, try_up = .., down = ..)",
            "change(Active { since: u32 }, up = ..)",
            "remove(Old, up = ..)",
            "remove(Pair(u8, u8), up = ..)",
            "with = up",
            "manual",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_newest_version_has_no_hop_and_shortcuts_stand_beside() {
        let info = |version: &str, hop, shortcuts| VersionInfo {
            version: version.to_owned(),
            fingerprint: 255,
            shape: Shape::Unit,
            hop,
            shortcuts,
        };
        let hop = HopInfo { operations: vec![], reversible: true, class: Class::Lossless };
        let shortcut = ShortcutInfo {
            to: "1.1.0".to_owned(),
            operations: vec![],
            reversible: true,
            class: Class::Lossy,
        };
        let versions = [
            info("1.1.0", None, vec![]),
            info("1.0.0", Some(hop.clone()), vec![]),
            info("0.9.0", Some(hop), vec![shortcut]),
        ];
        let links = links(&versions, |info| info.version == "1.0.0");
        assert_eq!((links[0].hop.as_ref(), links[0].released), (None, false));
        assert_eq!(links[1].hop.as_ref().map(|hop| hop.to.as_str()), Some("1.1.0"));
        assert_eq!((links[1].fingerprint.as_str(), links[1].released), ("00000000000000ff", true));
        assert_eq!((links[2].shortcuts[0].to.as_str(), links[2].shortcuts[0].class), ("1.1.0", Class::Lossy));
    }
}
