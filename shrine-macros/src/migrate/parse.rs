//! Reads `#[migrate(from = "..", rename(..), add(..), remove(..), change(..), with = .., down = ..)]`.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Token, Type};

use super::Owner;
use super::model::{Change, Hop, Operation, Up};
use crate::attributes::{self, Options};
use crate::errors::Errors;
use crate::names::{did_you_mean, list, plain};
use crate::version::{Form, Version};

/// Everything that a hop can say.
const OPTIONS: &[&str] = &["from", "rename", "add", "remove", "change", "with", "down"];

/// The operations among them, with an example of each.
const OPERATIONS: &[(&str, &str)] = &[
    ("rename", "rename(old => new)"),
    ("add", "add(field = value)"),
    ("remove", "remove(field: Type)"),
    ("change", "change(field: OldType)"),
];

/// Reads one `#[migrate]`.
pub(crate) fn hop(attribute: &Attribute, owner: &Owner, errors: &Errors) -> Hop {
    let place = attributes::place(attribute);
    let (mut from, mut operations, mut with, mut down) = (None, Vec::new(), None, None);
    let valid = errors.none_from(|| {
        let mut options =
            Options::read("#[migrate]", OPTIONS, attributes::arguments(attribute, errors), errors);
        let example = if owner.form == Form::Semver { "0.9.0" } else { "1" };
        if !options.may_have("from") {
            let help = format!("write `#[migrate(from = \"{example}\", ..)]`");
            errors.report_at(place, "`#[migrate]` does not say which version it leads from", help);
        }
        from = options.text("from", example).and_then(|text| Version::read(&text, owner.form, errors));
        for (index, tokens) in options.lists(OPERATIONS) {
            operations.extend(operations_in(index, tokens, errors));
        }
        with = options.path("with");
        down = options.path("down");
        options.finish();
    });
    Hop { place, from, operations, with, down, valid }
}

/// Reads what stands in the parentheses of the operation of that index.
fn operations_in(index: usize, tokens: TokenStream, errors: &Errors) -> Vec<Operation> {
    let (name, example) = OPERATIONS[index];
    let parser = |input: ParseStream<'_>| match name {
        "rename" => renames(input),
        "add" => additions(input),
        "remove" => removals(input, errors),
        _ => changes(input, errors),
    };
    match parser.parse2(tokens) {
        Ok(operations) => operations,
        Err(error) => {
            errors.report_at(error.span(), format!("in `{name}`: {error}"), format!("write `{example}`"));
            Vec::new()
        }
    }
}

fn renames(input: ParseStream<'_>) -> syn::Result<Vec<Operation>> {
    let rename = |input: ParseStream<'_>| {
        let old = input.parse()?;
        input.parse::<Token![=>]>()?;
        Ok(Operation::Rename { old, new: input.parse()? })
    };
    Ok(Punctuated::<_, Token![,]>::parse_terminated_with(input, rename)?.into_iter().collect())
}

fn additions(input: ParseStream<'_>) -> syn::Result<Vec<Operation>> {
    let addition = |input: ParseStream<'_>| {
        let field = input.parse()?;
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Operation::Add { field, value })
    };
    Ok(Punctuated::<_, Token![,]>::parse_terminated_with(input, addition)?.into_iter().collect())
}

fn removals(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Operation>> {
    let removal = |typed: Typed| {
        let [down] = typed.converters(["down"], errors);
        Operation::Remove { field: typed.field, ty: typed.ty, down }
    };
    Ok(typed(input)?.into_iter().map(removal).collect())
}

fn changes(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Operation>> {
    let change = |typed: Typed| {
        let [up, try_up, down] = typed.converters(["up", "try_up", "down"], errors);
        let up = match (up, try_up) {
            (Some(_), Some(try_up)) => {
                let message = format!("`{}` has both `up` and `try_up`", plain(&typed.field));
                errors.report(&try_up, message, "keep the one that fits: `try_up` returns a `Result`");
                Up::Try(try_up)
            }
            (Some(up), None) => Up::By(up),
            (None, Some(try_up)) => Up::Try(try_up),
            (None, None) => Up::Lossless,
        };
        Operation::Change { field: typed.field, change: Change { ty: typed.ty, up, down } }
    };
    Ok(typed(input)?.into_iter().map(change).collect())
}

/// `field: Type, option = value, ..`: a name with a colon begins a field, a name with `=` is an option of the last.
struct Typed {
    field: Ident,
    ty: Type,
    options: Vec<(Ident, Expr)>,
}

fn typed(input: ParseStream<'_>) -> syn::Result<Vec<Typed>> {
    let mut fields: Vec<Typed> = Vec::new();
    while !input.is_empty() {
        let name: Ident = input.parse()?;
        match fields.last_mut() {
            Some(last) if input.peek(Token![=]) => {
                input.parse::<Token![=]>()?;
                last.options.push((name, input.parse()?));
            }
            _ => {
                input.parse::<Token![:]>()?;
                fields.push(Typed { field: name, ty: input.parse()?, options: Vec::new() });
            }
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(fields)
}

impl Typed {
    /// The converters of those names; reports all others.
    fn converters<const N: usize>(&self, known: [&str; N], errors: &Errors) -> [Option<Expr>; N] {
        let mut found = [const { None }; N];
        for (name, value) in &self.options {
            let text = plain(name);
            match known.iter().position(|known| *known == text) {
                Some(index) if found[index].is_none() => found[index] = Some(value.clone()),
                Some(_) => errors.report(name, format!("`{text}` is given twice"), "remove one of the two"),
                None => {
                    let message = format!("`{}` has no converter `{text}`", plain(&self.field));
                    let help = format!("{}there is {}", did_you_mean(&text, known), list(known));
                    errors.report(name.to_token_stream(), message, help);
                }
            }
        }
        found
    }
}
