//! The versioned types inside of a type: which version of one leads to which.
//!
//! A struct or enum with `#[state(version = "..")]` has a chain of its own, wherever it stands: in the state of a widget
//! whose version was not raised, in a message. Its code carries it; here is decided which chain a place needs.

#[cfg(feature = "host")]
pub mod ways;

use super::shape::{EnumShape, Shape, StructShape};
use super::step::VersionInfo;

/// The versions of one versioned type, its own first.
#[derive(Debug, Clone)]
pub struct NestedChain {
    /// The versions.
    pub versions: Vec<VersionInfo>,
}

record! {
    NestedChain { versions }
}

/// Name and version of a struct or enum. Without a version it is at version 1; the payload of a variant has no name.
pub(super) fn named(shape: &Shape) -> Option<(&str, &str)> {
    match shape.bare() {
        Shape::Struct(StructShape { name, version, .. }) | Shape::Enum(EnumShape { name, version, .. })
            if !name.is_empty() =>
        {
            Some((name, version.as_deref().unwrap_or("1")))
        }
        _ => None,
    }
}

/// Name and versions of a type that is at one version here and at another there.
pub(super) fn moved<'a>(from: &'a Shape, to: &'a Shape) -> Option<(&'a str, &'a str, &'a str)> {
    let ((_, running), (name, target)) = (named(from)?, named(to)?);
    (running != target).then_some((name, running, target))
}

/// Whether both shapes are called alike: then they are versions of one type, whether a chain connects them or not.
#[cfg(feature = "host")]
pub(super) fn is_same_type(from: &Shape, to: &Shape) -> bool {
    named(from).zip(named(to)).is_some_and(|((from, _), (to, _))| from == to)
}

/// The chain of `head` that knows the version of `other`: its index, and what it knows of that version.
///
/// Chains are told apart by what they lead to, and where that is the same in two of them, by where they come from: types
/// may have equal shapes, and types in two modules equal names.
pub(super) fn entry<'a>(
    chains: impl IntoIterator<Item = &'a NestedChain>,
    head: &Shape,
    other: &Shape,
) -> Option<(usize, &'a VersionInfo)> {
    let ((name, target), (other_name, wanted)) = (named(head)?, named(other)?);
    let (fingerprint, other_fingerprint) = (head.fingerprint(), other.fingerprint());
    let found = chains.into_iter().enumerate().filter_map(|(index, chain)| {
        let own = chain.versions.first()?;
        let (own_name, own_version) = named(&own.shape)?;
        let is_head = own.fingerprint == fingerprint || (own_name == name && own_version == target);
        let known = chain.versions[1..].iter().find(|known| version_of(&known.shape) == wanted)?;
        let is_called_so = [own_name, name_of(&known.shape)].contains(&other_name);
        let is_entry = known.fingerprint == other_fingerprint;
        let likeness = (own.fingerprint == fingerprint, is_entry, own_name == name, is_called_so);
        (is_head && (is_entry || is_called_so)).then_some((likeness, index, known))
    });
    // Of equals, the first.
    let best = found.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, index, known)| (index, known))
}

fn version_of(shape: &Shape) -> &str {
    named(shape).map_or("1", |(_, version)| version)
}

fn name_of(shape: &Shape) -> &str {
    named(shape).map_or("", |(name, _)| name)
}
