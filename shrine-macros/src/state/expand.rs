//! Writes the implementation of `State`.
//!
//! Every use of a field's type is the path `<T as State>::..` with the user's own tokens for `T`: the compiler then
//! reports a type that is no state in the same words at the same place each time, and shows it once.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Index, parse_quote};

use super::described;
use super::model::{Body, Field, StateType, Variant};
use crate::hash;
use crate::lock::canonical;
use crate::names;

/// `impl State`.
///
/// What is the same for all values is written down in a constant; code is only what reaches into a value.
pub(crate) fn state(state: &StateType) -> TokenStream {
    let ident = &state.ident;
    if !state.usable {
        return stub(state);
    }
    let apart = apart();
    let lenient = lenient(state);
    let nullable = nullable(&state.body);
    let described = described::expand(state);
    let upgrades = state.version.is_some().then(|| {
        generated! {
            #apart
            fn upgrades(__found: &mut ::shrine::__private::Upgrades) {
                __found.versioned::<Self>();
            }
        }
    });
    let encode = encode(&state.body);
    let decode = decode(&state.body);
    // Optimised, it is large enough to slow down what it is inlined into: a chain has one after the other.
    let whole = generated! { #[cfg_attr(not(debug_assertions), inline(never))] };
    generated! {
        #lenient
        impl ::shrine::__private::State for #ident {
            const FINGERPRINT: u64 = <Self as ::shrine::__private::State>::TYPE.fingerprint();
            const TYPE: ::shrine::__private::Described = #described;
            #nullable
            #apart
            fn shape(__context: &mut ::shrine::__private::ShapeContext) -> ::shrine::__private::Shape {
                ::shrine::__private::shape::<Self>(__context)
            }
            #upgrades
            #apart
            fn encode(&self, __out: &mut ::shrine::__private::Encoder) {
                #encode
            }
            #apart
            #whole
            fn decode(
                __input: &mut ::shrine::__private::Decoder<'_>,
            ) -> ::core::result::Result<Self, ::shrine::__private::DecodeError> {
                #decode
            }
        }
    }
}

/// Has the type convert to itself, so that a container may convert that holds it beside one that has changed.
pub(crate) fn same(state: &StateType) -> Option<TokenStream> {
    let (ident, lenient) = (&state.ident, lenient(state));
    let usable = state.usable && state.generics.params.is_empty();
    usable.then(|| {
        generated! {
            #lenient
            impl ::shrine::__private::ConvertFrom<#ident> for #ident {
                const IS_SAME: bool = true;
            }
        }
    })
}

/// The attribute of generated functions. A function belongs to the module of the type that it is for, and is compiled
/// again whenever anything there is: here after each edit of a handler. What is always inlined has no place of its own but
/// where it is called, which is in code that does not change with the handler.
pub(crate) fn apart() -> TokenStream {
    generated! { #[cfg_attr(debug_assertions, inline(always))] }
}

/// The attributes of an implementation for a type.
pub(crate) fn lenient(state: &StateType) -> TokenStream {
    let deprecated = state.deprecated.then(|| generated! { #[allow(deprecated)] });
    generated! { #deprecated #[automatically_derived] }
}

/// An implementation for a type that was refused: whatever uses the type compiles, so that there is no second error.
fn stub(state: &StateType) -> TokenStream {
    let ident = &state.ident;
    let mut generics = state.generics.clone();
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(parse_quote!(Self: 'static));
    }
    let (generics, arguments, clause) = generics.split_for_impl();
    generated! {
        #[automatically_derived]
        impl #generics ::shrine::__private::State for #ident #arguments #clause {
            const FINGERPRINT: u64 = 0;
            fn shape(_: &mut ::shrine::__private::ShapeContext) -> ::shrine::__private::Shape {
                ::shrine::__private::Shape::Any
            }
            fn encode(&self, _: &mut ::shrine::__private::Encoder) {}
            fn decode(
                __input: &mut ::shrine::__private::Decoder<'_>,
            ) -> ::core::result::Result<Self, ::shrine::__private::DecodeError> {
                ::core::result::Result::Err(__input.error("this type did not compile"))
            }
        }
    }
}

/// The fingerprint of what is under a codec of that name.
pub(crate) fn fingerprint_of(codec: &str) -> TokenStream {
    let name = Literal::u64_unsuffixed(hash::text(codec));
    generated! { ::shrine::__private::fingerprint::mix(::shrine::__private::fingerprint::OPAQUE, #name) }
}

fn nullable(body: &Body) -> Option<TokenStream> {
    let nullable = match body {
        Body::Newtype(field) if field.codec().is_some() => quote!(true),
        Body::Newtype(field) => {
            let ty = &field.ty;
            generated! { <#ty as ::shrine::__private::State>::NULLABLE }
        }
        Body::Unit => quote!(true),
        _ => return None,
    };
    Some(generated! { const NULLABLE: bool = #nullable; })
}

fn encode(body: &Body) -> TokenStream {
    match body {
        Body::Named(fields) => {
            let values = fields.iter().map(|Field { ident, .. }| generated! { &self.#ident });
            encode_named(fields, values)
        }
        Body::Newtype(field) => encode_field(field, &generated! { &self.0 }, &generated! { __out }),
        Body::Tuple(fields) => {
            let values = (0..fields.len()).map(Index::from).map(|index| generated! { &self.#index });
            encode_tuple(fields, values)
        }
        Body::Unit => generated! { __out.nil(); },
        Body::Enum(variants) => {
            let arms = variants.iter().map(encode_variant);
            generated! { match self { #(#arms)* } }
        }
    }
}

fn encode_variant(variant: &Variant) -> TokenStream {
    let Variant { ident, named, fields, .. } = variant;
    let name = names::plain(ident);
    let values: Vec<_> = (0..fields.len()).map(local).collect();
    if *named {
        let kept = fields.iter().zip(&values).filter(|(field, _)| !field.is_transient());
        let bindings = kept.map(|(Field { ident, .. }, value)| generated! { #ident: #value, });
        let encode = encode_named(fields, values.iter().map(|value| quote!(#value)));
        return generated! { Self::#ident { #(#bindings)* .. } => if __out.enter_variant(#name) { #encode __out.leave(); }, };
    }
    let encode = match fields.as_slice() {
        [] => return generated! { Self::#ident { .. } => __out.str(#name), },
        [field] => {
            let encode = encode_field(
                field,
                &values.iter().map(|value| quote!(#value)).collect(),
                &generated! { __out },
            );
            let nothing = carries_nothing(field).map(|nothing| {
                generated! { Self::#ident(_) if #nothing => __out.str(#name), }
            });
            return generated! {
                #nothing
                Self::#ident(#(#values),*) => if __out.enter_variant(#name) { #encode __out.leave(); },
            };
        }
        fields => encode_tuple(fields, values.iter().map(|value| quote!(#value))),
    };
    generated! { Self::#ident(#(#values),*) => if __out.enter_variant(#name) { #encode __out.leave(); }, }
}

/// Whether the type of the one field has a single value, so that the variant has the shape of one without fields, and is
/// encoded like that. None where that is plain.
fn carries_nothing(field: &Field) -> Option<TokenStream> {
    if field.codec().is_some() || canonical(&field.ty).is_some_and(|ty| ty != "()") {
        return None;
    }
    let ty = &field.ty;
    Some(generated! {
        <#ty as ::shrine::__private::State>::FINGERPRINT == ::shrine::__private::fingerprint::UNIT
    })
}

fn encode_named(fields: &[Field], values: impl Iterator<Item = TokenStream>) -> TokenStream {
    let kept: Vec<_> = fields.iter().zip(values).filter(|(field, _)| !field.is_transient()).collect();
    let len = kept.len();
    let entries = kept.iter().map(|(field, value)| {
        let name = field.name();
        encode_field(field, value, &generated! { __out.key(#name) })
    });
    generated! {
        if __out.enter_map(#len) {
            #(#entries)*
            __out.leave();
        }
    }
}

/// `value` is a reference to the field, `out` where it goes.
fn encode_field(field: &Field, value: &TokenStream, out: &TokenStream) -> TokenStream {
    let ty = &field.ty;
    if field.codec().is_some() {
        return generated! { <#ty as ::shrine::__private::Foreign>::write(#value, #out); };
    }
    generated! { <#ty as ::shrine::__private::State>::encode(#value, #out); }
}

fn encode_tuple(fields: &[Field], values: impl Iterator<Item = TokenStream>) -> TokenStream {
    let len = fields.len();
    let items =
        fields.iter().zip(values).map(|(field, value)| encode_field(field, &value, &generated! { __out }));
    generated! {
        if __out.enter_array(#len) {
            #(#items)*
            __out.leave();
        }
    }
}

fn decode(body: &Body) -> TokenStream {
    match body {
        Body::Named(fields) => decode_named(fields, &quote!(Self), Names::OfType),
        Body::Newtype(field) => {
            let value = decode_field(field);
            generated! { ::core::result::Result::Ok(Self(#value)) }
        }
        Body::Tuple(fields) => decode_tuple(fields, &quote!(Self)),
        Body::Unit => generated! { __input.nil().map(|()| Self) },
        Body::Enum(variants) => decode_enum(variants),
    }
}

fn decode_enum(variants: &[Variant]) -> TokenStream {
    let names: Vec<_> = variants.iter().map(|variant| names::plain(&variant.ident)).collect();
    let arms = variants.iter().enumerate().map(|(index, variant)| {
        let ident = &variant.ident;
        let value = match variant.fields.as_slice() {
            fields if variant.named => decode_named(fields, &quote!(Self::#ident), Names::OfVariant),
            [] => return generated! { (#index, false) => ::core::result::Result::Ok(Self::#ident {}), },
            [field] => {
                let value = decode_field(field);
                let nothing = carries_nothing(field).map(|nothing| {
                    let ty = &field.ty;
                    generated! {
                        (#index, false) if #nothing => ::core::result::Result::Ok(
                            Self::#ident(::shrine::__private::nothing::<#ty>()?)
                        ),
                    }
                });
                return generated! {
                    #nothing
                    (#index, true) => { ::core::result::Result::Ok(Self::#ident(#value)) }
                };
            }
            fields => decode_tuple(fields, &quote!(Self::#ident)),
        };
        generated! { (#index, true) => { #value } }
    });
    generated! {
        __input.variant(&[#(#names),*], &mut |__index, __payload, __input| match (__index, __payload) {
            #(#arms)*
            (_, true) => ::core::result::Result::Err(__input.error("this variant carries nothing")),
            (_, false) => ::core::result::Result::Err(__input.error("what this variant carries is missing")),
        })
    }
}

/// Reads named fields into a slot for each, all of which are filled afterwards.
fn decode_named(fields: &[Field], path: &TokenStream, names: Names) -> TokenStream {
    let kept: Vec<_> = fields.iter().filter(|field| !field.is_transient()).collect();
    let locals: Vec<_> = (0..kept.len()).map(local).collect();
    let idents = kept.iter().map(|field| &field.ident);
    let empty = kept.iter().map(|field| match field.codec() {
        Some(_) => generated! { ::shrine::__private::ForeignSlot(::core::option::Option::None) },
        None => generated! { ::core::option::Option::None },
    });
    let slots = kept.iter().zip(&locals).map(|(field, local)| {
        let ty = &field.ty;
        match field.codec() {
            Some(_) => generated! { <#ty as ::shrine::__private::Foreign>::slot(&mut #local) },
            None => generated! { <#ty as ::shrine::__private::State>::slot(&mut #local) },
        }
    });
    let filled = kept.iter().zip(&locals).map(|(field, local)| match field.codec() {
        Some(_) => generated! { ::shrine::__private::filled(#local.0) },
        None => generated! { ::shrine::__private::filled(#local) },
    });
    let transient = fields.iter().filter(|field| field.is_transient()).map(transient);
    let read = match names {
        Names::OfType => {
            generated! { fields(&<Self as ::shrine::__private::State>::TYPE, &mut [#(#slots),*]) }
        }
        Names::OfVariant => {
            let names = kept.iter().map(|field| field.name());
            generated! { variant_fields(&[#(#names),*], &mut [#(#slots),*]) }
        }
    };
    generated! {
        #(let mut #locals = #empty;)*
        match __input.#read {
            ::core::result::Result::Ok(()) => {
                ::core::result::Result::Ok(#path { #(#idents: #filled,)* #(#transient)* })
            }
            ::core::result::Result::Err(__error) => ::core::result::Result::Err(__error),
        }
    }
}

/// Where the names of fields are written.
#[derive(Clone, Copy)]
enum Names {
    /// In what is written down of the type.
    OfType,
    /// Here.
    OfVariant,
}

/// The local that holds the field of that index.
fn local(index: usize) -> Ident {
    format_ident!("__f{index}", span = Span::mixed_site())
}

/// A field that is not part of the state.
pub(crate) fn transient(Field { ident, ty, .. }: &Field) -> TokenStream {
    generated! { #ident: <#ty as ::core::default::Default>::default(), }
}

fn decode_tuple(fields: &[Field], path: &TokenStream) -> TokenStream {
    let len = fields.len();
    let values = fields.iter().map(decode_field);
    generated! { __input.tuple(#len, |__input| ::core::result::Result::Ok(#path(#(#values),*))) }
}

fn decode_field(field: &Field) -> TokenStream {
    let ty = &field.ty;
    if field.codec().is_some() {
        return generated! { <#ty as ::shrine::__private::Foreign>::read(__input)? };
    }
    generated! { <#ty as ::shrine::__private::State>::decode(__input)? }
}
