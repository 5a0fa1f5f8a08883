//! `#[migrate]`: the hops from older versions, read off the item that they stand on.

use std::iter;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, DeriveInput, Item};

use crate::attributes;
use crate::errors::Errors;
use crate::lock::{self, History, Known};
use crate::state::StateType;
use crate::version::{Form, Version};

mod check;
mod expand;
mod function;
mod model;
mod parse;
mod undecided;

use expand::Chain;

/// Who has the history.
pub(crate) struct Owner {
    /// How messages call it: "widget `counter`" or "`Item`".
    pub(crate) label: String,
    /// What gives it a version, for messages.
    pub(crate) attribute: &'static str,
    pub(crate) form: Form,
    /// Whether the version is part of the fingerprint, and parents convert from older versions.
    pub(crate) nested: bool,
    /// What was released of it.
    pub(crate) history: History,
}

/// The types of the older versions, the steps between them, and the chain of each.
pub(crate) fn chain(
    owner: &Owner,
    head: &StateType,
    version: Option<Version>,
    attributes: &[Attribute],
    errors: &Errors,
) -> TokenStream {
    let hops: Vec<_> =
        attributes.iter().map(|attribute| parse::hop(attribute, owner, head, errors)).collect();
    let Some(version) = version else {
        check::versionless(owner, attributes, errors);
        return TokenStream::new();
    };
    if !head.generics.params.is_empty() {
        return TokenStream::new();
    }
    let (beside, hops) = check::beside(hops);
    let attributes = hops.len();
    let links = check::links(owner, head, &version, hops, errors);
    let shortcuts = check::shortcuts(owner, head, &version, &links, beside, errors);
    let mut chain =
        expand::chain(owner, &Chain { head, version: &version, links: &links, shortcuts: &shortcuts });
    let older = links.iter().map(|link| Known { version: &link.version, state: &link.older });
    let known: Vec<_> = iter::once(Known { version: &version, state: head }).chain(older).collect();
    chain.extend(lock::hold(&owner.label, &known, &owner.history, links.len() == attributes, errors));
    chain
}

/// The whole of `#[migrate]` as a macro: on a function, or where nothing above it has read it.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let generated = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(input)) => move_below(&arguments, input.into(), &errors),
        Ok(Item::Enum(input)) => move_below(&arguments, input.into(), &errors),
        Ok(Item::Fn(function)) => {
            let step = function::step(arguments, &function, &errors);
            quote! { #function #step }
        }
        _ => {
            let help = "a hop is described on the type: `#[migrate(from = \"..\", ..)]`";
            errors.report_at(Span::call_site(), "`#[migrate]` goes on a struct, an enum or a function", help);
            item
        }
    };
    let errors = errors.into_tokens();
    quote! { #generated #errors }
}

/// Moves this attribute, and those of its kind that follow it, below the `#[widget]` or `#[state]` that reads them.
fn move_below(arguments: &TokenStream, mut input: DeriveInput, errors: &Errors) -> TokenStream {
    let reads =
        |attribute: &Attribute| attributes::is(attribute, "widget") || attributes::is(attribute, "state");
    let Some(reader) = input.attrs.iter().position(reads) else {
        let help = "put `#[widget(id = \"..\", version = \"..\")]` or `#[state(version = \"..\")]` above it";
        errors.report_at(Span::call_site(), "`#[migrate]` belongs to a widget or a state type", help);
        attributes::take(&mut input.attrs, "migrate");
        return quote!(#input);
    };
    let mut below = input.attrs.split_off(reader + 1);
    let mut above = input.attrs.split_off(0);
    let mut hops = attributes::take(&mut above, "migrate");
    hops.insert(0, syn::parse_quote!(#[migrate(#arguments)]));
    above.append(&mut hops);
    above.append(&mut below);
    input.attrs = above;
    quote!(#input)
}
