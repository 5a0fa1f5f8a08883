//! `#[state]`, and what it has in common with `#[widget]` on a struct: the description of one Rust type as state.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::attributes::Options;
use crate::errors::Errors;
use crate::lock::{History, Kind, Lock};
use crate::migrate;
use crate::names;
use crate::unreadable;
use crate::version::{Form, Version};

pub(crate) mod check;
mod described;
pub(crate) mod expand;
pub(crate) mod fixture;
mod layout;
pub(crate) mod model;
pub(crate) mod parse;

pub(crate) use model::StateType;
pub(crate) use parse::Declaration;

/// The whole of `#[state]`.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream, lock: &Lock) -> TokenStream {
    let errors = Errors::new();
    let generated = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(input) => declare(arguments, input, lock, &errors),
        Err(error) if let Some(stand_in) = unreadable::item(&item, &error) => stand_in,
        Err(error) => {
            errors.report_at(error.span(), "`#[state]` goes on a struct or an enum", "move it there");
            item
        }
    };
    let errors = errors.into_tokens();
    quote! { #generated #errors }
}

fn declare(arguments: TokenStream, input: DeriveInput, lock: &Lock, errors: &Errors) -> TokenStream {
    let mut options = Options::read("#[state]", &["version"], arguments, errors);
    let wanted = options.has("version");
    let version = options.text("version", "2").and_then(|text| Version::read(&text, Form::Short, errors));
    options.finish();
    let version = if wanted { Some(version.unwrap_or_else(Version::unknown)) } else { None };

    let Declaration { item, mut state, hops } = parse::declaration(input, errors);
    state.version.clone_from(&version);
    check::check(&mut state, errors);
    let implementation = expand::state(&state);
    let same = expand::same(&state);
    let owner = migrate::Owner {
        label: format!("`{}`", names::plain(&state.ident)),
        attribute: "#[state(version = \"..\")]",
        form: Form::Short,
        nested: true,
        history: if version.is_some() {
            lock.history(Kind::State, &names::plain(&state.ident), errors)
        } else {
            History::default()
        },
    };
    let chain = migrate::chain(&owner, &state, version, &hops, errors);
    quote! { #item #implementation #same #chain }
}
