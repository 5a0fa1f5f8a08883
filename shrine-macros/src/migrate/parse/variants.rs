//! Reads what `add`, `remove` and `change` say about the variants of an enum.

use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Fields, Ident, Token};

use super::Converters;
use crate::errors::Errors;
use crate::migrate::model::{ChangedVariant, Operation, RemovedVariant};
use crate::names::plain;
use crate::state::parse::variant;

pub(super) fn additions(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Operation>> {
    let addition = |Described { variant, converters }: Described| {
        if !matches!(variant.fields, Fields::Unit) {
            let message = format!("what the added variant `{}` carries is known", plain(&variant.ident));
            errors.report(&variant.fields, message, "write its name only");
        }
        let [down] = converters.read(&variant.ident, ["down"], errors);
        Operation::AddVariant { variant: variant.ident, down }
    };
    Ok(described(input)?.into_iter().map(addition).collect())
}

pub(super) fn removals(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Operation>> {
    let removal = |Described { variant: mut older, converters }: Described| {
        let [up, try_up] = converters.read(&older.ident, ["up", "try_up"], errors);
        let up = super::up(&older.ident, up, try_up, errors);
        Operation::RemoveVariant(RemovedVariant { variant: variant(&mut older, errors), up })
    };
    Ok(described(input)?.into_iter().map(removal).collect())
}

pub(super) fn changes(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Operation>> {
    let change = |Described { variant: mut older, converters }: Described| {
        let [up, try_up, down] = converters.read(&older.ident, ["up", "try_up", "down"], errors);
        let up = super::up(&older.ident, up, try_up, errors);
        Operation::ChangeVariant(ChangedVariant { older: variant(&mut older, errors), up, down })
    };
    Ok(described(input)?.into_iter().map(change).collect())
}

/// `Variant(Type), option = value, ..`: a name with `=` is an option of the last variant.
struct Described {
    variant: syn::Variant,
    converters: Converters,
}

fn described(input: ParseStream<'_>) -> syn::Result<Vec<Described>> {
    let mut variants: Vec<Described> = Vec::new();
    while !input.is_empty() {
        match variants.last_mut() {
            Some(last) if input.peek(Ident::peek_any) && input.peek2(Token![=]) => {
                last.converters.push(input.call(Ident::parse_any)?, input)?;
            }
            _ => {
                let variant: syn::Variant = input.parse()?;
                if let Some((equals, _)) = &variant.discriminant {
                    return Err(syn::Error::new_spanned(equals, "a variant has no value"));
                }
                variants.push(Described { variant, converters: Converters::default() });
            }
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(variants)
}
