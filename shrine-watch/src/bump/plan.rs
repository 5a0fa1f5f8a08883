//! Which types get a new version together, and what each hop says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shrine::state::lock::{Entry, Lock};
use shrine::state::shape::Shape;

use super::difference::{Between, Operation};
use super::outline::{Crates, Location, Named};
use super::words::{self, Carries, FIRST, Names, Part, Type};
use super::{Versions, from_lock, literal, released};
use crate::release::version::next;

/// What is known of a type.
pub struct Known {
    /// The version that it has.
    pub version: String,
    /// Its name in the source.
    pub type_name: String,
    /// Where it is declared.
    pub place: Location,
    /// Whether it is an enum.
    pub is_enum: bool,
    /// Its parts as that version was released; none if it was not.
    pub old: Option<Vec<Part>>,
    /// Its parts as they are.
    pub now: Vec<Part>,
    /// Its parts as the source writes them, with the paths of names.
    pub spelt: Vec<Part>,
    /// Its shape, where the crate was built.
    pub shape: Option<Shape>,
}

/// The types of a crate: nested ones by their names, and the one whose version is raised.
pub struct Types {
    /// By name.
    pub types: BTreeMap<String, Known>,
    /// The versions that nested types have now.
    pub versions: Versions,
    /// The crates that they are in.
    pub crates: Arc<Crates>,
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
    /// Names of older types that are used in it and that a module does not export yet: the type, its older name, the module.
    pub to_export: Vec<(String, String, String)>,
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
        let places = self.types.iter().map(|(name, known)| (name.clone(), known.place.clone())).collect();
        let names_of = Names { versions, places, here: Location::default(), crates: self.crates.clone() };
        let names = raised.keys().map(String::as_str).filter(|name| *name != subject).chain([subject]);
        let hop = |name: &str| {
            let known = self.types.get(name)?;
            let now = self.with(&known.now, raised);
            let names = Names { here: known.place.clone(), ..names_of.clone() };
            let mut between = Between {
                enumeration: known.is_enum.then_some(known.type_name.as_str()),
                names: &names,
                renamed: &mut |old, new| renamed(&known.type_name, old, new),
                spelt: &|name| known.spelt.iter().find(|part| part.name == name).cloned(),
                default: &|field| known.shape.as_ref().and_then(|shape| literal::default_of(shape, field)),
            };
            let old = known.old.as_ref()?;
            let operations = between.operations(old, &now);
            let to = raised.get(name).filter(|_| name != subject).cloned().unwrap_or_default();
            let to_export = to_export(old, &now, &known.spelt, &names);
            Some(Raised { name: name.to_owned(), from: known.version.clone(), to, operations, to_export })
        };
        names.map(hop).collect::<Option<_>>().unwrap_or_default()
    }

    /// The types that contain one of these, with those that they contain.
    #[must_use]
    pub fn containing<'a>(&self, names: &BTreeSet<&'a str>) -> Vec<(&str, BTreeSet<&'a str>)> {
        let inside = |known: &Known| -> BTreeSet<&'a str> {
            mentioned(&known.now).into_iter().filter_map(|name| names.get(name).copied()).collect()
        };
        let all = self.types.iter().map(|(name, known)| (name.as_str(), inside(known)));
        all.filter(|(_, inside)| !inside.is_empty()).collect()
    }

    /// The nested types inside of a type, however deep, and those that were inside of it when it was released.
    fn inside(&self, subject: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![subject];
        while let Some(known) = open.pop().and_then(|name| self.types.get(name)) {
            let before = known.old.iter().flat_map(|old| mentioned(old));
            for name in mentioned(&known.now).into_iter().chain(before) {
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

/// What the parts that have changed name and cannot see yet.
fn to_export(old: &[Part], now: &[Part], spelt: &[Part], names: &Names) -> Vec<(String, String, String)> {
    let mut found = BTreeSet::new();
    for part in old.iter().filter(|part| !now.contains(part)) {
        let mut paths = BTreeMap::new();
        for spelt in spelt.iter().filter(|spelt| spelt.name == part.name) {
            spelt.visit(&mut |ty| {
                paths.extend(ty.name().map(|path| (path.rsplit("::").next().unwrap_or(path), path)));
            });
        }
        part.visit(&mut |ty| {
            let Type::Of { name, version: Some(version), .. } = ty else { return };
            let Named { path, to_export } =
                names.named(name, Some(version), paths.get(name.as_str()).copied());
            let older = path.rsplit("::").next().unwrap_or(&path).to_owned();
            found.extend(to_export.map(|module| (name.clone(), older, module)));
        });
    }
    found.into_iter().collect()
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

/// The locks that tell what was released: that of the crate itself, and of a type that crates share, those of the others.
pub struct Locks<'a> {
    /// The lock of the crate whose type is raised.
    pub own: &'a Lock,
    /// The locks of other crates, with the names by which they mean the same types.
    pub others: &'a [(Lock, BTreeSet<String>)],
}

impl Locks<'_> {
    /// The parts of a version as it was released. `subject` is the type that is raised.
    #[must_use]
    pub fn old(&self, subject: &str, name: &str, version: &str, versions: &Versions) -> Option<Vec<Part>> {
        let others = self.others.iter().filter(|(_, names)| names.contains(name)).map(|(lock, _)| lock);
        std::iter::once(self.own).chain(others).find_map(|lock| old(lock, subject, name, version, versions))
    }

    /// Whether any version of it is in a lock.
    #[must_use]
    pub fn know(&self, name: &str) -> bool {
        let others = self.others.iter().filter(|(_, names)| names.contains(name)).map(|(lock, _)| lock);
        std::iter::once(self.own).chain(others).any(|lock| {
            lock.widgets.contains_key(name)
                || lock.states.contains_key(name)
                || embedded(lock, name, &Versions::new()).contains_key(name)
        })
    }
}

fn old(lock: &Lock, subject: &str, name: &str, version: &str, versions: &Versions) -> Option<Vec<Part>> {
    let wanted = version.parse().ok()?;
    let releases = lock.widgets.get(name).or_else(|| lock.states.get(name));
    match releases.and_then(|releases| releases.get(&wanted)) {
        Some(entry) => released(entry, versions).map(words::sorted),
        None if version == FIRST => embedded(lock, subject, versions).remove(name),
        None => None,
    }
}

/// The types without a version that were released inside of others, spelt out there. Those of the newest release count, and
/// before all those inside of `subject`.
fn embedded(lock: &Lock, subject: &str, versions: &Versions) -> BTreeMap<String, Vec<Part>> {
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

/// The last parts of all names of types in parts of a source.
#[must_use]
pub fn names_in(spelt: &[Part]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for part in spelt {
        part.visit(&mut |ty| found.extend(ty.name().and_then(|name| name.rsplit("::").next())));
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
        let locks = Locks { own: &lock, others: &[] };
        let types = known(subject, &nested.iter().collect::<Vec<_>>(), &place, &locks, None, Arc::default());
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
    fn a_type_that_has_changed_and_is_gone_from_the_state_is_raised_all_the_same() {
        let source = SOURCE
            .replace("mode: Mode, at: Option<Place>", "mode: Mode")
            .replace("x: i32, y: i32", "x: i64, y: i32");
        let expected =
            ["Place 2: from = \"1\", change(x: i32)", "list : from = \"1.0.0\", remove(at: Option<PlaceV1>)"];
        assert_eq!(planned(&source, "list"), expected);
    }

    #[test]
    fn a_version_given_meanwhile_stands_for_what_was_spelt_out() {
        let source = SOURCE.replace("#[state] enum", "#[state(version = \"2\")] enum");
        assert_eq!(planned(&source, "list"), ["list : from = \"1.0.0\", change(mode: ModeV1)"]);
        let source = SOURCE.replace("#[state] enum", "#[state(version = \"1\")] enum");
        assert_eq!(planned(&source, "list"), ["list : from = \"1.0.0\""]);
    }
}
