//! `release`, `check` and `bump` where several crates share the types in their states.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use shrine_tests::{Workspace, ask, ask_json};

const MODEL: &str = r#"//! What the widgets share.
pub mod open;
mod closed;
mod starred;

pub use closed::Item;
pub use starred::*;
"#;

const MARK: &str = r#"use shrine::prelude::*;

/// A mark.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mark {
    pub by: String,
}
"#;

const ITEM: &str = r#"use shrine::prelude::*;

/// An item.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    pub text: String,
    pub marks: Vec<crate::open::Mark>,
}
"#;

const STAR: &str = r#"use shrine::prelude::*;

/// A star.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Star {
    pub bright: u8,
}
"#;

const SHELF: &str = r#"use shrine::prelude::*;
use crate_model::{Item, open};

/// A shelf.
#[widget(id = "shelf", version = "1.0.0")]
#[derive(Debug, Default)]
pub struct Shelf {
    pub items: std::collections::HashMap<usize, Vec<Item>>,
    pub last: Option<Box<open::Mark>>,
    pub stars: std::collections::VecDeque<crate_model::Star>,
}

#[widget]
impl Shelf {}
"#;

const BASKET: &str = r#"use crate_model::open::Mark;
use shrine::prelude::*;

/// A basket.
#[widget(id = "basket", version = "1.0.0")]
#[derive(Debug, Default)]
pub struct Basket {
    pub mark: Result2,
    pub own: own::Item,
}

/// Not what std calls so.
#[state]
#[derive(Debug, Default)]
pub struct Result2(pub Vec<Mark>);

mod own {
    use shrine::prelude::*;

    /// Not the item of the model.
    #[state]
    #[derive(Debug, Default)]
    pub struct Item {
        pub n: u8,
    }
}

#[widget]
impl Basket {}
"#;

/// A library with types, and two crates with widgets that call it by another name.
fn shop(name: &str) -> Workspace {
    let workspace = Workspace::new(name, &["libs/model", "widgets/shelf", "widgets/basket"]);
    for (member, source) in [("libs/model", MODEL), ("widgets/shelf", SHELF), ("widgets/basket", BASKET)] {
        workspace.library(member, &[], source);
        if member != "libs/model" {
            let manifest = format!("{member}/Cargo.toml");
            let model = workspace.package("model");
            let dependency = format!(
                "[dependencies]\ncrate_model = {{ package = {model:?}, path = \"../../libs/model\" }}"
            );
            workspace.edit(&manifest, "[dependencies]", &dependency);
        }
    }
    for (module, source) in [("open", MARK), ("closed", ITEM), ("starred", STAR)] {
        workspace.write(&format!("libs/model/src/{module}.rs"), source);
    }
    workspace
}

#[test]
fn a_bump_names_the_older_types_of_other_crates() {
    let workspace = shop("bumped-shop");
    assert_eq!(ask(workspace.path(), &["release"]).code, Some(0));
    workspace.edit("libs/model/src/open.rs", "pub by: String,", "pub by: String,\n    pub at: u64,");
    workspace.edit("libs/model/src/starred.rs", "u8", "u16");

    let (code, answer) = ask_json(workspace.path(), &["bump", "shelf"]);
    let line = "#[migrate(from = \"1.0.0\", change(items: std::collections::HashMap<usize, Vec<crate_model::ItemV1>>, \
                last: Option<Box<crate_model::open::MarkV1>>, stars: std::collections::VecDeque<crate_model::StarV1>))]";
    assert_eq!((code, &answer["line"]), (Some(0), &json!(line)), "{answer:#}");
    let nested: Vec<_> =
        list(&answer["nested"]).map(|hop| (text(&hop["name"]), text(&hop["line"]))).collect();
    let expected = [
        ("Item", "#[migrate(from = \"1\", change(marks: Vec<crate::open::MarkV1>))]"),
        ("Mark", "#[migrate(from = \"1\", add(at = 0))]"),
        ("Star", "#[migrate(from = \"1\", change(bright: u8))]"),
    ];
    assert_eq!(nested, expected);
    let notes: Vec<_> = list(&answer["notes"]).map(text).collect();
    let model = workspace.package("model");
    let expected = [
        format!("`{model}` has to export `ItemV1`, as it does `Item`"),
        "`basket` contains `Item` and `Mark`: if it was released, `cargo shrine bump basket` writes its hop"
            .to_owned(),
    ];
    assert_eq!(notes, expected);
    assert!(text(&answer["diff"]).contains("+++ libs/model/src/open.rs\n"), "{answer:#}");
    workspace.edit("libs/model/src/lib.rs", "pub use closed::Item;", "pub use closed::{Item, ItemV1};");

    // Which type it is that hides behind a tuple struct cannot be told by its shape.
    let (code, answer) = ask_json(&workspace.path().join("widgets/basket"), &["bump", "basket"]);
    let line = "#[migrate(from = \"1.0.0\", change(mark: Vec<MarkV1>, up = ..))]"
        .replace("MarkV1", "crate_model::open::MarkV1");
    assert_eq!((code, &answer["line"]), (Some(0), &json!(line)), "{answer:#}");
    assert_eq!(answer["nested"], json!([]), "its own `Item` has not changed, and `Mark` has its version");
    assert!(text(&answer["undecided"][0]).contains("become `Result2`?"), "{answer:#}");
    workspace.edit(
        "widgets/basket/src/lib.rs",
        "up = ..",
        "up = |marks| Result2(marks.into_iter().map(|mark| Mark { by: mark.by, at: 1 }).collect())",
    );
    let released = ask(workspace.path(), &["release"]);
    assert_eq!(released.code, Some(0), "{}", released.errors);
    assert_eq!(ask(workspace.path(), &["check"]).code, Some(0));

    // Named by itself, a type of the library is raised from what any of the locks says of it.
    workspace.edit("libs/model/src/starred.rs", "u16", "u32");
    let (code, answer) = ask_json(workspace.path(), &["bump", "Star"]);
    assert_eq!(
        (code, &answer["line"]),
        (Some(0), &json!("#[migrate(from = \"2\", change(bright: u16))]")),
        "{answer:#}"
    );
    let (code, answer) = ask_json(workspace.path(), &["bump", "Item"]);
    assert_eq!(code, Some(2), "there are two: {answer:#}");
}

#[test]
fn released_widgets_are_looked_for_in_all_crates() {
    let workspace = shop("checked-shop");
    assert_eq!(ask(workspace.path(), &["release"]).code, Some(0));
    git(workspace.path(), &["init", "--quiet"]);
    git(workspace.path(), &["add", "."]);
    git(workspace.path(), &["commit", "--quiet", "-m", "one"]);
    let kinds = |path: &Path| -> Vec<_> {
        let (_, answer) = ask_json(path, &["check"]);
        let kind =
            |finding: &Value| (text(&finding["package"]).to_owned(), text(&finding["kind"]).to_owned());
        list(&answer["findings"]).map(kind).collect()
    };
    let basket = workspace.package("basket");

    // The help can be carried out from where the command was called, which is elsewhere.
    let lock = "widgets/basket/shrine.lock";
    let text = fs::read_to_string(workspace.path().join(lock)).expect("a lock");
    workspace.write(lock, &text.replace("n: u8", "n: u9"));
    assert_eq!(kinds(workspace.path()), [(basket.clone(), "rewritten".to_owned())]);
    let answer = ask(workspace.path(), &["check"]);
    assert!(answer.text.contains("/widgets/basket checkout HEAD -- shrine.lock`"), "{}", answer.text);
    workspace.write(lock, &text);

    // A crate that has lost all its widgets.
    workspace.write("widgets/basket/src/lib.rs", "use shrine as _;\n");
    assert_eq!(kinds(workspace.path()), [(basket.clone(), "unreachable".to_owned())]);
    assert_eq!(kinds(&workspace.path().join("widgets/basket")), [(basket.clone(), "unreachable".to_owned())]);

    // They may be in another crate, with their entries.
    workspace.write("widgets/shelf/src/basket.rs", BASKET);
    workspace.edit("widgets/shelf/src/lib.rs", "/// A shelf.", "mod basket;\n\n/// A shelf.");
    let answer = ask(workspace.path(), &["check"]);
    assert_eq!(answer.code, Some(100));
    let help = "move its entries to that file, as they are";
    assert!(answer.text.contains(help), "{}", answer.text);
    fs::remove_file(workspace.path().join(lock)).expect("a lock");
    let kept = "widgets/shelf/shrine.lock";
    let shelf = fs::read_to_string(workspace.path().join(kept)).expect("a lock");
    workspace.write(kept, &format!("{shelf}\n{}", text.split_once("format = 1\n").expect("a lock").1));
    assert_eq!(kinds(workspace.path()), []);
}

#[test]
fn a_widget_that_a_macro_writes_is_told_from_one_that_is_not_there() {
    let workspace = Workspace::new("bumped-macro", &["only"]);
    let source = "use shrine::prelude::*;\n\nmacro_rules! widgets {\n    ($($name:ident $id:literal)*) => { $(\n        \
                  #[widget(id = $id, version = \"1.0.0\")]\n        #[derive(Default)]\n        pub struct $name { pub n: u8 }\n        \
                  #[widget]\n        impl $name {}\n    )* };\n}\n\nwidgets! { One \"one\" Two \"two\" }\n";
    workspace.library("only", &[], source);
    assert_eq!(ask(workspace.path(), &["release"]).code, Some(0));
    workspace.edit("only/src/lib.rs", "n: u8", "n: u16");
    let (code, answer) = ask_json(workspace.path(), &["bump", "two"]);
    let error = &answer["error"];
    assert_eq!(code, Some(2), "{answer:#}");
    assert!(text(&error["reason"]).contains("a macro or `cfg_attr` writes it"), "{answer:#}");
    assert!(text(&error["help"]).contains("#[migrate(from = \"1.0.0\", ..)]"), "{answer:#}");
    let (_, answer) = ask_json(workspace.path(), &["bump", "three"]);
    assert!(text(&answer["error"]["help"]).ends_with("there is `one`, `two`"), "{answer:#}");
}

fn git(directory: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").arg("-C").arg(directory).args(identity).args(arguments).output();
    assert!(output.is_ok_and(|output| output.status.success()), "{arguments:?}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
