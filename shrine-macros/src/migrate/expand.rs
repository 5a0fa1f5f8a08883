//! Writes the types of older versions, the steps, the chains and the conversions.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Attribute;

use super::Owner;
use super::model::{Link, Shortcut};
use crate::attributes;
use crate::names::plain;
use crate::state::StateType;
use crate::state::expand::{self, apart, lenient};
use crate::state::model::{Body, Field, Variant};
use crate::version::Version;

mod class;
mod fields;
mod payload;
mod step;
mod variants;
mod versions;

pub(super) use step::{Implementation, call, checked, implementation, stub};

/// All versions of a type, counted from the head, which is 0.
pub(crate) struct Chain<'a> {
    pub(crate) head: &'a StateType,
    pub(crate) version: &'a Version,
    pub(crate) links: &'a [Link],
    pub(crate) shortcuts: &'a [Shortcut],
}

impl Chain<'_> {
    /// The type at a version, and the version.
    fn at(&self, index: usize) -> (&StateType, &Version) {
        match index.checked_sub(1) {
            None => (self.head, self.version),
            Some(index) => (&self.links[index].older, &self.links[index].version),
        }
    }

    /// The last hop of the shortest way from the version `from` to the newer one `to`, and where it starts.
    fn last_hop(&self, from: usize, to: usize) -> (usize, &Link) {
        let beside = self.shortcuts.iter().filter(|shortcut| shortcut.to == to && shortcut.from <= from);
        match beside.max_by_key(|shortcut| shortcut.from) {
            Some(shortcut) => (shortcut.from, &shortcut.link),
            None => (to + 1, &self.links[to]),
        }
    }
}

/// Everything that follows from the hops of one type.
pub(crate) fn chain(owner: &Owner, chain: &Chain<'_>) -> TokenStream {
    let mut out = versions::version(chain, 0);
    let mut payloads = Vec::new();
    for (index, link) in chain.links.iter().enumerate() {
        let (newer, newer_version) = chain.at(index);
        out.extend(older_type(chain.head, link));
        out.extend(expand::state(&link.older));
        out.extend(payload::types(chain.head, newer_version, link, &mut payloads));
        out.extend(step::step(chain.head, newer, newer_version, link));
        out.extend(versions::version(chain, index + 1));
    }
    for Shortcut { to, link, .. } in chain.shortcuts {
        let (newer, newer_version) = chain.at(*to);
        out.extend(payload::types(chain.head, newer_version, link, &mut payloads));
        out.extend(step::step(chain.head, newer, newer_version, link));
    }
    if owner.nested || chain.links.iter().any(Link::carries_itself) {
        out.extend(conversions(chain));
    }
    out
}

fn older_type(head: &StateType, link: &Link) -> TokenStream {
    let StateType { ident, vis, derives, body, .. } = &link.older;
    let documentation =
        format!("`{}` as it was at version {}.", plain(&head.ident), link.version.text.value());
    if let Body::Enum(variants) = body {
        let variants = variants.iter().map(older_variant);
        return generated! {
            #[doc = #documentation]
            #(#derives)*
            #vis enum #ident { #(#variants)* }
        };
    }
    let fields = link.older.named().unwrap_or_default();
    let members = fields.iter().map(older_field);
    let default = attributes::derive(derives, "Default").then(|| default(&link.older, fields));
    let derives = attributes::without_derive(derives, "Default");
    generated! {
        #[doc = #documentation]
        #(#derives)*
        #vis struct #ident { #(#members)* }
        #default
    }
}

/// `Default` for a struct of which nobody knows whether all its types have it: it has one if they do. The bounds are over
/// a lifetime that is not used, because the compiler refuses to wait with others.
fn default(older: &StateType, fields: &[Field]) -> TokenStream {
    let (ident, lenient) = (&older.ident, lenient(older));
    let (names, types): (Vec<_>, Vec<_>) = fields.iter().map(|field| (&field.ident, &field.ty)).unzip();
    generated! {
        #lenient
        impl ::core::default::Default for #ident
        where
            #(for<'__any> #types: ::core::default::Default,)*
        {
            fn default() -> Self {
                Self { #(#names: ::core::default::Default::default(),)* }
            }
        }
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

/// `impl ConvertFrom` between any two versions, so that a parent can say `change(items: Vec<ItemV1>)`.
fn conversions(chain: &Chain<'_>) -> TokenStream {
    let pairs =
        (0..chain.links.len()).flat_map(|to| (to + 1..=chain.links.len()).map(move |from| (from, to)));
    pairs.map(|(from, to)| conversion(chain, from, to)).collect()
}

/// The conversion from the version `from` to the newer one `to`. Up it takes shortcuts, down each hop.
fn conversion(chain: &Chain<'_>, from: usize, to: usize) -> TokenStream {
    let (newer, (oldest, _)) = (chain.at(to).0, chain.at(from));
    let (ident, oldest, lenient) = (&newer.ident, &oldest.ident, lenient(newer));
    let (mut way, apart) = (Vec::new(), apart());
    let mut at = to;
    while at < from {
        let (start, link) = chain.last_hop(from, at);
        way.push(as_step(&chain.at(at).0.ident, link));
        at = start;
    }
    let mut up = generated! { __value };
    for (index, step) in way.iter().rev().enumerate() {
        let again = (index > 0).then(|| quote!(?));
        up = generated! { #step::step(#up #again, __context) };
    }
    let classes = way.iter().map(|step| generated! { #step::class(__context) });
    let class = class::worst(classes);
    let mut down = generated! { self };
    for at in to..from {
        let again = (at > to).then(|| quote!(?));
        let step = as_step(&chain.at(at).0.ident, &chain.links[at]);
        down = generated! { #step::step_down(#down #again, __context) };
    }
    generated! {
        #lenient
        impl ::shrine::__private::ConvertFrom<#oldest> for #ident {
            #apart
            fn convert(
                __value: #oldest,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<Self, ::shrine::__private::MigrateError> {
                #up
            }
            #apart
            fn revert(
                self,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<#oldest, ::shrine::__private::MigrateError> {
                #down
            }
            #apart
            fn class(__context: &mut ::shrine::__private::ClassContext) -> ::shrine::__private::Class {
                #class
            }
        }
    }
}
