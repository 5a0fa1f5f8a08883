//! Finds out where the hops that have a `to` lead, and whether they fit the two versions there.

use super::{Walk, makers};
use crate::errors::Errors;
use crate::migrate::Owner;
use crate::migrate::model::{Hop, Link, Parts, Shortcut};
use crate::names::{list, of_type, plain};
use crate::state::StateType;
use crate::state::model::{Body, Variant};
use crate::version::Version;

/// Tells shortcuts from the hops of the chain. Of the hops from one version, that of the chain has no `to`, or the oldest.
pub(crate) fn beside(hops: Vec<Hop>) -> (Vec<Hop>, Vec<Hop>) {
    let end = |hop: &Hop| hop.to.as_ref().map(|to| to.parsed.clone());
    let ends: Vec<_> =
        hops.iter().map(|hop| (hop.from.as_ref().map(|from| from.parsed.clone()), end(hop))).collect();
    let is_beside = |hop: &Hop| {
        let from = hop.from.as_ref().map(|from| &from.parsed);
        hop.to.is_some() && ends.iter().any(|(start, to)| start.as_ref() == from && *to < end(hop))
    };
    hops.into_iter().partition(is_beside)
}

/// The hops beside the chain.
pub(crate) fn shortcuts(
    owner: &Owner,
    head: &StateType,
    version: &Version,
    links: &[Link],
    hops: Vec<Hop>,
    errors: &Errors,
) -> Vec<Shortcut> {
    let mut found: Vec<Shortcut> = Vec::new();
    for hop in hops {
        makers(&hop, errors);
        let (Some(from), Some(to)) = (hop.from.clone(), hop.to.clone().filter(Version::is_known)) else {
            continue;
        };
        let chain = Chain { owner, head, version, links, errors };
        let (Some(start), Some(end)) = (chain.index(&from), chain.index(&to)) else { continue };
        if !chain.leads_on(&from, start, &to, end, &found) {
            continue;
        }
        found.push(Shortcut { from: start, to: end, link: chain.link(hop, start, end) });
    }
    found
}

struct Chain<'a> {
    owner: &'a Owner,
    head: &'a StateType,
    version: &'a Version,
    links: &'a [Link],
    errors: &'a Errors,
}

impl Chain<'_> {
    fn at(&self, index: usize) -> (&StateType, &Version) {
        match index.checked_sub(1) {
            None => (self.head, self.version),
            Some(index) => (&self.links[index].older, &self.links[index].version),
        }
    }

    /// The place of a version in the chain; reports one that is not there.
    fn index(&self, version: &Version) -> Option<usize> {
        let index = (0..=self.links.len()).find(|index| self.at(*index).1.parsed == version.parsed);
        // A chain that ends early has been reported already.
        if index.is_none() && self.errors.count() == 0 {
            let there = (0..=self.links.len()).map(|index| self.at(index).1.text.value());
            let message = format!("no hop of {} leads to or from {}", self.owner.label, version.text.value());
            let help = format!("a shortcut connects two versions of the chain: {}", list(there));
            self.errors.report(&version.text, message, help);
        }
        index
    }

    /// Whether the hop is one that the chain does not have yet, and leads to a newer version; reports it otherwise.
    fn leads_on(&self, from: &Version, start: usize, to: &Version, end: usize, found: &[Shortcut]) -> bool {
        let (from_text, to_text) = (from.text.value(), to.text.value());
        if start <= end {
            let message =
                format!("a shortcut from {from_text} to {to_text} does not lead to a newer version");
            self.errors.report(&to.text, message, "`from` is the older version, `to` the newer one");
            return false;
        }
        let message = if start == end + 1 {
            format!("the chain of {} already has the hop from {from_text} to {to_text}", self.owner.label)
        } else if found.iter().any(|shortcut| (shortcut.from, shortcut.to) == (start, end)) {
            format!("two shortcuts of {} lead from {from_text} to {to_text}", self.owner.label)
        } else {
            return true;
        };
        self.errors.report(&from.text, message, "merge them into one `#[migrate]`");
        false
    }

    fn link(&self, hop: Hop, start: usize, end: usize) -> Link {
        let (older, version) = self.at(start);
        let (newer, newer_version) = self.at(end);
        let from = hop.from.clone().unwrap_or_else(|| version.clone());
        // As the chain writes it, and at the place where the shortcut does.
        let mut version = version.clone();
        version.text.set_span(from.text.span());
        if hop.whole().is_some() && hop.operations.is_empty() {
            // Both types are known, so there is nothing to say about their shapes.
            let valid = hop.valid && newer.usable && older.usable;
            let parts = Parts::Fields { transfers: Vec::new(), removed: Vec::new() };
            return Link { hop, version, older: older.clone(), parts, valid };
        }
        let walk =
            Walk { owner: self.owner, head: self.head, newer, newer_version, version, errors: self.errors };
        let mut link = walk.link(hop);
        let fits =
            !link.valid || self.errors.none_from(|| self.fits(&from, newer_version, &link.older, older));
        link.valid &= fits;
        link.older = older.clone();
        link
    }

    /// Reports in what the shortcut does not lead from the version that it names.
    fn fits(&self, from: &Version, to: &Version, said: &StateType, known: &StateType) {
        let (said, known) = (parts(said), parts(known));
        let (from_text, to) = (from.text.value(), to.text.value());
        let report = |what: String, help: String| {
            let message = format!("the shortcut from {from_text} to {to} does not fit: {what}");
            self.errors.report(&from.text, message, help);
        };
        for (name, ty) in &known {
            match said.iter().find(|(said, _)| said == name) {
                None => report(
                    format!("`{name}` of {from_text} goes nowhere"),
                    format!("write `remove({})`, or rename it", shown(name, ty)),
                ),
                Some((_, said)) if said != ty => report(
                    format!("`{}` of {from_text} is taken as `{}`", shown(name, ty), shown(name, said)),
                    format!("write `change({})`", shown(name, ty)),
                ),
                Some(_) => {}
            }
        }
        for (name, _) in said.iter().filter(|(name, _)| !known.iter().any(|(known, _)| known == name)) {
            report(
                format!("{from_text} has no `{name}`"),
                format!("write `add({name} = ..)`, or correct the name"),
            );
        }
    }
}

/// The fields with their types, or the variants with what they carry.
fn parts(state: &StateType) -> Vec<(String, Part)> {
    match &state.body {
        Body::Enum(variants) => {
            let part = |variant: &Variant| (plain(&variant.ident), Part::Variant(variant.described()));
            variants.iter().map(part).collect()
        }
        _ => {
            let fields = state.named().unwrap_or_default().iter();
            fields.map(|field| (field.name(), Part::Field(of_type(&field.ty)))).collect()
        }
    }
}

#[derive(PartialEq)]
enum Part {
    Field(String),
    Variant(String),
}

fn shown(name: &str, part: &Part) -> String {
    match part {
        Part::Field(ty) => format!("{name}: {ty}"),
        Part::Variant(variant) => variant.clone(),
    }
}
