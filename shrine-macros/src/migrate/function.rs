//! `#[migrate]` on a function: the step of a hop that the type announces with `manual`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{
    Expr, FnArg, GenericArgument, ItemFn, LitStr, Path, PathArguments, ReturnType, Safety, Signature, Type,
};

use super::expand::{Implementation, call, checked, implementation, stub};
use super::parse::CHECK;
use crate::attributes::Options;
use crate::errors::Errors;
use crate::names::{of_type, plain};

/// A signature that fits, for messages.
const FORM: &str = "write `fn up(old: CounterV0_9_0) -> Counter`, or `-> Result<Counter, MigrateError>`";

/// The implementation of `Step` that calls the function.
pub(super) fn step(arguments: TokenStream, function: &ItemFn, errors: &Errors) -> TokenStream {
    let mut options = Options::read("#[migrate]", &["from", "down", "check"], arguments, errors);
    if !options.may_have("from") {
        let help = "write `#[migrate(from = \"0.9.0\")]`, as on the type";
        errors.report_at(Span::call_site(), "`#[migrate]` does not say which version it leads from", help);
    }
    let from = options.text("from", "0.9.0");
    let down = options.path("down");
    let check = options.expression("check", CHECK);
    options.finish();
    let Some(step) = signature(&function.sig, errors) else { return TokenStream::new() };
    let Step { older, newer, .. } = &step;
    let (up, back) = if step.valid {
        (step.up(&function.sig.ident, check.as_ref()), step.down(&function.sig.ident, down.as_ref()))
    } else {
        (stub(), stub())
    };
    let reversible = down.is_some();
    let version = from.filter(|_| step.valid).map(|from| version(older, &from));
    let step = implementation(&Implementation {
        attributes: generated! { #[automatically_derived] },
        newer,
        older,
        more: generated! { const REVERSIBLE: bool = #reversible; },
        up,
        down: back,
    });
    quote! { #step #version }
}

/// Holds the version that was written against that of the type.
fn version(older: &Type, from: &LitStr) -> TokenStream {
    let span = Span::mixed_site().located_at(from.span());
    let message = format!(
        "this function says that it leads from {}, but `{}` is another version",
        from.value(),
        of_type(older)
    );
    quote_spanned! { span =>
        const _: () = ::core::assert!(
            ::shrine::__private::same_text(<#older as ::shrine::__private::Chain>::VERSION, #from),
            #message
        );
    }
}

/// What the signature says.
struct Step {
    older: Type,
    newer: Type,
    /// Whether it returns a `Result`.
    fallible: bool,
    /// Whether the function can be called. If not, the implementation only keeps further errors away.
    valid: bool,
}

impl Step {
    fn up(&self, function: &Ident, check: Option<&Expr>) -> TokenStream {
        let Self { older, newer, .. } = self;
        let span = Span::mixed_site().located_at(newer.span());
        let up = if self.fallible {
            quote_spanned! { span => ::core::result::Result::map_err(#function(__old), ::core::convert::Into::into) }
        } else {
            generated! { ::core::result::Result::Ok(#function(__old)) }
        };
        let Some(check) = check else { return up };
        let version = |ty: &Type| generated! { <#ty as ::shrine::__private::Chain>::VERSION };
        checked(&up, check, (&version(older), &version(newer)))
    }

    fn down(&self, function: &Ident, down: Option<&Path>) -> TokenStream {
        let Self { older, newer, .. } = self;
        if let Some(down) = down {
            return call(down, &generated! { self });
        }
        let what = format!("the function `{}`", plain(function));
        generated! {
            ::core::result::Result::Err(::shrine::__private::MigrateError::one_way(
                <#newer as ::shrine::__private::Chain>::VERSION,
                <#older as ::shrine::__private::Chain>::VERSION,
                #what,
            ))
        }
    }
}

fn signature(signature: &Signature, errors: &Errors) -> Option<Step> {
    let mut types = None;
    let valid = errors.none_from(|| {
        qualifiers(signature, errors);
        types = parameter(signature, errors).zip(result(signature, errors));
    });
    types.map(|(older, (newer, fallible))| Step { older, newer, fallible, valid })
}

fn qualifiers(signature: &Signature, errors: &Errors) {
    let refuse = |span: Span, what: &str| {
        errors.report_at(span, format!("a step between two versions cannot be {what}"), FORM);
    };
    if let Some(asyncness) = &signature.asyncness {
        refuse(asyncness.span(), "async");
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        refuse(unsafety.span(), "unsafe");
    }
    if !signature.generics.params.is_empty() {
        refuse(signature.generics.span(), "generic");
    }
}

fn parameter(signature: &Signature, errors: &Errors) -> Option<Type> {
    let mut inputs = signature.inputs.iter();
    let older = match inputs.next() {
        None => {
            errors.report(&signature.ident, "a step takes the state at the older version", FORM);
            return None;
        }
        Some(FnArg::Receiver(receiver)) => {
            let message = "a step is a function of its own, not a method";
            errors.report(receiver, message, "move it out of the `impl` block");
            return None;
        }
        Some(FnArg::Typed(argument)) => &*argument.ty,
    };
    for extra in inputs {
        errors.report(extra, "a step takes nothing but the state at the older version", FORM);
    }
    owned(older, "takes", errors).cloned()
}

fn result(signature: &Signature, errors: &Errors) -> Option<(Type, bool)> {
    let ReturnType::Type(_, ty) = &signature.output else {
        errors.report(&signature.ident, "a step returns the state at the newer version", FORM);
        return None;
    };
    let result = match &**ty {
        Type::Path(path) => path.path.segments.last().filter(|last| last.ident == "Result"),
        _ => None,
    };
    let (newer, fallible) = match result.map(|result| &result.arguments) {
        Some(PathArguments::AngleBracketed(arguments)) => match arguments.args.first() {
            Some(GenericArgument::Type(inner)) => (inner, true),
            _ => (&**ty, false),
        },
        _ => (&**ty, false),
    };
    Some((owned(newer, "returns", errors)?.clone(), fallible))
}

/// The type, or what a reference refers to; reports what is not written by its name.
fn owned<'a>(ty: &'a Type, does: &str, errors: &Errors) -> Option<&'a Type> {
    if matches!(ty, Type::Path(_)) {
        return Some(ty);
    }
    errors.report(ty, format!("a step {does} the state of one version, by value"), FORM);
    match ty {
        Type::Reference(reference) if matches!(*reference.elem, Type::Path(_)) => Some(&reference.elem),
        _ => None,
    }
}
