//! In what a type differs from a released shape, as far as its tokens tell.

use proc_macro2::Ident;
use syn::{Expr, ExprLit, GenericArgument, Lit, PathArguments, Type};

use crate::names::plain;
use crate::state::StateType;
use crate::state::model::{Body, Field, Variant};

/// What differs, in words; empty if the tokens do not tell.
pub(super) fn differences(state: &StateType, shape: &[String]) -> Vec<String> {
    let parts: Vec<_> = parts(state).into_iter().map(|(ident, text)| (plain(ident), text)).collect();
    if !matches!(state.body, Body::Named(_) | Body::Enum(_)) {
        return Vec::new();
    }
    let released: Vec<_> = shape.iter().map(|line| split(line)).collect();
    let gone = released.iter().filter(|(name, _)| !parts.iter().any(|(part, _)| part == name));
    let mut found: Vec<_> = gone.map(|(name, _)| format!("`{name}` is gone")).collect();
    for (name, now) in &parts {
        match released.iter().find(|(released, _)| released == name) {
            None => found.push(format!("`{name}` is new")),
            Some((_, before)) => {
                if let Some(now) = now.as_deref().filter(|now| now != before) {
                    let shown = |what: &str| match what {
                        "" => "nothing".to_owned(),
                        what => format!("`{what}`"),
                    };
                    found.push(format!("`{name}` was {} and is {}", shown(before), shown(now)));
                }
            }
        }
    }
    if found.is_empty() {
        // Then it is in a type inside, which only the compiler can look into; what it was is known.
        let unknown = parts.iter().filter(|(_, now)| now.is_none());
        let before = unknown.filter_map(|(name, _)| released.iter().find(|(released, _)| released == name));
        let spelt_out = before.filter(|(_, before)| before.contains('{'));
        found.extend(spelt_out.map(|(name, before)| format!("`{name}` was released as `{before}`")));
    }
    found
}

/// The fields or variants, each with what follows its name in the lock, if its tokens tell.
pub(super) fn parts(state: &StateType) -> Vec<(&Ident, Option<String>)> {
    match &state.body {
        Body::Named(fields) => {
            let kept = fields.iter().filter(|field| !field.is_transient());
            kept.filter_map(|field| Some((field.ident.as_ref()?, of_field(field)))).collect()
        }
        Body::Enum(variants) => variants.iter().map(variant).collect(),
        Body::Newtype(_) | Body::Tuple(_) | Body::Unit => Vec::new(),
    }
}

/// The name of a part and what follows it.
pub(super) fn split(line: &str) -> (&str, &str) {
    let end = line.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    (name, rest.trim_start_matches(':').trim())
}

fn variant(variant: &Variant) -> (&Ident, Option<String>) {
    let kept: Vec<_> = variant.fields.iter().filter(|field| !field.is_transient()).collect();
    let part = |field: &&Field| {
        let ty = of_field(field)?;
        Some(if variant.named { format!("{}: {ty}", field.name()) } else { ty })
    };
    let mut fields = kept.iter().map(part).collect::<Option<Vec<_>>>();
    if variant.named
        && let Some(fields) = &mut fields
    {
        fields.sort();
    }
    let text = fields.map(|fields| match (fields.as_slice(), variant.named) {
        ([], false) => String::new(),
        (fields, true) => format!("{{ {} }}", fields.join(", ")),
        (fields, false) => format!("({})", fields.join(", ")),
    });
    (&variant.ident, text)
}

fn of_field(field: &Field) -> Option<String> {
    field.codec().map_or_else(|| canonical(&field.ty), |codec| Some(format!("opaque {codec}")))
}

/// The type as `Shape` prints it; none if it contains a name that only the compiler can resolve.
pub(crate) fn canonical(ty: &Type) -> Option<String> {
    match ty {
        Type::Tuple(tuple) => {
            let items = tuple.elems.iter().map(canonical).collect::<Option<Vec<_>>>()?;
            Some(match items.as_slice() {
                [item] => format!("({item},)"),
                items => format!("({})", items.join(", ")),
            })
        }
        Type::Array(array) => {
            let Expr::Lit(ExprLit { lit: Lit::Int(len), .. }) = &array.len else { return None };
            Some(format!("[{}; {}]", canonical(&array.elem)?, len.base10_digits()))
        }
        Type::Paren(inner) => canonical(&inner.elem),
        Type::Group(inner) => canonical(&inner.elem),
        Type::Path(path) if path.qself.is_none() => {
            let last = path.path.segments.last()?;
            let name = last.ident.to_string();
            let arguments = match &last.arguments {
                PathArguments::None => return leaf(&name).map(str::to_owned),
                PathArguments::AngleBracketed(arguments) => arguments,
                PathArguments::Parenthesized(_) => return None,
            };
            let argument = |argument: &GenericArgument| match argument {
                GenericArgument::Type(ty) => canonical(ty),
                _ => None,
            };
            let arguments = arguments.args.iter().map(argument).collect::<Option<Vec<_>>>()?;
            match (name.as_str(), arguments.as_slice()) {
                ("Box", [item]) => Some(item.clone()),
                ("Option", [item]) => Some(format!("Option<{item}>")),
                ("Vec" | "VecDeque", [item]) => Some(format!("Vec<{item}>")),
                ("BTreeSet" | "HashSet", [item]) => Some(format!("BTreeSet<{item}>")),
                ("BTreeMap" | "HashMap", [key, value]) => Some(format!("BTreeMap<{key}, {value}>")),
                _ => None,
            }
        }
        _ => None,
    }
}

fn leaf(name: &str) -> Option<&str> {
    match name {
        "isize" => Some("i64"),
        "usize" => Some("u64"),
        "bool" | "char" | "String" | "f32" | "f64" | "i8" | "i16" | "i32" | "i64" | "i128" | "u8" | "u16"
        | "u32" | "u64" | "u128" => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_std_are_written_as_shapes_are() {
        let text = |ty: &str| canonical(&syn::parse_str(ty).unwrap());
        assert_eq!(
            text("std::collections::HashMap<usize, Vec<Option<String>>>").as_deref(),
            Some("BTreeMap<u64, Vec<Option<String>>>")
        );
        assert_eq!(text("Box<([u8; 3], ())>").as_deref(), Some("([u8; 3], ())"));
        assert_eq!(text("Vec<Item>"), None);
        assert_eq!(text("[u8; N]"), None);
    }

    #[test]
    fn a_line_begins_with_the_name() {
        assert_eq!(split("count: i64"), ("count", "i64"));
        assert_eq!(split("Idle"), ("Idle", ""));
        assert_eq!(split("Pair(u8, String)"), ("Pair", "(u8, String)"));
        assert_eq!(split("Active { since: u64 }"), ("Active", "{ since: u64 }"));
    }
}
