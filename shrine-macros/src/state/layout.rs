//! How a type lies in memory: what a struct measures, and what the definition of an enum says.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Data, DeriveInput, Expr, ExprLit, Index, Lit};

use super::model::{Body, Field, Keeping, StateType, Variant};
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

/// The function `layout` of `State`; without it, a type is not moved in memory from one build to another.
pub(crate) fn expand(state: &StateType) -> Option<TokenStream> {
    let form = state.form.as_ref()?;
    let body = match unmeasured(state) {
        Some(why) => generated! { __layout.unknown(#why); },
        None => described(state, form),
    };
    Some(generated! {
        fn layout(__layout: &mut ::shrine::__private::Layout) {
            #body
        }
    })
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

fn described(state: &StateType, form: &str) -> TokenStream {
    let has_drop = generated! { ::shrine::__private::Ends::<Self>::new().has_drop() };
    let described = match &state.body {
        Body::Enum(variants) => {
            let variants = variants.iter().map(variant);
            generated! { __layout.enumeration::<Self>(#has_drop, #form, &[#(#variants),*]); }
        }
        Body::Named(fields) | Body::Tuple(fields) => structure(fields, &has_drop),
        Body::Newtype(field) => structure(std::slice::from_ref(field), &has_drop),
        Body::Unit => structure(&[], &has_drop),
    };
    generated! {
        #[allow(unused_imports)]
        use ::shrine::__private::EndsPlainly as _;
        #described
    }
}

fn structure(fields: &[Field], has_drop: &TokenStream) -> TokenStream {
    let fields = fields.iter().enumerate().map(|(index, field)| {
        let (name, ty) = (named(index, field), &field.ty);
        let member = match &field.ident {
            Some(ident) => quote!(#ident),
            None => Index::from(index).to_token_stream(),
        };
        generated! {
            (#name, ::core::mem::offset_of!(Self, #member), <#ty as ::shrine::__private::State>::layout)
        }
    });
    generated! { __layout.structure::<Self>(#has_drop, &[#(#fields),*]); }
}

fn variant(variant: &Variant) -> TokenStream {
    let name = names::plain(&variant.ident);
    let fields = variant.fields.iter().enumerate().map(|(index, field)| {
        let (name, ty) = (named(index, field), &field.ty);
        generated! { (#name, <#ty as ::shrine::__private::State>::layout) }
    });
    generated! { (#name, &[#(#fields),*]) }
}

fn named(index: usize, field: &Field) -> String {
    match field.name() {
        name if name.is_empty() => index.to_string(),
        name => name,
    }
}
