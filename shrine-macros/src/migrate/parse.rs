//! Reads `#[migrate(from = "..", to = "..", rename(..), add(..), remove(..), change(..), with = .., down = .., check = .., manual)]`.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Token, Type};

use super::Owner;
use super::model::{Change, Hop, Operation, Removed, Up};
use super::undecided::{UNDECIDED_RENAME, undecided, undecided_rename};
use crate::attributes::{self, Options};
use crate::errors::Errors;
use crate::names::{did_you_mean, list, plain};
use crate::state::StateType;
use crate::state::fixture::{self, Fixture};
use crate::state::model::{Body, Keeping};
use crate::state::parse::keeping;
use crate::version::{Form, Version};

mod variants;

/// Everything that a hop can say.
const OPTIONS: &[&str] =
    &["from", "to", "rename", "add", "remove", "change", "with", "down", "check", "manual"];

/// The operations among them, with an example of each.
const OPERATIONS: &[(&str, &str)] = &[
    ("rename", "rename(old => new)"),
    ("add", "add(field = value)"),
    ("remove", "remove(field: Type)"),
    ("change", "change(field: OldType)"),
];

/// The same for enums.
const VARIANT_OPERATIONS: &[(&str, &str)] = &[
    ("rename", "rename(Old => New)"),
    ("add", "add(Variant)"),
    ("remove", "remove(Variant(Type), up = |value| ..)"),
    ("change", "change(Variant(OldType), up = |value| ..)"),
];

/// An example of a check, for messages.
pub(super) const CHECK: &str = "|old, new| ..";

/// Reads one `#[migrate]`.
pub(crate) fn hop(attribute: &Attribute, owner: &Owner, head: &StateType, errors: &Errors) -> Hop {
    let place = attributes::place(attribute);
    let (mut from, mut to, mut operations) = (None, None, Vec::new());
    let (mut with, mut down, mut check, mut manual) = (None, None, None, None);
    let variants = matches!(head.body, Body::Enum(_));
    let valid = errors.none_from(|| {
        let mut options =
            Options::read("#[migrate]", OPTIONS, attributes::arguments(attribute, errors), errors);
        let example = if owner.form == Form::Semver { "0.9.0" } else { "1" };
        if !options.may_have("from") {
            let help = format!("write `#[migrate(from = \"{example}\", ..)]`");
            errors.report_at(place, "`#[migrate]` does not say which version it leads from", help);
        }
        from = options.text("from", example).and_then(|text| Version::read(&text, owner.form, errors));
        if options.has("to") {
            let read = options.text("to", example).and_then(|text| Version::read(&text, owner.form, errors));
            to = Some(read.unwrap_or_else(Version::unknown));
        }
        let known = if variants { VARIANT_OPERATIONS } else { OPERATIONS };
        for (index, tokens) in options.lists(known) {
            operations.extend(operations_in(known[index], variants, tokens, errors));
        }
        for (_, tokens) in options.lists(&[UNDECIDED_RENAME]) {
            let renames = operations_in(known[0], variants, tokens.clone(), errors);
            undecided_rename(&tokens, &renames, head, errors);
            operations.extend(renames);
        }
        with = options.path("with");
        down = options.path("down");
        check = options.expression("check", CHECK);
        manual = options.flag("manual");
        options.finish();
    });
    Hop { place, from, to, operations, with, down, check, manual, valid }
}

/// Reads what stands in the parentheses of an operation.
fn operations_in(
    (name, example): (&str, &str),
    variants: bool,
    tokens: TokenStream,
    errors: &Errors,
) -> Vec<Operation> {
    let parser = |input: ParseStream<'_>| match (name, variants) {
        ("rename", _) => renames(input),
        ("add", false) => additions(input, errors),
        ("remove", false) => removals(input, errors),
        (_, false) => changes(input, errors),
        ("add", true) => variants::additions(input, errors),
        ("remove", true) => variants::removals(input, errors),
        (_, true) => variants::changes(input, errors),
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

fn additions(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Operation>> {
    let addition = |input: ParseStream<'_>| {
        let field = input.parse()?;
        let value = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Operation::Add { field, value })
    };
    let additions = Punctuated::<_, Token![,]>::parse_terminated_with(input, addition)?;
    for addition in &additions {
        if let Operation::Add { field, value: Some(value) } = addition {
            let name = plain(field);
            let message = format!("what `{name}` begins with is not decided");
            let help = format!("write a value, `add({name} = 0)`, or a closure, `add({name} = |old| ..)`");
            undecided(value, message, help, errors);
        }
    }
    Ok(additions.into_iter().collect())
}

fn removals(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Operation>> {
    let removal = |Typed { field, ty, keeping, fixture, converters }: Typed| {
        let [down] = converters.read(&field, ["down"], errors);
        Operation::Remove(Removed { field, ty, keeping, fixture, down })
    };
    Ok(typed(input, errors)?.into_iter().map(removal).collect())
}

fn changes(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Operation>> {
    let change = |Typed { field, ty, keeping, fixture, converters }: Typed| {
        let [up, try_up, down] = converters.read(&field, ["up", "try_up", "down"], errors);
        let up = self::up(&field, up, try_up, errors);
        Operation::Change { field, change: Change { ty, keeping, fixture, up, down } }
    };
    Ok(typed(input, errors)?.into_iter().map(change).collect())
}

/// Which of the two there is.
fn up(subject: &Ident, up: Option<Expr>, try_up: Option<Expr>, errors: &Errors) -> Up {
    match (up, try_up) {
        (Some(_), Some(try_up)) => {
            let message = format!("`{}` has both `up` and `try_up`", plain(subject));
            errors.report(&try_up, message, "keep the one that fits: `try_up` returns a `Result`");
            Up::Try(try_up)
        }
        (Some(up), None) => Up::By(up),
        (None, Some(try_up)) => Up::Try(try_up),
        (None, None) => Up::Lossless,
    }
}

/// `field: Type, option = value, ..`: a name with a colon begins a field, a name with `=` is an option of the last.
struct Typed {
    field: Ident,
    ty: Type,
    keeping: Keeping,
    fixture: Option<Fixture>,
    converters: Converters,
}

fn typed(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Typed>> {
    let mut fields: Vec<Typed> = Vec::new();
    while !input.is_empty() {
        let mut ours = input.call(Attribute::parse_outer)?;
        let name: Ident = input.parse()?;
        match fields.last_mut() {
            Some(last) if input.peek(Token![=]) => last.converters.push(name, input)?,
            _ => {
                input.parse::<Token![:]>()?;
                let fixtures = attributes::take(&mut ours, "fixture");
                let keeping = older_keeping(&ours, errors);
                let fixture = fixture::read(&fixtures, &keeping, errors);
                fields.push(Typed {
                    field: name,
                    ty: input.parse()?,
                    keeping,
                    fixture,
                    converters: Converters::default(),
                });
            }
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(fields)
}

/// What `#[state(opaque = "..")]` says about a field of the older version.
fn older_keeping(ours: &[Attribute], errors: &Errors) -> Keeping {
    for other in ours.iter().filter(|attribute| !attributes::is(attribute, "state")) {
        errors.report(
            other,
            "only `#[state(opaque = \"..\")]` and `#[fixture(..)]` mean something here",
            "remove it",
        );
    }
    let ours: Vec<_> = ours.iter().filter(|attribute| attributes::is(attribute, "state")).cloned().collect();
    match keeping(&ours, true, errors) {
        Keeping::Transient => {
            let help = "leave the field out: it is part of no version of the state";
            ours.iter().for_each(|ours| errors.report(ours, "a transient field has no older version", help));
            Keeping::Kept
        }
        keeping => keeping,
    }
}

/// What is said about one field or variant: `up = .., down = ..`.
#[derive(Default)]
struct Converters(Vec<(Ident, Expr)>);

impl Converters {
    /// Reads what follows the name of a converter.
    fn push(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        input.parse::<Token![=]>()?;
        self.0.push((name, input.parse()?));
        Ok(())
    }

    /// The converters of those names; reports all others.
    fn read<const N: usize>(self, subject: &Ident, known: [&str; N], errors: &Errors) -> [Option<Expr>; N] {
        let mut found = [const { None }; N];
        for (name, value) in self.0 {
            let text = plain(&name);
            if text == "down" {
                let message = format!("what `{}` goes back to is not decided", plain(subject));
                undecided(
                    &value,
                    message,
                    "write a closure, a function or a value, or leave `down` out",
                    errors,
                );
            } else {
                let message = format!("what becomes of `{}` is not decided", plain(subject));
                let help = format!(
                    "write a closure or a function, as `{text} = |value| ..`; for a variant, a value will do"
                );
                undecided(&value, message, help, errors);
            }
            match known.iter().position(|known| *known == text) {
                Some(index) if found[index].is_none() => found[index] = Some(value),
                Some(_) => errors.report(&name, format!("`{text}` is given twice"), "remove one of the two"),
                None => {
                    let message = format!("`{}` has no converter `{text}`", plain(subject));
                    let help = format!("{}there is {}", did_you_mean(&text, known), list(known));
                    errors.report(name.to_token_stream(), message, help);
                }
            }
        }
        found
    }
}
