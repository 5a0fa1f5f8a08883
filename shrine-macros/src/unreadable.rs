//! What stands in for an item with a syntax error.
//!
//! While somebody types, this is the usual case: the compiler has reported the error already, recovered, and hands over
//! what is left. Saying more would bury that one message, so the item goes on without our attributes and with
//! implementations that let the rest of the crate compile.
//!
//! If the compiler accepts what `syn` cannot read, nothing has been reported yet. Then those implementations must not be
//! silent: they fail to compile as soon as code is generated, which never happens after another error.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::quote;

/// Attributes that mean something below `#[widget]` and `#[state]` only.
const HELPERS: &[&str] = &[
    "migrate",
    "state",
    "fixture",
    "input",
    "output",
    "every",
    "view",
    "before_update",
    "after_update",
    "update_failed",
    "started",
    "stopped",
];

/// The item without helper attributes, and stand-ins for what would have been generated. None if it is neither a
/// struct, an enum nor an `impl`.
pub(crate) fn item(tokens: &TokenStream, error: &syn::Error) -> Option<TokenStream> {
    let mut rest = tokens.clone().into_iter();
    let keyword = rest.find_map(|token| match token {
        TokenTree::Ident(word) if ["impl", "struct", "enum"].iter().any(|keyword| word == keyword) => {
            Some(word)
        }
        _ => None,
    })?;
    let item = without_helpers(tokens.clone());
    let reason = format!("this item could not be read: {error}");
    let stand_in = if keyword == "impl" {
        let ty = rest.take_while(|token| !is_block(token)).collect();
        behaviour(&ty)
    } else {
        let name = rest.find_map(|token| match token {
            TokenTree::Ident(name) => Some(name),
            _ => None,
        })?;
        state(&name)
    };
    // The constant belongs to a generic function: it is evaluated when code is generated for that, and not before.
    let stand_in = generated! {
        const _: () = {
            struct __Unreadable<T>(T);
            impl<T> __Unreadable<T> {
                const REASON: () = ::core::panic!(#reason);
            }
            fn __unreadable<T>() -> ! {
                let () = __Unreadable::<T>::REASON;
                loop {}
            }
            #stand_in
        };
    };
    Some(quote! { #item #stand_in })
}

fn behaviour(ty: &TokenStream) -> TokenStream {
    generated! {
        #[automatically_derived]
        impl ::shrine::__private::Behaviour for #ty {
            fn interface() -> ::shrine::__private::Interface {
                __unreadable::<Self>()
            }
            fn deliver(
                &mut self,
                _: usize,
                _: &mut ::shrine::__private::Decoder<'_>,
                _: &::shrine::__private::Outbox,
                _: &::shrine::__private::Inbox,
            ) -> ::core::result::Result<(), ::shrine::__private::BoxError> {
                __unreadable::<Self>()
            }
            fn tick(
                &mut self,
                _: usize,
                _: &::shrine::__private::Outbox,
                _: &::shrine::__private::Inbox,
            ) -> ::core::result::Result<(), ::shrine::__private::BoxError> {
                __unreadable::<Self>()
            }
        }
    }
}

fn state(name: &Ident) -> TokenStream {
    generated! {
        #[automatically_derived]
        impl ::shrine::__private::State for #name {
            const FINGERPRINT: u64 = 0;
            fn shape(_: &mut ::shrine::__private::ShapeContext) -> ::shrine::__private::Shape {
                __unreadable::<Self>()
            }
            fn encode(&self, _: &mut ::shrine::__private::Encoder) {
                __unreadable::<Self>()
            }
            fn decode(
                _: &mut ::shrine::__private::Decoder<'_>,
            ) -> ::core::result::Result<Self, ::shrine::__private::DecodeError> {
                __unreadable::<Self>()
            }
        }
    }
}

fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

/// Drops `#[input]` and the like, at any depth.
fn without_helpers(tokens: TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' && tokens.peek().is_some_and(is_helper) => {
                tokens.next();
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_helpers(group.stream()));
                inner.set_span(group.span());
                kept.push(TokenTree::Group(inner));
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

fn is_helper(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    match group.stream().into_iter().next() {
        Some(TokenTree::Ident(name)) => HELPERS.iter().any(|helper| name == helper),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impl_that_cannot_be_read_keeps_its_methods_and_loses_our_attributes() {
        let broken = quote! { impl Counter { #[input] fn add(&mut self) { let } #[inline] fn keep() {} } };
        let error = syn::parse2::<syn::ItemImpl>(broken.clone()).map(drop).expect_err("no item");
        let text = item(&broken, &error).expect("an impl").to_string();
        assert!(!text.contains("# [input]") && text.contains("# [inline]"), "{text}");
        assert!(text.contains("Behaviour for Counter"), "{text}");
    }
}
