//! Collects what is wrong, so that one compile shows all of it.

use std::cell::RefCell;
use std::fmt::Display;
use std::thread;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far.
///
/// Invariant: an `Errors` that is dropped without [`Errors::into_tokens`] panics, because it may have held mistakes
/// that nobody would ever see.
#[derive(Debug)]
pub(crate) struct Errors {
    found: RefCell<Option<Vec<syn::Error>>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { found: RefCell::new(Some(Vec::new())) }
    }

    /// Reports a mistake in `tokens`. The help says what to write instead.
    pub(crate) fn report(&self, tokens: impl ToTokens, message: impl Display, help: impl Display) {
        self.push(syn::Error::new_spanned(tokens, with_help(message, help)));
    }

    /// Reports a mistake at a place that has no tokens to show, such as something that is missing.
    pub(crate) fn report_at(&self, span: Span, message: impl Display, help: impl Display) {
        self.push(syn::Error::new(span, with_help(message, help)));
    }

    /// Takes over what `syn` could not parse.
    pub(crate) fn push(&self, error: syn::Error) {
        if let Some(found) = self.found.borrow_mut().as_mut() {
            found.push(error);
        }
    }

    /// Unwraps a result of `syn`.
    pub(crate) fn ok<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Runs `check` and answers whether it reported nothing.
    pub(crate) fn none_from(&self, check: impl FnOnce()) -> bool {
        let before = self.count();
        check();
        self.count() == before
    }

    pub(crate) fn count(&self) -> usize {
        self.found.borrow().as_ref().map_or(0, Vec::len)
    }

    /// Every mistake as a `compile_error!`.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let found = self.found.take().unwrap_or_default();
        found.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        if !thread::panicking() && self.found.borrow().is_some() {
            panic!("errors of a macro were never read");
        }
    }
}

fn with_help(message: impl Display, help: impl Display) -> String {
    format!("{message}\n\n  = help: {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_becomes_a_compile_error() {
        let errors = Errors::new();
        errors.report_at(Span::call_site(), "one", "do this");
        errors.report_at(Span::call_site(), "two", "do that");
        let tokens = errors.into_tokens().to_string();
        assert_eq!(tokens.matches("compile_error").count(), 2);
        assert!(tokens.contains("one\\n\\n  = help: do this"), "{tokens}");
    }

    #[test]
    #[should_panic(expected = "never read")]
    fn unread_errors_are_not_lost() {
        drop(Errors::new());
    }
}
