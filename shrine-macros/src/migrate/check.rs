//! Walks from the newest version back and finds out what each hop does to each field.

use proc_macro2::Ident;
use syn::{Attribute, Generics, Type, parse_quote};

use super::Owner;
use super::model::{Hop, How, Link, Operation, Removed, Transfer, Up};
use crate::attributes;
use crate::errors::Errors;
use crate::names::{did_you_mean, list, plain};
use crate::state::StateType;
use crate::state::check::{field_type, fits};
use crate::state::model::{self, Body, Field, Keeping};
use crate::version::Version;

/// Reports hops of a type that has no version.
pub(crate) fn versionless(owner: &Owner, attributes: &[Attribute], errors: &Errors) {
    if let Some(first) = attributes.first() {
        let message = format!("{} has a `#[migrate]`, but no version that it could lead to", owner.label);
        errors.report_at(attributes::place(first), message, format!("write `{}`", owner.attribute));
    }
}

/// Connects the hops, newest first. Stops where a version is not known, because nothing before it has a name.
pub(crate) fn links(
    owner: &Owner,
    head: &StateType,
    version: &Version,
    hops: Vec<Hop>,
    errors: &Errors,
) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    let Some(first) = hops.first() else { return links };
    if head.named().is_none() {
        refuse_unnamed(owner, head, first, errors);
        return links;
    }
    for hop in hops {
        let Some(from) = hop.from.clone() else { break };
        let newer = links.last().map_or(version, |link| &link.version);
        let duplicate = links.iter().any(|link| link.version.parsed == from.parsed);
        order(owner, &from, newer, links.is_empty(), duplicate, errors);
        if duplicate {
            break;
        }
        let newer_type = links.last().map_or(head, |link| &link.older);
        let link =
            Walk { owner, head, newer: newer_type, newer_version: newer, version: from, errors }.link(hop);
        links.push(link);
    }
    links
}

fn refuse_unnamed(owner: &Owner, head: &StateType, first: &Hop, errors: &Errors) {
    if matches!(head.body, Body::Enum(_)) {
        let message = "`#[migrate]` on enums is not supported yet";
        let help = format!(
            "keep the older enum as a type of its own with `#[state]`, and convert where {} is used: `change(field: Old, up = |old| ..)`",
            owner.label
        );
        errors.report_at(first.place, message, help);
    } else if head.usable {
        let message = "`#[migrate]` works on structs with named fields";
        errors.report_at(first.place, message, format!("give the fields of `{}` names", plain(&head.ident)));
    }
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
        let mut named = Vec::new();
        let mut removed = Vec::new();
        let fine = self.errors.none_from(|| {
            named = self.named(&hop, &mut removed);
        });
        let mut transfers = self.transfers(named);
        let kept = self.errors.none_from(|| self.clashes(&mut transfers, &mut removed));
        let sound = self.errors.none_from(|| old_types(&transfers, &removed, self.errors));
        let older = self.older(&transfers, &removed, sound && self.newer.usable);
        let valid = hop.valid && fine && kept && older.usable;
        Link { hop, version: self.version, older, transfers, removed, valid }
    }

    /// What the operations say about each field of the newer version.
    fn named(&self, hop: &Hop, removed: &mut Vec<Removed>) -> Vec<Option<How>> {
        let fields = self.newer.named().unwrap_or_default();
        let mut found: Vec<Option<How>> = fields.iter().map(|_| None).collect();
        for operation in &hop.operations {
            let (field, how) = match operation {
                Operation::Rename { old, new } => {
                    if plain(old) == plain(new) {
                        self.errors.report(
                            new,
                            format!("`{}` is renamed to itself", plain(new)),
                            "remove the rename",
                        );
                    }
                    (new, How::Move { from: old.clone() })
                }
                Operation::Add { field, value } => {
                    self.added(hop, field, value.is_some());
                    (field, How::Add { value: value.clone() })
                }
                Operation::Change { field, change } => {
                    let converts = !matches!(change.up, Up::Lossless) || change.down.is_some();
                    self.unused_under_with(hop, field, converts);
                    (field, How::Change(Box::new(change.clone())))
                }
                Operation::Remove { field, ty, down } => {
                    self.unused_under_with(hop, field, down.is_some());
                    removed.push(Removed { field: field.clone(), ty: ty.clone(), down: down.clone() });
                    continue;
                }
            };
            match fields.iter().position(|known| known.name() == plain(field)) {
                Some(index) if fields[index].is_transient() => self.transient(field),
                Some(index) if found[index].is_some() => self.twice(field),
                Some(index) => found[index] = Some(how),
                None => self.unknown(field),
            }
        }
        found
    }

    /// Fields that no operation names move, or are carried if they contain the type itself.
    fn transfers(&self, named: Vec<Option<How>>) -> Vec<Transfer> {
        let fields = self.newer.named().unwrap_or_default();
        let older = self.version.name_of(&self.head.ident);
        let older: Type = parse_quote!(#older);
        let transfer = |(field, how): (&Field, Option<How>)| {
            let how =
                how.or_else(|| field.ident.clone().map(|from| How::Move { from })).unwrap_or(How::Default);
            let how = match how {
                _ if field.is_transient() => How::Default,
                How::Move { from } => match model::replaced(&field.ty, &self.newer.ident, &older) {
                    (ty, true) => How::Carry { from, ty },
                    (_, false) => How::Move { from },
                },
                how => how,
            };
            Transfer { field: field.clone(), how }
        };
        fields.iter().zip(named).map(transfer).collect()
    }

    /// Reports names that the older version would have twice, and leaves them out.
    fn clashes(&self, transfers: &mut [Transfer], removed: &mut Vec<Removed>) {
        let mut unnamed: Vec<String> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for transfer in transfers.iter() {
            match &transfer.how {
                How::Move { from } | How::Carry { from, .. } if plain(from) == transfer.field.name() => {
                    unnamed.push(plain(from));
                }
                How::Change(_) => names.push(transfer.field.name()),
                _ => {}
            }
        }
        for transfer in transfers {
            if let How::Move { from } | How::Carry { from, .. } = &transfer.how
                && plain(from) != transfer.field.name()
                && !self.is_new(from, &unnamed, &mut names)
            {
                transfer.how = How::Add { value: None };
            }
        }
        removed.retain(|removed| self.is_new(&removed.field, &unnamed, &mut names));
    }

    fn is_new(&self, field: &Ident, unnamed: &[String], names: &mut Vec<String>) -> bool {
        let name = plain(field);
        if unnamed.contains(&name) {
            let (version, newer) = (self.version.shown(), self.newer_version.shown());
            let message = format!("{} already has `{name}` at {version}", self.owner.label);
            let help = format!(
                "it is there at {newer}, and a field that no operation names is the same in both; write `change({name}: ..)` if its type was another"
            );
            self.errors.report(field, message, help);
            return false;
        }
        if names.contains(&name) {
            self.twice(field);
            return false;
        }
        names.push(name);
        true
    }

    /// The type at the older version.
    fn older(&self, transfers: &[Transfer], removed: &[Removed], usable: bool) -> StateType {
        let kept = transfers.iter().filter_map(older_field);
        let gone = removed.iter().map(|removed| Field {
            ident: Some(removed.field.clone()),
            ty: sound(&removed.ty),
            vis: self.head.vis.clone(),
            keeping: Keeping::Kept,
            attributes: Vec::new(),
        });
        StateType {
            ident: self.version.name_of(&self.head.ident),
            generics: Generics::default(),
            vis: self.head.vis.clone(),
            derives: self.head.derives.clone(),
            deprecated: self.head.deprecated,
            version: self.owner.nested.then(|| self.version.clone()),
            body: Body::Named(kept.chain(gone).collect()),
            usable,
        }
    }

    fn added(&self, hop: &Hop, field: &Ident, valued: bool) {
        let name = plain(field);
        if valued {
            self.unused_under_with(hop, field, true);
        } else if hop.with.is_none() {
            let message = format!("the added field `{name}` needs a value for states that do not have it");
            self.errors.report(
                field,
                message,
                format!("write `add({name} = value)` or `add({name} = |old| ..)`"),
            );
        }
    }

    fn unused_under_with(&self, hop: &Hop, field: &Ident, used: bool) {
        if used && hop.with.is_some() {
            let message =
                format!("what makes `{}` is never used, because `with` makes the whole state", plain(field));
            self.errors.report(field, message, "leave the value or converter out; only the shape is needed");
        }
    }

    fn unknown(&self, field: &Ident) {
        let name = plain(field);
        let fields = self.newer.named().unwrap_or_default();
        let there: Vec<_> = fields.iter().filter(|field| !field.is_transient()).map(Field::name).collect();
        let version = self.newer_version.shown();
        let message =
            format!("{} has no field `{name}` at {version}; it has {}", self.owner.label, list(&there));
        let suggestion = did_you_mean(&name, &there);
        let help = format!(
            "{suggestion}`rename(old => new)`, `add` and `change` name fields as they are at {version}"
        );
        self.errors.report(field, message, help);
    }

    fn transient(&self, field: &Ident) {
        let name = plain(field);
        let message = format!("`{name}` is transient, so no version of the state has it");
        self.errors.report(field, message, "remove the operation: the field is rebuilt by `Default`");
    }

    fn twice(&self, field: &Ident) {
        let name = plain(field);
        let help = "one operation a field: to rename and convert at once, write `remove(old: T), add(new = |old| ..)`";
        self.errors.report(field, format!("`{name}` is named twice in one hop"), help);
    }
}

/// The field of the older version that a field of the newer one comes from.
fn older_field(transfer: &Transfer) -> Option<Field> {
    let Transfer { field, how } = transfer;
    let documented = |ident: &Ident, ty: &Type| Field {
        ident: Some(ident.clone()),
        ty: ty.clone(),
        attributes: attributes::documentation(&field.attributes),
        ..field.clone()
    };
    match how {
        How::Move { from } if plain(from) == field.name() => Some(field.clone()),
        How::Move { from } => Some(documented(from, &field.ty)),
        How::Carry { from, ty } => Some(documented(from, ty)),
        How::Change(change) => field.ident.as_ref().map(|ident| documented(ident, &sound(&change.ty))),
        How::Add { .. } | How::Default => None,
    }
}

/// The type, or `()` for one that was refused: what is derived for the older version could fail on it once more.
fn sound(ty: &Type) -> Type {
    if fits(ty) { ty.clone() } else { parse_quote!(()) }
}

fn old_types(transfers: &[Transfer], removed: &[Removed], errors: &Errors) {
    let changed = transfers.iter().filter_map(|transfer| match &transfer.how {
        How::Change(change) => Some(&change.ty),
        _ => None,
    });
    changed.chain(removed.iter().map(|removed| &removed.ty)).for_each(|ty| field_type(ty, errors));
}
