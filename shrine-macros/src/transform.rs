//! `#[transform]`: a function that connections put between two ports.
//!
//! Only the signature is read. The body may hold anything, also what does not parse: the compiler speaks of that.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, FnArg, GenericArgument, LitStr, PathArguments, ReturnType, Safety, Signature, Type, Visibility,
};

use crate::attributes::Options;
use crate::errors::Errors;
use crate::names::{of_type, plain};
use crate::state::expand::apart;
use crate::widget::{is_name, once, symbol};

/// What transforms look like, for messages.
const FORM: &str = "write `fn doubled(n: i64) -> i64`";

/// The whole of `#[transform]`.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let generated = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => transform(arguments, &function, &errors),
        Err(_) => {
            let help = format!("{FORM} below it");
            errors.report_at(Span::call_site(), "`#[transform]` goes on a function", help);
            TokenStream::new()
        }
    };
    let errors = errors.into_tokens();
    quote! { #item #generated #errors }
}

/// A function, with a body that nobody looks into.
struct Function {
    attributes: Vec<Attribute>,
    vis: Visibility,
    signature: Signature,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let (vis, signature) = (input.parse()?, input.parse()?);
        input.parse::<TokenStream>()?;
        Ok(Self { attributes, vis, signature })
    }
}

/// What the function does with a message.
struct Transform {
    takes: Type,
    gives: Type,
    /// Whether it returns a `Result`.
    may_fail: bool,
    /// Whether it returns an `Option`, of which only `Some` goes on.
    filter: bool,
}

fn transform(arguments: TokenStream, function: &Function, errors: &Errors) -> TokenStream {
    let mut options = Options::read("#[transform]", &["name", "filter"], arguments, errors);
    let name = options.text("name", "doubled").filter(|name| fits(name, errors));
    let filter = options.flag("filter").is_some();
    options.finish();
    let mut read = None;
    let fine = errors.none_from(|| read = signature(&function.signature, filter, errors));
    let ident = &function.signature.ident;
    if function.signature.receiver().is_some() {
        // It is in an `impl` block, where no types can be.
        return TokenStream::new();
    }
    let text = name.as_ref().map_or_else(|| plain(ident), LitStr::value);
    let implementation = implementation(function, &text, read.filter(|_| fine).as_ref());
    let conditions = conditions(function);
    let symbol = symbol("shrine_transform_", &text);
    let once = once("transform", &text, name.as_ref().map_or_else(|| ident.span(), LitStr::span));
    let export = fine.then(|| {
        generated! {
            #(#conditions)*
            #once
            #(#conditions)*
            const _: () = {
                #[unsafe(export_name = #symbol)]
                pub static DESCRIPTOR: ::shrine::__private::TransformDescriptor =
                    ::shrine::__private::TransformDescriptor::of::<#ident>();
            };
        }
    });
    quote! { #implementation #export }
}

/// What decides whether the function is there decides whether the transform is.
fn conditions(function: &Function) -> Vec<&Attribute> {
    function.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

fn fits(name: &LitStr, errors: &Errors) -> bool {
    let fine = is_name(&name.value());
    if !fine {
        let help =
            "use `a` to `z`, `0` to `9`, `_`, `.` and `-`, beginning with a letter, as in `to-celsius`";
        errors.report(name, format!("`{}` cannot be the name of a transform", name.value()), help);
    }
    fine
}

/// The type of the function's name, and what it does. A type with braces has no value of its name, so both can be there.
fn implementation(function: &Function, name: &str, read: Option<&Transform>) -> TokenStream {
    let (ident, vis, conditions) = (&function.signature.ident, &function.vis, conditions(function));
    let documentation = format!("The transform `{name}`, for programs that link it.");
    let unit: Type = syn::parse_quote!(());
    let message = read.map_or(&unit, |transform| &transform.takes);
    let (takes, gives, apply) = match read {
        Some(transform) => {
            let apply = apply(function, transform);
            (payload(&transform.takes), payload(&transform.gives), apply)
        }
        // The function was refused. Whatever names the type compiles, so that there is no second error.
        None => (payload(&unit), payload(&unit), generated! { ::core::result::Result::Ok(false) }),
    };
    let apart = apart();
    generated! {
        #(#conditions)*
        #[doc = #documentation]
        #[allow(non_camel_case_types, dead_code, missing_debug_implementations, missing_copy_implementations)]
        #[allow(clippy::exhaustive_structs)]
        #vis struct #ident {}

        #(#conditions)*
        #[automatically_derived]
        impl ::shrine::__private::Transform for #ident {
            const NAME: &'static str = #name;
            #apart
            fn takes() -> ::shrine::__private::PayloadInfo {
                #takes
            }
            #apart
            fn gives() -> ::shrine::__private::PayloadInfo {
                #gives
            }
            #apart
            fn upgrades(__found: &mut ::shrine::__private::Upgrades) {
                <#message as ::shrine::__private::State>::upgrades(__found);
            }
            #apart
            fn apply(
                __input: &mut ::shrine::__private::Decoder<'_>,
                __out: &mut ::shrine::__private::Encoder,
            ) -> ::core::result::Result<bool, ::shrine::__private::BoxError> {
                #apply
            }
        }
    }
}

fn payload(ty: &Type) -> TokenStream {
    // Written out rather than `PayloadInfo::of`, so that a type that is no state is reported once: see `state::expand`.
    generated! {
        ::shrine::__private::PayloadInfo {
            fingerprint: <#ty as ::shrine::__private::State>::FINGERPRINT,
            shape: <#ty as ::shrine::__private::State>::shape(&mut ::shrine::__private::ShapeContext::new()),
        }
    }
}

fn apply(function: &Function, Transform { takes, gives, may_fail, filter }: &Transform) -> TokenStream {
    let ident = &function.signature.ident;
    let again = may_fail.then(|| {
        let at = match &function.signature.output {
            ReturnType::Type(_, ty) => Span::mixed_site().located_at(ty.span()),
            ReturnType::Default => Span::mixed_site(),
        };
        quote_spanned! { at => .map_err(::shrine::__private::Fails::fails)? }
    });
    let pass = if *filter {
        generated! {
            let ::core::option::Option::Some(__message) = __message else {
                return ::core::result::Result::Ok(false);
            };
        }
    } else {
        TokenStream::new()
    };
    generated! {
        let __message = <#takes as ::shrine::__private::State>::decode(__input)?;
        __input.finish()?;
        let __message = #ident(__message) #again;
        #pass
        <#gives as ::shrine::__private::State>::encode(&__message, __out);
        ::core::result::Result::Ok(true)
    }
}

/// Reads the signature, or reports why the host could not call the function.
fn signature(signature: &Signature, filter: bool, errors: &Errors) -> Option<Transform> {
    qualifiers(signature, errors);
    Some(Transform { takes: parameter(signature, errors)?, ..result(signature, filter, errors)? })
}

fn qualifiers(signature: &Signature, errors: &Errors) {
    if let Some(asyncness) = &signature.asyncness {
        let help = "do what takes time in a widget, on a thread of its own";
        errors.report(asyncness, "a transform cannot be async: it runs between two ports", help);
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.report(unsafety, "a transform cannot be unsafe: the host keeps no promises for it", FORM);
    }
    if let Some(abi) = &signature.abi {
        errors.report(abi, "a transform is an ordinary Rust function", FORM);
    }
    let generics = &signature.generics;
    let open = |argument: &FnArg| match argument {
        FnArg::Typed(argument) if matches!(*argument.ty, Type::ImplTrait(_)) => Some(argument.ty.span()),
        _ => None,
    };
    let place = signature.inputs.iter().find_map(open);
    let place = place.or_else(|| (!generics.params.is_empty()).then(|| generics.params.span()));
    if let Some(place) = place {
        let message = "a transform cannot be generic: connections call it with one type";
        errors.report_at(place, message, "write the types out");
    }
}

fn parameter(signature: &Signature, errors: &Errors) -> Option<Type> {
    if let Some(receiver) = signature.receiver() {
        let help = format!("{FORM}, outside of an `impl` block; what needs state is a widget");
        errors.report(receiver, "a transform has no `self`: it is a free function", help);
        return None;
    }
    let types: Vec<_> = signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(argument) => Some(argument),
            FnArg::Receiver(_) => None,
        })
        .collect();
    match types.as_slice() {
        [] => errors.report(&signature.ident, "a transform takes the message", FORM),
        [argument] => match &*argument.ty {
            Type::Reference(reference) => {
                errors.report(reference, "a transform takes the message by value", FORM);
            }
            ty => return Some(ty.clone()),
        },
        [_, second, ..] => {
            errors.report(second, "a transform takes one message", "take a tuple or a struct");
        }
    }
    None
}

/// What it gives; `takes` is filled in by the caller.
fn result(signature: &Signature, filter: bool, errors: &Errors) -> Option<Transform> {
    let ReturnType::Type(_, ty) = &signature.output else {
        errors.report(&signature.ident, "a transform returns what becomes of the message", FORM);
        return None;
    };
    let mut gives = (**ty).clone();
    let may_fail = inside(&gives, "Result");
    if let Some(inner) = &may_fail {
        gives = inner.clone();
    }
    if filter {
        let Some(inner) = inside(&gives, "Option") else {
            let message = format!("`#[transform(filter)]` returns an `Option`, not `{}`", of_type(&gives));
            let help = "return `Some` of what is to go on, or remove `filter`";
            errors.report(ty.to_token_stream(), message, help);
            return None;
        };
        gives = inner;
    }
    match &gives {
        Type::Reference(reference) => {
            errors.report(reference, "a transform returns a value of its own, not a reference", FORM);
            return None;
        }
        Type::ImplTrait(open) => {
            let message = "a transform names the type that it returns: messages are encoded as it";
            errors.report(open, message, "write the type out");
            return None;
        }
        _ => {}
    }
    let takes = syn::parse_quote!(());
    Some(Transform { takes, gives, may_fail: may_fail.is_some(), filter })
}

/// `T` of `Result<T, ..>` or `Option<T>`, however the path begins.
fn inside(ty: &Type, name: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    }
}
