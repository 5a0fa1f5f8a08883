//! What is between two versions of a state, as `#[migrate]` says it.

use crate::session::command::distance;

/// The fields of a version: names and types, as a person writes them.
pub type Fields = [(String, String)];

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// It has another name since.
    Rename {
        /// The name before.
        old: String,
        /// The name since.
        new: String,
    },
    /// It has another name, or is another field: its author knows.
    Undecided {
        /// The field that is gone.
        old: String,
        /// The field of the same type that is new.
        new: String,
    },
    /// It has another type since.
    Change {
        /// Its name.
        field: String,
        /// The type before.
        ty: String,
    },
    /// It is gone.
    Remove {
        /// Its name.
        field: String,
        /// Its type.
        ty: String,
    },
    /// It is new.
    Add {
        /// Its name.
        field: String,
        /// What it begins with, where that is known.
        value: Option<String>,
    },
}

/// The operations between two versions. `renamed` decides on a field that is gone and one of its type that is new; it
/// answers with nothing when nobody can be asked. `default` knows what a new field begins with.
#[must_use]
pub fn difference(
    old: &Fields,
    new: &Fields,
    mut renamed: impl FnMut(&str, &str) -> Option<bool>,
    default: impl Fn(&str) -> Option<String>,
) -> Vec<Operation> {
    let without = |fields: &Fields, other: &Fields| -> Vec<(String, String)> {
        let is_alone = |(name, _): &&(String, String)| other.iter().all(|(known, _)| known != name);
        fields.iter().filter(is_alone).cloned().collect()
    };
    let (gone, mut come) = (without(old, new), without(new, old));
    let (mut renames, mut removals) = (Vec::new(), Vec::new());
    for (field, ty) in gone {
        let mut alike: Vec<_> = come.iter().filter(|(_, other)| *other == ty).cloned().collect();
        alike.sort_by_key(|(name, _)| distance(&field, name));
        let decided = alike.into_iter().find_map(|(name, _)| match renamed(&field, &name) {
            Some(true) => Some(Operation::Rename { old: field.clone(), new: name }),
            Some(false) => None,
            None => Some(Operation::Undecided { old: field.clone(), new: name }),
        });
        if let Some(Operation::Rename { new, .. } | Operation::Undecided { new, .. }) = &decided {
            come.retain(|(name, _)| name != new);
        }
        match decided {
            Some(operation) => renames.push(operation),
            None => removals.push(Operation::Remove { field, ty }),
        }
    }
    let changes = new.iter().filter_map(|(name, ty)| {
        let (_, before) = old.iter().find(|(known, before)| known == name && before != ty)?;
        Some(Operation::Change { field: name.clone(), ty: before.clone() })
    });
    renames.extend(changes.collect::<Vec<_>>());
    renames.extend(removals);
    renames.extend(come.into_iter().map(|(field, _)| Operation::Add { value: default(&field), field }));
    renames
}

/// The attribute that says so.
#[must_use]
pub fn line(from: &str, operations: &[Operation]) -> String {
    let mut parts = vec![format!("from = \"{from}\"")];
    for kind in ["rename", "todo_rename", "change", "remove", "add"] {
        let of_kind = operations.iter().filter_map(|operation| {
            let (found, text) = written(operation);
            (found == kind).then_some(text)
        });
        let of_kind: Vec<_> = of_kind.collect();
        if !of_kind.is_empty() {
            parts.push(format!("{kind}({})", of_kind.join(", ")));
        }
    }
    format!("#[migrate({})]", parts.join(", "))
}

/// What is left for the author to decide: until then the line does not compile.
#[must_use]
pub fn open_questions(operations: &[Operation]) -> Vec<String> {
    let question = |operation: &Operation| match operation {
        Operation::Undecided { old, new } => Some(format!(
            "is `{new}` the former `{old}`? then write `rename({old} => {new})`, else `remove({old}: ..)` and `add({new} = ..)`"
        )),
        Operation::Add { field, value: None } => {
            Some(format!("what does `{field}` begin with? write it in place of `..`"))
        }
        _ => None,
    };
    operations.iter().filter_map(question).collect()
}

fn written(operation: &Operation) -> (&'static str, String) {
    match operation {
        Operation::Rename { old, new } => ("rename", format!("{} => {}", ident(old), ident(new))),
        Operation::Undecided { old, new } => ("todo_rename", format!("{} => {}", ident(old), ident(new))),
        Operation::Change { field, ty } => ("change", format!("{}: {ty}", ident(field))),
        Operation::Remove { field, ty } => ("remove", format!("{}: {ty}", ident(field))),
        Operation::Add { field, value } => {
            ("add", format!("{} = {}", ident(field), value.as_deref().unwrap_or("..")))
        }
    }
}

/// A name as it is written: keywords need `r#`.
fn ident(name: &str) -> String {
    if crate::cli::new::is_keyword(name) { format!("r#{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, ty)| ((*name).to_owned(), (*ty).to_owned())).collect()
    }

    fn between(old: &[(&str, &str)], new: &[(&str, &str)], renamed: Option<bool>) -> String {
        let default = |field: &str| (field == "step").then(|| "1".to_owned());
        line("1.0.0", &difference(&fields(old), &fields(new), |_, _| renamed, default))
    }

    const OLD: &[(&str, &str)] = &[("count", "i32"), ("title", "String"), ("n", "u8")];

    #[test]
    fn a_rename_is_never_guessed() {
        let new = &[("total", "i32"), ("title", "String"), ("n", "u8")];
        let todo = r#"#[migrate(from = "1.0.0", todo_rename(count => total))]"#;
        assert_eq!(between(OLD, new, None), todo);
        assert_eq!(between(OLD, new, Some(true)), r#"#[migrate(from = "1.0.0", rename(count => total))]"#);
        let apart = r#"#[migrate(from = "1.0.0", remove(count: i32), add(total = ..))]"#;
        assert_eq!(between(OLD, new, Some(false)), apart);
    }

    #[test]
    fn each_difference_is_named() {
        let new = &[("title", "Option<String>"), ("step", "i64"), ("type", "u8"), ("n", "u8")];
        let line = r#"#[migrate(from = "1.0.0", change(title: String), remove(count: i32), add(step = 1, r#type = ..))]"#;
        assert_eq!(between(OLD, new, None), line);
        assert_eq!(between(OLD, OLD, None), r#"#[migrate(from = "1.0.0")]"#);
    }

    #[test]
    fn of_several_candidates_the_nearest_name_is_asked_for_first() {
        let old = &fields(&[("total", "i64")]);
        let new = &fields(&[("unrelated", "i64"), ("totals", "i64")]);
        let mut asked = Vec::new();
        let mut ask = |old: &str, new: &str| {
            asked.push(format!("{old} {new}"));
            Some(new == "unrelated")
        };
        let operations = difference(old, new, &mut ask, |_| None);
        assert_eq!(asked, ["total totals", "total unrelated"]);
        assert_eq!(
            line("1.0.0", &operations),
            r#"#[migrate(from = "1.0.0", rename(total => unrelated), add(totals = ..))]"#
        );
        assert_eq!(open_questions(&operations).len(), 1);
    }
}
