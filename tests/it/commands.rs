//! The commands that build a crate once, to ask its widgets.

use serde_json::{Value, json};
use shrine_tests::{Project, Watch, ask, ask_json};

#[test]
fn history_tells_what_each_hop_does_and_which_way_back_it_has() {
    let project = Project::of_example("counter", "counter-history");
    let (code, answer) = ask_json(project.path(), &["history"]);
    assert_eq!((code, &answer["command"]), (Some(0), &json!("history")));
    let widget = &answer["widgets"][0];
    assert_eq!((&widget["id"], &widget["version"]), (&json!("counter"), &json!("1.0.0")));
    assert_eq!(widget["package"], "counter-history");
    let hops: Vec<_> = list(&widget["versions"]).map(|link| (&link["version"], &link["hop"])).collect();
    let first =
        json!({"to": "1.0.0", "class": "lossy", "operations": ["rename(count => total)", "add(step)"]});
    let second = json!({"to": "0.9.0", "class": "lossy",
        "operations": ["change(count: i32)", "remove(title: String)", "add(label)"]});
    let versions = [json!("1.0.0"), json!("0.9.0"), json!("0.8.0")];
    assert_eq!(hops, [(&versions[0], &Value::Null), (&versions[1], &first), (&versions[2], &second)]);

    // A widening and a rename alone lose nothing; a converter without `down` has no way back.
    project.edit(", add(step = 1))", ", add(step = 1))]\n#[migrate(from = \"0.8.5\", change(count: i32))");
    project.edit(
        "change(count: i32), remove(title",
        "change(count: u8, up = |old| i32::from(old)), remove(title",
    );
    let answer = ask(project.path(), &["history", "--widget", "counter"]);
    assert_eq!(answer.code, Some(0), "{}", answer.errors);
    let expected = "\
counter 1.0.0   not released
  0.9.0 -> 1.0.0  lossy with attic  rename(count => total), add(step)
  0.8.5 -> 0.9.0  lossless          change(count: i32)
  0.8.0 -> 0.8.5  one-way           change(count: u8, up = ..), remove(title: String), add(label)
";
    assert_eq!(answer.text, expected);
}

#[test]
fn what_cannot_be_asked_says_so_by_its_exit_code() {
    let project = Project::of_example("counter", "counter-unasked");
    let (code, answer) = ask_json(project.path(), &["history", "--widget", "clock"]);
    assert_eq!((code, &answer["error"]["help"]), (Some(2), &json!("there is `counter`")));

    project.edit("#[view]", "#[view] oops");
    let answer = ask(project.path(), &["history"]);
    assert_eq!((answer.code, answer.text.as_str()), (Some(101), ""));
    assert!(answer.errors.contains("error: the build failed with "), "{}", answer.errors);
    assert!(answer.errors.contains("src/lib.rs"), "the compiler is heard: {}", answer.errors);

    let nowhere = ask(&project.path().join("nowhere"), &["history"]);
    assert_eq!(nowhere.code, Some(4), "{}", nowhere.errors);
    assert!(nowhere.errors.contains("help: "), "{}", nowhere.errors);
}

#[test]
fn capture_keeps_the_state_of_a_running_instance() {
    let project = Project::of_example("counter", "counter-captured");
    let (code, answer) = ask_json(project.path(), &["capture", "counter"]);
    assert_eq!(code, Some(4));
    assert!(text(&answer["error"]["reason"]).starts_with("no watch of "), "{answer:#}");
    assert!(text(&answer["error"]["help"]).contains("cargo shrine watch "), "{answer:#}");

    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    watch.send("counter.add", &json!(5));
    watch.command("capture counter");
    let captured = watch.expect("captured");
    let first = "shrine-fixtures/counter/1.0.0/counter.json";
    assert!(text(&captured["path"]).ends_with(first), "{captured:#}");
    let state = json!({"total": 5, "step": 1, "label": "COUNT"});
    assert_eq!(serde_json::from_str::<Value>(&project.read(first)).ok(), Some(state));

    // From another process, into the next free name.
    watch.send("counter.add", &json!(1));
    let (code, answer) = ask_json(project.path(), &["capture", "counter"]);
    assert_eq!((code, &answer["instance"]), (Some(0), &json!("counter")), "{answer:#}");
    assert!(text(&answer["path"]).ends_with("/counter-2.json"), "{answer:#}");
    assert_eq!(watch.expect("captured")["path"], answer["path"], "the watch tells it too");
    let answer = ask(project.path(), &["capture", "counter", "--name", "six"]);
    assert_eq!(answer.code, Some(0), "{}", answer.errors);
    assert!(project.read("shrine-fixtures/counter/1.0.0/six.json").contains("\"total\": 6"));
    watch.expect("captured");

    let (code, answer) = ask_json(project.path(), &["capture", "nobody"]);
    assert_eq!((code, &answer["error"]["help"]), (Some(100), &json!("there are `counter`")));
    watch.expect("error");
    let answer = ask(project.path(), &["capture", "counter", "--name", "../up"]);
    assert_eq!(answer.code, Some(2), "{}", answer.errors);

    // A watch that was killed leaves nothing in the way of the next one.
    drop(watch);
    assert_eq!(ask(project.path(), &["capture", "counter"]).code, Some(4));
    let mut watch = Watch::start(project.path(), &[]);
    let capture = || ask_json(project.path(), &["capture", "counter", "--name", "zero"]);
    let answered = (0..1000).map(|_| capture()).find(|(code, _)| *code != Some(4));
    assert!(matches!(answered, Some((Some(0), _))), "it waits until it is ready: {answered:?}");
    watch.expect("ready");
    watch.expect("captured");
    watch.quit();
    assert_eq!(ask(project.path(), &["capture", "counter"]).code, Some(4));
}

#[test]
fn capture_does_not_wait_for_a_watch_that_cannot_begin() {
    let project = Project::of_example("counter", "counter-unborn");
    project.edit("#[view]", "#[view] oops");
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("build_failed");
    let (code, answer) = ask_json(project.path(), &["capture", "counter"]);
    assert_eq!(code, Some(100), "{answer:#}");
    assert!(text(&answer["error"]["reason"]).contains("the first build failed"), "{answer:#}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
