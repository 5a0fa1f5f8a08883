//! Reads the options of `#[widget]` and takes the methods of its `impl` block apart.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, FnArg, GenericArgument, ImplItem, ImplItemFn, ItemImpl, LitStr, Pat, PatType, PathArguments,
    Type,
};

use super::duration::nanoseconds;
use super::model::{Behaviour, HookMethod, HookParameter, Identity, Input, Output, Parameter, Role, Timer};
use super::{check, former};
use crate::attributes::{self, Options};
use crate::errors::Errors;
use crate::names::plain;
use crate::version::{Form, Version};

/// Reads `id = "..", version = ".."`.
pub(crate) fn identity(arguments: TokenStream, errors: &Errors) -> Identity {
    if arguments.is_empty() {
        let message = "`#[widget]` on a struct needs an id and a version";
        errors.report_at(Span::call_site(), message, "write `#[widget(id = \"..\", version = \"0.1.0\")]`");
        return Identity { id: None, version: None };
    }
    let mut options = Options::read("#[widget]", &["id", "version"], arguments, errors);
    for (name, example) in [("id", "counter"), ("version", "0.1.0")] {
        if !options.may_have(name) {
            let message = format!("the widget has no `{name}`");
            errors.report_at(Span::call_site(), message, format!("add `{name} = \"{example}\"`"));
        }
    }
    let id = options.text("id", "counter").filter(|id| check::id(id, errors));
    let version =
        options.text("version", "1.0.0").and_then(|text| Version::read(&text, Form::Semver, errors));
    options.finish();
    Identity { id, version }
}

/// Refuses options of `#[widget]` on an `impl` block.
pub(crate) fn no_arguments(arguments: TokenStream, errors: &Errors) {
    if !arguments.is_empty() {
        let message = "`#[widget]` on an `impl` block takes no options";
        errors.report(arguments, message, "write `#[widget]` here, and the options on the struct");
    }
}

/// Reads the methods, and removes the attributes that say what they are, and methods whose name is taken.
pub(crate) fn behaviour(block: &mut ItemImpl, errors: &Errors) -> Behaviour {
    let mut behaviour = Behaviour::default();
    let mut names = Vec::new();
    block.items.retain_mut(|item| {
        match item {
            ImplItem::Fn(method) => {
                let roles = roles(&mut method.attrs);
                let renamed = former::take_outputs(&mut method.sig);
                let role = roles.first().map(|(role, _)| *role);
                if !check::once(method, role, &mut names, errors) {
                    return false;
                }
                self::method(method, &roles, &renamed, &mut behaviour, errors);
            }
            ImplItem::Const(item) => misplaced(&mut item.attrs, errors),
            ImplItem::Type(item) => misplaced(&mut item.attrs, errors),
            ImplItem::Macro(item) => misplaced(&mut item.attrs, errors),
            _ => {}
        }
        true
    });
    behaviour
}

fn roles(attributes: &mut Vec<Attribute>) -> Vec<(Role, Attribute)> {
    let role =
        |attribute: &Attribute| Role::ALL.into_iter().find(|role| attributes::is(attribute, role.name()));
    let ours = attributes.extract_if(.., |attribute| role(attribute).is_some());
    ours.filter_map(|attribute| Some((role(&attribute)?, attribute))).collect()
}

fn misplaced(attributes: &mut Vec<Attribute>, errors: &Errors) {
    for (role, attribute) in roles(attributes) {
        let help = format!("write it above `{}`", role.form("name"));
        errors.report(&attribute, format!("`#[{}]` goes on a method", role.name()), help);
    }
}

/// `renamed` are the `#[output]` attributes of each parameter.
fn method(
    method: &ImplItemFn,
    roles: &[(Role, Attribute)],
    renamed: &[Vec<Attribute>],
    behaviour: &mut Behaviour,
    errors: &Errors,
) {
    let Some((role, attribute)) = roles.first() else {
        return former::misplaced(&renamed.concat(), errors);
    };
    let fine = errors.none_from(|| {
        for (again, attribute) in &roles[1..] {
            let message =
                format!("`{}` is `#[{}]` and `#[{}]`", plain(&method.sig.ident), role.name(), again.name());
            errors.report(attribute, message, "let one method have one of them, and call the other from it");
        }
        check::signature(*role, method, errors);
    });
    let (period, was) = options(*role, attribute, errors);
    let parameters = parameters(*role, method, renamed, errors);
    let ident = method.sig.ident.clone();
    match role {
        Role::Input => behaviour.inputs.push(Input { method: ident, was, parameters }),
        Role::Every => {
            behaviour.timers.extend(period.map(|period| Timer { method: ident, period, parameters }));
        }
        Role::View if fine => {
            check::single(*role, attribute, behaviour.view.replace(ident).is_some(), errors);
        }
        Role::Hook(hook) if fine => {
            let already = behaviour.hooks.iter().any(|known| known.hook == *hook);
            check::single(*role, attribute, already, errors);
            let parameter = |argument: &FnArg| match argument {
                FnArg::Typed(argument) if inbox(&argument.ty).is_some() => {
                    Some(HookParameter::Inbox(referent(&argument.ty)))
                }
                FnArg::Typed(argument) => Some(HookParameter::Context(referent(&argument.ty))),
                FnArg::Receiver(_) => None,
            };
            let parameters = method.sig.inputs.iter().filter_map(parameter).collect();
            behaviour.hooks.push(HookMethod { hook: *hook, method: ident, parameters });
        }
        Role::View | Role::Hook(_) => {}
    }
}

/// The period of `#[every("1s")]`, or the former names of `#[input(was = "..")]`; every other attribute takes no options.
fn options(role: Role, attribute: &Attribute, errors: &Errors) -> (Option<u64>, Vec<LitStr>) {
    let tokens = attributes::arguments(attribute, errors);
    match role {
        Role::Every => (period(tokens, errors, attribute), Vec::new()),
        Role::Input => (None, former::names("#[input]", tokens, errors)),
        Role::View | Role::Hook(_) => {
            if !tokens.is_empty() {
                let name = role.name();
                errors.report(tokens, format!("`#[{name}]` takes no options"), format!("write `#[{name}]`"));
            }
            (None, Vec::new())
        }
    }
}

fn period(tokens: TokenStream, errors: &Errors, attribute: &Attribute) -> Option<u64> {
    let help = "write it as `#[every(\"1s\")]`, `#[every(\"250ms\")]` or `#[every(\"1.5m\")]`";
    match syn::parse2::<LitStr>(tokens.clone()) {
        Ok(text) => match nanoseconds(&text.value()) {
            Ok(period) => return Some(period),
            Err(reason) => {
                errors.report(&text, format!("`{}` is not a period: {reason}", text.value()), help);
            }
        },
        Err(_) if tokens.is_empty() => {
            errors.report_at(attributes::place(attribute), "`#[every]` does not say how often", help);
        }
        Err(_) => errors.report(tokens, "the period of `#[every]` is text", help),
    }
    None
}

/// The parameters of a handler after `self`.
fn parameters(
    role: Role,
    method: &ImplItemFn,
    renamed: &[Vec<Attribute>],
    errors: &Errors,
) -> Vec<Parameter> {
    if !matches!(role, Role::Input | Role::Every) {
        former::misplaced(&renamed.concat(), errors);
        return Vec::new();
    }
    let name = plain(&method.sig.ident);
    let mut parameters = Vec::new();
    let mut messages = 0;
    for (argument, renamed) in method.sig.inputs.iter().zip(renamed) {
        let port = match argument {
            FnArg::Typed(argument) => output_type(&argument.ty),
            FnArg::Receiver(_) => None,
        };
        if port.is_none() {
            former::misplaced(renamed, errors);
        }
        let FnArg::Typed(argument) = argument else { continue };
        if let Some(ty) = port {
            parameters.extend(output(argument, ty, former::of_output(renamed, errors), errors));
            continue;
        }
        match inbox(&argument.ty) {
            Some(Inbox::Borrowed) => {
                parameters.push(Parameter::Inbox(referent(&argument.ty)));
                continue;
            }
            // Of an input it may be the message, of a type of the user's that is called so.
            Some(Inbox::Otherwise)
                if role == Role::Every || matches!(*argument.ty, Type::Reference(_)) || messages > 0 =>
            {
                check::inbox_by_reference(&argument.ty, errors);
                continue;
            }
            _ => {}
        }
        messages += 1;
        let allowed = if role == Role::Input { 1 } else { 0 };
        if messages > allowed {
            let (message, help) = match role {
                Role::Input => (
                    format!("the input `{name}` takes more than one message"),
                    "take one tuple or struct; outputs are written `name: &mut Output<T>`".to_owned(),
                ),
                _ => (
                    format!("the timer `{name}` takes a message, but nobody sends it one"),
                    format!("write `{}`", role.form(&name)),
                ),
            };
            errors.report(argument, message, help);
        } else if let Type::Reference(reference) = &*argument.ty {
            let help = "take it by value; an output is written `name: &mut Output<T>`";
            errors.report(reference, format!("the message of the input `{name}` is a reference"), help);
        }
        parameters.push(Parameter::Message((*argument.ty).clone()));
    }
    parameters
}

fn output(argument: &PatType, ty: Type, was: Vec<LitStr>, errors: &Errors) -> Option<Parameter> {
    match &*argument.pat {
        Pat::Ident(pat) if pat.subpat.is_none() && pat.by_ref.is_none() => {
            Some(Parameter::Output(Output { name: port_name(&pat.ident), ty, was }))
        }
        pat => {
            let help = "write `name: &mut Output<T>`; the port is called like the parameter";
            errors.report(pat.to_token_stream(), "an output needs a name", help);
            None
        }
    }
}

/// A parameter that is not used yet is written `_total`, and its port is `total` all the same.
fn port_name(ident: &Ident) -> Ident {
    let text = plain(ident);
    match text.strip_prefix('_') {
        Some(name) if !name.is_empty() => Ident::new(name, ident.span()),
        _ => ident.clone(),
    }
}

/// `T` of `&mut Output<T>`.
fn output_type(ty: &Type) -> Option<Type> {
    let Type::Reference(reference) = ty else { return None };
    reference.mutability?;
    let Type::Path(path) = &*reference.elem else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Output")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(ty)) if arguments.args.len() == 1 => Some(ty.clone()),
        _ => None,
    }
}

/// How a method takes the inbox.
pub(crate) enum Inbox {
    /// `&Inbox`.
    Borrowed,
    /// `Inbox` or `&mut Inbox`.
    Otherwise,
}

/// Whether the type is called `Inbox`, however the path begins.
pub(crate) fn inbox(ty: &Type) -> Option<Inbox> {
    let (inner, is_borrowed) = match ty {
        Type::Reference(reference) => (&*reference.elem, reference.mutability.is_none()),
        other => (other, false),
    };
    let Type::Path(path) = inner else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Inbox")?;
    let found = if is_borrowed { Inbox::Borrowed } else { Inbox::Otherwise };
    last.arguments.is_none().then_some(found)
}

/// Where the type is that a reference leads to.
fn referent(ty: &Type) -> Span {
    match ty {
        Type::Reference(reference) => reference.elem.span(),
        other => other.span(),
    }
}
