//! The ways of the versioned types inside of a state that is reconciled: all of them, found before anything is touched.
//!
//! Pure: shapes and chains in, a decision out.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ptr::from_ref;

use super::{NestedChain, entry, is_same_type, moved, named};
use crate::state::plan::{Reason, Stuck, one_way, suggest};
use crate::state::shape::{Shape, StructShape};
use crate::state::step::VersionInfo;

/// The chains that the code on each side knows: each leads to a type as that code has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chains<'a> {
    /// Of the code that the state comes from: the ways back.
    pub outgoing: &'a [NestedChain],
    /// Of the code that the state goes to: the ways on.
    pub new: &'a [NestedChain],
}

/// How a versioned type gets to another version.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// Whether it goes back, through the chain of the outgoing code.
    pub back: bool,
    /// The chain: its index on its side.
    pub chain: usize,
    /// The version at the far end of the chain, and its shape.
    pub entry: &'a VersionInfo,
    /// The older versions on the way, each with the hop that leads on from it; the newest first.
    pub hops: &'a [VersionInfo],
    /// What the type is called.
    pub name: &'a str,
    /// The version that it leads from, for people.
    pub from: &'a str,
    /// The version that it leads to.
    pub to: &'a str,
}

impl<'a> Chains<'a> {
    /// The way from one shape to the other, if they are versions of one type: both structs or enums, at the same place.
    pub(in crate::state) fn way(&self, from: &'a Shape, to: &'a Shape) -> Option<Way<'a>> {
        let (name, running, target) = moved(from, to)?;
        let way = |back: bool, chains: &'a [NestedChain], (chain, entry): (usize, &'a VersionInfo)| {
            let versions = &chains[chain].versions;
            let far = versions.iter().position(|known| std::ptr::eq(known, entry)).unwrap_or_default();
            Way { back, chain, entry, hops: &versions[1..=far], name, from: running, to: target }
        };
        let on = entry(self.new, to, from).map(|found| way(false, self.new, found));
        on.or_else(|| entry(self.outgoing, from, to).map(|found| way(true, self.outgoing, found)))
    }
}

/// Looks for a versioned type that cannot get from the version that it has in `from` to that in `to`. If all can, says
/// whether one of them goes back.
///
/// # Errors
///
/// The first place that has no way, as [`Reason::Nested`].
pub fn survey(from: &Shape, to: &Shape, chains: Chains<'_>) -> Result<bool, Reason> {
    let survey = Survey { chains, seen: RefCell::default(), back: RefCell::default() };
    survey.visit(Place { from, to, within: &[], target: &[] }, "")?;
    Ok(survey.back.into_inner())
}

struct Survey<'a> {
    chains: Chains<'a>,
    /// The pairs of places that were visited, by address: so that types that contain themselves come to an end.
    seen: RefCell<HashSet<(*const Shape, *const Shape)>>,
    back: RefCell<bool>,
}

/// A place in both shapes, with the structs and enums around it on each side: what `Shape::Recurse` counts.
#[derive(Clone, Copy)]
struct Place<'a, 'b> {
    from: &'a Shape,
    to: &'a Shape,
    within: &'b [&'a Shape],
    target: &'b [&'a Shape],
}

impl<'a> Survey<'a> {
    fn visit(&self, place: Place<'a, '_>, path: &str) -> Result<(), Reason> {
        let Place { within, target, .. } = place;
        let (from, to) = (place.from.bare(), place.to.bare());
        let outer = |around: &[&'a Shape], levels: u32| around.len().checked_sub(1 + levels as usize);
        match (from, to) {
            (Shape::Recurse(levels), _) => {
                let Some(at) = outer(within, *levels) else { return Ok(()) };
                return self.visit(Place { from: within[at], within: &within[..at], ..place }, path);
            }
            (_, Shape::Recurse(levels)) => {
                let Some(at) = outer(target, *levels) else { return Ok(()) };
                return self.visit(Place { to: target[at], target: &target[..at], ..place }, path);
            }
            _ => {}
        }
        let is_new = self.seen.borrow_mut().insert((from_ref(from), from_ref(to)));
        if !is_new || (from.matches(to) && !from.is_recursive()) {
            return Ok(());
        }
        if let Some(way) = self.chains.way(from, to) {
            if !way.back {
                return self.visit(Place { from, to: &way.entry.shape, within, target: &[] }, path);
            }
            if let Some(hop) = one_way(&self.chains.outgoing[way.chain].versions, &way.entry.version) {
                return Err(stuck(path, from, to, Reason::OneWay { hop: hop.to_owned() }));
            }
            *self.back.borrow_mut() = true;
            return self.visit(Place { from: &way.entry.shape, to, within: &[], target }, path);
        }
        if moved(from, to).is_some() && is_same_type(from, to) {
            return Err(stuck(path, from, to, self.missing(from, to)));
        }
        self.inside(Place { from, to, within, target }, path)
    }

    fn inside(&self, place: Place<'a, '_>, path: &str) -> Result<(), Reason> {
        let Place { from, to, .. } = place;
        let visit = |from: &'a Shape, to: &'a Shape, step: &str| {
            self.visit(Place { from, to, ..place }, &join(path, step))
        };
        match (from, to) {
            (Shape::Struct(old), Shape::Struct(new)) => {
                let (within, target) = (around(place.within, from), around(place.target, to));
                let pairs = new.fields.iter().filter_map(|field| Some((old.field(&field.name)?, field)));
                pairs.into_iter().try_for_each(|(before, field)| {
                    let place = Place { from: before, to: &field.shape, within: &within, target: &target };
                    self.visit(place, &join(path, &field.name))
                })
            }
            (Shape::Enum(old), Shape::Enum(new)) => {
                let (within, target) = (around(place.within, from), around(place.target, to));
                let pairs =
                    old.variants.iter().filter_map(|variant| Some((variant, new.variant(&variant.name)?)));
                pairs.into_iter().try_for_each(|(variant, after)| {
                    let place = Place { from: &variant.payload, to: after, within: &within, target: &target };
                    self.visit(place, &join(path, &variant.name))
                })
            }
            (Shape::Option(old), Shape::Option(new)) => visit(old, new, ""),
            (_, Shape::Option(new)) => visit(from, new, ""),
            (Shape::Option(old), _) => visit(old, to, ""),
            (
                Shape::Seq(old) | Shape::Set(old) | Shape::Array { item: old, .. },
                Shape::Seq(new) | Shape::Set(new) | Shape::Array { item: new, .. },
            ) => visit(old, new, "[]"),
            (_, Shape::Seq(new)) => visit(from, new, ""),
            (Shape::Map { key: k, value: v }, Shape::Map { key, value }) => {
                visit(k, key, "[]")?;
                visit(v, value, "[]")
            }
            (Shape::Tuple(old), Shape::Tuple(new)) if old.len() == new.len() => {
                let mut pairs = old.iter().zip(new).enumerate();
                pairs.try_for_each(|(index, (old, new))| visit(old, new, &index.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Why no chain connects two versions of a type.
    fn missing(&self, from: &Shape, to: &Shape) -> Reason {
        let chain = |chains: &'a [NestedChain], head: &Shape| {
            chains.iter().find(|chain| {
                let own = chain.versions.first().map(|own| &own.shape);
                own.and_then(named) == named(head)
            })
        };
        let (running, target) = (version(from), version(to));
        if running > target {
            return Reason::Newer;
        }
        let versions = chain(self.chains.new, to).map_or(&[][..], |chain| &chain.versions);
        let newer = versions.iter().rev().find(|known| version(&known.shape) > running);
        let next = newer.and_then(|known| named(&known.shape)).or_else(|| named(to));
        Reason::NoChain { next: next.map_or_else(String::new, |(_, version)| version.to_owned()) }
    }
}

fn around<'a>(around: &[&'a Shape], shape: &'a Shape) -> Vec<&'a Shape> {
    // The fields of a struct variant are no type of their own, so recursive shapes do not count them.
    let counts = !matches!(shape, Shape::Struct(StructShape { name, .. }) if name.is_empty());
    around.iter().copied().chain(counts.then_some(shape)).collect()
}

fn join(path: &str, step: &str) -> String {
    let dot = if path.is_empty() || step.is_empty() || step.starts_with('[') { "" } else { "." };
    format!("{path}{dot}{step}")
}

fn stuck(path: &str, from: &Shape, to: &Shape, why: Reason) -> Reason {
    let (name, running, target) = moved(from, to).unwrap_or_default();
    Reason::Nested(Box::new(Stuck {
        path: path.to_owned(),
        name: name.to_owned(),
        from: running.to_owned(),
        to: target.to_owned(),
        line: suggest(running, from, to),
        why,
    }))
}

/// The version in the order of semver; parts may be left out.
fn version(shape: &Shape) -> Option<semver::Version> {
    let (_, text) = named(shape)?;
    let parts = text.split(['-', '+']).next().unwrap_or_default().split('.').count();
    semver::Version::parse(&format!("{text}{}", ".0".repeat(3_usize.saturating_sub(parts)))).ok()
}

/// The ways of a state, each looked up once.
#[derive(Debug, Default)]
pub(in crate::state) struct Known<'a> {
    ways: HashMap<(*const Shape, *const Shape), Option<Way<'a>>>,
}

impl<'a> Known<'a> {
    pub(in crate::state) fn way(
        &mut self,
        chains: &Chains<'a>,
        from: &'a Shape,
        to: &'a Shape,
    ) -> Option<Way<'a>> {
        *self.ways.entry((from_ref(from), from_ref(to))).or_insert_with(|| chains.way(from, to))
    }
}
