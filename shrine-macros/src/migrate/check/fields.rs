//! What a hop does to the fields of a struct.

use proc_macro2::Ident;

use super::{Walk, documented, sound};
use crate::errors::Errors;
use crate::migrate::model::{Hop, How, Link, Operation, Parts, Removed, Transfer, Up};
use crate::names::{of_type, plain};
use crate::state::check::field_type;
use crate::state::fixture::Fixture;
use crate::state::model::{self, Body, Field, Keeping};

impl Walk<'_> {
    pub(super) fn fields(self, fields: &[Field], hop: Hop) -> Link {
        let mut named = Vec::new();
        let mut removed = Vec::new();
        let fine = self.errors.none_from(|| {
            named = self.named_fields(fields, &hop, &mut removed);
        });
        let mut transfers = self.transfers(fields, named);
        let kept = self.errors.none_from(|| self.clashes(&mut transfers, &mut removed));
        let sound = self.errors.none_from(|| old_types(&transfers, &removed, self.errors));
        let older = self.older(self.older_fields(&transfers, &removed), sound && self.newer.usable);
        let valid = hop.valid && fine && kept && older.usable;
        Link { hop, version: self.version, older, parts: Parts::Fields { transfers, removed }, valid }
    }

    /// What the operations say about each field of the newer version.
    fn named_fields(&self, fields: &[Field], hop: &Hop, removed: &mut Vec<Removed>) -> Vec<Option<How>> {
        let mut found: Vec<Option<How>> = fields.iter().map(|_| None).collect();
        for operation in &hop.operations {
            let (field, how) = match operation {
                Operation::Rename { old, new } => {
                    if plain(old) == plain(new) {
                        self.renamed_to_itself(new);
                    }
                    (new, How::Move { from: old.clone() })
                }
                Operation::Add { field, value } => {
                    self.added(hop, field, value.is_some());
                    (field, How::Add { value: value.clone() })
                }
                Operation::Change { field, change } => {
                    let converts = !matches!(change.up, Up::Lossless) || change.down.is_some();
                    self.unused(hop, field, converts);
                    (field, How::Change(Box::new(change.clone())))
                }
                Operation::Remove(gone) => {
                    self.unused(hop, &gone.field, gone.down.is_some());
                    removed.push(gone.clone());
                    continue;
                }
                // Not read for a struct.
                Operation::AddVariant { .. } | Operation::RemoveVariant(_) | Operation::ChangeVariant(_) => {
                    continue;
                }
            };
            match fields.iter().position(|known| known.name() == plain(field)) {
                Some(index) if fields[index].is_transient() => self.transient(field),
                Some(index) if found[index].is_some() => self.twice(field),
                Some(index) => {
                    self.changes(&fields[index], &how);
                    found[index] = Some(how);
                }
                None => {
                    let there = fields.iter().filter(|field| !field.is_transient()).map(Field::name);
                    self.unknown(field, &there.collect::<Vec<_>>());
                }
            }
        }
        found
    }

    /// Fields that no operation names move, or are carried if they contain the type itself.
    fn transfers(&self, fields: &[Field], named: Vec<Option<How>>) -> Vec<Transfer> {
        let older = self.older_self();
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

    fn older_fields(&self, transfers: &[Transfer], removed: &[Removed]) -> Body {
        let kept = transfers.iter().filter_map(older_field);
        let gone = removed.iter().map(|removed| Field {
            ident: Some(removed.field.clone()),
            ty: sound(&removed.ty, &removed.keeping),
            vis: self.head.vis.clone(),
            keeping: removed.keeping.clone(),
            fixture: removed.fixture.clone(),
            attributes: Vec::new(),
        });
        Body::Named(kept.chain(gone).collect())
    }

    fn added(&self, hop: &Hop, field: &Ident, valued: bool) {
        let name = plain(field);
        if valued {
            self.unused(hop, field, true);
        } else if hop.whole().is_none() {
            let message = format!("the added field `{name}` needs a value for states that do not have it");
            self.errors.report(
                field,
                message,
                format!("write `add({name} = value)` or `add({name} = |old| ..)`"),
            );
        }
    }

    /// Reports a change without a converter to the type that the field has anyway.
    fn changes(&self, field: &Field, how: &How) {
        if let (How::Change(change), Some(ident)) = (how, &field.ident)
            && matches!(change.up, Up::Lossless)
            && of_type(&change.ty) == of_type(&field.ty)
            && change.keeping == field.keeping
        {
            let name = plain(ident);
            let message = format!("`{name}` is `{}` in both versions", of_type(&field.ty));
            let help = format!("remove the `change`, or write the type at {}", self.version.shown());
            self.errors.report(&change.ty, message, help);
        }
    }

    fn transient(&self, field: &Ident) {
        let name = plain(field);
        let message = format!("`{name}` is transient, so no version of the state has it");
        self.errors.report(field, message, "remove the operation: the field is rebuilt by `Default`");
    }
}

/// The field of the older version that a field of the newer one comes from.
fn older_field(transfer: &Transfer) -> Option<Field> {
    let Transfer { field, how } = transfer;
    match how {
        How::Move { from } if plain(from) == field.name() => Some(field.clone()),
        How::Move { from } => Some(documented(field, from, &field.ty)),
        How::Carry { from, ty } => Some(Field {
            fixture: field.fixture.as_ref().and_then(Fixture::carried),
            ..documented(field, from, ty)
        }),
        How::Change(change) => field.ident.as_ref().map(|ident| Field {
            keeping: change.keeping.clone(),
            fixture: change.fixture.clone(),
            ..documented(field, ident, &sound(&change.ty, &change.keeping))
        }),
        How::Add { .. } | How::Default => None,
    }
}

fn old_types(transfers: &[Transfer], removed: &[Removed], errors: &Errors) {
    let changed = transfers.iter().filter_map(|transfer| match &transfer.how {
        How::Change(change) => Some((&change.ty, &change.keeping)),
        _ => None,
    });
    let types = changed.chain(removed.iter().map(|removed| (&removed.ty, &removed.keeping)));
    types.filter(|(_, keeping)| **keeping == Keeping::Kept).for_each(|(ty, _)| field_type(ty, errors));
}
