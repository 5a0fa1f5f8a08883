//! What was released stays as it was: `cargo shrine release`, `check` and `bump`.

use std::process::Command;

use serde_json::{Value, json};
use shrine_tests::{Project, Watch, ask, ask_json};

const LIST: &str = r#"use shrine::prelude::*;

/// A list.
#[widget(id = "list", version = "1.1.0")]
#[migrate(from = "1.0.0", change(items: Vec<ItemV1>), remove(title: String))]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct List {
    pub items: Vec<Item>,
    pub mode: Mode,
}

#[widget]
impl List {}

/// An item.
#[state(version = "2")]
#[migrate(from = "1", add(done = false))]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    pub text: String,
    pub done: bool,
}

/// A mode.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Mode {
    #[default]
    All,
    Tagged(String),
}
"#;

#[test]
fn a_release_writes_what_is_not_in_the_lock_yet() {
    let project = Project::new("list-released", LIST);
    let (code, answer) = ask_json(project.path(), &["release"]);
    assert_eq!(code, Some(0), "{answer:#}");
    let added = |answer: &Value| -> Vec<String> {
        let added = list(&answer["crates"][0]["added"]);
        added.map(|added| format!("{} {}", text(&added["widget"]), text(&added["version"]))).collect()
    };
    assert_eq!(added(&answer), ["Item 1", "Item 2", "list 1.0.0", "list 1.1.0"]);
    assert_eq!(answer["crates"][0]["added"][2]["retired"], json!(["title"]));
    let lock = project.read("shrine.lock");
    let head = "shape = [\n    \"items: Vec<Item@2>\",\n    \"mode: Mode { All, Tagged(String) }\",\n]\n";
    assert!(lock.contains(head) && lock.contains("retired = [\"title\"]"), "{lock}");

    // Again it has nothing to say; with a higher version it adds that alone.
    let (code, answer) = ask_json(project.path(), &["release"]);
    assert_eq!((code, added(&answer)), (Some(0), vec![]));
    assert_eq!(project.read("shrine.lock"), lock);
    project
        .edit("version = \"1.1.0\")]", "version = \"1.2.0\")]\n#[migrate(from = \"1.1.0\", add(limit = 9))]");
    project.edit("pub mode: Mode,", "pub mode: Mode,\n    pub limit: u8,");
    let answer = ask(project.path(), &["release"]);
    assert_eq!(answer.code, Some(0), "{}", answer.errors);
    let said = "released list 1.2.0   items: Vec<Item@2>, limit: u8, mode: Mode { All, Tagged(String) }\n";
    assert!(answer.text.starts_with(said), "{}", answer.text);
    for line in lock.lines() {
        assert!(project.read("shrine.lock").contains(line), "what was there is as it was: {line}");
    }

    // A name that goes is noted where it was.
    project.edit(
        "version = \"1.2.0\")]",
        "version = \"1.3.0\")]\n#[migrate(from = \"1.2.0\", remove(limit: u8))]",
    );
    project.edit("    pub limit: u8,\n", "");
    let (code, answer) = ask_json(project.path(), &["release"]);
    let retired = json!([{"widget": "list", "version": "1.2.0", "names": ["limit"]}]);
    assert_eq!((code, &answer["crates"][0]["retired"]), (Some(0), &retired), "{answer:#}");
}

#[test]
fn what_was_released_is_not_rewritten() {
    let project = Project::new("list-refused", LIST);
    assert_eq!(ask(project.path(), &["release"]).code, Some(0));
    let lock = project.read("shrine.lock");
    project.edit("pub mode: Mode,", "pub mode: Mode,\n    pub limit: u8,");
    let (code, answer) = ask_json(project.path(), &["release"]);
    assert_eq!(code, Some(100), "{answer:#}");
    let finding = &answer["findings"][0];
    assert_eq!((&finding["widget"], &finding["kind"]), (&json!("list"), &json!("changed")));
    assert!(text(&finding["reason"]).contains("`limit: u8` is new"), "{finding:#}");
    assert!(text(&finding["help"]).contains("cargo shrine bump list"), "{finding:#}");
    assert_eq!(project.read("shrine.lock"), lock);
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    watch.command("capture list");
    let error = watch.expect("error");
    assert!(text(&error["help"]).contains("cargo shrine bump list"), "an edit is no golden of it: {error:#}");
    watch.quit();

    project.write("shrine.lock", "[widget\n");
    let (code, answer) = ask_json(project.path(), &["check"]);
    assert_eq!(code, Some(94), "{answer:#}");
}

#[test]
fn a_check_finds_what_no_longer_holds() {
    let project = Project::new("list-checked", LIST);
    let check = |arguments: &[&str]| {
        let (code, answer) = ask_json(project.path(), &[&["check"], arguments].concat());
        let findings = list(&answer["findings"]).map(|finding| {
            assert!(!text(&finding["help"]).is_empty(), "{finding:#}");
            let [severity, kind, widget, version] =
                ["severity", "kind", "widget", "version"].map(|field| text(&finding[field]));
            format!("{severity} {kind} {widget} {version}")
        });
        (code, findings.collect::<Vec<_>>(), answer["notes"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(check(&[]), (Some(0), vec![], 2), "nothing is released, and there is no git");
    assert_eq!(check(&["--against", "HEAD"]).0, Some(2));
    assert_eq!(ask(project.path(), &["release"]).code, Some(0));
    let (source, lock) = (project.read("src/lib.rs"), project.read("shrine.lock"));
    assert_eq!(check(&[]), (Some(0), vec!["warning no_golden list 1.0.0".to_owned()], 1));
    project.write("shrine-fixtures/list/1.0.0/some.json", "{}");
    assert_eq!(check(&[]), (Some(0), vec![], 1));

    // The code.
    project.edit("pub mode: Mode,", "pub mode: Mode,\n    pub limit: u8,");
    assert_eq!(check(&[]).1[0], "error changed list 1.1.0");
    project.write("src/lib.rs", &source);
    project.edit("Tagged(String)", "Tagged(char)");
    assert_eq!(check(&[]), (Some(100), vec!["error changed list 1.1.0".to_owned()], 1));
    project.write("src/lib.rs", &source);
    project.edit("pub done: bool,", "pub done: bool,\n    pub tags: Vec<String>,");
    assert_eq!(check(&[]).1, ["error changed Item 2"], "what follows from it is not said again");
    project.write("src/lib.rs", &source);
    project.edit("#[migrate(from = \"1.0.0\", change(items: Vec<ItemV1>), remove(title: String))]\n", "");
    assert_eq!(check(&[]).1, ["error unreachable list 1.0.0"]);
    let again = "version = \"1.2.0\")]\n#[migrate(from = \"1.1.0\", add(title = 0))]";
    project.write("src/lib.rs", &source.replace("version = \"1.1.0\")]", again));
    project.edit("pub mode: Mode,", "pub mode: Mode,\n    pub title: u8,");
    assert!(check(&[]).1.contains(&"error name_reused list 1.2.0".to_owned()), "{:?}", check(&[]));
    project.write("src/lib.rs", &source);

    // The lock, against git.
    git(&project, &["init", "--quiet"]);
    git(&project, &["add", "shrine.lock"]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    assert_eq!(check(&[]), (Some(0), vec![], 0));
    project.write("shrine.lock", &lock.replace("\"items: Vec<Item@2>\"", "\"items: Vec<Item@3>\""));
    assert_eq!(check(&[]).1, ["error rewritten list 1.1.0"]);
    let states = lock.find("[state").map_or("", |states| &lock[states..]);
    project.write("shrine.lock", &format!("format = 1\n\n{states}"));
    assert_eq!(check(&[]).1, ["error deleted list 1.0.0", "error deleted list 1.1.0"]);
    git(&project, &["commit", "--quiet", "-am", "two"]);
    assert_eq!(check(&[]).0, Some(0));
    let (code, findings, _) = check(&["--against", "HEAD~1"]);
    assert_eq!((code, findings.len()), (Some(100), 2));
    assert_eq!(check(&["--against", "nowhere"]).0, Some(2));
}

#[test]
fn a_bump_writes_the_hop_from_what_was_released() {
    let project = Project::of_example("counter", "counter-bumped");
    let bump = |arguments: &[&str]| ask_json(project.path(), &[&["bump", "counter"], arguments].concat());
    let (code, answer) = bump(&[]);
    assert_eq!((code, &answer["bumped"]), (Some(0), &json!(false)), "nothing is released: {answer:#}");
    assert_eq!(ask(project.path(), &["release"]).code, Some(0));
    assert_eq!(bump(&[]).1["bumped"], json!(false), "nothing has changed");

    // What is new begins with what `Default` gives it.
    project.edit("pub step: i64,\n", "pub step: i64,\n    /// At most.\n    pub limit: u8,\n");
    project.edit("total: 0, step: 1,", "total: 0, step: 1, limit: 9,");
    let before = project.read("src/lib.rs");
    let (code, answer) = bump(&[]);
    let line = "#[migrate(from = \"1.0.0\", add(limit = 9))]";
    assert_eq!(
        (code, &answer["line"], &answer["to"]),
        (Some(0), &json!(line), &json!("1.1.0")),
        "{answer:#}"
    );
    let expected = before.replace("version = \"1.0.0\")]", &format!("version = \"1.1.0\")]\n{line}"));
    assert_eq!(project.read("src/lib.rs"), expected);
    assert!(text(&answer["diff"]).contains(&format!("\n+{line}\n")), "{answer:#}");
    assert_eq!(ask(project.path(), &["release"]).code, Some(0));

    // A new name breaks the hops behind it: there is nothing to load, and nobody to ask.
    project
        .write("src/lib.rs", &expected.replace("self.step", "self.stride").replace("step: 1,", "stride: 1,"));
    project.edit("pub step: i64", "pub stride: i64");
    let (code, answer) = bump(&["--major"]);
    let line = "#[migrate(from = \"1.1.0\", todo_rename(step => stride))]";
    assert_eq!(
        (code, &answer["line"], &answer["to"]),
        (Some(0), &json!(line), &json!("2.0.0")),
        "{answer:#}"
    );
    assert_eq!(answer["undecided"].as_array().map(Vec::len), Some(1));
    let answer = ask(project.path(), &["check"]);
    assert_eq!(answer.code, Some(101), "it does not compile until it is decided");
    assert!(answer.errors.contains("todo_rename"), "{}", answer.errors);
    project.edit("todo_rename", "rename");
    assert_eq!(ask(project.path(), &["check"]).code, Some(0));
    assert_eq!(ask(project.path(), &["release"]).code, Some(0));
}

const SHOP: &str = r#"use shrine::prelude::*;

/// A shop.
#[widget(id = "shop", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shop {
    pub orders: Vec<Order>,
    pub state: State,
}

#[widget]
impl Shop {}

/// An order.
#[state(version = "3")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Order {
    pub lines: Vec<Line>,
    pub paid: bool,
}

pub mod line {
    /// A line.
    #[shrine::state] // of an order
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct Line {
        pub article: String,
        pub count: u16,
    }
}
pub use line::Line;

/// A state.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    #[default]
    Open,
    Closed { since: u32 },
    Moved(String),
    Odd(u8, u8),
}
"#;

#[test]
fn a_bump_raises_nested_types_and_enums_with_what_contains_them() {
    let project = Project::new("shop-bumped", SHOP);
    assert_eq!(ask(project.path(), &["release"]).code, Some(0));
    project.edit("pub count: u16,", "pub count: u32,\n        pub note: String,");
    project.edit("Closed { since: u32 }", "Closed { since: u64 }");
    project.edit("Moved(String)", "Away(String)");
    project.edit("Odd(u8, u8)", "Even");
    let before = project.read("src/lib.rs");
    let (code, answer) = ask_json(project.path(), &["bump", "shop"]);
    assert_eq!((code, &answer["to"]), (Some(0), &json!("1.1.0")), "{answer:#}");
    let hops = [
        r#"#[migrate(from = "1.0.0", change(orders: Vec<OrderV3>, state: StateV1))]"#,
        r#"#[migrate(from = "3", change(lines: Vec<crate::line::LineV1>))]"#,
        r#"#[migrate(from = "1", change(count: u16), add(note = String::new()))]"#,
        r#"#[migrate(from = "1", todo_rename(Moved => Away), change(Closed { since: u32 }), remove(Odd(u8, u8), up = ..), add(Even))]"#,
    ];
    assert_eq!(answer["line"], hops[0]);
    let nested: Vec<_> = list(&answer["nested"]).map(|hop| (text(&hop["name"]), text(&hop["to"]))).collect();
    assert_eq!(nested, [("Line", "2"), ("Order", "4"), ("State", "2")]);
    let expected = before
        .replace("\"1.0.0\")]", &format!("\"1.1.0\")]\n{}", hops[0]))
        .replace("(version = \"3\")]", &format!("(version = \"4\")]\n{}", hops[1]))
        .replace("state] // of an order", &format!("state(version = \"2\")] // of an order\n    {}", hops[2]))
        .replace(
            "/// A state.\n#[state]",
            "/// A state.\n#[state(version = \"2\")]\n#[migrate(\n    from = \"1\",\n    todo_rename(Moved => Away),\n    \
             change(Closed { since: u32 }),\n    remove(Odd(u8, u8), up = ..),\n    add(Even)\n)]",
        );
    assert_eq!(project.read("src/lib.rs"), expected);
    assert_eq!(answer["undecided"].as_array().map(Vec::len), Some(2), "{answer:#}");

    // Until it is decided, the compiler asks the same.
    let answer = ask(project.path(), &["check"]);
    assert_eq!(answer.code, Some(101));
    for question in
        ["whether `Away` is the former `Moved` is not decided", "what becomes of `Odd` is not decided"]
    {
        assert!(answer.errors.contains(question), "{}", answer.errors);
    }
    assert_eq!(answer.errors.matches("error: ").count(), 3, "and nothing else: {}", answer.errors);
    project.edit("todo_rename", "rename");
    project.edit("up = ..", "up = State::Even");
    assert_eq!(
        ask(project.path(), &["release"]).code,
        Some(0),
        "what was released without a version is version 1"
    );
    let (code, answer) = ask_json(project.path(), &["history", "shop"]);
    let hop = &answer["widgets"][0]["versions"][1]["hop"];
    assert_eq!((code, &hop["class"]), (Some(0), &json!("lossy")), "{answer:#}");
}

#[test]
fn a_bump_knows_nested_types_and_what_it_cannot_do() {
    let project = Project::new("list-bumped", LIST);
    assert_eq!(ask(project.path(), &["release"]).code, Some(0));
    project.edit("pub done: bool,", "pub done: bool,\n    pub tags: Vec<String>,");
    let (code, answer) = ask_json(project.path(), &["bump", "Item"]);
    let line = "#[migrate(from = \"2\", add(tags = ..))]";
    assert_eq!((code, &answer["line"], &answer["to"]), (Some(0), &json!(line), &json!("3")), "{answer:#}");
    project.edit("tags = ..", "tags = Vec::new()");
    let (code, answer) = ask_json(project.path(), &["bump", "list", "--to", "2.0.0"]);
    let line = "#[migrate(from = \"1.1.0\", change(items: Vec<ItemV2>))]";
    assert_eq!((code, &answer["line"]), (Some(0), &json!(line)), "{answer:#}");
    assert_eq!(ask(project.path(), &["check"]).code, Some(0));

    assert_eq!(ask(project.path(), &["bump", "nobody"]).code, Some(2));
    let (code, answer) = ask_json(project.path(), &["bump", "list"]);
    assert_eq!((code, &answer["bumped"]), (Some(0), &json!(false)), "2.0.0 is open: {answer:#}");
    assert_eq!(ask(project.path(), &["release"]).code, Some(0));
    assert_eq!(ask(project.path(), &["bump", "list", "--to", "1.9.0"]).code, Some(2));
}

fn git(project: &Project, arguments: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    command.current_dir(project.path()).args(identity).args(arguments);
    assert!(command.status().is_ok_and(|status| status.success()), "{arguments:?}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
