//! `cargo shrine watch` on several widget crates at once.

use serde_json::{Value, json};
use shrine_tests::{Watch, Workspace, ask_json, finish};

/// What several crates are made of: a type, and a function whose code ends up in each of them.
const TYPES: &str = "\
use shrine::prelude::*;

/// A step.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    pub by: i64,
}

/// Nothing.
pub fn nothing() -> i64 {
    0
}

/// How far a step goes.
pub fn reach(step: &Step) -> i64 {
    step.by * 1
}
";

/// A widget of the id `ID` that counts with the types of the crate `TYPES`.
const WIDGET: &str = "\
use TYPES::{Step, reach};
use shrine::prelude::*;

#[widget(id = \"ID\", version = \"1.0.0\")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Walker {
    pub at: i64,
}

#[widget]
impl Walker {
    #[input]
    fn go(&mut self, step: Step, at: &mut Output<i64>) {
        self.at += reach(&step) + 0;
        at.send(self.at);
    }
}
";

fn widget(workspace: &Workspace, id: &str) -> String {
    WIDGET.replace("TYPES", &workspace.package("types").replace('-', "_")).replace("ID", id)
}

/// Two widget crates that share a crate of types.
fn walkers(name: &str) -> Workspace {
    let workspace = Workspace::new(name, &["types", "left", "right"]);
    workspace.library("types", &[], TYPES);
    for side in ["left", "right"] {
        workspace.library(side, &["types"], &widget(&workspace, side));
    }
    workspace
}

/// The ids of the widgets in an event, sorted.
fn ids(event: &Value) -> Vec<&str> {
    let widgets = event["widgets"].as_array().into_iter().flatten();
    let mut ids: Vec<_> = widgets.filter_map(|widget| widget["id"].as_str()).collect();
    ids.sort_unstable();
    ids
}

fn go(watch: &mut Watch, walker: &str) -> Value {
    watch.send(&format!("{walker}.go"), &json!({"by": 1}))
}

/// The edits of a day in a workspace, in one process.
#[test]
fn a_day_in_a_workspace() {
    let workspace = walkers("walkers-day");
    let mut watch = Watch::start(workspace.path(), &[]);
    let ready = watch.expect("ready");
    assert_eq!(ids(&ready), ["left", "right"], "a crate of types has no widget, and that is no mistake");
    assert_eq!((go(&mut watch, "left"), go(&mut watch, "right")), (json!(1), json!(1)));

    // One widget crate: the other one is not touched.
    workspace.edit("left/src/lib.rs", "+ 0;", "+ 10;");
    let updated = watch.expect("updated");
    assert_eq!((ids(&updated), &updated["generation"]), (vec!["left"], &json!(2)));
    assert_eq!((go(&mut watch, "left"), go(&mut watch, "right")), (json!(12), json!(2)));

    // What both are made of: both, in one update.
    workspace.edit("types/src/lib.rs", "step.by * 1", "step.by * 100");
    let updated = watch.expect("updated");
    assert_eq!((ids(&updated), &updated["generation"]), (vec!["left", "right"], &json!(3)));
    assert_eq!((go(&mut watch, "left"), go(&mut watch, "right")), (json!(122), json!(102)));

    // What both are made of changes so that one of them does not compile: neither is updated.
    workspace.edit("left/src/lib.rs", "+ 10;", "+ 20 + walkers_day_types::nothing();");
    watch.expect("updated");
    let renamed = TYPES.replace("pub fn nothing", "pub fn naught").replace("by * 1", "by * 1000");
    workspace.write("types/src/lib.rs", &renamed);
    let failed = watch.expect("build_failed");
    assert_eq!(
        (&failed["packages"], &failed["running_generation"]),
        (&json!(["walkers-day-left"]), &json!(4)),
        "{failed:#}"
    );
    assert_eq!((go(&mut watch, "left"), go(&mut watch, "right")), (json!(242), json!(202)));
    workspace.edit("left/src/lib.rs", "::nothing()", "::naught()");
    let updated = watch.expect("updated");
    assert_eq!((ids(&updated), &updated["generation"]), (vec!["left", "right"], &json!(5)));

    // A mistake in what both are made of is told once, of the crate that has it.
    workspace.edit("types/src/lib.rs", "step.by * 1000", "step.by * oops");
    let failed = watch.expect("build_failed");
    assert_eq!(
        (&failed["packages"], &failed["errors"]),
        (&json!(["walkers-day-types"]), &json!(1)),
        "{failed:#}"
    );
    workspace.edit("types/src/lib.rs", "step.by * oops", "step.by * 1000");
    watch.expect("unchanged");

    // A new member joins, an old one leaves.
    workspace.library("middle", &["types"], &widget(&workspace, "middle"));
    workspace.members(&["types", "left", "middle", "right"]);
    let updated = watch.expect("updated");
    assert_eq!((ids(&updated), &updated["added"]), (vec![], &json!(["middle"])));
    assert_eq!((go(&mut watch, "middle"), go(&mut watch, "left")), (json!(1000), json!(1262)));
    workspace.members(&["types", "left", "middle"]);
    assert_eq!(watch.expect_after(&["unchanged"], "removed")["instance"], "right");
    watch.command("state");
    assert_eq!(watch.expect_after(&["unchanged"], "state")["instance"], "left");
    assert_eq!(watch.expect("state")["instance"], "middle");
    workspace.edit("middle/src/lib.rs", "+ 0;", "+ 1;");
    assert_eq!(ids(&watch.expect("updated")), ["middle"]);
    watch.quit();
}

/// A widget crate that is made of another one has the other's widget in its library too.
#[test]
fn a_widget_belongs_to_the_crate_that_declares_it() {
    let workspace = Workspace::new("walkers-above", &["crates/*"]);
    workspace.library("crates/types", &[], TYPES);
    workspace.library("crates/below", &["types"], &widget(&workspace, "below"));
    let above = widget(&workspace, "above")
        .replace("+ 0;", "+ i64::from(walkers_above_below::Walker::default().at == 0);");
    workspace.library("crates/above", &["below", "types"], &above);
    let mut watch = Watch::start(workspace.path(), &[]);
    assert_eq!(ids(&watch.expect("ready")), ["above", "below"]);
    assert_eq!((go(&mut watch, "above"), go(&mut watch, "below")), (json!(2), json!(1)));
    workspace.edit("crates/below/src/lib.rs", "pub at: i64,\n", "pub at: i64,\n    pub steps: u32,\n");
    assert_eq!(ids(&watch.expect("updated")), ["above", "below"]);
    assert_eq!(watch.state("below"), json!({"at": 1, "steps": 0}));

    // The crate of types gets a widget of its own, which is in the libraries of both others as well.
    workspace.edit("crates/types/src/lib.rs", "/// Nothing.", &format!("{OWN}\n/// Nothing."));
    let updated = watch.expect("updated");
    assert_eq!((&updated["added"], ids(&updated)), (&json!(["own"]), vec!["above", "below"]), "{updated:#}");
    assert_eq!(watch.state("own"), json!({"n": 0}));

    // A folder in which members are is enough.
    workspace.library("crates/beside", &["types"], &widget(&workspace, "beside"));
    assert_eq!(watch.expect_after(&["build_failed", "unchanged"], "updated")["added"], json!(["beside"]));
    std::fs::remove_dir_all(workspace.path().join("crates/beside")).expect("removes");
    assert_eq!(watch.expect_after(&["build_failed", "unchanged"], "removed")["instance"], "beside");
    watch.quit();

    let (code, history) = ask_json(workspace.path(), &["history"]);
    let mut packages: Vec<_> = history["widgets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|widget| (widget["package"].as_str(), widget["id"].as_str()))
        .collect();
    packages.sort_unstable();
    let of = |package, id| (Some(package), Some(id));
    let expected = [
        of("walkers-above-above", "above"),
        of("walkers-above-below", "below"),
        of("walkers-above-types", "own"),
    ];
    assert_eq!((code, packages), (Some(0), expected.to_vec()), "{history:#}");
    let (code, events, errors) = finish(workspace.path(), &["--once", "-p", "walkers-above-below"]);
    assert_eq!(code, Some(0), "{events:?}\n{errors}");
    assert!(ids(&events[0]).contains(&"below") && !ids(&events[0]).contains(&"above"), "{events:?}");
    let (code, events, errors) = finish(workspace.path(), &["--once", "-p", "walkers-above-nobody"]);
    assert_eq!(code, Some(2), "{events:?}\n{errors}");
}

/// A widget of the crate of types.
const OWN: &str = "\
#[widget(id = \"own\", version = \"1.0.0\")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Own {
    pub n: u8,
}

#[widget]
impl Own {}
";
