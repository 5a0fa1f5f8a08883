//! Writes the step between two versions of a struct.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Expr, Type};

use super::step::{Hop, applied, at, bare, is_option_of, local};
use crate::migrate::model::{Change, How, Removed, Transfer, Up};
use crate::names::{of_type, plain};
use crate::state::expand::{fingerprint_of, transient};
use crate::state::model::{Field, Keeping};

impl Hop<'_> {
    pub(super) fn fields_up(&self, transfers: &[Transfer], removed: &[Removed]) -> TokenStream {
        // Closures see the whole older state, so they run before anything is moved out of it.
        let locals = transfers.iter().enumerate().filter_map(|(index, transfer)| match &transfer.how {
            How::Add { value: Some(value) } => Some(self.added(&local(index), &transfer.field, value)),
            _ => None,
        });
        let gone = removed.iter().filter(|removed| removed.down.is_none());
        let discarded = gone.map(|removed| self.discard_old(removed));
        let fields = transfers.iter().enumerate().map(|(index, transfer)| {
            let (ident, value) = (&transfer.field.ident, up_value(index, transfer));
            if matches!(transfer.how, How::Default) {
                transient(&transfer.field)
            } else {
                generated! { #ident: #value, }
            }
        });
        generated! {
            #(#locals)*
            #(#discarded)*
            ::core::result::Result::Ok(Self { #(#fields)* })
        }
    }

    pub(super) fn fields_down(&self, transfers: &[Transfer], removed: &[Removed]) -> TokenStream {
        let newer = &self.newer;
        let locals = removed.iter().enumerate().map(|(index, removed)| self.restored(index, removed));
        let discarded = transfers.iter().filter_map(|Transfer { field, how }| match how {
            How::Add { .. } => {
                let ident = &field.ident;
                Some(discard(newer, &field.name(), field.codec(), &generated! { &self.#ident }))
            }
            _ => None,
        });
        let kept = transfers.iter().filter_map(down_value);
        let gone = removed.iter().enumerate().map(|(index, Removed { field, .. })| {
            let local = local(index);
            generated! { #field: #local, }
        });
        let ident = &self.link.older.ident;
        generated! {
            #(#locals)*
            #(#discarded)*
            ::core::result::Result::Ok(#ident { #(#kept)* #(#gone)* })
        }
    }

    fn added(&self, local: &Ident, field: &Field, value: &Expr) -> TokenStream {
        let (version, name, ty) = (&self.newer, field.name(), &field.ty);
        let value = match bare(value) {
            Expr::Closure(_) => generated! { ::shrine::__private::computed::<_, #ty>(&__old, #value) },
            value if may_be_function(value) => {
                generated! { ::shrine::__private::becomes::<_, #ty, _>(&__old, #value) }
            }
            _ => quote!(#value),
        };
        let restored = restore(version, &name, field.codec(), ty);
        generated! { let #local: #ty = #restored.unwrap_or_else(|| #value); }
    }

    fn discard_old(&self, Removed { field, keeping, .. }: &Removed) -> TokenStream {
        discard(&self.older, &plain(field), codec(keeping), &generated! { &__old.#field })
    }

    fn restored(&self, index: usize, removed: &Removed) -> TokenStream {
        let (local, Removed { field, ty, keeping, down, .. }) = (local(index), removed);
        if let Some(down) = down {
            return match bare(down) {
                Expr::Closure(_) => {
                    generated! { let #local: #ty = ::shrine::__private::computed::<_, #ty>(&self, #down); }
                }
                down if may_be_function(down) => {
                    generated! { let #local: #ty = ::shrine::__private::becomes::<_, #ty, _>(&self, #down); }
                }
                _ => generated! { let #local: #ty = #down; },
            };
        }
        let (newer, older, name) = (&self.newer, &self.older, plain(field));
        let what = format!("the removal of `{name}`");
        let restored = restore(older, &name, codec(keeping), ty);
        generated! {
            let __kept = #restored;
            let #local = {
                #[allow(unused_imports)]
                use ::shrine::__private::NoFallback as _;
                __kept.or_else(|| ::shrine::__private::Fallback::<#ty>::new().value())
            };
            let #local = #local.ok_or_else(|| ::shrine::__private::MigrateError::one_way(#newer, #older, #what))?;
        }
    }
}

/// Whether a value is a path that is called like a function, which takes the other version then.
fn may_be_function(value: &Expr) -> bool {
    let Expr::Path(path) = value else { return false };
    path.path.segments.last().is_some_and(|last| plain(&last.ident).starts_with(char::is_lowercase))
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
                // Only the codec changes.
                Up::Lossless if of_type(new) == of_type(&change.ty) => value,
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
                None if of_type(new) == of_type(ty) => value,
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

/// Puts the value of a field into the attic.
fn discard(version: &str, name: &str, codec: Option<&str>, value: &TokenStream) -> TokenStream {
    match codec.map(fingerprint_of) {
        None => generated! { __context.discard(#version, #name, #value); },
        Some(codec) => generated! { __context.discard_foreign(#version, #name, #codec, #value); },
    }
}

/// Takes the value of a field back from the attic.
fn restore(version: &str, name: &str, codec: Option<&str>, ty: &Type) -> TokenStream {
    match codec.map(fingerprint_of) {
        None => generated! { __context.restore::<#ty>(#version, #name) },
        Some(codec) => generated! { __context.restore_foreign::<#ty>(#version, #name, #codec) },
    }
}

fn codec(keeping: &Keeping) -> Option<&str> {
    match keeping {
        Keeping::Opaque(name) => Some(name),
        _ => None,
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

fn tried(name: &str, new: &Type, value: &TokenStream, by: &Expr) -> TokenStream {
    at(name, &generated! { ::shrine::__private::tried::<_, #new, _>(#value, #by) })
}
