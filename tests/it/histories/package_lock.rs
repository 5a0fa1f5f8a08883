//! The `package-lock.json` of npm, from format 1, a tree of dependencies, over 2, which has the tree and a flat list side by
//! side, to 3, which has the list alone:
//! <https://docs.npmjs.com/cli/v10/configuring-npm/package-lock-json#lockfileversion>.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use shrine::fixtures::Laws;
use shrine::prelude::*;
use shrine::state::codec::Encoder;
use shrine::state::from_bytes;
use shrine::state::step::{Chain, StepContext};

use super::document;

#[widget(id = "package-lock", version = "3.0.0")]
#[migrate(from = "2.0.0", remove(dependencies: BTreeMap<String, Dependency>, down = |new| tree(&new.packages, "")))]
#[migrate(from = "1.0.0", add(packages = list))]
#[derive(Debug, Clone, Default, PartialEq)]
struct PackageLock {
    name: String,
    version: String,
    requires: Option<bool>,
    packages: BTreeMap<String, Package>,
}

#[widget]
impl PackageLock {}

/// An entry of the tree.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Dependency {
    version: String,
    resolved: Option<String>,
    integrity: Option<String>,
    dev: Option<bool>,
    /// What it asks for.
    requires: BTreeMap<String, String>,
    /// What lies in a folder of its own.
    dependencies: BTreeMap<String, Dependency>,
}

/// An entry of the list.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Package {
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    dev: Option<bool>,
    dependencies: BTreeMap<String, String>,
}

fn list(old: &PackageLockV1_0_0) -> BTreeMap<String, Package> {
    let root = Package { version: Some(old.version.clone()), ..Package::default() };
    let mut packages = BTreeMap::from([(String::new(), root)]);
    flatten("", &old.dependencies, &mut packages);
    packages
}

fn flatten(folder: &str, tree: &BTreeMap<String, Dependency>, packages: &mut BTreeMap<String, Package>) {
    for (name, dependency) in tree {
        let path = format!("{folder}node_modules/{name}");
        let package = Package {
            version: Some(dependency.version.clone()),
            resolved: dependency.resolved.clone(),
            integrity: dependency.integrity.clone(),
            dev: dependency.dev,
            dependencies: dependency.requires.clone(),
        };
        packages.insert(path.clone(), package);
        flatten(&format!("{path}/"), &dependency.dependencies, packages);
    }
}

/// The part of the tree that lies in a folder.
fn tree(packages: &BTreeMap<String, Package>, folder: &str) -> BTreeMap<String, Dependency> {
    let entry = |(path, package): (&String, &Package)| {
        let name = path.strip_prefix(folder)?.strip_prefix("node_modules/")?;
        let dependency = Dependency {
            version: package.version.clone().unwrap_or_default(),
            resolved: package.resolved.clone(),
            integrity: package.integrity.clone(),
            dev: package.dev,
            requires: package.dependencies.clone(),
            dependencies: tree(packages, &format!("{path}/")),
        };
        (!name.contains("node_modules/")).then(|| (name.to_owned(), dependency))
    };
    packages.iter().filter_map(entry).collect()
}

/// A file without the header that says its format.
fn file(text: &str) -> Json {
    let mut file: Json = serde_json::from_str(text).unwrap();
    file.as_object_mut().unwrap().remove("lockfileVersion");
    file
}

#[test]
fn a_lock_file_of_the_first_format_becomes_one_of_the_third() {
    let old: PackageLockV1_0_0 = document::read(&file(include_str!("data/package-lock-1.json")));
    let new: PackageLock = document::read(&file(include_str!("data/package-lock-3.json")));
    let migrated = shrine::migrate_from::<PackageLock, _>(old.clone()).unwrap();
    assert_eq!(document::show(&migrated.state), document::show(&new));

    let mut out = Encoder::new();
    new.store("1.0.0", &mut out, &mut StepContext::default()).unwrap();
    assert_eq!(from_bytes(&out.finish().unwrap()), Ok(old), "and the tree is built from the list");
}

#[test]
fn lock_files_keep_the_laws() {
    // The tree is made from the list: what the two disagreed on in a file of format 2 is not there any more.
    let report = Laws::<PackageLock>::new().may_lose(&["dependencies"]).check();
    assert!(report.is_kept(), "{report}");
}
