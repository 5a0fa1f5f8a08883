//! What a hop does to the variants of an enum.

use syn::{Attribute, Expr};

use super::{Walk, sound};
use crate::attributes;
use crate::migrate::model::{
    ChangedVariant, Hop, Link, Operation, Parts, RemovedVariant, Up, VariantHow, VariantTransfer,
};
use crate::names::{list, plain};
use crate::state::StateType;
use crate::state::check::field_type;
use crate::state::fixture::Fixture;
use crate::state::model::{self, Body, Field, Variant};

impl Walk<'_> {
    pub(super) fn variants(self, variants: &[Variant], hop: Hop) -> Link {
        let mut named = Vec::new();
        let mut removed = Vec::new();
        let fine = self.errors.none_from(|| named = self.named_variants(variants, &hop, &mut removed));
        let mut transfers = self.variant_transfers(variants, named);
        let kept = self.errors.none_from(|| self.variant_clashes(&mut transfers, &mut removed));
        let sound = self.errors.none_from(|| self.payloads(&transfers, &removed));
        let older = self.older_enum(&transfers, &removed, sound && self.newer.usable);
        let valid = hop.valid && fine && kept && older.usable;
        Link { hop, version: self.version, older, parts: Parts::Variants { transfers, removed }, valid }
    }

    /// What the operations say about each variant of the newer version.
    fn named_variants(
        &self,
        variants: &[Variant],
        hop: &Hop,
        removed: &mut Vec<RemovedVariant>,
    ) -> Vec<Option<VariantHow>> {
        let mut found: Vec<Option<VariantHow>> = variants.iter().map(|_| None).collect();
        for operation in &hop.operations {
            let name = match operation {
                Operation::Rename { new, .. } => new,
                Operation::AddVariant { variant, .. } => variant,
                Operation::ChangeVariant(change) => &change.older.ident,
                Operation::RemoveVariant(gone) => {
                    self.removal(hop, gone);
                    removed.push(gone.clone());
                    continue;
                }
                // Not read for an enum.
                Operation::Add { .. } | Operation::Remove(_) | Operation::Change { .. } => continue,
            };
            match variants.iter().position(|known| plain(&known.ident) == plain(name)) {
                Some(index) if found[index].is_some() => self.twice(name),
                Some(index) => found[index] = self.variant_how(hop, operation, &variants[index]),
                None => {
                    let there = variants.iter().map(|variant| plain(&variant.ident));
                    self.unknown(name, &there.collect::<Vec<_>>());
                }
            }
        }
        found
    }

    /// What an operation says about the variant that it names.
    fn variant_how(&self, hop: &Hop, operation: &Operation, variant: &Variant) -> Option<VariantHow> {
        match operation {
            Operation::Rename { old, new } => {
                if plain(old) == plain(new) {
                    self.renamed_to_itself(new);
                }
                Some(VariantHow::Move { older: Variant { ident: old.clone(), ..self.moved(variant) } })
            }
            Operation::AddVariant { variant: name, down } => {
                self.unused(hop, name, down.is_some());
                self.value_of_nothing(variant, "down", down.as_ref());
                Some(VariantHow::Add { down: down.clone() })
            }
            Operation::ChangeVariant(change) => {
                self.change(hop, change, variant);
                Some(VariantHow::Change(Box::new(change.clone())))
            }
            _ => None,
        }
    }

    fn removal(&self, hop: &Hop, gone: &RemovedVariant) {
        let RemovedVariant { variant, up } = gone;
        let name = plain(&variant.ident);
        self.unused(hop, &variant.ident, up.expression().is_some());
        self.value_of_nothing(variant, "up", up.expression());
        if hop.whole().is_none() && up.expression().is_none() {
            let message = format!("nothing says what becomes of `{name}`");
            let own = plain(&self.head.ident);
            let help = match variant.fields.is_empty() {
                true => format!("write `remove({name}, up = {own}::..)`"),
                false => format!("write `remove({}, up = |value| {own}::..)`", variant.described()),
            };
            self.errors.report(&variant.ident, message, help);
        }
    }

    fn change(&self, hop: &Hop, change: &ChangedVariant, newer: &Variant) {
        let ChangedVariant { older, up, down } = change;
        let used = up.expression().is_some() || down.is_some();
        self.unused(hop, &older.ident, used);
        self.value_of_nothing(older, "up", up.expression());
        self.value_of_nothing(newer, "down", down.as_ref());
        if hop.whole().is_none() && matches!(up, Up::Lossless) && !alike(older, newer) {
            let (name, own) = (plain(&older.ident), plain(&self.head.ident));
            let message = format!(
                "`{}` does not become `{}` by itself: they have other fields",
                older.described(),
                newer.described()
            );
            let help = format!(
                "write `change({}, up = |value| {own}::{name}..)`, or `try_up` if it can fail",
                older.described()
            );
            self.errors.report(&older.ident, message, help);
        }
    }

    /// Reports a closure over what a variant carries that carries nothing.
    fn value_of_nothing(&self, variant: &Variant, name: &str, value: Option<&Expr>) {
        if let Some(closure @ Expr::Closure(_)) = value
            && variant.fields.iter().all(Field::is_transient)
        {
            let message = format!("`{}` carries nothing that a closure could take", plain(&variant.ident));
            self.errors.report(closure, message, format!("write a value: `{name} = ..`"));
        }
    }

    /// Variants that no operation names are the same in both.
    fn variant_transfers(
        &self,
        variants: &[Variant],
        named: Vec<Option<VariantHow>>,
    ) -> Vec<VariantTransfer> {
        let transfer = |(variant, how): (&Variant, Option<VariantHow>)| VariantTransfer {
            variant: variant.clone(),
            how: how.unwrap_or_else(|| VariantHow::Move {
                older: Variant { attributes: variant.attributes.clone(), ..self.moved(variant) },
            }),
        };
        variants.iter().zip(named).map(transfer).collect()
    }

    /// The variant at the older version if nothing but its name may be another: what contains the type itself contains
    /// that type's older version there.
    fn moved(&self, variant: &Variant) -> Variant {
        let older = self.older_self();
        let field = |field: &Field| match model::replaced(&field.ty, &self.newer.ident, &older) {
            (ty, true) => {
                Field { ty, fixture: field.fixture.as_ref().and_then(Fixture::carried), ..field.clone() }
            }
            (_, false) => field.clone(),
        };
        Variant {
            fields: variant.fields.iter().filter(|field| !field.is_transient()).map(field).collect(),
            attributes: kept(&variant.attributes),
            ..variant.clone()
        }
    }

    /// Reports names that the older version would have twice, and leaves them out.
    fn variant_clashes(&self, transfers: &mut [VariantTransfer], removed: &mut Vec<RemovedVariant>) {
        let mut unnamed: Vec<String> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for transfer in transfers.iter() {
            match &transfer.how {
                VariantHow::Move { older } if plain(&older.ident) == plain(&transfer.variant.ident) => {
                    unnamed.push(plain(&older.ident));
                }
                VariantHow::Change(_) => names.push(plain(&transfer.variant.ident)),
                _ => {}
            }
        }
        for transfer in transfers {
            if let VariantHow::Move { older } = &transfer.how
                && plain(&older.ident) != plain(&transfer.variant.ident)
                && !self.is_new(&older.ident, &unnamed, &mut names)
            {
                transfer.how = VariantHow::Add { down: None };
            }
        }
        removed.retain(|removed| self.is_new(&removed.variant.ident, &unnamed, &mut names));
    }

    /// Reports what cannot be state in the older variants that the hop writes down.
    fn payloads(&self, transfers: &[VariantTransfer], removed: &[RemovedVariant]) {
        let changed = transfers.iter().filter_map(|transfer| match &transfer.how {
            VariantHow::Change(change) => Some(&change.older),
            _ => None,
        });
        for variant in changed.chain(removed.iter().map(|removed| &removed.variant)) {
            for field in &variant.fields {
                if field.is_transient() {
                    let message =
                        format!("a transient field is part of no version of `{}`", plain(&variant.ident));
                    self.errors.report(&field.ident, message, "leave it out");
                }
                if field.codec().is_none() {
                    field_type(&field.ty, self.errors);
                }
            }
        }
    }

    fn older_enum(
        &self,
        transfers: &[VariantTransfer],
        removed: &[RemovedVariant],
        usable: bool,
    ) -> StateType {
        let stay = transfers.iter().filter_map(|VariantTransfer { variant, how }| match how {
            VariantHow::Move { older } => Some(older.clone()),
            VariantHow::Change(change) => Some(Variant {
                attributes: kept(&variant.attributes)
                    .into_iter()
                    .filter(|attribute| change.older.fields.is_empty() || !is_default(attribute))
                    .chain(change.older.attributes.iter().cloned())
                    .collect(),
                ..written(&change.older)
            }),
            VariantHow::Add { .. } => None,
        });
        let mut variants: Vec<_> =
            stay.chain(removed.iter().map(|removed| written(&removed.variant))).collect();
        let defaults: Vec<_> =
            (0..variants.len()).filter(|at| variants[*at].attributes.iter().any(is_default)).collect();
        // A default that the hop writes down takes the place of that of the newer version.
        if let [others @ .., _] = defaults.as_slice() {
            others.iter().for_each(|at| variants[*at].attributes.retain(|attribute| !is_default(attribute)));
        }
        let mut older = self.older(Body::Enum(variants), usable);
        if defaults.is_empty() {
            // The default of the newer version is not there yet, and nothing says what it was before.
            older.derives = attributes::without_derive(&older.derives, "Default");
        }
        if usable && matches!(&older.body, Body::Enum(variants) if variants.is_empty()) {
            let added = transfers.iter().map(|transfer| plain(&transfer.variant.ident));
            let message = format!("every variant is added, so {} has none before", self.owner.label);
            let place = self.version.text.clone();
            self.errors.report(place, message, format!("remove the `add` of one of {}", list(added)));
            older.usable = false;
        }
        older
    }
}

/// The variant as the hop writes it, without types that were refused.
fn written(variant: &Variant) -> Variant {
    let field = |field: &Field| Field { ty: sound(&field.ty, &field.keeping), ..field.clone() };
    Variant { fields: variant.fields.iter().map(field).collect(), ..variant.clone() }
}

/// What a variant keeps of its attributes when it is not the same at the older version.
fn kept(attributes: &[Attribute]) -> Vec<Attribute> {
    let keeps = |attribute: &&Attribute| attribute.path().is_ident("doc") || is_default(attribute);
    attributes.iter().filter(keeps).cloned().collect()
}

fn is_default(attribute: &Attribute) -> bool {
    attribute.path().is_ident("default")
}

/// Whether the fields of the two have the same names, or no names and the same number.
fn alike(older: &Variant, newer: &Variant) -> bool {
    let names = |variant: &Variant| -> Vec<String> {
        let mut names: Vec<_> =
            variant.fields.iter().filter(|field| !field.is_transient()).map(Field::name).collect();
        names.sort();
        names
    };
    older.named == newer.named && names(older) == names(newer)
}
