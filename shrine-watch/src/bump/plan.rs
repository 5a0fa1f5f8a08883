//! Which types get a new version together, and what each hop says.

use std::collections::{BTreeMap, BTreeSet};

use shrine::state::lock::{Entry, Lock};
use shrine::state::shape::Shape;

use super::difference::{Between, Operation};
use super::words::{self, Carries, FIRST, Names, Part, Type};
use super::{Versions, from_lock, literal, released};
use crate::release::version::next;

/// What is known of a type.
pub struct Known {
    /// The version that it has.
    pub version: String,
    /// Its name in the source.
    pub type_name: String,
    /// The module that it is in.
    pub module: Vec<String>,
    /// Whether it is an enum.
    pub is_enum: bool,
    /// Its parts as that version was released; none if it was not.
    pub old: Option<Vec<Part>>,
    /// Its parts as they are.
    pub now: Vec<Part>,
    /// Its shape, where the crate was built.
    pub shape: Option<Shape>,
}

/// The types of a crate: nested ones by their names, and the one whose version is raised.
pub struct Types {
    /// By name.
    pub types: BTreeMap<String, Known>,
    /// The versions that nested types have now.
    pub versions: Versions,
}

/// A type that gets a new version.
#[derive(Debug)]
pub struct Raised {
    /// Its name, or its id.
    pub name: String,
    /// The version that it has.
    pub from: String,
    /// The version that it gets; empty for the type that was asked about.
    pub to: String,
    /// What its hop says.
    pub operations: Vec<Operation>,
}

impl Types {
    /// The types inside of `subject` that have changed since their release, with the versions that they get, and all that
    /// contain these.
    #[must_use]
    pub fn changed_inside(&self, subject: &str) -> Versions {
        let mut raised = Versions::new();
        loop {
            let before = raised.len();
            for name in self.inside(subject) {
                let Some(known) = self.types.get(&name).filter(|_| !raised.contains_key(&name)) else {
                    continue;
                };
                let is_changed = known.old.as_ref().is_some_and(|old| *old != self.with(&known.now, &raised));
                if is_changed && let Some(version) = next(&known.version, None) {
                    raised.insert(name, version);
                }
            }
            if raised.len() == before {
                return raised;
            }
        }
    }

    /// The hops of the types of `raised`, and last that of `subject`. `renamed` is asked about each part that is gone and one
    /// like it that is new, with the name of the type.
    #[must_use]
    pub fn plan(
        &self,
        subject: &str,
        raised: &Versions,
        renamed: &mut dyn FnMut(&str, &str, &str) -> Option<bool>,
    ) -> Vec<Raised> {
        let mut versions = self.versions.clone();
        versions.extend(raised.iter().map(|(name, version)| (name.clone(), version.clone())));
        let modules = self.types.iter().map(|(name, known)| (name.clone(), known.module.clone())).collect();
        let names_of = Names { versions, modules, here: Vec::new() };
        let names = raised.keys().map(String::as_str).filter(|name| *name != subject).chain([subject]);
        let hop = |name: &str| {
            let known = self.types.get(name)?;
            let now = self.with(&known.now, raised);
            let names = Names { here: known.module.clone(), ..names_of.clone() };
            let mut between = Between {
                enumeration: known.is_enum.then_some(known.type_name.as_str()),
                names: &names,
                renamed: &mut |old, new| renamed(&known.type_name, old, new),
                default: &|field| known.shape.as_ref().and_then(|shape| literal::default_of(shape, field)),
            };
            let operations = between.operations(known.old.as_ref()?, &now);
            let to = raised.get(name).filter(|_| name != subject).cloned().unwrap_or_default();
            Some(Raised { name: name.to_owned(), from: known.version.clone(), to, operations })
        };
        names.map(hop).collect::<Option<_>>().unwrap_or_default()
    }

    /// The types that contain one of these.
    #[must_use]
    pub fn containing(&self, names: &BTreeSet<&str>) -> Vec<&str> {
        let contains = |known: &Known| mentioned(&known.now).iter().any(|name| names.contains(name));
        self.types.iter().filter(|(_, known)| contains(known)).map(|(name, _)| name.as_str()).collect()
    }

    /// The nested types inside of a type, however deep.
    fn inside(&self, subject: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![subject];
        while let Some(known) = open.pop().and_then(|name| self.types.get(name)) {
            for name in mentioned(&known.now) {
                if self.versions.contains_key(name) && name != subject && found.insert(name.to_owned()) {
                    open.push(name);
                }
            }
        }
        found
    }

    /// The parts with the versions that the types in them get.
    fn with(&self, parts: &[Part], raised: &Versions) -> Vec<Part> {
        let to = |ty: Type| match ty {
            Type::Of { name, arguments, version: Some(version), body } => {
                let is_now = self.versions.get(&name) == Some(&version);
                let version = raised.get(&name).filter(|_| is_now).cloned().unwrap_or(version);
                Type::Of { name, arguments, version: Some(version), body }
            }
            other => other,
        };
        parts.iter().map(|part| part.map(&to)).collect()
    }
}

/// The names of types in the parts.
fn mentioned(parts: &[Part]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for part in parts {
        part.visit(&mut |ty| {
            if let Type::Of { name, version: Some(_), .. } = ty {
                found.insert(name.as_str());
            }
        });
    }
    found
}

/// The parts of a version as it was released.
#[must_use]
pub fn old(
    lock: &Lock,
    embedded: &BTreeMap<String, Vec<Part>>,
    name: &str,
    version: &str,
    versions: &Versions,
) -> Option<Vec<Part>> {
    let wanted = version.parse().ok()?;
    let releases = lock.widgets.get(name).or_else(|| lock.states.get(name));
    match releases.and_then(|releases| releases.get(&wanted)) {
        Some(entry) => released(entry, versions).map(words::sorted),
        None => embedded.get(name).filter(|_| version == FIRST).cloned(),
    }
}

/// The types without a version that were released inside of others, spelt out there. Those of the newest release count, and
/// before all those inside of `subject`.
#[must_use]
pub fn embedded(lock: &Lock, subject: &str, versions: &Versions) -> BTreeMap<String, Vec<Part>> {
    let all = lock.states.values().chain(lock.widgets.values()).flat_map(BTreeMap::values);
    let last = lock.widgets.get(subject).or_else(|| lock.states.get(subject));
    let entries = all.chain(last.into_iter().flat_map(BTreeMap::values));
    let mut found = BTreeMap::new();
    for Entry { shape, .. } in entries {
        for part in shape.iter().filter_map(|line| words::part(line)) {
            part.visit(&mut |ty| {
                if let Type::Of { name, body: Some(body), .. } = ty {
                    let parts = body.iter().map(|part| from_lock(part, versions)).collect();
                    found.insert(name.clone(), words::sorted(parts));
                }
            });
        }
    }
    found
}

/// Whether all of it is a struct or an enum whose parts have names, so that a hop can say what becomes of them.
#[must_use]
pub fn has_parts(known: &Known) -> bool {
    known.is_enum || known.now.iter().all(|part| matches!(part.carries, Carries::Type(_)))
}

#[cfg(test)]
mod tests {
    use super::super::{known, source};
    use super::*;

    const SOURCE: &str = r#"
        #[widget(id = "list", version = "1.0.0")]
        struct List { items: Vec<Item>, mode: Mode, at: Option<Place> }
        #[state(version = "2")] struct Item { text: String, marks: Vec<Mark> }
        #[state] struct Mark { by: String }
        #[state] enum Mode { All, Tagged(String) }
        #[state] struct Place { x: i32, y: i32 }
    "#;

    const LOCK: &str = r#"
        format = 1
        [widget.list."1.0.0"]
        fingerprint = "0000000000000001"
        shape = ["at: Option<Place { x: i32, y: i32 }>", "items: Vec<Item@2>", "mode: Mode { All, Tagged(String) }"]
        [state.Item."2"]
        fingerprint = "0000000000000002"
        shape = ["marks: Vec<Mark { by: String }>", "text: String"]
    "#;

    fn planned(source: &str, subject: &str) -> Vec<String> {
        let lock = Lock::parse(LOCK).unwrap();
        let nested = source::find(source, source::Target::AnyNested).unwrap();
        let target = match subject {
            "list" => source::Target::Widget(subject),
            _ => source::Target::Nested(subject),
        };
        let place = source::find(source, target).unwrap().remove(0);
        let types = known(subject, &nested.iter().collect::<Vec<_>>(), &place, &lock, None);
        let raised = types.changed_inside(subject);
        let plan = types.plan(subject, &raised, &mut |_, _, _| None);
        let line = |raised: &Raised| {
            let options = super::super::difference::options(&raised.from, &raised.operations);
            format!("{} {}: {}", raised.name, raised.to, options.join(", "))
        };
        plan.iter().map(line).collect()
    }

    #[test]
    fn what_has_not_changed_says_nothing() {
        assert_eq!(planned(SOURCE, "list"), ["list : from = \"1.0.0\""]);
    }

    #[test]
    fn nested_types_are_raised_with_what_contains_them() {
        let source = SOURCE
            .replace("by: String", "by: String, at: u64")
            .replace("Tagged(String)", "Tagged(Vec<String>), None");
        let expected = [
            "Item 3: from = \"2\", change(marks: Vec<MarkV1>)",
            "Mark 2: from = \"1\", add(at = ..)",
            "Mode 2: from = \"1\", change(Tagged(String), up = ..), add(None)",
            "list : from = \"1.0.0\", change(items: Vec<ItemV2>, mode: ModeV1)",
        ];
        assert_eq!(planned(&source, "list"), expected);
        assert_eq!(
            planned(&source, "Item"),
            [expected[1], "Item : from = \"2\", change(marks: Vec<MarkV1>)"]
        );
    }

    #[test]
    fn a_version_given_meanwhile_stands_for_what_was_spelt_out() {
        let source = SOURCE.replace("#[state] enum", "#[state(version = \"2\")] enum");
        assert_eq!(planned(&source, "list"), ["list : from = \"1.0.0\", change(mode: ModeV1)"]);
        let source = SOURCE.replace("#[state] enum", "#[state(version = \"1\")] enum");
        assert_eq!(planned(&source, "list"), ["list : from = \"1.0.0\""]);
    }
}
