//! Writes the types of older versions, the steps, the chains and the conversions.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::Owner;
use super::model::{How, Link, Operation};
use crate::names::{of_type, plain};
use crate::state::StateType;
use crate::state::expand::{lenient, state};
use crate::state::model::Field;
use crate::version::Version;

mod step;

/// Everything that follows from the hops of one type.
pub(crate) fn chain(owner: &Owner, head: &StateType, version: &Version, links: &[Link]) -> TokenStream {
    let mut out = one_chain(head, version, None, links.first());
    let (mut newer, mut newer_version) = (head, version);
    for (index, link) in links.iter().enumerate() {
        out.extend(older_type(head, link));
        out.extend(state(&link.older));
        out.extend(step::step(newer, newer_version, link));
        out.extend(one_chain(&link.older, &link.version, Some(link), links.get(index + 1)));
        (newer, newer_version) = (&link.older, &link.version);
    }
    let carried = links.iter().flat_map(|link| &link.transfers);
    if owner.nested || carried.into_iter().any(|transfer| matches!(transfer.how, How::Carry { .. })) {
        out.extend(conversions(head, links));
    }
    out
}

fn older_type(head: &StateType, link: &Link) -> TokenStream {
    let StateType { ident, vis, derives, .. } = &link.older;
    let documentation =
        format!("`{}` as it was at version {}.", plain(&head.ident), link.version.text.value());
    let fields = link.older.named().unwrap_or_default().iter().map(|field| {
        let Field { ident, ty, vis, attributes, .. } = field;
        let documented = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
        let documentation = (!documented).then(|| {
            let text = format!("`{}` at that version.", field.name());
            generated! { #[doc = #text] }
        });
        generated! { #documentation #(#attributes)* #vis #ident: #ty, }
    });
    generated! {
        #[doc = #documentation]
        #(#derives)*
        #vis struct #ident { #(#fields)* }
    }
}

/// `impl Chain`. `leads` is the hop that leads on from this version, `before` the one that leads to it.
fn one_chain(
    this: &StateType,
    version: &Version,
    leads: Option<&Link>,
    before: Option<&Link>,
) -> TokenStream {
    let (ident, lenient, text) = (&this.ident, lenient(this), &version.text.value());
    let hop = match leads {
        None => generated! { ::core::option::Option::None },
        Some(link) => hop_info(link),
    };
    let Before { load, store, versions } = before.map_or_else(oldest, leading);
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
        }
    }
}

/// What a version does with state that is not its own.
struct Before {
    load: TokenStream,
    store: TokenStream,
    versions: Option<TokenStream>,
}

/// It asks the version before it.
fn leading(link: &Link) -> Before {
    let older = &link.older.ident;
    Before {
        load: generated! {
            let __older = <#older as ::shrine::__private::Chain>::load(__version, __input, __context)?;
            <Self as ::shrine::__private::Step<#older>>::step(__older, __context)
        },
        store: generated! {
            let __older = <Self as ::shrine::__private::Step<#older>>::step_down(self, __context)?;
            <#older as ::shrine::__private::Chain>::store(__older, __version, __out, __context)
        },
        versions: Some(generated! { <#older as ::shrine::__private::Chain>::versions(__found); }),
    }
}

/// The oldest has nobody to ask.
fn oldest() -> Before {
    let error = generated! {
        ::core::result::Result::Err(::shrine::__private::MigrateError::unknown_version(
            __version,
            <Self as ::shrine::__private::Chain>::VERSION,
        ))
    };
    Before { load: error.clone(), store: error, versions: None }
}

fn hop_info(link: &Link) -> TokenStream {
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
            Operation::Remove { field, ty, .. } => operation("remove", plain(field), Some(of_type(ty))),
            Operation::Change { field, change } => {
                operation("change", plain(field), Some(of_type(&change.ty)))
            }
        })
        .collect();
    if let Some(path) = &link.hop.with {
        let path = quote!(#path).to_string().replace(' ', "");
        operations.push(operation("with", path, None));
    }
    let reversible = link.one_way().is_none();
    generated! {
        ::core::option::Option::Some(::shrine::__private::HopInfo {
            operations: ::std::vec![#(#operations),*],
            reversible: #reversible,
        })
    }
}

/// `impl ConvertFrom` between any two versions, so that a parent can say `change(items: Vec<ItemV1>)`.
fn conversions(head: &StateType, links: &[Link]) -> TokenStream {
    let types: Vec<&StateType> = std::iter::once(head).chain(links.iter().map(|link| &link.older)).collect();
    let mut out = TokenStream::new();
    for (index, newer) in types.iter().enumerate() {
        for length in 1..types.len() - index {
            out.extend(conversion(newer, &types[index + 1..=index + length]));
        }
    }
    out
}

/// The conversion over some hops; `older` is what they lead over, the nearest first.
fn conversion(newer: &StateType, older: &[&StateType]) -> TokenStream {
    let (ident, lenient) = (&newer.ident, lenient(newer));
    let Some(oldest) = older.last().map(|oldest| &oldest.ident) else { return TokenStream::new() };
    let path: Vec<&Ident> = std::iter::once(ident).chain(older.iter().map(|older| &older.ident)).collect();
    let (mut up, mut down) = (generated! { __value }, generated! { self });
    for (index, pair) in path.windows(2).enumerate() {
        let (new, old) = (pair[0], pair[1]);
        let again = (index > 0).then(|| quote!(?));
        down = generated! { <#new as ::shrine::__private::Step<#old>>::step_down(#down #again, __context) };
    }
    for (index, pair) in path.windows(2).rev().enumerate() {
        let (new, old) = (pair[0], pair[1]);
        let again = (index > 0).then(|| quote!(?));
        up = generated! { <#new as ::shrine::__private::Step<#old>>::step(#up #again, __context) };
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
