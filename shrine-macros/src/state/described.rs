//! Writes down what a type is made of, as one constant: what follows from it is computed by code that is not generated.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Index, parse_quote};

use super::expand::fingerprint_of;
use super::model::{self, Body, Field, Keeping, StateType, Variant};
use super::{fixture, layout};
use crate::hash;
use crate::names;

/// The constant `TYPE` of `State`.
pub(super) fn expand(state: &StateType) -> TokenStream {
    let (name, own) = (names::plain(&state.ident), &state.ident);
    let memory = layout::memory(state);
    let measured = layout::is_measured(state);
    let default = generated! { ::shrine::__private::Fallback::<Self>::ENCODED };
    let described = match &state.body {
        Body::Named(fields) => {
            let (fields, sorted) = named(fields, own, measured);
            generated! { structure::<Self>(#name, &[#(#fields),*], &[#(#sorted),*], #default, #memory) }
        }
        Body::Newtype(field) => {
            let part = part(field, own);
            generated! { newtype::<Self>(#name, #part, #memory) }
        }
        Body::Tuple(fields) => {
            let fields = fields.iter().enumerate().map(|(index, field)| {
                let (offset, part) =
                    (offset(&Index::from(index).to_token_stream(), measured), part(field, own));
                generated! { (#offset, #part) }
            });
            generated! { tuple::<Self>(#name, &[#(#fields),*], #memory) }
        }
        Body::Unit => generated! { unit::<Self>(#name, #memory) },
        Body::Enum(variants) => {
            let sorted = sorted(variants.iter().map(|variant| names::plain(&variant.ident)));
            let variants = variants.iter().map(|variant| {
                let name = names::plain(&variant.ident);
                let (hash, payload) = (hashed(&name), payload(variant, own));
                generated! { (#name, #hash, #payload) }
            });
            generated! { enumeration::<Self>(#name, &[#(#variants),*], &[#(#sorted),*], #default, #memory) }
        }
    };
    let version = state.version.as_ref().map(|version| {
        let text = version.canonical();
        // A type without a version is at version 1, so that it can be given one later.
        let hash = match text.as_str() {
            "1" => generated! { ::core::option::Option::None },
            text => {
                let hash = hashed(text);
                generated! { ::core::option::Option::Some(#hash) }
            }
        };
        generated! { .version(#text, #hash, <Self as ::shrine::__private::State>::upgrades) }
    });
    let uses = uses(&state.body, measured);
    generated! {
        {
            #uses
            ::shrine::__private::Described::#described #version
        }
    }
}

/// The traits that answer where a type has no `Default` or no `Drop`.
fn uses(body: &Body, measured: bool) -> Option<TokenStream> {
    let traits = match (body, measured) {
        (Body::Named(_) | Body::Enum(_), true) => quote!({EndsPlainly as _, NoFallback as _}),
        (Body::Named(_) | Body::Enum(_), false) => quote!(NoFallback as _),
        (_, true) => quote!(EndsPlainly as _),
        (_, false) => return None,
    };
    Some(generated! {
        #[allow(unused_imports)]
        use ::shrine::__private::#traits;
    })
}

/// The fields that are part of the state, and their indices in the order of their names.
fn named<'a>(
    fields: &'a [Field],
    own: &'a Ident,
    measured: bool,
) -> (impl Iterator<Item = TokenStream>, Vec<Literal>) {
    let kept = fields.iter().filter(|field| !field.is_transient());
    let sorted = sorted(kept.clone().map(Field::name));
    let fields = kept.map(move |field| {
        let name = field.name();
        let (hash, part) = (hashed(&name), part(field, own));
        let offset = offset(&field.ident.to_token_stream(), measured);
        generated! { (#name, #hash, #offset, #part) }
    });
    (fields, sorted)
}

fn payload(variant: &Variant, own: &Ident) -> TokenStream {
    match variant.fields.as_slice() {
        fields if variant.named => {
            let (fields, sorted) = named(fields, own, false);
            generated! { ::shrine::__private::Payload::Struct(&[#(#fields),*], &[#(#sorted),*]) }
        }
        [] => generated! { ::shrine::__private::Payload::Nothing },
        [field] => {
            let part = part(field, own);
            generated! { ::shrine::__private::Payload::One(#part) }
        }
        fields => {
            let parts = fields.iter().map(|field| part(field, own));
            generated! { ::shrine::__private::Payload::Tuple(&[#(#parts),*]) }
        }
    }
}

/// What a field is made of.
///
/// A constant cannot depend on itself: where the type leads back to itself, the fingerprint is said apart, and the type's
/// own name stands for `Recursion` in it.
fn part(field: &Field, own: &Ident) -> TokenStream {
    let ty = &field.ty;
    let part = match &field.keeping {
        Keeping::Opaque(codec) => {
            let fingerprint = fingerprint_of(codec);
            generated! { ::shrine::__private::Part::opaque(#codec, #fingerprint) }
        }
        Keeping::Recursive => generated! {
            <#ty as ::shrine::__private::State>::UNPRINTED.printed(::shrine::__private::fingerprint::RECURSION)
        },
        Keeping::Kept | Keeping::Transient => {
            match model::replaced(ty, own, &parse_quote!(::shrine::__private::Recursion)) {
                (_, false) => generated! { <#ty as ::shrine::__private::State>::PART },
                (stopped, true) => generated! {
                    <#ty as ::shrine::__private::State>::UNPRINTED
                        .printed(<#stopped as ::shrine::__private::State>::FINGERPRINT)
                },
            }
        }
    };
    let shape = generated! { __shape };
    if field.fixture.is_none() {
        return part;
    }
    let narrowed = fixture::narrowed(shape.clone(), field, own);
    generated! { #part.narrowed(|#shape| #narrowed) }
}

fn offset(member: &TokenStream, measured: bool) -> TokenStream {
    if measured {
        generated! { ::core::mem::offset_of!(Self, #member) }
    } else {
        quote!(0)
    }
}

fn hashed(name: &str) -> Literal {
    Literal::u64_unsuffixed(hash::text(name))
}

/// The indices of names in their order.
fn sorted(names: impl Iterator<Item = String>) -> Vec<Literal> {
    let mut names: Vec<_> = names.enumerate().collect();
    names.sort_by(|(_, a), (_, b)| a.cmp(b));
    names.into_iter().map(|(index, _)| Literal::usize_unsuffixed(index)).collect()
}
