//! Raises the version of a widget or of a nested type: what has changed since its release becomes a line of `#[migrate]`.
//! Nested types that have changed get a version and a line of their own.

pub mod diff;
pub mod difference;
mod literal;
pub mod outline;
pub mod plan;
pub mod source;
pub mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use shrine::state::lock::{self, Entry};
use shrine::state::shape::Shape;

use outline::{Crates, Location};
use plan::{Known, Locks, Types};
use source::{Place, Written};
use words::{Carries, FIRST, Names, Part, Type};

/// The nested types that a crate declares, with the versions that they have now.
pub type Versions = BTreeMap<String, String>;

/// The versions of these nested types.
pub fn versions<'a>(declared: impl IntoIterator<Item = &'a Place>) -> Versions {
    let version = |place: &Place| place.version.clone().unwrap_or_else(|| FIRST.to_owned());
    declared.into_iter().map(|place| (place.name.clone(), version(place))).collect()
}

/// The parts of a released version, as they can be compared; none if a line cannot be read.
#[must_use]
pub fn released(entry: &Entry, versions: &Versions) -> Option<Vec<Part>> {
    entry.shape.iter().map(|line| Some(from_lock(&words::part(line)?, versions))).collect()
}

/// The parts of a shape, as they can be compared.
#[must_use]
pub fn built(shape: &Shape, versions: &Versions) -> Option<Vec<Part>> {
    lock::lines(shape).iter().map(|line| Some(from_lock(&words::part(line)?, versions))).collect()
}

/// The parts of a type as the source has them. A part with a name that means nothing outside of the source, such as an
/// alias, counts as the one of `old`.
#[must_use]
pub fn in_source(place: &Place, old: &[Part], versions: &Versions) -> Vec<Part> {
    let part = |Written { name, part, .. }: &Written| {
        let before = old.iter().find(|part| part.name == *name);
        let read = part.as_ref().map(|part| from_source(part, &place.name, versions));
        let is_known = |part: &&Part| is_understood(part, versions);
        read.as_ref().filter(is_known).or(before).or(read.as_ref()).cloned()
    };
    words::sorted(place.parts.iter().filter_map(part).collect())
}

/// What the locks and a build say of all types: `head` is the shape of the subject.
#[must_use]
pub fn known(
    subject: &str,
    declared: &[&Place],
    place: &Place,
    locks: &Locks<'_>,
    head: Option<&Shape>,
    crates: Arc<Crates>,
) -> Types {
    let versions = versions(declared.iter().copied());
    let shapes: BTreeMap<&str, &Shape> = head
        .map(|head| lock::nested(head).into_iter().map(|nested| (nested.name, nested.shape)).collect())
        .unwrap_or_default();
    let known = |name: &str, place: &Place, shape: Option<&Shape>| {
        let version = place.version.clone().unwrap_or_else(|| FIRST.to_owned());
        let old = locks.old(subject, name, &version, &versions);
        let now = shape
            .and_then(|shape| built(shape, &versions))
            .unwrap_or_else(|| in_source(place, old.as_deref().unwrap_or_default(), &versions));
        let type_name = place.name.clone();
        let spelt = place.parts.iter().filter_map(|part| part.spelt.clone()).collect();
        let place_of = Location { home: place.home.clone(), module: place.module.clone() };
        let (is_enum, shape) = (place.is_enum, shape.cloned());
        Known { version, type_name, place: place_of, is_enum, old, now, spelt, shape }
    };
    let mut types: BTreeMap<String, Known> = declared
        .iter()
        .map(|place| {
            (place.name.clone(), known(&place.name, place, shapes.get(place.name.as_str()).copied()))
        })
        .collect();
    types.insert(subject.to_owned(), known(subject, place, head));
    Types { types, versions, crates }
}

/// A part of the lock: a nested type of this crate that is spelt out is at its first version.
fn from_lock(part: &Part, versions: &Versions) -> Part {
    part.map(&|ty| match ty {
        Type::Of { name, arguments, version: None, body: Some(_) } if versions.contains_key(&name) => {
            Type::Of { name, arguments, version: Some(FIRST.to_owned()), body: None }
        }
        // Its name has the types that it is spelt out with, but not what those are made of.
        Type::Of { name, version: None, body: Some(body), .. } if name == "Result" => {
            let of = |wanted: &str| {
                let part = body.iter().find(|part| part.name == wanted)?;
                match &part.carries {
                    Carries::Unnamed(types) if types.len() == 1 => types.first().cloned(),
                    Carries::Unnamed(types) => Some(Type::Tuple(types.clone())),
                    _ => Some(Type::Tuple(Vec::new())),
                }
            };
            let arguments = [of("Ok"), of("Err")].into_iter().flatten().collect();
            Type::Of { name, arguments, version: None, body: None }
        }
        other => other,
    })
}

/// A part of a source, in the words of the lock.
fn from_source(part: &Part, own: &str, versions: &Versions) -> Part {
    part.map(&|ty| {
        let Type::Of { name, mut arguments, .. } = ty else { return ty };
        let name = match words::canonical(&name) {
            name if name == own => "Self",
            other => other,
        };
        if matches!(name, "Box" | "Wrapping" | "NonZero") && arguments.len() == 1 {
            return arguments.remove(0);
        }
        Type::Of { name: name.to_owned(), arguments, version: versions.get(name).cloned(), body: None }
    })
}

/// Whether all names in it mean the same in the lock.
fn is_understood(part: &Part, versions: &Versions) -> bool {
    /// The types whose names mean the same in the lock and in any source.
    const KNOWN: &str = "bool char String i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 Option Vec BTreeMap \
                         BTreeSet Value Self Result";
    let mut is_understood = true;
    part.visit(&mut |ty| match ty {
        Type::Of { name, .. } => {
            is_understood &=
                versions.contains_key(name) || KNOWN.split_whitespace().any(|known| known == name);
        }
        Type::Array(_, len) => is_understood &= len.parse::<u64>().is_ok(),
        Type::Tuple(_) | Type::Opaque(_) => {}
    });
    is_understood
}

/// A type as messages show it.
#[must_use]
pub fn shown(part: &Part, versions: &Versions) -> String {
    let names = Names { versions: versions.clone(), ..Names::default() };
    match &part.carries {
        Carries::Type(ty) => ty.rust(None, &names),
        _ => part.rust(None, &names),
    }
}
