//! What is between two versions of a state, as `#[migrate]` says it.

use shrine::words::distance;

use super::words::{Carries, Names, Part, Type, ident};

/// One operation of a hop, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `rename`, `todo_rename`, `change`, `remove` or `add`.
    pub kind: &'static str,
    /// What stands in its parentheses.
    pub text: String,
    /// What its author has to decide before it compiles.
    pub question: Option<String>,
}

/// What helps to tell one version from the next.
pub struct Between<'a> {
    /// The name of an enum; none for a struct.
    pub enumeration: Option<&'a str>,
    /// How nested types are written: an older one is a type of its own, as `ItemV1`.
    pub names: &'a Names,
    /// Whether a part that is gone has only another name now; nothing when nobody can be asked.
    pub renamed: &'a mut dyn FnMut(&str, &str) -> Option<bool>,
    /// How the source writes a part.
    pub spelt: &'a dyn Fn(&str) -> Option<Part>,
    /// What a new field begins with, as Rust, where that is plain.
    pub default: &'a dyn Fn(&str) -> Option<String>,
}

impl Between<'_> {
    /// The operations between two versions.
    #[must_use]
    pub fn operations(&mut self, old: &[Part], new: &[Part]) -> Vec<Operation> {
        let without = |parts: &[Part], other: &[Part]| -> Vec<Part> {
            let is_alone = |part: &&Part| other.iter().all(|known| known.name != part.name);
            parts.iter().filter(is_alone).cloned().collect()
        };
        let (gone, mut come) = (without(old, new), without(new, old));
        let (mut operations, mut removals) = (Vec::new(), Vec::new());
        for part in gone {
            let mut alike: Vec<_> =
                come.iter().filter(|other| other.carries == part.carries).cloned().collect();
            alike.sort_by_key(|other| distance(&part.name, &other.name));
            let decided = alike.into_iter().find_map(|other| {
                let answer = (self.renamed)(&part.name, &other.name);
                (answer != Some(false)).then_some((other.name, answer.is_some()))
            });
            match decided {
                Some((name, is_sure)) => {
                    come.retain(|other| other.name != name);
                    operations.push(self.rename(&part, &name, is_sure));
                }
                None => removals.push(self.removal(&part)),
            }
        }
        for now in new {
            let before = old.iter().find(|before| before.name == now.name && before.carries != now.carries);
            operations.extend(before.map(|before| self.change(before, now)));
        }
        operations.extend(removals);
        operations.extend(come.iter().map(|part| self.addition(part)));
        operations
    }

    fn rename(&self, part: &Part, new: &str, is_sure: bool) -> Operation {
        let (old, new) = (&part.name, new);
        let text = format!("{} => {}", ident(old), ident(new));
        if is_sure {
            return Operation { kind: "rename", text, question: None };
        }
        let apart = match self.enumeration {
            Some(_) => format!("`remove({old}, up = ..), add({new})`"),
            None => format!("`remove({old}: ..), add({new} = ..)`"),
        };
        let question =
            format!("is `{new}` the former `{old}`? then write `rename({old} => {new})`, else {apart}");
        Operation { kind: "todo_rename", text, question: Some(question) }
    }

    fn change(&self, before: &Part, now: &Part) -> Operation {
        let name = &before.name;
        let spelt = (self.spelt)(name);
        let mut text = self.written(before, spelt.as_ref());
        let by_itself = match (&before.carries, &now.carries) {
            (Carries::Type(old), Carries::Type(new)) => old.becomes(new),
            (Carries::Unnamed(old), Carries::Unnamed(new)) => {
                old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old.becomes(new))
            }
            (Carries::Named(old), Carries::Named(new)) => {
                old.len() == new.len()
                    && old.iter().zip(new).all(|(old, new)| match (&old.carries, &new.carries) {
                        (Carries::Type(from), Carries::Type(to)) => old.name == new.name && from.becomes(to),
                        _ => false,
                    })
            }
            _ => false,
        };
        let hiding = spelt.as_ref().filter(|spelt| self.hides(spelt, now));
        if by_itself && hiding.is_none() {
            return Operation { kind: "change", text, question: None };
        }
        text.push_str(", up = ..");
        let question = format!(
            "how does `{}` become `{}`? write it in place of `..`",
            self.shown(before, spelt.as_ref()),
            hiding.map_or_else(|| self.shown(now, spelt.as_ref()), |written| self.shown(written, None))
        );
        let question = match &now.carries {
            Carries::Type(_) => format!("{question}, `up = |old| ..` or `try_up` if it can fail"),
            _ => format!("{question}, `up = |value| {}::{name}..`", self.enumeration.unwrap_or_default()),
        };
        Operation { kind: "change", text, question: Some(question) }
    }

    fn removal(&self, part: &Part) -> Operation {
        let text = self.written(part, None);
        match self.enumeration {
            None => Operation { kind: "remove", text, question: None },
            Some(own) => {
                let name = &part.name;
                let question =
                    format!("what becomes of `{name}`? write it in place of `..`, `up = {own}::..`");
                Operation { kind: "remove", text: format!("{text}, up = .."), question: Some(question) }
            }
        }
    }

    fn addition(&self, part: &Part) -> Operation {
        let name = ident(&part.name);
        if self.enumeration.is_some() {
            return Operation { kind: "add", text: name, question: None };
        }
        let value = (self.default)(&part.name);
        let question = value
            .is_none()
            .then(|| format!("what does `{}` begin with? write it in place of `..`", part.name));
        Operation { kind: "add", text: format!("{name} = {}", value.as_deref().unwrap_or("..")), question }
    }

    /// The part as the older version had it. What is under a codec says so.
    fn written(&self, part: &Part, spelt: Option<&Part>) -> String {
        let text = part.rust(spelt, self.names);
        match &part.carries {
            Carries::Type(Type::Opaque(codec)) => {
                format!("#[state(opaque = \"{codec}\")] {text}")
            }
            _ => text,
        }
    }

    /// Whether the source names a type whose shape is that of what is inside, as a tuple struct's is: nothing converts
    /// into one by itself.
    fn hides(&self, spelt: &Part, now: &Part) -> bool {
        let mut known = Vec::new();
        now.visit(&mut |ty| known.extend(ty.name()));
        // What contains itself is called so by the shape.
        let mut hides = false;
        if known.iter().any(|name| name.starts_with("Self")) {
            return hides;
        }
        spelt.visit(&mut |ty| {
            let name = ty.name().map(|name| name.rsplit("::").next().unwrap_or(name));
            hides |=
                name.is_some_and(|name| self.names.versions.contains_key(name) && !known.contains(&name));
        });
        hides
    }

    fn shown(&self, part: &Part, spelt: Option<&Part>) -> String {
        match (&part.carries, spelt.map(|spelt| &spelt.carries)) {
            (Carries::Type(ty), Some(Carries::Type(spelt))) => ty.rust(Some(spelt), self.names),
            (Carries::Type(ty), _) => ty.rust(None, self.names),
            _ => part.rust(spelt, self.names),
        }
    }
}

/// What stands in the parentheses of the attribute that says so.
#[must_use]
pub fn options(from: &str, operations: &[Operation]) -> Vec<String> {
    let mut options = vec![format!("from = \"{from}\"")];
    for kind in ["rename", "todo_rename", "change", "remove", "add"] {
        let of_kind = operations.iter().filter(|operation| operation.kind == kind);
        let of_kind: Vec<_> = of_kind.map(|operation| operation.text.as_str()).collect();
        if !of_kind.is_empty() {
            options.push(format!("{kind}({})", of_kind.join(", ")));
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    fn parts(lines: &[&str]) -> Vec<Part> {
        lines.iter().map(|line| words::part(line).unwrap()).collect()
    }

    fn between(
        enumeration: Option<&str>,
        old: &[&str],
        new: &[&str],
        renamed: Option<bool>,
    ) -> (String, usize) {
        let versions = [("Item".to_owned(), "2".to_owned())].into();
        let names = Names { versions, ..Names::default() };
        let operations = Between {
            enumeration,
            names: &names,
            renamed: &mut |_, _| renamed,
            spelt: &|_| None,
            default: &|field| (field == "step").then(|| "1".to_owned()),
        }
        .operations(&parts(old), &parts(new));
        let questions = operations.iter().filter(|operation| operation.question.is_some()).count();
        (options("1", &operations)[1..].join(", "), questions)
    }

    const OLD: &[&str] = &["count: i32", "title: String", "n: u8"];

    #[test]
    fn a_rename_is_never_guessed() {
        let new = &["total: i32", "title: String", "n: u8"];
        let of = |renamed| between(None, OLD, new, renamed);
        assert_eq!(of(None), ("todo_rename(count => total)".to_owned(), 1));
        assert_eq!(of(Some(true)), ("rename(count => total)".to_owned(), 0));
        assert_eq!(of(Some(false)), ("remove(count: i32), add(total = ..)".to_owned(), 1));
    }

    #[test]
    fn each_difference_is_named() {
        let new = &["title: Option<String>", "step: i64", "type: u8", "n: i8"];
        let line = "change(title: String, n: u8, up = ..), remove(count: i32), add(step = 1, r#type = ..)";
        assert_eq!(between(None, OLD, new, None), (line.to_owned(), 2));
        assert_eq!(between(None, OLD, OLD, None), (String::new(), 0));
        let line = "change(a: Vec<ItemV1>), remove(#[state(opaque = \"uuid@1\")] id: ForeignType)";
        assert_eq!(
            between(None, &["a: Vec<Item@1>", "id: opaque uuid@1"], &["a: Vec<Item@2>"], None).0,
            line
        );
    }

    #[test]
    fn variants_are_compared_with_what_they_carry() {
        let old = &["Idle", "Legacy(u32)", "Active { since: u32 }", "Pair(u8, u8)", "Low(u8)"];
        let new = &["Active { since: u64 }", "Late", "Pair(u8)", "Idle", "High(u8)"];
        let line = "todo_rename(Low => High), change(Active { since: u32 }, Pair(u8, u8), up = ..), remove(Legacy(u32), up = ..), add(Late)";
        assert_eq!(between(Some("Mode"), old, new, None), (line.to_owned(), 3));
    }

    #[test]
    fn of_several_candidates_the_nearest_name_is_asked_for_first() {
        let mut asked = Vec::new();
        let operations = Between {
            enumeration: None,
            names: &Names::default(),
            renamed: &mut |old, new| {
                asked.push(format!("{old} {new}"));
                Some(new == "unrelated")
            },
            spelt: &|_| None,
            default: &|_| None,
        }
        .operations(&parts(&["total: i64"]), &parts(&["unrelated: i64", "totals: i64"]));
        assert_eq!(asked, ["total totals", "total unrelated"]);
        assert_eq!(options("1", &operations)[1..], ["rename(total => unrelated)", "add(totals = ..)"]);
    }
}
