//! Writes the implementation of `State`.
//!
//! Every use of a field's type is the path `<T as State>::..` with the user's own tokens for `T`: the compiler then
//! reports a type that is no state in the same words at the same place each time, and shows it once.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Index, Type, parse_quote};

use super::model::{self, Body, Field, Keeping, StateType, Variant};
use super::{fixture, layout};
use crate::hash;
use crate::lock::canonical;
use crate::names;

/// `impl State`.
pub(crate) fn state(state: &StateType) -> TokenStream {
    let ident = &state.ident;
    if !state.usable {
        return stub(state);
    }
    let lenient = lenient(state);
    let fingerprint = versioned(fingerprint(state), state);
    let nullable = nullable(&state.body);
    let shape = shape(state);
    let upgrades = upgrades(state);
    let encode = encode(&state.body);
    let decode = decode(&state.body);
    let layout = layout::expand(state);
    generated! {
        #lenient
        impl ::shrine::__private::State for #ident {
            const FINGERPRINT: u64 = #fingerprint;
            #nullable
            fn shape(__context: &mut ::shrine::__private::ShapeContext) -> ::shrine::__private::Shape {
                #shape
            }
            #upgrades
            #layout
            fn encode(&self, __out: &mut ::shrine::__private::Encoder) {
                #encode
            }
            fn decode(
                __input: &mut ::shrine::__private::Decoder<'_>,
            ) -> ::core::result::Result<Self, ::shrine::__private::DecodeError> {
                #decode
            }
        }
    }
}

/// `impl ConvertFrom<Self>`, so that a container may convert that holds the type beside one that has changed.
pub(crate) fn same(state: &StateType) -> Option<TokenStream> {
    let (ident, lenient) = (&state.ident, lenient(state));
    let usable = state.usable && state.generics.params.is_empty();
    usable.then(|| {
        generated! {
            #lenient
            impl ::shrine::__private::ConvertFrom<#ident> for #ident {
                fn convert(
                    __value: #ident,
                    _: &mut ::shrine::__private::StepContext,
                ) -> ::core::result::Result<Self, ::shrine::__private::MigrateError> {
                    ::core::result::Result::Ok(__value)
                }
                fn revert(
                    self,
                    _: &mut ::shrine::__private::StepContext,
                ) -> ::core::result::Result<#ident, ::shrine::__private::MigrateError> {
                    ::core::result::Result::Ok(self)
                }
            }
        }
    })
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

fn versioned(fingerprint: TokenStream, state: &StateType) -> TokenStream {
    match &state.version {
        None => fingerprint,
        // A type without a version is at version 1, so that it can be given one later.
        Some(version) if version.canonical() == "1" => fingerprint,
        Some(version) => {
            let hash = Literal::u64_unsuffixed(hash::text(&version.canonical()));
            generated! { ::shrine::__private::fingerprint::mix(#fingerprint, #hash) }
        }
    }
}

fn fingerprint(state: &StateType) -> TokenStream {
    let own = &state.ident;
    match &state.body {
        Body::Named(fields) => named_fingerprint(fields, own),
        Body::Newtype(field) => field_fingerprint(field, own),
        Body::Tuple(fields) => tuple_fingerprint(fields, own),
        Body::Unit => generated! { ::shrine::__private::fingerprint::UNIT },
        Body::Enum(variants) => {
            let payload = |variant: &Variant| match variant.fields.as_slice() {
                fields if variant.named => named_fingerprint(fields, own),
                [] => generated! { ::shrine::__private::fingerprint::UNIT },
                [field] => field_fingerprint(field, own),
                fields => tuple_fingerprint(fields, own),
            };
            let members = variants.iter().map(|variant| (names::plain(&variant.ident), payload(variant)));
            members_fingerprint("ENUM", members.collect())
        }
    }
}

fn named_fingerprint(fields: &[Field], own: &Ident) -> TokenStream {
    let members = fields.iter().filter(|field| !field.is_transient());
    members_fingerprint(
        "STRUCT",
        members.map(|field| (field.name(), field_fingerprint(field, own))).collect(),
    )
}

fn members_fingerprint(kind: &str, mut members: Vec<(String, TokenStream)>) -> TokenStream {
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    let hashes = members.iter().map(|(name, _)| Literal::u64_unsuffixed(hash::text(name)));
    let prints = members.iter().map(|(_, print)| print);
    let kind = format_ident!("{kind}");
    generated! {
        ::shrine::__private::fingerprint::members(::shrine::__private::fingerprint::#kind, &[#((#hashes, #prints)),*])
    }
}

fn tuple_fingerprint(fields: &[Field], own: &Ident) -> TokenStream {
    let indices = (0..fields.len()).map(Literal::usize_unsuffixed);
    let prints = fields.iter().map(|field| field_fingerprint(field, own));
    generated! {
        ::shrine::__private::fingerprint::members(::shrine::__private::fingerprint::TUPLE, &[#((#indices, #prints)),*])
    }
}

/// A constant cannot depend on itself: the type's own name stands for `Recursion` here.
fn field_fingerprint(field: &Field, own: &Ident) -> TokenStream {
    if field.keeping == Keeping::Recursive {
        return generated! { ::shrine::__private::fingerprint::RECURSION };
    }
    if let Some(codec) = field.codec() {
        return fingerprint_of(codec);
    }
    let (ty, _) = model::replaced(&field.ty, own, &parse_quote!(::shrine::__private::Recursion));
    generated! { <#ty as ::shrine::__private::State>::FINGERPRINT }
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

fn shape(state: &StateType) -> TokenStream {
    let own = &state.ident;
    match &state.body {
        Body::Named(fields) => named_type(state, "Struct", &named_fields(fields, own)),
        Body::Newtype(field) => field_shape(field, own),
        Body::Tuple(fields) => tuple_shape(fields, own),
        Body::Unit => generated! { ::shrine::__private::Shape::Unit },
        Body::Enum(variants) => {
            let names = variants.iter().map(|variant| names::plain(&variant.ident));
            let payloads = variants.iter().map(|variant| payload_shape(variant, own));
            let variants = generated! {
                variants: ::std::vec![#(::shrine::__private::VariantShape {
                    name: ::shrine::__private::text(#names),
                    payload: #payloads,
                }),*]
            };
            named_type(state, "Enum", &variants)
        }
    }
}

fn named_type(state: &StateType, kind: &str, members: &TokenStream) -> TokenStream {
    let name = names::plain(&state.ident);
    let (kind, shape) = (format_ident!("{kind}"), format_ident!("{kind}Shape"));
    let version = match &state.version {
        None => generated! { ::core::option::Option::None },
        Some(version) => {
            let text = version.canonical();
            generated! { ::core::option::Option::Some(::shrine::__private::text(#text)) }
        }
    };
    generated! {
        #[allow(unused_imports)]
        use ::shrine::__private::NoFallback as _;
        __context.named::<Self>(|__context| ::shrine::__private::Shape::#kind(::shrine::__private::#shape {
            name: ::shrine::__private::text(#name),
            version: #version,
            #members,
            default: ::shrine::__private::Fallback::<Self>::new()
                .value()
                .and_then(|__value| ::shrine::__private::to_bytes(&__value).ok()),
        }))
    }
}

fn named_fields(fields: &[Field], own: &Ident) -> TokenStream {
    let fields: Vec<_> = fields.iter().filter(|field| !field.is_transient()).collect();
    let names = fields.iter().map(|field| field.name());
    let shapes = fields.iter().map(|field| field_shape(field, own));
    generated! {
        fields: ::std::vec![#(::shrine::__private::FieldShape {
            name: ::shrine::__private::text(#names),
            shape: #shapes,
        }),*]
    }
}

fn payload_shape(variant: &Variant, own: &Ident) -> TokenStream {
    match variant.fields.as_slice() {
        fields if variant.named => {
            let fields = named_fields(fields, own);
            generated! {
                ::shrine::__private::Shape::Struct(::shrine::__private::StructShape {
                    name: ::std::string::String::new(),
                    version: ::core::option::Option::None,
                    #fields,
                    default: ::core::option::Option::None,
                })
            }
        }
        [] => generated! { ::shrine::__private::Shape::Unit },
        [field] => field_shape(field, own),
        fields => tuple_shape(fields, own),
    }
}

/// The versioned types in it, and the type itself if it has a version.
fn upgrades(state: &StateType) -> Option<TokenStream> {
    let fields: Vec<&Field> = match &state.body {
        Body::Named(fields) | Body::Tuple(fields) => fields.iter().collect(),
        Body::Newtype(field) => vec![field],
        Body::Unit => Vec::new(),
        Body::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
    };
    let mut types: Vec<&Type> = Vec::new();
    for field in fields.into_iter().filter(|field| !field.is_transient() && field.codec().is_none()) {
        // What is spelled with names of std alone has no versions.
        if canonical(&field.ty).is_some() {
            continue;
        }
        let text = names::of_type(&field.ty);
        if !types.iter().any(|known| names::of_type(known) == text) {
            types.push(&field.ty);
        }
    }
    let itself = state.version.is_some().then(|| generated! { __found.add::<Self>(); });
    (!types.is_empty() || itself.is_some()).then(|| {
        generated! {
            fn upgrades(__found: &mut ::shrine::__private::Upgrades) {
                if __found.enter::<Self>() {
                    #itself
                    #(<#types as ::shrine::__private::State>::upgrades(__found);)*
                }
            }
        }
    })
}

fn tuple_shape(fields: &[Field], own: &Ident) -> TokenStream {
    let shapes = fields.iter().map(|field| field_shape(field, own));
    generated! { ::shrine::__private::Shape::Tuple(::std::vec![#(#shapes),*]) }
}

fn field_shape(field: &Field, own: &Ident) -> TokenStream {
    let ty = &field.ty;
    let shape = match field.codec() {
        Some(codec) => generated! { ::shrine::__private::Shape::Opaque(::shrine::__private::text(#codec)) },
        None => generated! { <#ty as ::shrine::__private::State>::shape(__context) },
    };
    fixture::narrowed(shape, field, own)
}

fn encode(body: &Body) -> TokenStream {
    match body {
        Body::Named(fields) => {
            let values = fields.iter().map(|Field { ident, .. }| generated! { &self.#ident });
            encode_named(fields, values)
        }
        Body::Newtype(field) => encode_field(field, &generated! { &self.0 }),
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
        return generated! { Self::#ident { #(#bindings)* .. } => __out.variant(#name, |__out| { #encode }), };
    }
    let encode = match fields.as_slice() {
        [] => return generated! { Self::#ident { .. } => __out.str(#name), },
        [field] => {
            let encode = encode_field(field, &values.iter().map(|value| quote!(#value)).collect());
            let nothing = carries_nothing(field).map(|nothing| {
                generated! { Self::#ident(_) if #nothing => __out.str(#name), }
            });
            return generated! {
                #nothing
                Self::#ident(#(#values),*) => __out.variant(#name, |__out| { #encode }),
            };
        }
        fields => encode_tuple(fields, values.iter().map(|value| quote!(#value))),
    };
    generated! { Self::#ident(#(#values),*) => __out.variant(#name, |__out| { #encode }), }
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
        let (name, encode) = (field.name(), encode_field(field, value));
        generated! {
            __out.str(#name);
            #encode
        }
    });
    generated! { __out.map(#len, |__out| { #(#entries)* }); }
}

/// `value` is a reference to the field.
fn encode_field(field: &Field, value: &TokenStream) -> TokenStream {
    let ty = &field.ty;
    if field.codec().is_some() {
        return generated! { <#ty as ::shrine::__private::Foreign>::write(#value, __out); };
    }
    generated! { <#ty as ::shrine::__private::State>::encode(#value, __out); }
}

fn encode_tuple(fields: &[Field], values: impl Iterator<Item = TokenStream>) -> TokenStream {
    let len = fields.len();
    let items = fields.iter().zip(values).map(|(field, value)| encode_field(field, &value));
    generated! { __out.array(#len, |__out| { #(#items)* }); }
}

fn decode(body: &Body) -> TokenStream {
    match body {
        Body::Named(fields) => decode_named(fields, &quote!(Self)),
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
            fields if variant.named => decode_named(fields, &quote!(Self::#ident)),
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

/// `structure` calls back once for each name, so that afterwards every local is `Some`.
fn decode_named(fields: &[Field], path: &TokenStream) -> TokenStream {
    let kept: Vec<_> = fields.iter().filter(|field| !field.is_transient()).collect();
    let locals: Vec<_> = (0..kept.len()).map(local).collect();
    let names = kept.iter().map(|field| field.name());
    let idents = kept.iter().map(|field| &field.ident);
    let indices = 0..kept.len();
    let values = kept.iter().map(|field| decode_field(field));
    let transient = fields.iter().filter(|field| field.is_transient()).map(transient);
    if kept.is_empty() {
        return generated! {
            __input.structure(&[], &mut |_, _| ::core::result::Result::Ok(()))?;
            ::core::result::Result::Ok(#path { #(#transient)* })
        };
    }
    generated! {
        #(let mut #locals = ::core::option::Option::None;)*
        __input.structure(&[#(#names),*], &mut |__index, __input| {
            match __index {
                #(#indices => #locals = ::core::option::Option::Some(#values),)*
                _ => {}
            }
            ::core::result::Result::Ok(())
        })?;
        match (#(#locals,)*) {
            (#(::core::option::Option::Some(#locals),)*) => {
                ::core::result::Result::Ok(#path { #(#idents: #locals,)* #(#transient)* })
            }
            _ => ::core::result::Result::Err(__input.error("a field is missing")),
        }
    }
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
