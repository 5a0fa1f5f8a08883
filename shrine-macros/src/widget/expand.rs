//! Writes `Widget`, the exported descriptor and `Behaviour`.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{ItemImpl, LitStr, Type};

use super::model::{Behaviour, HookMethod, HookParameter, Identity, Output, Parameter};
use crate::names::plain;
use crate::state::StateType;
use crate::state::expand::{apart, lenient};

/// `impl Widget` and the descriptor that a loader finds.
///
/// Neither is written for a state that was refused: what it holds may be no `Send`, and one error is enough.
pub(crate) fn export(widget: &StateType, identity: &Identity) -> TokenStream {
    if !widget.usable {
        return TokenStream::new();
    }
    let (ident, lenient) = (&widget.ident, lenient(widget));
    let id = identity.id.as_ref().map_or_else(|| plain(ident), LitStr::value);
    let implementation = generated! {
        #lenient
        impl ::shrine::__private::Widget for #ident {
            const ID: &'static str = #id;
        }
    };
    if identity.id.is_none() {
        return implementation;
    }
    let symbol = symbol("shrine_widget_", &id);
    let once = once("widget_id", &id, identity.id.as_ref().map_or_else(Span::call_site, LitStr::span));
    generated! {
        #implementation
        #once
        const _: () = {
            #[unsafe(export_name = #symbol)]
            pub static DESCRIPTOR: ::shrine::__private::Descriptor = ::shrine::__private::Descriptor::of::<#ident>();
        };
    }
}

/// Has the compiler refuse a second item of that name in the crate, in whichever modules the two are.
///
/// Two symbols of one name are found when code is generated, which `cargo check` and editors never do. An exported macro
/// has a name at the root of its crate wherever it is written, and names are resolved first of all.
pub(crate) fn once(what: &str, name: &str, place: Span) -> TokenStream {
    let place = at(place);
    let taken = Ident::new(&format!("{}_is_taken", symbol(&format!("__{what}_"), name)), place);
    quote_spanned! { place =>
        const _: () = {
            #[doc(hidden)]
            #[allow(non_local_definitions)]
            #[macro_export]
            macro_rules! #taken { () => {}; }
        };
    }
}

/// The name of the descriptor. A byte that is not usual in a symbol becomes `_` and two hexadecimal digits.
pub(crate) fn symbol(prefix: &str, id: &str) -> String {
    id.bytes().fold(prefix.to_owned(), |mut symbol, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            symbol.push(char::from(byte));
        } else {
            symbol.push('_');
            symbol.extend(
                [byte >> 4, byte & 0xf].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')),
            );
        }
        symbol
    })
}

/// `impl Behaviour`; an empty one if the block was refused.
pub(crate) fn behaviour(block: &ItemImpl, behaviour: Option<&Behaviour>) -> TokenStream {
    let none = Behaviour::default();
    let behaviour = behaviour.unwrap_or(&none);
    let ty = &block.self_ty;
    let (generics, _, clause) = block.generics.split_for_impl();
    let apart = apart();
    let interface = interface(behaviour);
    let upgrades = upgrades(behaviour);
    let inputs = behaviour.inputs.iter().map(|input| call(&input.method, &input.parameters, true, behaviour));
    let deliver = dispatch("port", &generated! { __port }, inputs.collect());
    let timers =
        behaviour.timers.iter().map(|timer| call(&timer.method, &timer.parameters, false, behaviour));
    let tick = dispatch("timer", &generated! { __timer }, timers.collect());
    let view = behaviour.view.as_ref().map(|view| {
        let text =
            quote_spanned! { at(view.span()) => ::std::string::ToString::to_string(&Self::#view(self)) };
        generated! {
            #apart
            fn view(&self) -> ::core::option::Option<::std::string::String> {
                ::core::option::Option::Some(#text)
            }
        }
    });
    let hooks = behaviour.hooks.iter().map(hook);
    generated! {
        #[automatically_derived]
        impl #generics ::shrine::__private::Behaviour for #ty #clause {
            #apart
            fn interface() -> ::shrine::__private::Interface {
                #interface
            }
            #apart
            fn deliver(
                &mut self,
                __port: usize,
                __payload: &mut ::shrine::__private::Decoder<'_>,
                __outbox: &::shrine::__private::Outbox,
                __inbox: &::shrine::__private::Inbox,
            ) -> ::core::result::Result<(), ::shrine::__private::BoxError> {
                #deliver
            }
            #upgrades
            #apart
            fn tick(
                &mut self,
                __timer: usize,
                __outbox: &::shrine::__private::Outbox,
                __inbox: &::shrine::__private::Inbox,
            ) -> ::core::result::Result<(), ::shrine::__private::BoxError> {
                #tick
            }
            #view
            #(#hooks)*
        }
    }
}

fn hook(HookMethod { hook, method, parameters }: &HookMethod) -> TokenStream {
    let arguments = parameters.iter().map(|parameter| match parameter {
        HookParameter::Context(place) => quote_spanned! { at(*place) => __update },
        HookParameter::Inbox(place) => quote_spanned! { at(*place) => __inbox },
    });
    let outcome = outcome(method, &generated! { #(#arguments),* });
    let (name, apart) = (format_ident!("{}", hook.name()), apart());
    let context = hook.is_of_update().then(|| {
        generated! { __update: &::shrine::__private::UpdateContext, }
    });
    generated! {
        #apart
        fn #name(
            &mut self,
            #context
            __inbox: &::shrine::__private::Inbox,
        ) -> ::core::result::Result<(), ::shrine::__private::BoxError> {
            #outcome
        }
    }
}

fn interface(behaviour: &Behaviour) -> TokenStream {
    let inputs = behaviour
        .inputs
        .iter()
        .map(|input| port(&plain(&input.method), &message(&input.parameters), &input.was));
    let outputs = behaviour.outputs.iter().map(|output| port(&plain(&output.name), &output.ty, &output.was));
    let timers = behaviour.timers.iter().map(|timer| {
        let (name, period) = (plain(&timer.method), Literal::u64_unsuffixed(timer.period));
        generated! { ::shrine::__private::TimerInfo { name: ::shrine::__private::text(#name), period: #period } }
    });
    let view = behaviour.view.as_ref().map(|_| "view");
    let hooks = view.into_iter().chain(behaviour.hooks.iter().map(|known| known.hook.name()));
    generated! {
        ::shrine::__private::Interface {
            inputs: ::std::vec![#(#inputs),*],
            outputs: ::std::vec![#(#outputs),*],
            timers: ::std::vec![#(#timers),*],
            hooks: ::std::vec![#(::shrine::__private::text(#hooks)),*],
        }
    }
}

fn port(name: &str, ty: &Type, was: &[LitStr]) -> TokenStream {
    // Written out rather than `PortInfo::of`, so that a type that is no state is reported once: see `state::expand`.
    generated! {
        ::shrine::__private::PortInfo {
            name: ::shrine::__private::text(#name),
            fingerprint: <#ty as ::shrine::__private::State>::FINGERPRINT,
            shape: <#ty as ::shrine::__private::State>::shape(&mut ::shrine::__private::ShapeContext::new()),
            was: ::std::vec![#(::shrine::__private::text(#was)),*],
        }
    }
}

/// The versioned types in the messages of each input.
fn upgrades(behaviour: &Behaviour) -> Option<TokenStream> {
    let arms = behaviour.inputs.iter().enumerate().map(|(index, input)| {
        let ty = message(&input.parameters);
        generated! { #index => <#ty as ::shrine::__private::State>::upgrades(__found), }
    });
    let apart = apart();
    (!behaviour.inputs.is_empty()).then(|| {
        generated! {
            #apart
            fn upgrades(__port: usize, __found: &mut ::shrine::__private::Upgrades) {
                match __port {
                    #(#arms)*
                    _ => {}
                }
            }
        }
    })
}

/// The type of the messages of an input.
fn message(parameters: &[Parameter]) -> Type {
    let message = parameters.iter().find_map(|parameter| match parameter {
        Parameter::Message(ty) => Some(ty.clone()),
        Parameter::Output(_) | Parameter::Inbox(_) => None,
    });
    message.unwrap_or_else(|| syn::parse_quote!(()))
}

/// Calls a handler; an input reads its message first.
fn call(method: &Ident, parameters: &[Parameter], input: bool, behaviour: &Behaviour) -> TokenStream {
    let takes_message = parameters.iter().any(|parameter| matches!(parameter, Parameter::Message(_)));
    let local = takes_message.then(|| generated! { let __message = });
    let read = input.then(|| {
        let ty = message(parameters);
        generated! {
            #local <#ty as ::shrine::__private::State>::decode(__payload)?;
            __payload.finish()?;
        }
    });
    let arguments = parameters.iter().map(|parameter| match parameter {
        Parameter::Message(_) => generated! { __message },
        Parameter::Inbox(place) => quote_spanned! { at(*place) => __inbox },
        Parameter::Output(Output { name, ty, .. }) => {
            let index =
                behaviour.outputs.iter().position(|output| plain(&output.name) == plain(name)).unwrap_or(0);
            let index = Literal::usize_unsuffixed(index);
            generated! { &mut __outbox.port::<#ty>(#index) }
        }
    });
    let outcome = outcome(method, &generated! { #(#arguments),* });
    quote! { #read #outcome }
}

/// Calls a method and makes a `Result` of what it returns; a type that is none is reported at the method's name.
fn outcome(method: &Ident, arguments: &TokenStream) -> TokenStream {
    let call = quote_spanned! { at(method.span()) => Self::#method(self, #arguments) };
    generated! { ::shrine::__private::Outcome::outcome(#call) }
}

/// Generated code that shows the user's in messages.
fn at(place: Span) -> Span {
    Span::mixed_site().located_at(place)
}

fn dispatch(what: &str, index: &TokenStream, calls: Vec<TokenStream>) -> TokenStream {
    let error = format!("the widget has no {what} of that index");
    let error = generated! { ::core::result::Result::Err(<::shrine::__private::BoxError as ::core::convert::From<_>>::from(#error)) };
    if calls.is_empty() {
        return error;
    }
    let indices = 0..calls.len();
    generated! { match #index { #(#indices => { #calls })* _ => #error } }
}
