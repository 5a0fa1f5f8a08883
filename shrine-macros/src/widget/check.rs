//! Finds what cannot be a widget.

use proc_macro2::Ident;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DeriveInput, Fields, FnArg, ImplItemFn, ItemImpl, LitStr, ReceiverKind, ReturnType,
    Safety, Signature, Type,
};

use super::model::{Behaviour, Hook, Output, Parameter, Role};
use super::parse::{Inbox, inbox};
use crate::attributes;
use crate::errors::Errors;
use crate::names::{list, of_type, plain};

/// Whether the text can be part of the name of a symbol and of a file.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-');
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(fits)
}

/// Whether the id can be part of the name of a symbol and of a file.
pub(crate) fn id(id: &LitStr, errors: &Errors) -> bool {
    let text = id.value();
    let fine = is_name(&text);
    if !fine {
        let help = "use `a` to `z`, `0` to `9`, `_`, `.` and `-`, beginning with a letter, as in `todo-list`";
        errors.report(id, format!("`{text}` cannot be the id of a widget"), help);
    }
    fine
}

/// Reports a widget that is no struct with named fields.
pub(crate) fn form(item: &DeriveInput, errors: &Errors) {
    let what = match &item.data {
        Data::Struct(data) if matches!(data.fields, Fields::Unnamed(_)) => "a tuple struct",
        Data::Enum(_) => "an enum",
        // A union is refused as state already.
        Data::Struct(_) | Data::Union(_) => return,
    };
    let message = format!("a widget's state is a struct with named fields, not {what}");
    let help = format!("write `struct {} {{ .. }}`; what it contains may be of any kind", item.ident);
    errors.report(&item.ident, message, help);
}

/// Reports an `impl` block that cannot be the behaviour of a widget.
pub(crate) fn block(block: &ItemImpl, errors: &Errors) {
    if let Some((path, _)) = &block.trait_ {
        let help = "write it above `impl Type { .. }`, which may be empty";
        errors.report(
            path,
            "`#[widget]` goes on the widget's own `impl` block, not on that of a trait",
            help,
        );
    }
    if !block.generics.params.is_empty() {
        let help = "write the types out; generic methods go into an `impl` block of their own";
        errors.report(&block.generics, "the behaviour of a widget cannot be generic", help);
    }
}

/// Reports a method whose name is that of an earlier one, if the host calls one of the two, and answers whether it may stay:
/// what would be called is not known, so one of them goes, and nothing else is reported about it.
pub(crate) fn once(
    method: &ImplItemFn,
    role: Option<Role>,
    earlier: &mut Vec<(Ident, Option<Role>)>,
    errors: &Errors,
) -> bool {
    if attributes::conditional(&method.attrs).is_some() {
        return true;
    }
    let (ident, name) = (&method.sig.ident, plain(&method.sig.ident));
    let other = earlier.iter().find(|(other, _)| plain(other) == name).map(|(_, role)| *role);
    let message = match (other, role) {
        (Some(Some(Role::Input)), Some(Role::Input)) => {
            format!("a second input `{name}`: a port has one handler")
        }
        (Some(Some(role)), _) | (Some(None), Some(role)) => {
            format!("a second method `{name}`, and one of the two is `#[{}]`", role.name())
        }
        (Some(None), None) | (None, _) => {
            earlier.push((ident.clone(), role));
            return true;
        }
    };
    errors.report(ident, message, "give one of the two another name");
    false
}

/// Reports an output port that is declared with two types, and collects the ports.
pub(crate) fn outputs(behaviour: &mut Behaviour, errors: &Errors) {
    let inputs = behaviour.inputs.iter().flat_map(|input| &input.parameters);
    let timers = behaviour.timers.iter().flat_map(|timer| &timer.parameters);
    let mut found: Vec<Output> = Vec::new();
    for parameter in inputs.chain(timers) {
        let Parameter::Output(output) = parameter else { continue };
        match found.iter_mut().find(|known| plain(&known.name) == plain(&output.name)) {
            None => found.push(output.clone()),
            Some(known) if of_type(&known.ty) == of_type(&output.ty) => renamed(known, output, errors),
            Some(known) => {
                let (name, first) = (plain(&output.name), of_type(&known.ty));
                let message = format!(
                    "the output `{name}` carries `{first}` elsewhere and `{}` here",
                    of_type(&output.ty)
                );
                errors.report(&output.ty, message, "give the two ports different names, or one type");
            }
        }
    }
    behaviour.outputs = found;
}

/// Takes over the former names of an output from one more place that mentions it, and reports other ones.
fn renamed(known: &mut Output, again: &Output, errors: &Errors) {
    let sorted = |output: &Output| {
        let mut names: Vec<_> = output.was.iter().map(LitStr::value).collect();
        names.sort();
        names
    };
    if known.was.is_empty() {
        known.was.clone_from(&again.was);
    } else if let Some(was) = again.was.first()
        && sorted(known) != sorted(again)
    {
        let name = plain(&known.name);
        let message =
            format!("the output `{name}` has another former name elsewhere: {}", list(sorted(known)));
        errors.report(was, message, "say it in one place, or the same in each");
    }
}

/// Reports a second method for what there can be one of.
pub(crate) fn single(role: Role, attribute: &Attribute, already: bool, errors: &Errors) {
    if already {
        let name = role.name();
        let help = format!("do the work of both in one `#[{name}]`");
        errors.report(attribute, format!("a second `#[{name}]`: a widget has one"), help);
    }
}

/// Reports a method that the host cannot call.
pub(crate) fn signature(role: Role, method: &ImplItemFn, errors: &Errors) {
    if let Some(cfg) = attributes::conditional(&method.attrs) {
        let help = "keep the method in every build, and use `cfg` inside it";
        errors.report(
            cfg,
            format!("`#[{}]` cannot depend on `cfg`: the ports of a build are fixed", role.name()),
            help,
        );
    }
    qualifiers(role, &method.sig, errors);
    receiver(role, &method.sig, errors);
    match role {
        Role::View => view(&method.sig, errors),
        Role::Hook(kind) => hook(kind, &method.sig, errors),
        Role::Input | Role::Every => {}
    }
}

fn qualifiers(role: Role, signature: &Signature, errors: &Errors) {
    let name = role.name();
    let help = format!("write `{}`", role.form(&plain(&signature.ident)));
    if let Some(asyncness) = &signature.asyncness {
        let help = "do the work on a thread of your own and send its result in as a message";
        errors.report(
            asyncness,
            format!("`#[{name}]` cannot be async: the host calls it between two messages"),
            help,
        );
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        errors.report(
            unsafety,
            format!("`#[{name}]` cannot be unsafe: the host keeps no promises for it"),
            &help,
        );
    }
    if let Some(abi) = &signature.abi {
        errors.report(abi, format!("`#[{name}]` is an ordinary Rust method"), &help);
    }
    let generic = signature.inputs.iter().find_map(|input| match input {
        FnArg::Typed(argument) if matches!(*argument.ty, Type::ImplTrait(_)) => Some(argument.ty.span()),
        _ => None,
    });
    let generic =
        generic.or_else(|| (!signature.generics.params.is_empty()).then(|| signature.generics.span()));
    if let Some(span) = generic {
        errors.report_at(
            span,
            format!("`#[{name}]` cannot be generic: the host calls it with one type"),
            &help,
        );
    }
}

fn receiver(role: Role, signature: &Signature, errors: &Errors) {
    let help = format!("write `{}`", role.form(&plain(&signature.ident)));
    let Some(receiver) = signature.receiver() else {
        let message = format!("`#[{}]` is called on an instance, so it takes `self`", role.name());
        errors.report(&signature.ident, message, help);
        return;
    };
    match (&receiver.kind, role) {
        (ReceiverKind::Reference(_, _, Some(_)), Role::View) => {
            errors.report(receiver, "a view only looks: it takes `&self`", help);
        }
        (ReceiverKind::Reference(..), _) => {}
        _ => {
            let message = format!("`#[{}]` borrows the widget: the instance lives on after it", role.name());
            errors.report(receiver, message, help);
        }
    }
}

fn view(signature: &Signature, errors: &Errors) {
    let help = format!("write `{}`", Role::View.form(&plain(&signature.ident)));
    if let Some(extra) = signature.inputs.iter().find(|input| matches!(input, FnArg::Typed(_))) {
        errors.report(extra, "a view takes nothing but `&self`", &help);
    }
    if matches!(signature.output, ReturnType::Default) {
        errors.report(&signature.ident, "a view returns what the tools are to show", &help);
    }
}

fn hook(hook: Hook, signature: &Signature, errors: &Errors) {
    let (role, name) = (Role::Hook(hook), hook.name());
    let help = format!("write `{}`", role.form(&plain(&signature.ident)));
    // Many hooks have no use for either.
    let (mut contexts, mut inboxes) = (0, 0);
    for input in &signature.inputs {
        let FnArg::Typed(argument) = input else { continue };
        match (inbox(&argument.ty), &*argument.ty) {
            (Some(Inbox::Borrowed), _) => inboxes += 1,
            (Some(Inbox::Otherwise), ty) => inbox_by_reference(ty, errors),
            (None, Type::Reference(reference)) if hook.is_of_update() && reference.mutability.is_none() => {
                contexts += 1;
            }
            (None, other) if hook.is_of_update() && contexts == 0 => {
                errors.report(other, format!("`#[{name}]` takes `&UpdateContext`"), &help);
            }
            (None, _) => contexts += 1,
        }
        if contexts > usize::from(hook.is_of_update()) || inboxes > 1 {
            let context = if hook.is_of_update() { "the context and " } else { "" };
            errors.report(argument, format!("`#[{name}]` takes nothing but {context}`&Inbox`"), &help);
            return;
        }
    }
}

/// Reports an inbox that is taken in another way than by `&Inbox`.
pub(crate) fn inbox_by_reference(ty: &Type, errors: &Errors) {
    let help = "write `inbox: &Inbox`, and `inbox.clone()` where it is kept or given to a thread";
    errors.report(ty, "an inbox is lent to the method: it takes `&Inbox`", help);
}
