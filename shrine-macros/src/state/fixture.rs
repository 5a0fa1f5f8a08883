//! `#[fixture(..)]` on a field: which values its generated states have there.
//!
//! It is no part of the shape, and means the same with and without the feature `fixtures` of shrine: what it says is
//! checked by the compiler either way.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, ExprRange, ExprUnary, Lit, Path, RangeLimits, Token, Type, UnOp};

use super::model::{self, Field, Keeping};
use crate::attributes::{self, Options};
use crate::errors::Errors;

/// What `#[fixture(..)]` says about a field.
#[derive(Clone, Default)]
pub(crate) struct Fixture {
    range: Option<Limits>,
    len: Option<Limits>,
    values: Option<Vec<Expr>>,
    with: Option<Path>,
}

/// A range as it was written.
#[derive(Clone)]
struct Limits {
    range: ExprRange,
    /// The word before it.
    place: Span,
}

impl Fixture {
    /// The same for a field that contains the type itself: at the older version its values are of another type, but
    /// there are as many of them.
    pub(crate) fn carried(&self) -> Option<Self> {
        self.len.clone().map(|len| Self { len: Some(len), ..Self::default() })
    }
}

/// Reads `#[fixture(..)]` on a field.
pub(crate) fn read(ours: &[Attribute], keeping: &Keeping, errors: &Errors) -> Option<Fixture> {
    let mut fixture = Fixture::default();
    let (mut said, mut sound) = (Vec::new(), !ours.is_empty());
    for attribute in ours {
        sound &= errors.none_from(|| one(attribute, &mut fixture, &mut said, errors));
    }
    sound &= errors.none_from(|| agree(&said, keeping, errors));
    sound.then_some(fixture)
}

/// Reads one attribute; `said` are the options so far, in their order.
fn one(attribute: &Attribute, fixture: &mut Fixture, said: &mut Vec<Ident>, errors: &Errors) {
    let known = ["range", "values", "with", "len"];
    let mut options = Options::read("#[fixture]", &known, attributes::arguments(attribute, errors), errors);
    if !known.iter().any(|name| options.may_have(name)) {
        let help = "write `#[fixture(range(0..=100))]`, `values(..)`, `with = path` or `len(0..=3)`";
        errors.report_at(attributes::place(attribute), "`#[fixture]` says nothing", help);
    }
    let mut note = |name: Ident| match said.contains(&name) {
        true => errors.report(&name, format!("`{name}` is given twice"), "remove one of the two"),
        false => said.push(name),
    };
    if let Some((name, tokens)) = options.list("range", "range(0..=100)") {
        fixture.range = limits(&name, tokens, "range(0..=100)", errors);
        note(name);
    }
    if let Some((name, tokens)) = options.list("len", "len(0..=3)") {
        fixture.len = limits(&name, tokens, "len(0..=3)", errors);
        note(name);
    }
    if let Some((name, tokens)) = options.list("values", "values(1, 2)") {
        fixture.values = values(&name, tokens, errors);
        note(name);
    }
    if let Some((name, path)) = options.named_path("with") {
        fixture.with = Some(path);
        note(name);
    }
    options.finish();
}

/// Reports options that contradict each other or the field.
fn agree(said: &[Ident], keeping: &Keeping, errors: &Errors) {
    let whole = said.iter().find(|name| *name == "values" || *name == "with");
    if let Some(whole) = whole {
        for other in said.iter().filter(|name| *name != whole) {
            let message =
                format!("`{whole}` says which values there are, so there is nothing left for `{other}`");
            errors.report(other, message, "remove one of the two");
        }
    }
    let Some(first) = said.first() else { return };
    match keeping {
        Keeping::Transient => {
            let help = "remove one of the two: no version of the state has the field";
            errors.report(first, "a transient field has no fixtures", help);
        }
        Keeping::Opaque(_) if whole.is_none() => {
            let help = "write `values(..)`, or `with = path` for a function that makes some";
            errors.report(
                first,
                format!("nothing is known of what `{first}` would be about in an opaque field"),
                help,
            );
        }
        _ => {}
    }
}

fn limits(name: &Ident, tokens: TokenStream, example: &str, errors: &Errors) -> Option<Limits> {
    match syn::parse2::<Expr>(tokens.clone()).map(attributes::ungrouped) {
        Ok(Expr::Range(range)) if range.start.is_some() || range.end.is_some() => {
            empty(name, &range, errors);
            Some(Limits { range, place: name.span() })
        }
        _ => {
            let place = if tokens.is_empty() { name.to_token_stream() } else { tokens };
            errors.report(place, format!("`{name}` takes one range"), format!("write `{example}`"));
            None
        }
    }
}

/// Reports a range between two literals that has no values. Of other ends only the compiler knows what they are.
fn empty(name: &Ident, range: &ExprRange, errors: &Errors) {
    let (from, to) = ends(range);
    // Nothing is shorter than empty.
    let from = from.or_else(|| (range.start.is_none() && name == "len").then_some(End::Int(0)));
    let (Some(from), Some(to)) = (from, to) else { return };
    let kept = match range.limits {
        RangeLimits::Closed(_) => from <= to,
        RangeLimits::HalfOpen(_) => from < to,
    };
    if !kept {
        errors.report(
            range,
            format!("no value is in the range `{}`", of_range(range)),
            "write the lesser end first, or `..=` to include the greater one",
        );
    }
}

/// The ends of a range that are literals.
fn ends(range: &ExprRange) -> (Option<End>, Option<End>) {
    let end = |end: &Option<Box<Expr>>| end.as_deref().and_then(End::of);
    (end(&range.start), end(&range.end))
}

/// A literal as it is compared with one of its kind.
#[derive(PartialEq, PartialOrd)]
enum End {
    Int(i128),
    Float(f64),
    Char(char),
}

impl End {
    fn is_positive(&self) -> bool {
        match self {
            Self::Int(number) => *number > 0,
            Self::Float(number) => *number > 0.0,
            Self::Char(one) => *one > '\0',
        }
    }

    fn of(end: &Expr) -> Option<Self> {
        match end {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok().map(Self::Int),
            Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse().ok().map(Self::Float),
            Expr::Lit(ExprLit { lit: Lit::Char(one), .. }) => Some(Self::Char(one.value())),
            Expr::Group(group) => Self::of(&group.expr),
            Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match Self::of(expr)? {
                Self::Int(number) => Some(Self::Int(-number)),
                Self::Float(number) => Some(Self::Float(-number)),
                Self::Char(_) => None,
            },
            _ => None,
        }
    }
}

fn values(name: &Ident, tokens: TokenStream, errors: &Errors) -> Option<Vec<Expr>> {
    let values = errors.ok(Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens))?;
    if values.is_empty() {
        errors.report(name, "`values` names none", "write them as you would assign them: `values(1, 2)`");
    }
    Some(values.into_iter().map(attributes::ungrouped).collect())
}

/// The shape of a field with what its `#[fixture(..)]` says of it.
pub(super) fn narrowed(shape: TokenStream, field: &Field, own: &Ident) -> TokenStream {
    let Some(fixture) = &field.fixture else { return shape };
    // Constants inside of a function cannot say `Self`.
    let (ty, _) = model::replaced(&field.ty, own, &syn::parse_quote!(#own));
    let shape = match &fixture.range {
        Some(limits) => range(shape, &ty, limits),
        None => shape,
    };
    let shape = match &fixture.len {
        Some(limits) => len(shape, &ty, limits),
        None => shape,
    };
    if let Some(values) = &fixture.values {
        let values = values.iter().map(|value| encoded(field, &typed(value, &field.ty)));
        return generated! { ::shrine::__private::fixture::one_of(#shape, || ::std::vec![#(#values),*]) };
    }
    if let Some(path) = &fixture.with {
        let made = encoded(field, &generated! { __make(__seed) });
        let place = Span::mixed_site().located_at(path.span());
        let ty = located(field.ty.to_token_stream(), path.span());
        let signature = quote_spanned! { place => fn(::core::primitive::u64) -> #ty };
        return generated! {
            ::shrine::__private::fixture::made_by(#shape, |__seed| {
                let __make: #signature = #path;
                #made
            })
        };
    }
    shape
}

fn range(shape: TokenStream, ty: &Type, limits: &Limits) -> TokenStream {
    // A type that has no ranges is the mistake of this word: at its own place nothing is wrong with it.
    let place = Span::mixed_site().located_at(limits.place);
    let ty = located(ty.to_token_stream(), limits.place);
    let number = quote_spanned! { place => <#ty as ::shrine::__private::fixture::Ranged>::Number };
    let least = quote_spanned! { place => <#number as ::shrine::__private::fixture::Number>::LEAST };
    let held = held(limits, &number, &least);
    let (from, to, inclusive) = arguments(limits, held.is_some());
    quote_spanned! { place => {
        #held
        ::shrine::__private::fixture::in_range::<#ty>(#shape, #from, #to, #inclusive)
    }}
}

fn len(shape: TokenStream, ty: &Type, limits: &Limits) -> TokenStream {
    let place = Span::mixed_site().located_at(limits.place);
    let ty = located(ty.to_token_stream(), limits.place);
    let held = held(limits, &generated! { ::core::primitive::usize }, &generated! { 0 });
    let (from, to, inclusive) = arguments(limits, held.is_some());
    quote_spanned! { place => {
        #held
        ::shrine::__private::fixture::of_len::<#ty>(#shape, #from, #to, #inclusive)
    }}
}

/// The ends, as they were written or as the constants of [`held`], which are there for both ends.
fn arguments(limits: &Limits, constant: bool) -> (TokenStream, TokenStream, bool) {
    let inclusive = matches!(limits.range.limits, RangeLimits::Closed(_));
    if constant {
        let end = |name: TokenStream| generated! { ::core::option::Option::Some(#name) };
        return (end(generated! { __FROM }), end(generated! { __TO }), inclusive);
    }
    let (range, place) = (&limits.range, Span::mixed_site().located_at(limits.place));
    let end = |end: &Option<Box<Expr>>| match end {
        Some(end) => quote_spanned! { place => ::core::option::Option::Some(#end) },
        None => quote_spanned! { place => ::core::option::Option::None },
    };
    (end(&range.start), end(&range.end), inclusive)
}

/// Has the compiler find out that a range is not empty, unless both ends are literals. A range without a beginning begins
/// with the `least` value there is; one without an end has at least the greatest.
fn held(limits: &Limits, ty: &TokenStream, least: &TokenStream) -> Option<TokenStream> {
    let ExprRange { start, end, limits: kind, .. } = &limits.range;
    let end = end.as_ref()?;
    match ends(&limits.range) {
        (Some(_), Some(_)) => return None,
        // Nothing is less than the least of any type, and of what no type holds the compiler has more to say.
        (None, Some(to))
            if start.is_none() && (matches!(kind, RangeLimits::Closed(_)) || to.is_positive()) =>
        {
            return None;
        }
        _ => {}
    }
    let start = start.as_ref().map_or_else(|| least.clone(), ToTokens::to_token_stream);
    let place = Span::mixed_site().located_at(limits.place);
    let compared = match kind {
        RangeLimits::Closed(_) => quote_spanned! { place => __FROM <= __TO },
        RangeLimits::HalfOpen(_) => quote_spanned! { place => __FROM < __TO },
    };
    let message = format!("no value is in the range `{}`", of_range(&limits.range));
    // A format string, although without arguments.
    let message = message.replace('{', "{{").replace('}', "}}");
    Some(quote_spanned! { place =>
        const __FROM: #ty = #start;
        const __TO: #ty = #end;
        const _: () = ::core::assert!(#compared, #message);
    })
}

/// A range as a person would write it.
fn of_range(range: &ExprRange) -> String {
    let end = |end: &Option<Box<Expr>>| end.to_token_stream().to_string().replace("- ", "-");
    let dots = if matches!(range.limits, RangeLimits::Closed(_)) { "..=" } else { ".." };
    format!("{}{dots}{}", end(&range.start), end(&range.end))
}

/// An expression of the type of the field; text becomes what holds text there.
fn typed(value: &Expr, ty: &Type) -> TokenStream {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), attrs }) if attrs.is_empty() => {
            let place = Span::mixed_site().located_at(text.span());
            let ty = located(ty.to_token_stream(), text.span());
            quote_spanned! { place => <#ty as ::shrine::__private::fixture::Text>::text(#text) }
        }
        value => quote!(#value),
    }
}

/// The encoding of a value of the field.
fn encoded(field: &Field, value: &TokenStream) -> TokenStream {
    let ty = &field.ty;
    let encode = match field.codec() {
        Some(_) => generated! { <#ty as ::shrine::__private::Foreign>::write(&__value, __out) },
        None => generated! { <#ty as ::shrine::__private::State>::encode(&__value, __out) },
    };
    generated! {{
        let __value: #ty = #value;
        ::shrine::__private::fixture::encoded(|__out| #encode)
    }}
}

/// The tokens of a type, shown at another place.
fn located(tokens: TokenStream, place: Span) -> TokenStream {
    let place = Span::mixed_site().located_at(place);
    let at = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), located(group.stream(), place));
            moved.set_span(place);
            TokenTree::Group(moved)
        }
        mut token => {
            token.set_span(place);
            token
        }
    };
    tokens.into_iter().map(at).collect()
}

/// Reports `#[fixture(..)]` where it is about no field.
pub(crate) fn misplaced(attributes: &mut Vec<Attribute>, what: &str, errors: &Errors) {
    for attribute in attributes::take(attributes, "fixture") {
        let message = format!("`#[fixture(..)]` goes on a field, not on {what}");
        errors.report(&attribute, message, "write it above the field whose values it is about");
    }
}
