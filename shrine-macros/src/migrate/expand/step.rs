//! Writes the step of one hop, up and down.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, GenericArgument, Path, PathArguments, Type};

use crate::migrate::model::{Change, How, Link, Removed, Transfer, Up};
use crate::names::{of_type, plain};
use crate::state::StateType;
use crate::state::expand::{lenient, transient};
use crate::state::model::Field;
use crate::version::Version;

/// `impl Step`.
pub(super) fn step(newer: &StateType, newer_version: &Version, link: &Link) -> TokenStream {
    let (ident, lenient, older) = (&newer.ident, lenient(newer), &link.older.ident);
    let hop = Hop { newer: newer_version.text.value(), older: link.version.text.value(), link };
    let (up, down) = if link.valid { (hop.up(), hop.down()) } else { (stub(), stub()) };
    generated! {
        #lenient
        impl ::shrine::__private::Step<#older> for #ident {
            fn step(
                __old: #older,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<Self, ::shrine::__private::MigrateError> {
                #up
            }
            fn step_down(
                self,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<#older, ::shrine::__private::MigrateError> {
                #down
            }
        }
    }
}

fn stub() -> TokenStream {
    generated! { ::core::result::Result::Err(::shrine::__private::MigrateError::new("this hop did not compile")) }
}

/// A hop with the texts of its versions, under which the attic keeps what the other version has no field for.
struct Hop<'a> {
    newer: String,
    older: String,
    link: &'a Link,
}

impl Hop<'_> {
    fn up(&self) -> TokenStream {
        if let Some(path) = &self.link.hop.with {
            return call(path, &generated! { __old });
        }
        // Closures see the whole older state, so they run before anything is moved out of it.
        let locals =
            self.link.transfers.iter().enumerate().filter_map(|(index, transfer)| match &transfer.how {
                How::Add { value: Some(value) } => Some(self.added(&local(index), &transfer.field, value)),
                _ => None,
            });
        let gone = self.link.removed.iter().filter(|removed| removed.down.is_none());
        let discard = gone.map(|removed| self.discard_old(&removed.field));
        let fields = self.link.transfers.iter().enumerate().map(|(index, transfer)| {
            let (ident, value) = (&transfer.field.ident, up_value(index, transfer));
            if matches!(transfer.how, How::Default) {
                transient(&transfer.field)
            } else {
                generated! { #ident: #value, }
            }
        });
        generated! {
            #(#locals)*
            #(#discard)*
            ::core::result::Result::Ok(Self { #(#fields)* })
        }
    }

    fn added(&self, local: &Ident, field: &Field, value: &Expr) -> TokenStream {
        let (version, name, ty) = (&self.newer, field.name(), &field.ty);
        let value = match bare(value) {
            Expr::Closure(_) => generated! { ::shrine::__private::computed::<_, #ty>(&__old, #value) },
            _ => quote!(#value),
        };
        generated! {
            let #local: #ty = __context.restore::<#ty>(#version, #name).unwrap_or_else(|| #value);
        }
    }

    fn discard_old(&self, field: &Ident) -> TokenStream {
        let (version, name) = (&self.older, plain(field));
        generated! { __context.discard(#version, #name, &__old.#field); }
    }

    fn down(&self) -> TokenStream {
        let (newer, older) = (&self.newer, &self.older);
        if let Some(path) = &self.link.hop.down {
            return call(path, &generated! { self });
        }
        if let Some(what) = self.link.one_way() {
            return generated! {
                ::core::result::Result::Err(::shrine::__private::MigrateError::one_way(#newer, #older, #what))
            };
        }
        let locals =
            self.link.removed.iter().enumerate().map(|(index, removed)| self.restored(index, removed));
        let discard = self.link.transfers.iter().filter_map(|Transfer { field, how }| match how {
            How::Add { .. } => {
                let (ident, name) = (&field.ident, field.name());
                Some(generated! { __context.discard(#newer, #name, &self.#ident); })
            }
            _ => None,
        });
        let kept = self.link.transfers.iter().filter_map(down_value);
        let gone = self.link.removed.iter().enumerate().map(|(index, Removed { field, .. })| {
            let local = local(index);
            generated! { #field: #local, }
        });
        let ident = &self.link.older.ident;
        generated! {
            #(#locals)*
            #(#discard)*
            ::core::result::Result::Ok(#ident { #(#kept)* #(#gone)* })
        }
    }

    fn restored(&self, index: usize, removed: &Removed) -> TokenStream {
        let (local, Removed { field, ty, down }) = (local(index), removed);
        if let Some(down) = down {
            return match bare(down) {
                Expr::Closure(_) => {
                    generated! { let #local: #ty = ::shrine::__private::computed::<_, #ty>(&self, #down); }
                }
                _ => generated! { let #local: #ty = #down; },
            };
        }
        let (newer, older, name) = (&self.newer, &self.older, plain(field));
        let what = format!("the removal of `{name}`");
        generated! {
            let __kept = __context.restore::<#ty>(#older, #name);
            let #local = {
                #[allow(unused_imports)]
                use ::shrine::__private::NoFallback as _;
                __kept.or_else(|| ::shrine::__private::Fallback::<#ty>::new().value())
            };
            let #local = #local.ok_or_else(|| ::shrine::__private::MigrateError::one_way(#newer, #older, #what))?;
        }
    }
}

/// Calls the user's function, and shows it where it returns something else.
fn call(path: &Path, argument: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(path.span());
    quote_spanned! { span => #path(#argument) }
}

fn local(index: usize) -> Ident {
    format_ident!("__v{index}", span = Span::mixed_site())
}

/// The value of a field of the newer version.
fn up_value(index: usize, Transfer { field, how }: &Transfer) -> TokenStream {
    let (ident, name, new) = (&field.ident, field.name(), &field.ty);
    match how {
        How::Move { from } => generated! { __old.#from },
        How::Carry { from, ty } => converted(&name, new, ty, &generated! { __old.#from }),
        How::Change(change) => {
            let value = generated! { __old.#ident };
            match &change.up {
                Up::Lossless if is_option_of(new, &change.ty) => {
                    generated! { ::shrine::__private::convert::wrap(#value) }
                }
                Up::Lossless => converted(&name, new, &change.ty, &value),
                Up::By(up) => applied(&value, up, new),
                Up::Try(up) => tried(&name, new, &value, up),
            }
        }
        How::Add { .. } | How::Default => {
            let local = local(index);
            quote!(#local)
        }
    }
}

/// The field of the older version that a field of the newer one goes back to.
fn down_value(Transfer { field, how }: &Transfer) -> Option<TokenStream> {
    let (ident, name, new) = (&field.ident, field.name(), &field.ty);
    let value = generated! { self.#ident };
    match how {
        How::Move { from } => Some(generated! { #from: #value, }),
        How::Carry { from, ty } => {
            let value = reverted(&name, new, ty, &value);
            Some(generated! { #from: #value, })
        }
        How::Change(change) => {
            let Change { ty, down, .. } = &**change;
            let value = match down {
                Some(down) => applied(&value, down, ty),
                None if is_option_of(new, ty) => {
                    at(&name, &generated! { ::shrine::__private::convert::unwrap(#value) })
                }
                None => reverted(&name, new, ty, &value),
            };
            Some(generated! { #ident: #value, })
        }
        How::Add { .. } | How::Default => None,
    }
}

fn converted(name: &str, new: &Type, old: &Type, value: &TokenStream) -> TokenStream {
    let convert = generated! { <#new as ::shrine::__private::ConvertFrom<#old>>::convert(#value, __context) };
    at(name, &generated! { __context.within(#name, |__context| #convert) })
}

fn reverted(name: &str, new: &Type, old: &Type, value: &TokenStream) -> TokenStream {
    let revert = generated! { <#new as ::shrine::__private::ConvertFrom<#old>>::revert(#value, __context) };
    at(name, &generated! { __context.within(#name, |__context| #revert) })
}

/// A function rather than a call: it tells the closure what it takes and returns, so that a mistake shows in its body.
fn applied(value: &TokenStream, by: &Expr, result: &Type) -> TokenStream {
    generated! { ::shrine::__private::converted::<_, #result>(#value, #by) }
}

fn tried(name: &str, new: &Type, value: &TokenStream, by: &Expr) -> TokenStream {
    at(name, &generated! { ::shrine::__private::tried::<_, #new, _>(#value, #by) })
}

fn at(name: &str, result: &TokenStream) -> TokenStream {
    generated! { #result.map_err(|__error| __error.at(#name))? }
}

/// Whether `new` reads `Option<old>`.
fn is_option_of(new: &Type, old: &Type) -> bool {
    let Type::Path(path) = new else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => last.ident == "Option" && of_type(inner) == of_type(old),
        _ => false,
    }
}

fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        other => other,
    }
}
