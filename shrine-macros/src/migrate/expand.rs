//! Writes the types of older versions, the steps, the chains and the conversions.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Attribute;

use super::Owner;
use super::model::{ChangedVariant, Link, Operation, Removed, RemovedVariant};
use crate::names::{of_type, plain};
use crate::state::StateType;
use crate::state::expand::{lenient, state};
use crate::state::model::{Body, Field, Variant};
use crate::version::Version;

mod fields;
mod payload;
mod step;
mod variants;

pub(super) use step::{call, stub};

/// Everything that follows from the hops of one type.
pub(crate) fn chain(owner: &Owner, head: &StateType, version: &Version, links: &[Link]) -> TokenStream {
    let mut out = one_chain(head, version, None, links.first());
    let (mut newer, mut newer_version) = (head, version);
    for (index, link) in links.iter().enumerate() {
        out.extend(older_type(head, link));
        out.extend(state(&link.older));
        out.extend(payload::types(head, newer_version, link));
        out.extend(step::step(head, newer, newer_version, link));
        let leads = Some((&newer.ident, link));
        out.extend(one_chain(&link.older, &link.version, leads, links.get(index + 1)));
        (newer, newer_version) = (&link.older, &link.version);
    }
    if owner.nested || links.iter().any(Link::carries_itself) {
        out.extend(conversions(head, links));
    }
    out
}

fn older_type(head: &StateType, link: &Link) -> TokenStream {
    let StateType { ident, vis, derives, body, .. } = &link.older;
    let documentation =
        format!("`{}` as it was at version {}.", plain(&head.ident), link.version.text.value());
    let item = match body {
        Body::Enum(variants) => {
            let variants = variants.iter().map(older_variant);
            generated! { #vis enum #ident { #(#variants)* } }
        }
        _ => {
            let fields = link.older.named().unwrap_or_default().iter().map(older_field);
            generated! { #vis struct #ident { #(#fields)* } }
        }
    };
    generated! {
        #[doc = #documentation]
        #(#derives)*
        #item
    }
}

fn older_variant(variant: &Variant) -> TokenStream {
    let Variant { ident, named, fields, attributes } = variant;
    let documentation = documentation(&plain(ident), attributes);
    let fields = match fields.as_slice() {
        [] => None,
        fields if *named => {
            let fields = fields.iter().map(older_field);
            Some(generated! { { #(#fields)* } })
        }
        fields => {
            let fields = fields.iter().map(|Field { ty, attributes, .. }| generated! { #(#attributes)* #ty });
            Some(generated! { (#(#fields),*) })
        }
    };
    generated! { #documentation #(#attributes)* #ident #fields, }
}

fn older_field(field: &Field) -> TokenStream {
    let Field { ident, ty, vis, attributes, .. } = field;
    let documentation = documentation(&field.name(), attributes);
    generated! { #documentation #(#attributes)* #vis #ident: #ty, }
}

/// The documentation of a part, if it has none of its own.
fn documentation(name: &str, attributes: &[Attribute]) -> Option<TokenStream> {
    let documented = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
    (!documented).then(|| {
        let text = format!("`{name}` at that version.");
        generated! { #[doc = #text] }
    })
}

/// `impl Chain`. `leads` is the newer type and the hop that leads on to it, `before` the hop that leads here.
fn one_chain(
    this: &StateType,
    version: &Version,
    leads: Option<(&Ident, &Link)>,
    before: Option<&Link>,
) -> TokenStream {
    let (ident, lenient, text) = (&this.ident, lenient(this), &version.text.value());
    let hop = match leads {
        None => generated! { ::core::option::Option::None },
        Some((newer, link)) => hop_info(newer, link),
    };
    let Before { load, store, versions, recode } = before.map_or_else(oldest, |link| leading(ident, link));
    generated! {
        #lenient
        impl ::shrine::__private::Chain for #ident {
            const VERSION: &'static str = #text;
            fn load(
                __version: &str,
                __input: &mut ::shrine::__private::Decoder<'_>,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<Self, ::shrine::__private::MigrateError> {
                if __version == #text {
                    return ::core::result::Result::Ok(<Self as ::shrine::__private::State>::decode(__input)?);
                }
                #load
            }
            fn store(
                self,
                __version: &str,
                __out: &mut ::shrine::__private::Encoder,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<(), ::shrine::__private::MigrateError> {
                if __version == #text {
                    <Self as ::shrine::__private::State>::encode(&self, __out);
                    return ::core::result::Result::Ok(());
                }
                #store
            }
            fn versions(__found: &mut ::std::vec::Vec<::shrine::__private::VersionInfo>) {
                __found.push(::shrine::__private::VersionInfo {
                    version: ::std::string::String::from(#text),
                    fingerprint: <Self as ::shrine::__private::State>::FINGERPRINT,
                    shape: <Self as ::shrine::__private::State>::shape(&mut ::shrine::__private::ShapeContext::new()),
                    hop: #hop,
                });
                #versions
            }
            fn recode(
                __version: &str,
                __input: &mut ::shrine::__private::Decoder<'_>,
                __out: &mut ::shrine::__private::Encoder,
            ) -> ::core::result::Result<(), ::shrine::__private::DecodeError> {
                if __version == #text {
                    <Self as ::shrine::__private::State>::encode(&<Self as ::shrine::__private::State>::decode(__input)?, __out);
                    return ::core::result::Result::Ok(());
                }
                #recode
            }
        }
    }
}

/// What a version does with state that is not its own.
struct Before {
    load: TokenStream,
    store: TokenStream,
    versions: Option<TokenStream>,
    recode: TokenStream,
}

/// It asks the version before it.
fn leading(this: &Ident, link: &Link) -> Before {
    let older = &link.older.ident;
    let step = as_step(this, link);
    Before {
        load: generated! {
            let __older = <#older as ::shrine::__private::Chain>::load(__version, __input, __context)?;
            #step::step(__older, __context)
        },
        store: generated! {
            let __older = #step::step_down(self, __context)?;
            <#older as ::shrine::__private::Chain>::store(__older, __version, __out, __context)
        },
        versions: Some(generated! { <#older as ::shrine::__private::Chain>::versions(__found); }),
        recode: generated! { <#older as ::shrine::__private::Chain>::recode(__version, __input, __out) },
    }
}

/// `<Newer as Step<Older>>`. If that is left to a function, the compiler reports where it is announced that there is none,
/// once, because it is in the same words at the same place each time.
fn as_step(newer: &Ident, link: &Link) -> TokenStream {
    let mut newer = newer.clone();
    let mut older = link.older.ident.clone();
    let mut span = Span::mixed_site();
    if link.hop.manual.is_some() {
        span = span.located_at(link.version.text.span());
        newer.set_span(newer.span().located_at(span));
        older.set_span(older.span().located_at(span));
    }
    quote_spanned! { span => <#newer as ::shrine::__private::Step<#older>> }
}

/// The oldest has nobody to ask.
fn oldest() -> Before {
    let error = generated! {
        ::core::result::Result::Err(::shrine::__private::MigrateError::unknown_version(
            __version,
            <Self as ::shrine::__private::Chain>::VERSION,
        ))
    };
    let recode = generated! {
        ::core::result::Result::Err(__input.error("no version of the chain has that number"))
    };
    Before { load: error.clone(), store: error, versions: None, recode }
}

/// What the hop to `newer` does.
fn hop_info(newer: &Ident, link: &Link) -> TokenStream {
    let operation = |kind: &str, field: String, detail: Option<String>| {
        let detail = match detail {
            None => generated! { ::core::option::Option::None },
            Some(detail) => generated! { ::core::option::Option::Some(#detail) },
        };
        generated! { ::shrine::__private::operation(#kind, #field, #detail) }
    };
    let mut operations: Vec<_> = link
        .hop
        .operations
        .iter()
        .map(|said| match said {
            Operation::Rename { old, new } => operation("rename", plain(new), Some(plain(old))),
            Operation::Add { field, .. } => operation("add", plain(field), None),
            Operation::Remove(Removed { field, ty, .. }) => {
                operation("remove", plain(field), Some(of_type(ty)))
            }
            Operation::Change { field, change } => {
                operation("change", plain(field), Some(of_type(&change.ty)))
            }
            Operation::AddVariant { variant, .. } => operation("add", plain(variant), None),
            Operation::RemoveVariant(RemovedVariant { variant, .. }) => {
                operation("remove", plain(&variant.ident), Some(variant.described()))
            }
            Operation::ChangeVariant(ChangedVariant { older, .. }) => {
                operation("change", plain(&older.ident), Some(older.described()))
            }
        })
        .collect();
    if let Some(path) = &link.hop.with {
        let path = quote!(#path).to_string().replace(' ', "");
        operations.push(operation("with", path, None));
    }
    if link.hop.manual.is_some() {
        operations.push(operation("manual", String::new(), None));
    }
    let reversible = match link.hop.manual {
        Some(_) => {
            let step = as_step(newer, link);
            generated! { #step::REVERSIBLE }
        }
        None => {
            let reversible = link.one_way().is_none();
            quote!(#reversible)
        }
    };
    generated! {
        ::core::option::Option::Some(::shrine::__private::HopInfo {
            operations: ::std::vec![#(#operations),*],
            reversible: #reversible,
        })
    }
}

/// `impl ConvertFrom` between any two versions, so that a parent can say `change(items: Vec<ItemV1>)`.
fn conversions(head: &StateType, links: &[Link]) -> TokenStream {
    let mut out = TokenStream::new();
    for from in 0..links.len() {
        let newer = if from == 0 { head } else { &links[from - 1].older };
        for to in from + 1..=links.len() {
            out.extend(conversion(newer, &links[from..to]));
        }
    }
    out
}

/// The conversion over some hops, the nearest first.
fn conversion(newer: &StateType, hops: &[Link]) -> TokenStream {
    let (ident, lenient) = (&newer.ident, lenient(newer));
    let Some(oldest) = hops.last().map(|hop| &hop.older.ident) else { return TokenStream::new() };
    let (mut up, mut down) = (generated! { __value }, generated! { self });
    let path = |index: usize| if index == 0 { ident } else { &hops[index - 1].older.ident };
    for (index, hop) in hops.iter().enumerate() {
        let (newer, again) = (path(index), (index > 0).then(|| quote!(?)));
        let step = as_step(newer, hop);
        down = generated! { #step::step_down(#down #again, __context) };
    }
    for (index, hop) in hops.iter().enumerate().rev() {
        let (newer, again) = (path(index), (index + 1 < hops.len()).then(|| quote!(?)));
        let step = as_step(newer, hop);
        up = generated! { #step::step(#up #again, __context) };
    }
    generated! {
        #lenient
        impl ::shrine::__private::ConvertFrom<#oldest> for #ident {
            fn convert(
                __value: #oldest,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<Self, ::shrine::__private::MigrateError> {
                #up
            }
            fn revert(
                self,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<#oldest, ::shrine::__private::MigrateError> {
                #down
            }
        }
    }
}
