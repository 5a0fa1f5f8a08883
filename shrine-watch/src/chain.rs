//! What the hops of a widget do with its state, and which way back they have.

use std::fmt;

use serde::Serialize;
use shrine::state::shape::Shape;
use shrine::state::step::{HopInfo, Operation, VersionInfo};

/// Whether a state that goes over a hop and back again is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It is: fields get other names, or types that hold the same values.
    Lossless,
    /// It is while the instance lives: values without a field wait in its attic. For converters and functions their
    /// author answers.
    Lossy,
    /// There is no way back.
    OneWay,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Lossless => "lossless",
            Self::Lossy => "lossy with attic",
            Self::OneWay => "one-way",
        })
    }
}

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

/// The versions of a widget, its own first. `released` knows those of the lock.
#[must_use]
pub fn links(versions: &[VersionInfo], released: impl Fn(&VersionInfo) -> bool) -> Vec<Link> {
    let newer = std::iter::once(None).chain(versions.iter().map(Some));
    let link = |(info, newer): (&VersionInfo, Option<&VersionInfo>)| Link {
        version: info.version.clone(),
        fingerprint: format!("{:016x}", info.fingerprint),
        released: released(info),
        hop: newer.and_then(|newer| {
            let hop = info.hop.as_ref()?;
            let operations = hop.operations.iter().map(written).collect();
            Some(Hop { to: newer.version.clone(), class: class(hop, &info.shape, &newer.shape), operations })
        }),
    };
    versions.iter().zip(newer).map(link).collect()
}

/// Whether a state that goes over the hop and back is the same.
#[must_use]
pub fn class(hop: &HopInfo, older: &Shape, newer: &Shape) -> Class {
    let keeps = |operation: &Operation| match operation.kind.as_str() {
        "rename" => true,
        "change" => match (field(older, &operation.field), field(newer, &operation.field)) {
            (Some(older), Some(newer)) => widens(older, newer),
            _ => false,
        },
        _ => false,
    };
    if !hop.reversible {
        Class::OneWay
    } else if hop.operations.iter().all(keeps) {
        Class::Lossless
    } else {
        Class::Lossy
    }
}

fn field<'a>(shape: &'a Shape, name: &str) -> Option<&'a Shape> {
    match shape {
        Shape::Struct(shape) => shape.field(name),
        Shape::Enum(shape) => shape.variant(name),
        _ => None,
    }
}

/// Whether every value of the older type is one of the newer type, as in `shrine::state::convert`.
fn widens(older: &Shape, newer: &Shape) -> bool {
    match (older, newer) {
        (Shape::Int { bits: old, signed: from }, Shape::Int { bits: new, signed: to }) => match (from, to) {
            (true, true) | (false, false) => old <= new,
            (false, true) => old < new,
            (true, false) => false,
        },
        (Shape::Int { bits: old, .. }, Shape::Float { bits: new }) => {
            // What the mantissa holds: 24 and 53 bits.
            *old <= if *new == 32 { 16 } else { 32 }
        }
        (Shape::Float { bits: old }, Shape::Float { bits: new }) => old <= new,
        (Shape::Char, Shape::String) => true,
        (Shape::Int { bits: 8, signed: false }, Shape::Char) => true,
        (Shape::Option(old), Shape::Option(new)) | (Shape::Seq(old), Shape::Seq(new)) => widens(old, new),
        (Shape::Array { len: old, item: from }, Shape::Array { len: new, item: to }) => {
            old == new && widens(from, to)
        }
        (Shape::Map { key: from, value: old }, Shape::Map { key: to, value: new }) => {
            from.matches(to) && widens(old, new)
        }
        (older, newer) if older.matches(newer) => true,
        (older, Shape::Option(new)) => older.matches(new),
        _ => false,
    }
}

/// An operation as it is written, without the values and converters: those stay in the code.
fn written(operation: &Operation) -> String {
    let Operation { kind, field, detail } = operation;
    match (kind.as_str(), detail) {
        ("rename", Some(old)) => format!("rename({old} => {field})"),
        ("with", _) => format!("with = {field}"),
        (kind, Some(detail)) => format!("{kind}({field}: {detail})"),
        (kind, None) => format!("{kind}({field})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrine::state::shape::{FieldShape, StructShape};

    fn shape(fields: &[(&str, Shape)]) -> Shape {
        let field =
            |(name, shape): &(&str, Shape)| FieldShape { name: (*name).to_owned(), shape: shape.clone() };
        let fields = fields.iter().map(field).collect();
        Shape::Struct(StructShape { name: "S".to_owned(), version: None, fields, default: None })
    }

    fn operation(kind: &str, field: &str, detail: Option<&str>) -> Operation {
        Operation { kind: kind.to_owned(), field: field.to_owned(), detail: detail.map(str::to_owned) }
    }

    fn int(bits: u8) -> Shape {
        Shape::Int { bits, signed: true }
    }

    fn class_of(operations: Vec<Operation>, reversible: bool, old: Shape, new: Shape) -> Class {
        class(&HopInfo { operations, reversible }, &shape(&[("a", old)]), &shape(&[("a", new)]))
    }

    #[test]
    fn renames_and_widenings_lose_nothing() {
        let rename = operation("rename", "a", Some("b"));
        let change = operation("change", "a", Some("i32"));
        assert_eq!(class_of(vec![rename, change.clone()], true, int(32), int(64)), Class::Lossless);
        assert_eq!(class_of(vec![change.clone()], true, int(64), int(32)), Class::Lossy);
        let list = |bits| Shape::Seq(Box::new(int(bits)));
        assert_eq!(class_of(vec![change.clone()], true, list(8), list(16)), Class::Lossless);
        assert_eq!(class_of(vec![change], true, int(8), Shape::Option(Box::new(int(8)))), Class::Lossless);
    }

    #[test]
    fn what_has_no_field_waits_in_the_attic() {
        for kind in ["add", "remove", "with"] {
            assert_eq!(class_of(vec![operation(kind, "b", None)], true, int(8), int(8)), Class::Lossy);
        }
    }

    #[test]
    fn without_a_way_back_it_is_one_way() {
        assert_eq!(class_of(vec![], false, int(8), int(8)), Class::OneWay);
    }

    #[test]
    fn operations_are_shown_as_they_are_written() {
        let shown = [
            operation("rename", "total", Some("count")),
            operation("add", "step", None),
            operation("remove", "title", Some("String")),
            operation("with", "up", None),
        ];
        let shown: Vec<_> = shown.iter().map(written).collect();
        assert_eq!(shown, ["rename(count => total)", "add(step)", "remove(title: String)", "with = up"]);
    }

    #[test]
    fn the_newest_version_has_no_hop() {
        let info = |version: &str, hop| VersionInfo {
            version: version.to_owned(),
            fingerprint: 255,
            shape: shape(&[]),
            hop,
            shortcuts: Vec::new(),
        };
        let hop = HopInfo { operations: vec![], reversible: true };
        let links = links(&[info("1.1.0", None), info("1.0.0", Some(hop))], |info| info.version == "1.0.0");
        assert_eq!((links[0].hop.as_ref(), links[0].released), (None, false));
        assert_eq!(links[1].hop.as_ref().map(|hop| hop.to.as_str()), Some("1.1.0"));
        assert_eq!((links[1].fingerprint.as_str(), links[1].released), ("00000000000000ff", true));
    }
}
