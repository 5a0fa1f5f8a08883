//! Raises the version of a widget or of a nested type: what has changed since its release becomes a line of `#[migrate]`.

pub mod diff;
pub mod difference;
mod literal;
pub mod source;

use std::collections::BTreeMap;

use shrine::state::lock::Entry;
use shrine::state::shape::Shape;

use crate::release::outline;
use difference::{Operation, difference};
use source::Field;

/// What the head is now.
pub enum Now<'a> {
    /// As the code that was built says.
    Built {
        /// The shape of the head.
        shape: &'a Shape,
        /// The versions that nested types have in it.
        nested: BTreeMap<String, String>,
    },
    /// As the source says, which does not compile: a chain whose newest hop is missing often does not. Types are compared
    /// as they are written, and those that are not understood count as unchanged.
    Written(&'a [Field]),
}

impl<'a> Now<'a> {
    /// The head as it was built.
    #[must_use]
    pub fn built(shape: &'a Shape) -> Self {
        let nested = outline::nested(shape).into_iter();
        Self::Built {
            shape,
            nested: nested.map(|nested| (nested.name.to_owned(), nested.version.to_owned())).collect(),
        }
    }
}

/// What has happened to the fields since the release. `renamed` is asked about each pair that may be one field.
#[must_use]
pub fn operations(
    released: &Entry,
    now: &Now<'_>,
    renamed: impl FnMut(&str, &str) -> Option<bool>,
) -> Vec<Operation> {
    let old = fields_of(released);
    match now {
        Now::Built { shape, nested } => {
            let Shape::Struct(of) = shape else { return Vec::new() };
            let new = outline::fields(&of.fields);
            let operations = difference(&old, &new, renamed, |field| literal::default_of(shape, field));
            operations.into_iter().map(|operation| in_rust(operation, nested)).collect()
        }
        Now::Written(fields) => {
            let old: Vec<_> =
                old.into_iter().map(|(name, ty)| (name, outline::rust_type(&ty, |_| None))).collect();
            difference(&old, &understood(fields, &old), renamed, |_| None)
        }
    }
}

/// The fields of a released version, in the words of the lock.
#[must_use]
pub fn fields_of(released: &Entry) -> Vec<(String, String)> {
    let fields = released.shape.iter().map(|line| outline::split(line));
    fields.map(|(name, ty)| (name.to_owned(), ty.to_owned())).collect()
}

/// The operation with types as they are written in Rust.
fn in_rust(operation: Operation, nested: &BTreeMap<String, String>) -> Operation {
    let rust = |ty: String| outline::rust_type(&ty, |name| nested.get(name).cloned());
    match operation {
        Operation::Change { field, ty } => Operation::Change { field, ty: rust(ty) },
        Operation::Remove { field, ty } => Operation::Remove { field, ty: rust(ty) },
        other => other,
    }
}

/// The fields with their types in the words of the lock; a type that is not understood counts as the one of `old`.
#[must_use]
pub fn understood(fields: &[Field], old: &[(String, String)]) -> Vec<(String, String)> {
    fields.iter().map(|field| (field.name.clone(), type_of(field, old))).collect()
}

fn type_of(field: &Field, old: &[(String, String)]) -> String {
    let before = old.iter().find(|(name, _)| *name == field.name).map(|(_, ty)| ty);
    let mut words = String::new();
    let mut is_known = true;
    for word in field.ty.split_inclusive(|letter: char| !letter.is_alphanumeric() && letter != '_') {
        let name = word.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let rest = &word[name.len()..];
        if rest == ":" {
            // The path that leads to a name.
            continue;
        }
        let same = match name {
            "usize" => "u64",
            "isize" => "i64",
            "HashMap" => "BTreeMap",
            "HashSet" => "BTreeSet",
            "VecDeque" => "Vec",
            "PathBuf" => "String",
            other => other,
        };
        is_known &= name.is_empty() || KNOWN.contains(&same);
        words.push_str(same);
        words.push_str(rest);
        if rest == "," || rest == ";" {
            words.push(' ');
        }
    }
    match before {
        Some(before) if !is_known => before.clone(),
        _ => words,
    }
}

/// The types whose names mean the same in the lock and in any source.
const KNOWN: [&str; 21] = [
    "bool", "char", "String", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "f32",
    "f64", "Option", "Vec", "BTreeMap", "BTreeSet", "str", "Value",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn line(released: &[&str], fields: &[(&str, &str)]) -> String {
        let shape = released.iter().map(|line| (*line).to_owned()).collect();
        let released = Entry { fingerprint: 0, shape, retired: Vec::new() };
        let field = |(name, ty): &(&str, &str)| Field { name: (*name).to_owned(), ty: (*ty).to_owned() };
        let fields: Vec<_> = fields.iter().map(field).collect();
        difference::line("1.0.0", &operations(&released, &Now::Written(&fields), |_, _| None))
    }

    #[test]
    fn types_are_compared_as_they_are_written() {
        let same =
            [("a", "std::collections::HashMap<String,Vec<usize>>"), ("b", "Cents"), ("c", "Vec<Item>")];
        let released = ["a: BTreeMap<String, Vec<u64>>", "b: i64", "c: Vec<Item@2>"];
        assert_eq!(line(&released, &same), r#"#[migrate(from = "1.0.0")]"#);
        let changed = [("a", "HashMap<String,u8>"), ("b", "i64"), ("c", "Vec<Item>")];
        let expected = r#"#[migrate(from = "1.0.0", change(a: BTreeMap<String, Vec<u64>>))]"#;
        assert_eq!(line(&released, &changed), expected);
    }

    #[test]
    fn a_name_is_enough_to_tell_what_is_gone() {
        let expected = r#"#[migrate(from = "1.0.0", todo_rename(count => total), remove(p: Point))]"#;
        assert_eq!(line(&["count: i64", "p: Point { x: i32 }"], &[("total", "i64")]), expected);
    }
}
