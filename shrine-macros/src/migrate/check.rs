//! Walks from the newest version back and finds out what each hop does to each field or variant.

use proc_macro2::Ident;
use syn::{Attribute, Generics, Type, parse_quote};

use super::Owner;
use super::model::{Hop, Link};
use crate::attributes;
use crate::errors::Errors;
use crate::names::{did_you_mean, list, plain};
use crate::state::StateType;
use crate::state::check::fits;
use crate::state::model::{Body, Field, Keeping};
use crate::version::Version;

mod fields;
mod shortcuts;
mod variants;

pub(crate) use shortcuts::{beside, shortcuts};

/// Reports hops of a type that has no version.
pub(crate) fn versionless(owner: &Owner, attributes: &[Attribute], errors: &Errors) {
    if let Some(first) = attributes.first() {
        let message = format!("{} has a `#[migrate]`, but no version that it could lead to", owner.label);
        errors.report_at(attributes::place(first), message, format!("write `{}`", owner.attribute));
    }
}

/// Connects the hops that are no shortcuts, newest first. Stops where a version is not known, because nothing before it has a name.
pub(crate) fn links(
    owner: &Owner,
    head: &StateType,
    version: &Version,
    hops: Vec<Hop>,
    errors: &Errors,
) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    let Some(first) = hops.first() else { return links };
    if !matches!(head.body, Body::Named(_) | Body::Enum(_)) {
        if head.usable {
            let message = "`#[migrate]` works on enums and on structs with named fields";
            let help = format!("give the fields of `{}` names", plain(&head.ident));
            errors.report_at(first.place, message, help);
        }
        return links;
    }
    for hop in hops {
        let Some(from) = hop.from.clone() else { break };
        makers(&hop, errors);
        let newer = links.last().map_or(version, |link| &link.version);
        let duplicate = links.iter().any(|link| link.version.parsed == from.parsed);
        order(owner, &from, newer, links.is_empty(), duplicate, errors);
        if duplicate || !errors.none_from(|| end(owner, &hop, newer, links.last(), errors)) {
            break;
        }
        let newer_type = links.last().map_or(head, |link| &link.older);
        let link =
            Walk { owner, head, newer: newer_type, newer_version: newer, version: from, errors }.link(hop);
        links.push(link);
    }
    links
}

/// Reports what contradicts itself about who makes the step.
fn makers(hop: &Hop, errors: &Errors) {
    if hop.manual.is_none() {
        return;
    }
    let there = |name: &str| {
        let message = format!("a `manual` hop has no `{name}`: a function with `#[migrate]` makes the step");
        (message, format!("write it there: `#[migrate(from = \"..\", {name} = ..)]`"))
    };
    if let Some(with) = &hop.with {
        errors.report(with, there("with").0, "remove one of the two");
    }
    if let Some(down) = &hop.down {
        let (message, help) = there("down");
        errors.report(down, message, help);
    }
    if let Some(check) = &hop.check {
        let (message, help) = there("check");
        errors.report(check, message, help);
    }
}

/// Reports a hop that says it leads elsewhere than to the version of the hop above, or of the type.
fn end(owner: &Owner, hop: &Hop, newer: &Version, above: Option<&Link>, errors: &Errors) {
    let Some(to) = hop.to.as_ref().filter(|to| to.is_known() && newer.is_known()) else { return };
    let (to_text, newer_text) = (to.text.value(), newer.text.value());
    if to.parsed == newer.parsed {
        return;
    }
    let Some(above) = above else {
        let message =
            format!("this hop of {} leads to {to_text}, but the version is {newer_text}", owner.label);
        errors.report(&to.text, message, "correct one of the two; the newest hop leads to the version");
        return;
    };
    if to.parsed > newer.parsed {
        let from = hop.from.as_ref().map(|from| from.text.value()).unwrap_or_default();
        let message =
            format!("this hop of {} skips {newer_text}, and no other one leads from {from}", owner.label);
        let help = format!(
            "add `#[migrate(from = \"{from}\", ..)]` to {newer_text}; a shortcut stands beside the chain"
        );
        errors.report(&to.text, message, help);
        return;
    }
    let message = format!(
        "gap in the chain of {}: this hop ends at {to_text}, but the next one starts at {newer_text}",
        owner.label
    );
    errors.report(&to.text, message, format!("let it lead to {newer_text}, or describe the hop between"));
    let message = format!("nothing leads from {to_text} to {newer_text}");
    let help = format!("add `#[migrate(from = \"{to_text}\", ..)]` below this one");
    errors.report(&above.version.text, message, help);
}

fn order(owner: &Owner, from: &Version, newer: &Version, first: bool, duplicate: bool, errors: &Errors) {
    let (text, newer_text) = (from.text.value(), newer.text.value());
    if duplicate {
        let message = format!("two hops of {} lead from version {text}", owner.label);
        errors.report(
            &from.text,
            message,
            "merge them into one `#[migrate]`, or correct one of the versions",
        );
    } else if newer.is_known() && from.parsed >= newer.parsed {
        if first {
            let message =
                format!("a hop of {} leads from {text}, which is not older than {newer_text}", owner.label);
            errors.report(
                &from.text,
                message,
                format!("raise the version of {} above {text}, or name an older one here", owner.label),
            );
        } else {
            let message =
                format!("the hop from {text} stands below the hop from {newer_text}, which is not newer");
            errors.report(&from.text, message, "put the hops in order, newest first");
        }
    }
}

/// One step of the way back.
struct Walk<'a> {
    owner: &'a Owner,
    head: &'a StateType,
    newer: &'a StateType,
    newer_version: &'a Version,
    version: Version,
    errors: &'a Errors,
}

impl Walk<'_> {
    fn link(self, hop: Hop) -> Link {
        let newer = self.newer;
        match &newer.body {
            Body::Enum(variants) => self.variants(variants, hop),
            _ => self.fields(newer.named().unwrap_or_default(), hop),
        }
    }

    /// The type at the older version, with that body.
    fn older(&self, body: Body, usable: bool) -> StateType {
        StateType {
            ident: self.version.name_of(&self.head.ident),
            generics: Generics::default(),
            vis: self.head.vis.clone(),
            derives: self.head.derives.clone(),
            deprecated: self.head.deprecated,
            version: self.owner.nested.then(|| self.version.clone()),
            body,
            form: None,
            usable,
        }
    }

    /// The type of the older version, as fields mention it.
    fn older_self(&self) -> Type {
        let older = self.version.name_of(&self.head.ident);
        parse_quote!(#older)
    }

    /// What the parts of this type are.
    fn noun(&self) -> &'static str {
        if matches!(self.head.body, Body::Enum(_)) { "variant" } else { "field" }
    }

    /// Whether the older version lacks a part of that name, which an operation names; reports it otherwise. `unnamed`
    /// are the parts that no operation names, `names` those that one does.
    fn is_new(&self, part: &Ident, unnamed: &[String], names: &mut Vec<String>) -> bool {
        let name = plain(part);
        if unnamed.contains(&name) {
            let (version, newer, noun) = (self.version.shown(), self.newer_version.shown(), self.noun());
            let message = format!("{} already has `{name}` at {version}", self.owner.label);
            let change = match noun {
                "field" => format!("change({name}: ..)` if its type was another"),
                _ => format!("change({name}(..))` if it carried something else"),
            };
            let help = format!(
                "it is there at {newer}, and a {noun} that no operation names is the same in both; write `{change}"
            );
            self.errors.report(part, message, help);
            return false;
        }
        if names.contains(&name) {
            self.twice(part);
            return false;
        }
        names.push(name);
        true
    }

    fn renamed_to_itself(&self, new: &Ident) {
        let message = format!("`{}` is renamed to itself", plain(new));
        self.errors.report(new, message, "remove the rename");
    }

    /// Reports a value or converter of a hop that a function makes.
    fn unused(&self, hop: &Hop, part: &Ident, used: bool) {
        if let Some(maker) = hop.whole()
            && used
        {
            let message =
                format!("what makes `{}` is never used, because {maker} makes the whole state", plain(part));
            self.errors.report(part, message, "leave the value or converter out; only the shape is needed");
        }
    }

    /// Reports a part that the newer version does not have; `there` are those that it has.
    fn unknown(&self, part: &Ident, there: &[String]) {
        let (name, noun) = (plain(part), self.noun());
        let version = self.newer_version.shown();
        let message =
            format!("{} has no {noun} `{name}` at {version}; it has {}", self.owner.label, list(there));
        let suggestion = did_you_mean(&name, there);
        let help = format!(
            "{suggestion}`rename(old => new)`, `add` and `change` name {noun}s as they are at {version}"
        );
        self.errors.report(part, message, help);
    }

    fn twice(&self, part: &Ident) {
        let name = plain(part);
        let help = match self.noun() {
            "field" => {
                "one operation a field: to rename and convert at once, write `remove(old: T), add(new = |old| ..)`"
            }
            _ => {
                "one operation a variant: to rename and convert at once, write `remove(Old(T), up = |value| ..), add(New)`"
            }
        };
        self.errors.report(part, format!("`{name}` is named twice in one hop"), help);
    }
}

/// The type, or `()` for one that was refused: what is derived for the older version could fail on it once more.
fn sound(ty: &Type, keeping: &Keeping) -> Type {
    if matches!(keeping, Keeping::Opaque(_)) || fits(ty) { ty.clone() } else { parse_quote!(()) }
}

/// The same field of the older version under another name or type: of its attributes, only the documentation is kept.
fn documented(field: &Field, ident: &Ident, ty: &Type) -> Field {
    Field {
        ident: Some(ident.clone()),
        ty: ty.clone(),
        attributes: attributes::documentation(&field.attributes),
        ..field.clone()
    }
}
