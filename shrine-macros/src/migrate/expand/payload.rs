//! What a variant carries, as patterns take it apart and converters get it.
//!
//! One unnamed field is that field, several are a tuple, and named ones are a struct that is called like the type, its
//! version and the variant: `ModeV1Active`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Expr;

use super::step::{bare, local};
use crate::migrate::model::{ChangedVariant, Link, Parts, RemovedVariant, VariantHow, VariantTransfer};
use crate::names::plain;
use crate::state::StateType;
use crate::state::model::{Field, Variant};
use crate::version::Version;

/// The structs for the named fields that converters of this hop take.
///
/// `written` are those that other hops have needed already.
pub(super) fn types(
    head: &StateType,
    newer_version: &Version,
    link: &Link,
    written: &mut Vec<Ident>,
) -> TokenStream {
    let Parts::Variants { transfers, removed } = &link.parts else { return TokenStream::new() };
    let mut out = TokenStream::new();
    let newer = newer_version.name_of(&head.ident);
    let mut add = |owner: &Ident, variant: &Variant, version: &Version, by: Option<&Expr>| {
        let ident = type_name(owner, variant);
        if by.is_some() && variant.named && !written.contains(&ident) {
            written.push(ident);
            out.extend(payload_type(head, owner, variant, version));
        }
    };
    for VariantTransfer { variant, how } in transfers {
        match how {
            VariantHow::Change(change) => {
                let ChangedVariant { older, up, down } = &**change;
                add(&link.older.ident, older, &link.version, up.expression());
                add(&newer, variant, newer_version, down.as_ref());
            }
            VariantHow::Add { down } => {
                add(&newer, variant, newer_version, down.as_ref().filter(|by| may_call(by)));
            }
            VariantHow::Move { .. } => {}
        }
    }
    for RemovedVariant { variant, up } in removed {
        add(&link.older.ident, variant, &link.version, up.expression().filter(|by| may_call(by)));
    }
    out
}

fn payload_type(head: &StateType, owner: &Ident, variant: &Variant, version: &Version) -> TokenStream {
    let (ident, vis) = (type_name(owner, variant), &head.vis);
    let derives = crate::attributes::without_derive(&head.derives, "Default");
    let documentation = format!(
        "What `{}::{}` carried at version {}.",
        plain(&head.ident),
        plain(&variant.ident),
        version.text.value()
    );
    let fields = kept(variant).map(|Field { ident, ty, .. }| {
        let text = format!("`{}` at that version.", ident.as_ref().map(plain).unwrap_or_default());
        generated! { #[doc = #text] #vis #ident: #ty, }
    });
    generated! {
        #[doc = #documentation]
        #(#derives)*
        #[allow(dead_code)]
        #vis struct #ident { #(#fields)* }
    }
}

/// The struct for the named fields of a variant; `owner` is the type with its version.
fn type_name(owner: &Ident, variant: &Variant) -> Ident {
    format_ident!("{owner}{}", plain(&variant.ident), span = owner.span())
}

/// Takes a variant apart into locals.
pub(super) fn pattern(ty: &TokenStream, variant: &Variant) -> TokenStream {
    let ident = &variant.ident;
    let locals = (0..kept(variant).count()).map(local);
    if variant.fields.is_empty() || variant.named {
        let names = kept(variant).map(|field| &field.ident);
        return generated! { #ty::#ident { #(#names: #locals,)* .. } };
    }
    generated! { #ty::#ident(#(#locals),*) }
}

/// Puts a variant together.
pub(super) fn construct(
    ty: &TokenStream,
    variant: &Variant,
    values: impl Iterator<Item = TokenStream>,
) -> TokenStream {
    let ident = &variant.ident;
    if variant.fields.is_empty() {
        return generated! { #ty::#ident {} };
    }
    if !variant.named {
        return generated! { #ty::#ident(#(#values),*) };
    }
    let fields = kept(variant).zip(values).map(|(Field { ident, .. }, value)| generated! { #ident: #value, });
    let transient = variant.fields.iter().filter(|field| field.is_transient());
    let transient = transient.map(crate::state::expand::transient);
    generated! { #ty::#ident { #(#fields)* #(#transient)* } }
}

/// What a converter gets, made of the locals; none if the variant carries nothing.
pub(super) fn value(owner: &Ident, variant: &Variant) -> Option<TokenStream> {
    let locals: Vec<_> = (0..kept(variant).count()).map(local).collect();
    match locals.as_slice() {
        [] => None,
        locals if variant.named => {
            let ident = type_name(owner, variant);
            let names = kept(variant).map(|field| &field.ident);
            Some(generated! { #ident { #(#names: #locals,)* } })
        }
        [local] => Some(quote!(#local)),
        locals => Some(generated! { (#(#locals),*) }),
    }
}

/// The fields that are part of the state.
pub(super) fn kept(variant: &Variant) -> impl Iterator<Item = &Field> {
    variant.fields.iter().filter(|field| !field.is_transient())
}

pub(super) fn is_closure(by: &Expr) -> bool {
    matches!(bare(by), Expr::Closure(_))
}

/// Whether it may be a function: a path is one, or a value.
pub(super) fn may_call(by: &Expr) -> bool {
    matches!(bare(by), Expr::Closure(_) | Expr::Path(_))
}
