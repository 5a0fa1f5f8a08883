//! Writes the step between two versions of an enum.
//!
//! The attic keeps the whole value where the other version has no such variant, under no name: it belongs to the place
//! of the enum itself.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, Type, parse_quote};

use super::payload::{construct, is_closure, kept, may_call, pattern, value};
use super::step::{Hop, applied, is_option_of, local};
use crate::migrate::model::{ChangedVariant, RemovedVariant, Up, VariantHow, VariantTransfer};
use crate::names::{of_type, plain};
use crate::state::model::{Field, Variant};

impl Hop<'_> {
    pub(super) fn variants_up(
        &self,
        transfers: &[VariantTransfer],
        removed: &[RemovedVariant],
    ) -> TokenStream {
        let (new, old) = (quote!(Self), self.older_type());
        let (newer, older) = (&self.newer, &self.older);
        let comes_back = transfers.iter().any(|transfer| is_added(transfer, true)).then(|| {
            generated! {
                if let ::core::option::Option::Some(__new) =
                    ::shrine::__private::again_up::<#old, Self>(&__old, #newer, __context)
                {
                    return ::core::result::Result::Ok(__new);
                }
            }
        });
        let goes = removed.iter().map(|RemovedVariant { variant: Variant { ident, .. }, .. }| quote!(#ident));
        let discard = discard(&old, goes, &generated! { &__old }, older);
        let kept = transfers.iter().filter_map(|transfer| self.transfer_up(transfer, &new, &old));
        let gone = removed.iter().map(|RemovedVariant { variant, up }| {
            let pattern = pattern(&old, variant);
            let value = self.up_by(up, variant, false);
            generated! { #pattern => #value, }
        });
        generated! {
            #comes_back
            #discard
            match __old { #(#kept)* #(#gone)* }
        }
    }

    fn transfer_up(
        &self,
        VariantTransfer { variant, how }: &VariantTransfer,
        new: &TokenStream,
        old: &TokenStream,
    ) -> Option<TokenStream> {
        let older = match how {
            VariantHow::Add { .. } => return None,
            VariantHow::Move { older } => older,
            VariantHow::Change(change) if matches!(change.up, Up::Lossless) => &change.older,
            VariantHow::Change(change) => {
                let ChangedVariant { older, up, .. } = &**change;
                let (pattern, value) = (pattern(old, older), self.up_by(up, older, true));
                return Some(generated! { #pattern => #value, });
            }
        };
        let pattern = pattern(old, older);
        let values = pairs(variant, older).map(|(index, new, old)| {
            let path = path(variant, new, index);
            moved(&local(old.0), &new.ty, &old.1.ty, true, &path)
        });
        let value = construct(new, variant, values);
        Some(generated! { #pattern => ::core::result::Result::Ok(#value), })
    }

    /// The newer value that an older variant becomes by what the user wrote.
    fn up_by(&self, up: &Up, variant: &Variant, function: bool) -> TokenStream {
        let this: Type = parse_quote!(Self);
        let payload = value(&self.link.older.ident, variant);
        match (up, payload) {
            (Up::Lossless, _) => super::step::stub(),
            (Up::By(by), Some(payload)) if function || is_closure(by) => {
                let value = applied(&payload, by, &this);
                generated! { ::core::result::Result::Ok(#value) }
            }
            (Up::By(by), Some(payload)) if may_call(by) => {
                let value = becomes(&payload, by, &this);
                generated! { ::core::result::Result::Ok(#value) }
            }
            (Up::By(by), _) => generated! { ::core::result::Result::Ok(#by) },
            (Up::Try(by), payload) => {
                let name = plain(&variant.ident);
                let tried = match payload {
                    Some(payload) if function || may_call(by) => {
                        generated! { ::shrine::__private::tried::<_, Self, _>(#payload, #by) }
                    }
                    _ => generated! { ::shrine::__private::tried::<_, Self, _>((), |()| #by) },
                };
                generated! { #tried.map_err(|__error| __error.at(#name)) }
            }
        }
    }

    pub(super) fn variants_down(
        &self,
        transfers: &[VariantTransfer],
        removed: &[RemovedVariant],
    ) -> TokenStream {
        let (new, old) = (quote!(Self), self.older_type());
        let (newer, older) = (&self.newer, &self.older);
        let comes_back = (!removed.is_empty()).then(|| {
            generated! {
                if let ::core::option::Option::Some(__old) =
                    ::shrine::__private::again_down::<#old, Self>(&self, #older, __context)
                {
                    return ::core::result::Result::Ok(__old);
                }
            }
        });
        let goes = transfers.iter().filter(|transfer| is_added(transfer, true)).map(|transfer| {
            let ident = &transfer.variant.ident;
            quote!(#ident)
        });
        let discard = discard(&new, goes, &generated! { &self }, newer);
        let arms = transfers.iter().map(|transfer| self.transfer_down(transfer, &new, &old));
        generated! {
            #comes_back
            #discard
            match self { #(#arms)* }
        }
    }

    fn transfer_down(
        &self,
        VariantTransfer { variant, how }: &VariantTransfer,
        new: &TokenStream,
        old: &TokenStream,
    ) -> TokenStream {
        let pattern = pattern(new, variant);
        let (older, down) = match how {
            VariantHow::Move { older } => (Some(older), None),
            VariantHow::Add { down } => (None, down.as_ref().map(|down| (down, false))),
            VariantHow::Change(change) => {
                let lossless = matches!(change.up, Up::Lossless);
                (lossless.then_some(&change.older), change.down.as_ref().map(|down| (down, true)))
            }
        };
        match (older, down) {
            (_, Some((down, function))) => {
                let value = self.down_by(variant, down, function);
                generated! { #pattern => ::core::result::Result::Ok(#value), }
            }
            (Some(older), None) => {
                let values = pairs(older, variant).map(|(index, old, new)| {
                    let path = path(older, old, index);
                    moved(&local(new.0), &old.ty, &new.1.ty, false, &path)
                });
                let value = construct(old, older, values);
                generated! { #pattern => ::core::result::Result::Ok(#value), }
            }
            (None, None) => {
                let (ident, newer, older) = (&variant.ident, &self.newer, &self.older);
                let what = format!("`{}`", plain(ident));
                generated! {
                    #new::#ident { .. } => ::core::result::Result::Err(
                        ::shrine::__private::MigrateError::one_way(#newer, #older, #what)
                    ),
                }
            }
        }
    }

    fn down_by(&self, variant: &Variant, down: &Expr, function: bool) -> TokenStream {
        let older = &self.link.older.ident;
        match value(&self.newer_name, variant) {
            Some(payload) if function || is_closure(down) => applied(&payload, down, &parse_quote!(#older)),
            Some(payload) if may_call(down) => becomes(&payload, down, &parse_quote!(#older)),
            _ => quote!(#down),
        }
    }

    fn older_type(&self) -> TokenStream {
        let older = &self.link.older.ident;
        quote!(#older)
    }
}

/// A path is a value, or a function of what the variant carried.
fn becomes(payload: &TokenStream, by: &Expr, result: &Type) -> TokenStream {
    let span = Span::mixed_site().located_at(by.span());
    let by = quote_spanned! { span => (#by) };
    generated! { ::shrine::__private::becomes::<_, #result, _>(#payload, #by) }
}

/// Whether the older version has no such variant, and a `down` says what it becomes there.
fn is_added(transfer: &VariantTransfer, with_down: bool) -> bool {
    matches!(&transfer.how, VariantHow::Add { down } if down.is_some() == with_down)
}

/// Puts a value that is one of these variants into the attic.
fn discard(
    ty: &TokenStream,
    variants: impl Iterator<Item = TokenStream>,
    value: &TokenStream,
    version: &str,
) -> Option<TokenStream> {
    let patterns: Vec<_> = variants.map(|ident| generated! { #ty::#ident { .. } }).collect();
    (!patterns.is_empty()).then(|| {
        generated! {
            if ::core::matches!(#value, #(#patterns)|*) {
                __context.discard(#version, "", #value);
            }
        }
    })
}

/// The fields of `to`, each with its index, and with the field of `from` that it comes from and its index.
pub(super) fn pairs<'a>(
    to: &'a Variant,
    from: &'a Variant,
) -> impl Iterator<Item = (usize, &'a Field, (usize, &'a Field))> {
    kept(to).enumerate().filter_map(|(index, field)| {
        let same = |(at, other): &(usize, &Field)| {
            if to.named { other.name() == field.name() } else { *at == index }
        };
        Some((index, field, kept(from).enumerate().find(same)?))
    })
}

/// How paths name a field of a variant: `["Active", "since"]`.
fn path(variant: &Variant, field: &Field, index: usize) -> Vec<String> {
    let name = plain(&variant.ident);
    match (variant.named, kept(variant).count()) {
        (true, _) => vec![name, field.name()],
        (false, 1) => vec![name],
        (false, _) => vec![name, index.to_string()],
    }
}

/// A field of the one version as that of the other, up or down: equal types move, others are converted.
fn moved(local: &Ident, to: &Type, from: &Type, up: bool, path: &[String]) -> TokenStream {
    let (new, old) = if up { (to, from) } else { (from, to) };
    if of_type(to) == of_type(from) {
        return quote!(#local);
    }
    let result = match (up, is_option_of(new, old)) {
        (true, true) => return generated! { ::shrine::__private::convert::wrap(#local) },
        (false, true) => generated! { ::shrine::__private::convert::unwrap(#local) },
        (_, false) => {
            let method = if up { quote!(convert) } else { quote!(revert) };
            let call =
                generated! { <#new as ::shrine::__private::ConvertFrom<#old>>::#method(#local, __context) };
            path.iter()
                .rev()
                .fold(call, |call, step| generated! { __context.within(#step, |__context| #call) })
        }
    };
    let result = path
        .iter()
        .rev()
        .fold(result, |result, step| generated! { #result.map_err(|__error| __error.at(#step)) });
    generated! { #result? }
}
