//! Takes a struct or enum apart: what goes back out unchanged, and what describes the state.

use quote::ToTokens as _;
use syn::{Attribute, Data, DeriveInput, Fields};

use super::model::{Body, Field, Keeping, StateType, Variant};
use super::{check, fixture, layout};
use crate::attributes::{self, Options};
use crate::errors::Errors;

/// A type with its attributes sorted.
pub(crate) struct Declaration {
    /// The item without the attributes that belong to these macros.
    pub(crate) item: DeriveInput,
    /// What it says about state.
    pub(crate) state: StateType,
    /// The `#[migrate]` attributes, newest first.
    pub(crate) hops: Vec<Attribute>,
}

/// Reads the item under `#[widget]` or `#[state]`.
pub(crate) fn declaration(mut item: DeriveInput, errors: &Errors) -> Declaration {
    let hops = attributes::take(&mut item.attrs, "migrate");
    for name in ["state", "widget"] {
        for again in attributes::take(&mut item.attrs, name) {
            errors.report(&again, format!("a second `#[{name}]` on one type"), "remove one of the two");
        }
    }
    fixture::misplaced(&mut item.attrs, "a type", errors);
    let mut body = Body::Unit;
    let fine = errors.none_from(|| body = self::body(&mut item.data, errors));
    let state = StateType {
        ident: item.ident.clone(),
        generics: item.generics.clone(),
        vis: item.vis.clone(),
        derives: attributes::derives(&item.attrs),
        deprecated: deprecated(&item),
        version: None,
        form: layout::form(&item),
        usable: fine && matches!(item.data, Data::Struct(_) | Data::Enum(_)),
        body,
    };
    Declaration { item, state, hops }
}

/// Whether using the type or one of its fields makes the compiler warn.
fn deprecated(item: &DeriveInput) -> bool {
    let fields = match &item.data {
        Data::Struct(data) => data.fields.iter().collect(),
        _ => Vec::new(),
    };
    let attributes = item.attrs.iter().chain(fields.iter().flat_map(|field| &field.attrs));
    attributes.into_iter().any(|attribute| attribute.path().is_ident("deprecated"))
}

fn body(data: &mut Data, errors: &Errors) -> Body {
    match data {
        Data::Struct(data) => match &mut data.fields {
            // As one with braces and nothing between, so that it can get fields, or lose its last one.
            Fields::Unit => Body::Named(Vec::new()),
            Fields::Named(_) => Body::Named(fields(&mut data.fields, errors)),
            Fields::Unnamed(_) => {
                let mut fields = fields(&mut data.fields, errors);
                match (fields.len(), fields.pop()) {
                    (1, Some(inner)) => Body::Newtype(Box::new(inner)),
                    (_, last) => {
                        fields.extend(last);
                        Body::Tuple(fields)
                    }
                }
            }
        },
        Data::Enum(data) => Body::Enum(data.variants.iter_mut().map(|v| variant(v, errors)).collect()),
        Data::Union(data) => {
            let message = "a union cannot be state: nothing says which of its fields is the valid one";
            errors.report(data.union_token, message, "write an enum");
            for field in &mut data.fields.named {
                attributes::take(&mut field.attrs, "state");
                attributes::take(&mut field.attrs, "fixture");
            }
            Body::Unit
        }
    }
}

/// Reads a variant, and removes the attributes that belong to these macros.
pub(crate) fn variant(variant: &mut syn::Variant, errors: &Errors) -> Variant {
    refuse_conditional(&variant.attrs, "variant", errors);
    for attribute in attributes::take(&mut variant.attrs, "state") {
        errors.report(&attribute, "`#[state(..)]` goes on a field, not on a variant", "remove it");
    }
    fixture::misplaced(&mut variant.attrs, "a variant", errors);
    let named = matches!(variant.fields, Fields::Named(_));
    Variant {
        ident: variant.ident.clone(),
        named,
        fields: fields(&mut variant.fields, errors),
        attributes: variant.attrs.clone(),
    }
}

fn fields(fields: &mut Fields, errors: &Errors) -> Vec<Field> {
    fields.iter_mut().map(|field| self::field(field, errors)).collect()
}

fn field(field: &mut syn::Field, errors: &Errors) -> Field {
    refuse_conditional(&field.attrs, "field", errors);
    let ours = attributes::take(&mut field.attrs, "state");
    let keeping = keeping(&ours, field.ident.is_some(), errors);
    let fixtures = attributes::take(&mut field.attrs, "fixture");
    Field {
        ident: field.ident.clone(),
        ty: field.ty.clone(),
        vis: field.vis.clone(),
        fixture: fixture::read(&fixtures, &keeping, errors),
        keeping,
        attributes: field.attrs.clone(),
    }
}

/// Reads `#[state(..)]` on a field.
pub(crate) fn keeping(ours: &[Attribute], named: bool, errors: &Errors) -> Keeping {
    let mut keeping = Keeping::Kept;
    for attribute in ours {
        let known = ["transient", "recursive", "opaque"];
        let mut options = Options::read("#[state]", &known, attributes::arguments(attribute, errors), errors);
        if !known.iter().any(|name| options.may_have(name)) {
            let help =
                "write `#[state(transient)]`, `#[state(recursive)]` or `#[state(opaque = \"name@1\")]`";
            errors.report_at(attributes::place(attribute), "`#[state]` on a field says nothing", help);
        }
        let transient = options.flag("transient");
        let recursive = options.flag("recursive");
        let opaque = options.text("opaque", "uuid@1");
        options.finish();
        match (transient, recursive, opaque) {
            (Some(_), Some(recursive), _) => {
                let help = "remove one of the two: what is not part of the state needs no fingerprint";
                errors.report(recursive, "a field is `transient` or `recursive`, not both", help);
            }
            (Some(_), None, Some(opaque)) => {
                let help = "remove one of the two: what is not part of the state needs no codec";
                errors.report(opaque, "a field is `transient` or `opaque`, not both", help);
            }
            (None, Some(_), Some(opaque)) => {
                let help = "remove one of the two: nothing is known of what is inside an opaque field";
                errors.report(opaque, "a field is `recursive` or `opaque`, not both", help);
            }
            (Some(transient), None, None) if !named => {
                let help = "give the fields names";
                errors.report(transient, "only a field with a name can be transient", help);
            }
            (Some(_), None, None) => keeping = Keeping::Transient,
            (None, Some(_), None) => keeping = Keeping::Recursive,
            (None, None, Some(name)) => {
                check::codec(&name, errors);
                keeping = Keeping::Opaque(name.value());
            }
            (None, None, None) => {}
        }
    }
    keeping
}

fn refuse_conditional(attributes: &[Attribute], what: &str, errors: &Errors) {
    if let Some(cfg) = attributes::conditional(attributes) {
        let message =
            format!("a {what} of a state cannot depend on `cfg`: two builds of one version would disagree");
        errors.report(cfg.to_token_stream(), message, format!("keep the {what} in every build"));
    }
}
