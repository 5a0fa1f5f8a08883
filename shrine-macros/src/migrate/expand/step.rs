//! Writes the step of one hop, up and down.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, GenericArgument, Path, PathArguments, Type};

use super::class::class;
use crate::migrate::model::{Link, Parts};
use crate::names::of_type;
use crate::state::StateType;
use crate::state::expand::{apart, lenient};
use crate::version::Version;

/// `impl Step`; none for a hop that a function makes.
pub(super) fn step(
    head: &StateType,
    newer: &StateType,
    newer_version: &Version,
    link: &Link,
) -> Option<TokenStream> {
    if link.hop.manual.is_some() {
        return None;
    }
    let (ident, lenient, older) = (&newer.ident, lenient(newer), &link.older.ident);
    let hop = Hop {
        newer: newer_version.text.value(),
        older: link.version.text.value(),
        newer_name: newer_version.name_of(&head.ident),
        link,
    };
    let (up, down) = if link.valid { (hop.up(), hop.down()) } else { (stub(), stub()) };
    let up = match &link.hop.check {
        Some(check) if link.valid => checked(&up, check, (&hop.older, &hop.newer)),
        _ => up,
    };
    Some(implementation(&Implementation {
        attributes: lenient,
        newer: &ident,
        older: &older,
        more: class(newer, link),
        up,
        down,
    }))
}

/// A step with its bodies.
pub(crate) struct Implementation<'a> {
    pub(crate) attributes: TokenStream,
    pub(crate) newer: &'a dyn ToTokens,
    pub(crate) older: &'a dyn ToTokens,
    /// What else the implementation says.
    pub(crate) more: TokenStream,
    /// From `__old` and `__context`.
    pub(crate) up: TokenStream,
    /// From `self` and `__context`.
    pub(crate) down: TokenStream,
}

/// `impl Step`.
pub(crate) fn implementation(step: &Implementation<'_>) -> TokenStream {
    let Implementation { attributes, newer, older, more, up, down } = step;
    let apart = apart();
    generated! {
        #attributes
        impl ::shrine::__private::Step<#older> for #newer {
            #more
            #apart
            fn step(
                __old: #older,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<Self, ::shrine::__private::MigrateError> {
                #up
            }
            #apart
            fn step_down(
                self,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<#older, ::shrine::__private::MigrateError> {
                #down
            }
        }
    }
}

/// Makes the newer state with `up` and holds it against the older one.
pub(crate) fn checked(
    up: &TokenStream,
    check: &Expr,
    (older, newer): (impl ToTokens, impl ToTokens),
) -> TokenStream {
    generated! {
        ::shrine::__private::checked(__old, __context, (#older, #newer), |__old, __context| { #up }, #check)
    }
}

/// Stands in for a step that was refused.
pub(crate) fn stub() -> TokenStream {
    generated! { ::core::result::Result::Err(::shrine::__private::MigrateError::new("this hop did not compile")) }
}

/// A hop with the texts of its versions, under which the attic keeps what the other version has no place for.
pub(super) struct Hop<'a> {
    pub(super) newer: String,
    pub(super) older: String,
    /// The name of the newer type with its version, also if it is the head.
    pub(super) newer_name: Ident,
    pub(super) link: &'a Link,
}

impl Hop<'_> {
    fn up(&self) -> TokenStream {
        if let Some(path) = &self.link.hop.with {
            return call(path, &generated! { __old });
        }
        match &self.link.parts {
            Parts::Fields { transfers, removed } => self.fields_up(transfers, removed),
            Parts::Variants { transfers, removed } => self.variants_up(transfers, removed),
        }
    }

    fn down(&self) -> TokenStream {
        if let Some(path) = &self.link.hop.down {
            return call(path, &generated! { self });
        }
        if let Some(what) = self.link.one_way() {
            let (newer, older) = (&self.newer, &self.older);
            return generated! {
                ::core::result::Result::Err(::shrine::__private::MigrateError::one_way(#newer, #older, #what))
            };
        }
        match &self.link.parts {
            Parts::Fields { transfers, removed } => self.fields_down(transfers, removed),
            Parts::Variants { transfers, removed } => self.variants_down(transfers, removed),
        }
    }
}

/// Calls the user's function, and shows it where it returns something else.
pub(crate) fn call(path: &Path, argument: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(path.span());
    quote_spanned! { span => #path(#argument) }
}

pub(super) fn local(index: usize) -> Ident {
    format_ident!("__v{index}", span = Span::mixed_site())
}

/// A function rather than a call: it tells the closure what it takes and returns, so that a mistake shows in its body.
pub(super) fn applied(value: &TokenStream, by: &Expr, result: &Type) -> TokenStream {
    generated! { ::shrine::__private::converted::<_, #result>(#value, #by) }
}

pub(super) fn at(name: &str, result: &TokenStream) -> TokenStream {
    generated! { #result.map_err(|__error| __error.at(#name))? }
}

/// Whether `new` reads `Option<old>`.
pub(super) fn is_option_of(new: &Type, old: &Type) -> bool {
    let Type::Path(path) = new else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => last.ident == "Option" && of_type(inner) == of_type(old),
        _ => false,
    }
}

pub(super) fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        other => other,
    }
}
