//! Finds what cannot be state.

use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, LitStr, PathArguments, Type};

use super::model::{self, Body, Field, StateType};
use crate::errors::Errors;

/// Reports what is wrong with the shape of a type, and notes whether something is.
pub(crate) fn check(state: &mut StateType, errors: &Errors) {
    let fine = errors.none_from(|| {
        generics(state, errors);
        match &state.body {
            // The references in its fields are the same mistake.
            _ if state.generics.lifetimes().next().is_some() => {}
            Body::Named(fields) => fields.iter().for_each(|field| self::field(field, errors)),
            Body::Newtype(field) => unnamed(state, std::slice::from_ref(&**field), errors),
            Body::Tuple(fields) => unnamed(state, fields, errors),
            Body::Enum(variants) => {
                if variants.is_empty() {
                    let message = "an enum without variants cannot be state: it has no values";
                    errors.report(
                        &state.ident,
                        message,
                        "add a variant, or write `struct` for a type with one value",
                    );
                }
                variants
                    .iter()
                    .flat_map(|variant| &variant.fields)
                    .for_each(|field| self::field(field, errors));
            }
            Body::Unit => {}
        }
    });
    state.usable &= fine;
}

fn generics(state: &StateType, errors: &Errors) {
    let generics = &state.generics;
    if generics.lifetimes().next().is_some() {
        let message = "state cannot borrow: the host holds it when the code that owned the data is gone";
        errors.report(generics, message, "own the data: write `String` for `&str`, `Vec<..>` for `&[..]`");
    } else if !generics.params.is_empty() {
        let message = "state cannot be generic: its shape must be one fixed tree, because the host holds it across builds";
        let help =
            "declare a type for each use, with the types written out; functions over them may stay generic";
        errors.report(generics, message, help);
    }
}

fn unnamed(state: &StateType, fields: &[Field], errors: &Errors) {
    for field in fields {
        self::field(field, errors);
        if model::mentions(&field.ty, &state.ident) {
            let message = "a type that contains itself needs a name for the field that does";
            errors.report(&field.ty, message, "write a struct with named fields, or an enum");
        }
    }
}

fn field(field: &Field, errors: &Errors) {
    if !field.is_transient() && field.codec().is_none() {
        field_type(&field.ty, errors);
    }
}

/// Reports a name of a codec that is not `name@version`.
pub(crate) fn codec(name: &LitStr, errors: &Errors) {
    let text = name.value();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-');
    let fine = text.split_once('@').is_some_and(|(name, version)| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(fits)
            && version.parse::<u32>().is_ok_and(|number| number.to_string() == version)
    });
    if !fine {
        let help = "write a name and a number, as in `uuid@1`; raise the number when the type is encoded in another way";
        errors.report(name, format!("`{text}` is not the name of a codec"), help);
    }
}

/// Reports the parts of a field's type that cannot be state.
pub(crate) fn field_type(ty: &Type, errors: &Errors) {
    Unfit { errors }.visit_type_mut(&mut ty.clone());
}

/// Whether nothing in the type is refused.
pub(crate) fn fits(ty: &Type) -> bool {
    let errors = Errors::new();
    field_type(ty, &errors);
    let fits = errors.count() == 0;
    errors.into_tokens();
    fits
}

struct Unfit<'a> {
    errors: &'a Errors,
}

impl VisitMut for Unfit<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match unfit(ty) {
            Some((why, instead)) => self.errors.report(&*ty, why, instead),
            None => visit_mut::visit_type_mut(self, ty),
        }
    }
}

/// Why a type cannot be state, judged by its own outermost part, and what to write instead.
fn unfit(ty: &Type) -> Option<(String, String)> {
    let because = |what: &str, why: &str, instead: &str| {
        Some((format!("{what} cannot be part of a widget's state: {why}"), instead.to_owned()))
    };
    match ty {
        Type::Reference(reference) => {
            let instead = match &*reference.elem {
                Type::Path(path) if path.path.is_ident("str") => "write `String`",
                Type::Slice(_) => "write `Vec<..>` with the same items",
                _ => "write the type without `&`",
            };
            because("a reference", "what it points to stays behind in the old code", instead)
        }
        Type::Ptr(_) => {
            because("a raw pointer", "it means nothing in another build", "store the value, or an id")
        }
        Type::FnPtr(_) => {
            let instead = "store an enum of what can be done, and `match` on it";
            because("a function pointer", "it points into the code that an update replaces", instead)
        }
        Type::TraitObject(_) => {
            let instead = "write an enum of the types that it can be";
            because("`dyn`", "nothing says which type is behind it", instead)
        }
        Type::ImplTrait(_) => because("`impl Trait`", "nothing says which type it is", "write the type"),
        Type::Path(path) => {
            let segment = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
            // A user's own `Cell` has no type argument: a grid of them is fine.
            arguments.args.iter().find(|argument| matches!(argument, GenericArgument::Type(_)))?;
            let name = segment.ident.to_string();
            let what = format!("`{name}`");
            match name.as_str() {
                "Rc" | "Arc" | "Weak" => because(
                    &what,
                    "sharing does not survive encoding",
                    "store the value itself, or the id of it",
                ),
                "Cell" | "RefCell" | "OnceCell" | "Mutex" | "RwLock" | "OnceLock" => because(
                    &what,
                    "its value could change while it is encoded",
                    "store the value itself: handlers get `&mut self`",
                ),
                _ => None,
            }
        }
        _ => None,
    }
}
