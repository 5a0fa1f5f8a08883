//! Writes what a state goes through that takes a step and comes back.
//!
//! Nested types know that of their own steps, so a change asks the conversion between the two types.

use proc_macro2::TokenStream;
use syn::Type;

use super::step::is_option_of;
use super::variants::pairs;
use crate::migrate::model::{ChangedVariant, How, Link, Parts, Transfer, Up, VariantHow};
use crate::names::of_type;
use crate::state::StateType;
use crate::state::expand::apart;

/// `fn class` of a step.
pub(super) fn class(newer: &StateType, link: &Link) -> TokenStream {
    let (ident, older) = (&newer.ident, &link.older.ident);
    let (class, apart) = (worst(classes(link)), apart());
    generated! {
        #apart
        fn class(__context: &mut ::shrine::__private::ClassContext) -> ::shrine::__private::Class {
            __context.of::<(#ident, #older)>(|__context| #class)
        }
    }
}

/// Of several classes the one that counts.
pub(super) fn worst(classes: impl IntoIterator<Item = TokenStream>) -> TokenStream {
    let worse = |one, other| generated! { ::core::cmp::Ord::max(#one, #other) };
    classes.into_iter().reduce(worse).unwrap_or_else(|| generated! { ::shrine::__private::Class::Lossless })
}

/// What each part of the step does to a state; the worst of them counts.
fn classes(link: &Link) -> Vec<TokenStream> {
    let lossy = || generated! { ::shrine::__private::Class::Lossy };
    let one_way = || generated! { ::shrine::__private::Class::OneWay };
    if !link.valid {
        return vec![lossy()];
    }
    // Whoever writes the way back by hand answers for it, whatever the operations say.
    if link.hop.down.is_some() {
        return vec![lossy()];
    }
    if link.hop.with.is_some() {
        return vec![one_way()];
    }
    let by_hand = |up: &Up, down: bool| match (up, down) {
        (Up::Lossless, false) => None,
        (_, true) => Some(lossy()),
        (_, false) => Some(one_way()),
    };
    let mut classes = Vec::new();
    match &link.parts {
        Parts::Fields { transfers, removed } => {
            let is_added = |transfer: &Transfer| matches!(transfer.how, How::Add { .. });
            if !removed.is_empty() || transfers.iter().any(is_added) {
                classes.push(lossy());
            }
            classes.extend(transfers.iter().filter_map(|transfer| {
                match &transfer.how {
                    How::Change(change) => by_hand(&change.up, change.down.is_some())
                        .or_else(|| of_conversion(&transfer.field.ty, &change.ty)),
                    // What contains itself goes through what the rest of it goes through.
                    How::Add { .. } | How::Move { .. } | How::Carry { .. } | How::Default => None,
                }
            }));
        }
        Parts::Variants { transfers, removed } => {
            classes.extend(removed.first().map(|_| lossy()));
            for transfer in transfers {
                match &transfer.how {
                    VariantHow::Add { down: Some(_) } => classes.push(lossy()),
                    VariantHow::Change(change) => {
                        let ChangedVariant { older, up, down } = &**change;
                        classes.extend(by_hand(up, down.is_some()));
                        if matches!((up, down), (Up::Lossless, None)) {
                            let fields = pairs(&transfer.variant, older);
                            classes.extend(
                                fields.filter_map(|(_, new, (_, old))| of_conversion(&new.ty, &old.ty)),
                            );
                        }
                    }
                    // A value that is such a variant is refused on the way back, and so never lost.
                    VariantHow::Add { down: None } | VariantHow::Move { .. } => {}
                }
            }
        }
    }
    classes
}

/// That of the conversion between two types; none if it keeps everything as it reads.
fn of_conversion(new: &Type, old: &Type) -> Option<TokenStream> {
    if of_type(new) == of_type(old) || is_option_of(new, old) {
        return None;
    }
    Some(generated! { <#new as ::shrine::__private::ConvertFrom<#old>>::class(__context) })
}
