//! Ports that were renamed: `was = ".."` says what a port was called before.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::{Attribute, FnArg, LitStr, Signature};

use super::model::Behaviour;
use crate::attributes::{self, Options};
use crate::errors::Errors;
use crate::names::plain;

/// Reads `was = "add"` or `was = ["add", "plus"]`.
pub(crate) fn names(owner: &str, tokens: TokenStream, errors: &Errors) -> Vec<LitStr> {
    let mut options = Options::read(owner, &["was"], tokens, errors);
    let names = options.texts("was", "was = \"add\"");
    options.finish();
    names
}

/// Takes `#[output(was = "..")]` off each parameter; one entry a parameter.
pub(crate) fn take_outputs(signature: &mut Signature) -> Vec<Vec<Attribute>> {
    let take = |argument: &mut FnArg| match argument {
        FnArg::Receiver(receiver) => attributes::take(&mut receiver.attrs, "output"),
        FnArg::Typed(argument) => attributes::take(&mut argument.attrs, "output"),
    };
    signature.inputs.iter_mut().map(take).collect()
}

/// The former names of an output, from the attributes of its parameter.
pub(crate) fn of_output(attributes: &[Attribute], errors: &Errors) -> Vec<LitStr> {
    let mut names = Vec::new();
    for (index, attribute) in attributes.iter().enumerate() {
        let tokens = attributes::arguments(attribute, errors);
        let help = "write `#[output(was = \"sum\")]`; without a former name, `&mut Output<T>` is enough";
        if index > 0 {
            errors.report(attribute, "a second `#[output]` on one parameter", help);
        } else if tokens.is_empty() && matches!(attribute.meta, syn::Meta::Path(_) | syn::Meta::List(_)) {
            errors.report(attribute, "`#[output]` says nothing", help);
        } else {
            names = self::names("#[output]", tokens, errors);
        }
    }
    names
}

/// Reports `#[output]` on what is no output port.
pub(crate) fn misplaced(attributes: &[Attribute], errors: &Errors) {
    for attribute in attributes {
        let help = "write it before a parameter `name: &mut Output<T>` of an `#[input]` or `#[every]`";
        errors.report(attribute, "`#[output]` goes on an output port", help);
    }
}

/// Reports former names that cannot have been, or that do not lead to one port.
pub(crate) fn check(behaviour: &Behaviour, errors: &Errors) {
    let inputs = behaviour.inputs.iter().map(|input| (plain(&input.method), input.was.as_slice()));
    direction("input", &inputs.collect::<Vec<_>>(), errors);
    let outputs = behaviour.outputs.iter().map(|output| (plain(&output.name), output.was.as_slice()));
    direction("output", &outputs.collect::<Vec<_>>(), errors);
}

fn direction(what: &str, ports: &[(String, &[LitStr])], errors: &Errors) {
    let mut claimed: Vec<(String, &str)> = Vec::new();
    for (port, was) in ports {
        for name in *was {
            let former = name.value();
            let elsewhere = claimed.iter().find(|(claimed, _)| *claimed == former);
            if !is_name(&former) {
                let help = "a port is called like a method or a parameter: write one identifier, as in `was = \"add\"`";
                errors.report(name, format!("`{former}` cannot have been the name of a port"), help);
            } else if former == *port {
                let help = "write the name that it had before it was renamed";
                errors.report(name, format!("the {what} `{port}` is still called that"), help);
            } else if ports.iter().any(|(known, _)| *known == former) {
                let message = format!("`{former}` is an {what} of its own, so `{port}` is not what it was");
                let help = format!("rename the {what} `{former}` too, or remove this `was`");
                errors.report(name, message, help);
            } else if let Some((_, first)) = elsewhere {
                let message = format!("`{former}` is said twice to be a former name: of `{first}`, and here");
                errors.report(name, message, "let one port continue it");
            } else {
                claimed.push((former, port));
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    text != "_" && Ident::parse_any.parse_str(text).is_ok_and(|ident| plain(&ident) == text)
}
