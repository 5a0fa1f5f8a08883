//! `#[widget]`: the state on a struct, the behaviour on an `impl` block.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{DeriveInput, Item, ItemImpl};

use crate::errors::Errors;
use crate::lock::{Kind, Lock};
use crate::migrate;
use crate::state::{self, Declaration};
use crate::unreadable;
use crate::version::{Form, Version};

mod check;
mod duration;
mod expand;
mod former;
mod model;
mod parse;

pub(crate) use check::is_name;
pub(crate) use expand::{once, symbol};

/// The whole of `#[widget]`.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream, lock: &Lock) -> TokenStream {
    let errors = Errors::new();
    let generated = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(input)) => declare(arguments, input.into(), lock, &errors),
        Ok(Item::Enum(input)) => declare(arguments, input.into(), lock, &errors),
        Ok(Item::Union(input)) => declare(arguments, input.into(), lock, &errors),
        Ok(Item::Impl(input)) => behave(arguments, input, &errors),
        Err(error) if let Some(stand_in) = unreadable::item(&item, &error) => stand_in,
        _ => {
            let help = "write it above a struct, with an id and a version, and above its `impl`, without";
            errors.report_at(Span::call_site(), "`#[widget]` goes on a struct or its `impl`", help);
            item
        }
    };
    let errors = errors.into_tokens();
    quote! { #generated #errors }
}

/// `#[widget(id = "..", version = "..")]` on a struct.
fn declare(arguments: TokenStream, input: DeriveInput, lock: &Lock, errors: &Errors) -> TokenStream {
    let identity = parse::identity(arguments, errors);
    let Declaration { item, state: mut widget, hops } = state::parse::declaration(input, errors);
    check::form(&item, errors);
    state::check::check(&mut widget, errors);
    let implementation = state::expand::state(&widget);
    let owner = migrate::Owner {
        label: identity.label(&widget.ident),
        attribute: "#[widget(id = \"..\", version = \"..\")]",
        form: Form::Semver,
        nested: false,
        history: identity
            .id
            .as_ref()
            .map(|id| lock.history(Kind::Widget, &id.value(), errors))
            .unwrap_or_default(),
    };
    let version = identity.version.clone().unwrap_or_else(Version::unknown);
    let chain = migrate::chain(&owner, &widget, Some(version), &hops, errors);
    let export = expand::export(&widget, &identity);
    quote! { #item #implementation #chain #export }
}

/// `#[widget]` on an `impl` block.
fn behave(arguments: TokenStream, mut input: ItemImpl, errors: &Errors) -> TokenStream {
    let mut behaviour = model::Behaviour::default();
    let fine = errors.none_from(|| {
        parse::no_arguments(arguments, errors);
        behaviour = parse::behaviour(&mut input, errors);
        check::block(&input, errors);
        check::outputs(&mut behaviour, errors);
        former::check(&behaviour, errors);
    });
    let implementation = expand::behaviour(&input, fine.then_some(&behaviour));
    quote! { #input #implementation }
}
