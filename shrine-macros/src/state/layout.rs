//! How a type lies in memory: what a struct measures, and what the definition of an enum says.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Data, DeriveInput, Expr, ExprLit, Lit};

use super::model::{Body, Field, Keeping, StateType};
use crate::names;

/// What the definition says about the layout beside its fields: `repr`, and the discriminants of an enum. None when that
/// cannot be told from what is written.
pub(crate) fn form(item: &DeriveInput) -> Option<String> {
    // With this variable, a stable compiler takes the options of a nightly one, and some of them change layouts.
    if std::env::var_os("RUSTC_BOOTSTRAP").is_some() {
        return None;
    }
    let mut form = Vec::new();
    for attribute in &item.attrs {
        if attribute.path().is_ident("repr") {
            form.push(attribute.meta.to_token_stream().to_string());
        } else if attribute.path().is_ident("cfg_attr")
            && attribute.meta.to_token_stream().to_string().contains("repr")
        {
            return None;
        }
    }
    if let Data::Enum(data) = &item.data {
        for variant in &data.variants {
            match &variant.discriminant {
                None => {}
                Some((_, value)) if is_number(value) => {
                    form.push(format!("{} = {}", variant.ident, value.to_token_stream()));
                }
                Some(_) => return None,
            }
        }
    }
    Some(form.join(", "))
}

/// Whether an expression is a number that is written out, and so the same in every build.
fn is_number(value: &Expr) -> bool {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(_), .. }) => true,
        Expr::Unary(unary) => is_number(&unary.expr),
        _ => false,
    }
}

/// What is written down of how the type lies in memory; without it, a type is not moved from one build to another.
pub(super) fn memory(state: &StateType) -> TokenStream {
    let Some(form) = &state.form else {
        return generated! { ::shrine::__private::Memory::Unknown };
    };
    if let Some(why) = unmeasured(state) {
        return generated! { ::shrine::__private::Memory::Unmeasured(#why) };
    }
    generated! {
        ::shrine::__private::Memory::Form {
            form: #form,
            has_drop: ::shrine::__private::Ends::<Self>::HAS_DROP,
        }
    }
}

/// Whether offsets are asked for.
pub(super) fn is_measured(state: &StateType) -> bool {
    state.form.is_some() && unmeasured(state).is_none()
}

/// Why what a value is made of is not all there is to it.
fn unmeasured(state: &StateType) -> Option<String> {
    let fields: Vec<&Field> = match &state.body {
        Body::Named(fields) | Body::Tuple(fields) => fields.iter().collect(),
        Body::Newtype(field) => vec![field],
        Body::Unit => Vec::new(),
        Body::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
    };
    fields.into_iter().find_map(|field| {
        let what = match &field.keeping {
            Keeping::Transient => "is transient",
            Keeping::Opaque(_) => "is of a foreign type",
            Keeping::Kept | Keeping::Recursive => return None,
        };
        let owner = names::plain(&state.ident);
        Some(match field.name().as_str() {
            "" => format!("a field of `{owner}` {what}"),
            name => format!("the field `{name}` of `{owner}` {what}"),
        })
    })
}
