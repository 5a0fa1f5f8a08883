use serde_json::json;

use super::*;
use crate::state::shape::{FieldShape, Shape, StructShape};
use crate::state::shape_of;
use crate::transform::PayloadInfo;
use crate::widget::PortInfo;

fn parse(text: &str) -> Scene {
    Scene::parse(text).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"))
}

/// Each mistake as `line:column reason (help)`.
fn mistakes(text: &str) -> Vec<String> {
    Scene::parse(text).expect_err(text).iter().map(brief).collect()
}

fn brief(error: &SceneError) -> String {
    let SceneError { line, column, reason, help, .. } = error;
    format!("{line}:{column} {reason} ({})", help.as_deref().unwrap_or("-"))
}

const WHOLE: &str = r#"
[instances.clicks]
widget = "counter"
state = { total = 5 }
history = { record = "update", entries = 7, bytes = "64KiB" }

[instances.display]
history = "manual"

[[connections]]
from = "clicks.total"
to = "display.show"
capacity = 256
overflow = "drop_oldest"
transform = "doubled"

[[connections]]
from = "clicks.total"
to = "clicks.add"
mode = "port"

[update]
without_bump = "refuse"
accept = "idle"
deadline = "1500ms"
probation = 0
in_place = false

[widgets.counter]
without_bump = "reset"
accept = "ask"
"#;

#[test]
fn everything_that_can_be_said_is_read() {
    let scene = parse(WHOLE);
    let instances = scene.instances.as_deref().unwrap();
    assert_eq!((instances[0].id.as_str(), instances[0].widget.as_str()), ("clicks", "counter"));
    assert_eq!(json!(instances[0].state), json!({"total": 5}));
    assert_eq!(
        instances[0].history,
        SceneHistory { record: Policy::Update, limits: HistoryLimits { entries: 7, bytes: 65_536 } }
    );
    assert_eq!((instances[1].widget.as_str(), instances[1].history.record), ("display", Policy::Manual));
    let mut stream = SceneConnection::new("clicks.total", "display.show");
    stream.options =
        ConnectOptions::stream().capacity(256).overflow(Overflow::DropOldest).transform("doubled");
    let mut port = SceneConnection::new("clicks.total", "clicks.add");
    port.options = ConnectOptions::port();
    assert_eq!(scene.connections, [stream, port]);
    assert_eq!(scene.update.without_bump, Some(Unbumped::Refuse));
    assert_eq!(scene.update.deadline, Some(Deadline::After(Duration::from_millis(1500))));
    assert_eq!((scene.update.probation, scene.update.in_place), (Some(0), Some(false)));
    assert_eq!(scene.widgets["counter"].without_bump, Some(Unbumped::Reset));
    assert_eq!([scene.accept("counter"), scene.accept("display")], [Accept::Ask, Accept::Idle]);
}

#[test]
fn what_is_left_out_is_as_without_a_file() {
    assert!(parse("").is_empty() && parse("# nothing yet\n").is_empty());
    let scene = parse("[update]\n");
    assert_eq!((scene.instances.is_none(), scene.accept("any")), (true, Accept::Apply));
    assert_eq!(parse("instances = {}").instances, Some(Vec::new()));
}

#[test]
fn what_was_read_is_written_the_same() {
    for text in [WHOLE, "", "instances = {}", "[instances.\"a b.c\"]\nwidget = \"w.x\"\n".trim_end()] {
        // A name with a blank is a mistake, so that it is written without.
        let text = text.replace("a b.c", "a.c");
        let scene = parse(&text);
        let written = scene.to_toml();
        assert_eq!(parse(&written), scene, "{written}");
        assert_eq!(parse(&written).to_toml(), written);
    }
    let written = parse(WHOLE).to_toml();
    assert!(written.starts_with("[instances.clicks]\nwidget = \"counter\"\n"), "{written}");
    assert!(!written.contains("widget = \"display\""), "a default is not said: {written}");
}

#[test]
fn states_are_written_as_far_as_toml_can_say_them() {
    let mut instance = SceneInstance::new("a", "a");
    let state = json!({"big": u64::MAX, "half": 0.5, "none": null, "list": [1, null], "in": {"x": null, "y": "\"q\""}});
    instance.state = state.as_object().unwrap().clone();
    let scene = Scene { instances: Some(vec![instance]), ..Scene::default() };
    let read = parse(&scene.to_toml()).instances.unwrap().remove(0).state;
    assert_eq!(json!(read), json!({"big": u64::MAX.to_string(), "half": 0.5, "in": {"y": "\"q\""}}));
}

#[test]
fn mistakes_are_found_together_each_at_its_place() {
    let found = mistakes(
        "[instances.a]\nwigdet = \"counter\"\n\n[instances.b]\nwidget = 5\nhistory = \"massage\"\n\n\
         [[connections]]\nfrom = \"a\"\nto = \"c.add\"\ncapacity = 0\n\n\
         [[connections]]\nto = \"b.add\"\nmode = \"port\"\noverflow = \"block\"\n\n[updates]\n",
    );
    assert_eq!(
        found,
        [
            "2:1 there is no key `wigdet` here (did you mean `widget`?)",
            "5:10 `widget` must be a text, and is `5` (write `widget = \"..\"`)",
            "6:11 `history` has no value \"massage\" (there are `message`, `update`, `manual`)",
            "9:8 `a` names no port (write `instance.port`, as in `clicks.total`)",
            "11:12 `capacity` is 0 (write at least 1)",
            "13:1 the connection has no `from` (add a line as `from = \"clicks.total\"`)",
            "16:1 a connection of mode \"port\" has no `overflow`: only the latest message waits \
             (remove it, or write `mode = \"stream\"`)",
            "18:2 there is no key `updates` here (did you mean `update`?)",
        ]
    );
    let same = "[[connections]]\nfrom = \"a.x\"\nto = \"b.y\"\n".repeat(2);
    assert_eq!(mistakes(&same), ["6:6 `a.x` is connected to `b.y` already (remove one of the two)"]);
    assert_eq!(
        mistakes("[instances.clicks]\n[[connections]]\nfrom = \"clikcs.total\"\nto = \"clicks.add\"\n"),
        ["3:8 there is no instance `clikcs` in the scene (did you mean `clicks`?)"]
    );
    for (text, place) in [
        ("instances = 5", "1:13"),
        ("[instances]\na = 1", "2:5"),
        ("connections = {}", "1:15"),
        ("connections = [1]", "1:16"),
        ("[instances.\"a b\"]\n", "1:12"),
        ("[instances.a]\nstate = []", "2:9"),
        ("[instances.a]\nhistory = 5", "2:11"),
        ("[instances.a.history]\nbytes = \"much\"", "2:9"),
        ("[instances.a.history]\nentries = -1", "2:11"),
        ("[widgets]\ncounter = \"reset\"", "2:11"),
        ("[update]\nwithout_bump = true", "2:16"),
        ("[update]\ndeadline = 5", "2:12"),
        ("[update]\ndeadline = \"0s\"", "2:12"),
        ("[update]\nprobation = -1", "2:13"),
        ("[widgets.a]\nprobation = 8", "2:1"),
        ("[update]\nin_place = 1", "2:12"),
        ("[widgets.a]\nin_place = false", "2:1"),
        ("[instances.a]\n[instances.a]\n", "2:12"),
        ("[instances.a\n", "1:13"),
        ("\u{feff}x = = 1", "1:"),
    ] {
        let found = mistakes(text);
        assert!(found.len() == 1 && found[0].starts_with(place), "{text}: {found:?}");
    }
    assert!(mistakes("a = \nb = \n").len() > 1, "a text that is no TOML at several places");
}

#[test]
fn a_mistake_is_shown_as_the_compiler_shows_it() {
    let errors = Scene::parse("\n\n[instances.a]\r\n\twidget = 'ü', # no\r\n").unwrap_err();
    assert_eq!(errors[0].line, 4, "{errors:?}");
    let errors = Scene::parse("[instances.a]\r\n\"wüdget\" = \"b\"\r\n").unwrap_err();
    let shown = errors[0].to_string();
    assert_eq!(
        shown,
        "there is no key `wüdget` here\n --> shrine.toml:2:1\n  |\n2 | \"wüdget\" = \"b\"\n  | ^^^^^^^^"
    );
}

fn record(name: &str, fields: Vec<(&str, Shape)>) -> Shape {
    let field = |(name, shape): (&str, Shape)| FieldShape { name: name.to_owned(), shape };
    let fields = fields.into_iter().map(field).collect();
    Shape::Struct(StructShape { name: name.to_owned(), version: None, fields, default: None })
}

fn known() -> Known {
    let number = shape_of::<i64>();
    let item = record("Item", vec![("text", Shape::String), ("tag", shape_of::<Option<u8>>())]);
    let position = record("Position", vec![("x", number.clone()), ("y", number.clone())]);
    let counter = KnownWidget {
        shape: record(
            "Counter",
            vec![
                ("total", number.clone()),
                ("items", Shape::Seq(Box::new(item))),
                ("limit", shape_of::<Option<u8>>()),
                ("at", position),
                ("last", shape_of::<Result<u8, String>>()),
                ("by_name", shape_of::<BTreeMap<String, u8>>()),
            ],
        ),
        inputs: vec![PortInfo { was: vec!["plus".to_owned()], ..PortInfo::of::<i64>("add") }],
        outputs: vec![PortInfo::of::<i64>("total")],
        code: None,
    };
    let display = KnownWidget {
        shape: record("Display", vec![]),
        inputs: vec![PortInfo::of::<String>("show")],
        outputs: vec![],
        code: None,
    };
    let shown =
        KnownTransform { takes: PayloadInfo::of::<i64>(), gives: PayloadInfo::of::<String>(), code: None };
    let doubled =
        KnownTransform { takes: PayloadInfo::of::<i64>(), gives: PayloadInfo::of::<i64>(), code: None };
    Known {
        widgets: [("counter".to_owned(), counter), ("display".to_owned(), display)].into(),
        transforms: [("shown".to_owned(), shown), ("doubled".to_owned(), doubled)].into(),
    }
}

fn checked(text: &str) -> Vec<String> {
    parse(text).check(&known()).iter().map(brief).collect()
}

#[test]
fn a_scene_that_fits_has_no_mistakes() {
    let good = "[instances.a]\nwidget = \"counter\"\n[instances.display]\n\
        [[connections]]\nfrom = \"a.total\"\nto = \"display.show\"\ntransform = \"shown\"\n\
        [[connections]]\nfrom = \"a.total\"\nto = \"a.add\"\n[widgets.counter]\nwithout_bump = \"reset\"\n";
    assert_eq!(checked(good), [""; 0]);
    assert_eq!(checked("[[connections]]\nfrom = \"counter.total\"\nto = \"counter.add\"\n"), [""; 0]);
}

#[test]
fn what_is_not_loaded_or_does_not_fit_is_shown() {
    assert_eq!(
        checked(
            "[instances.a]\nwidget = \"coutner\"\n[instances.counter]\n[instances.display]\n\
             [[connections]]\nfrom = \"counter.totl\"\nto = \"display.show\"\ntransform = \"shwon\"\n\
             [[connections]]\nfrom = \"counter.total\"\nto = \"display.show\"\n\
             [[connections]]\nfrom = \"counter.add\"\nto = \"counter.plus\"\n[widgets.conter]\n"
        ),
        [
            "2:10 there is no widget `coutner` (did you mean `counter`?)",
            "6:8 `counter` has no output port `totl` (did you mean `total`?)",
            "8:13 there is no transform `shwon` (did you mean `shown`?)",
            "11:6 `counter.total` sends `i64`, but `display.show` takes `String` (write `transform = \"shown\"`)",
            "13:8 `counter` has no output port `add` (it is an input port; messages go from an output to an input)",
            "14:6 `counter` has no input port `plus` (it is called `add` now)",
            "15:10 there is no widget `conter` (did you mean `counter`?)",
        ]
    );
    assert_eq!(
        checked("[[connections]]\nfrom = \"nobody.total\"\nto = \"counter.add\"\ntransform = \"shown\"\n"),
        ["2:8 there is no instance `nobody`: no widget has that id (there are `counter`, `display`)"]
    );
    assert_eq!(
        checked("[[connections]]\nfrom = \"counter.total\"\nto = \"counter.add\"\ntransform = \"shown\"\n"),
        [
            "4:13 `counter.add` takes `i64`, but the transform gives `String` (these ports fit without a transform)"
        ]
    );
}

#[test]
fn a_state_of_another_shape_is_shown_at_its_field() {
    let state = |fields: &str| checked(&format!("[instances.counter.state]\n{fields}\n"));
    for good in [
        "total = -7",
        "limit = 3",
        "items = [{ text = \"a\" }, { text = \"b\", tag = 1 }]",
        "at = { x = 1 }",
        "last = { Err = \"no\" }",
        "by_name = { a = 1 }",
    ] {
        assert_eq!(state(good), [""; 0], "{good}");
    }
    for (bad, expected) in [
        ("total = \"a\"", "2:9 this must be `i64`, and is `\"a\"` (-)"),
        ("limit = 300", "2:9 this must be `u8`, and is `300` (-)"),
        ("totla = 1", "2:1 `Counter` has no field `totla` (did you mean `total`?)"),
        ("items = [{ text = \"a\" }, { text = 5 }]", "2:35 this must be `String`, and is `5` (-)"),
        ("items = [{ tag = 1 }]", "2:10 the field `text` is missing (add `text = ..`)"),
        ("at = { z = 1 }", "2:8 `Position` has no field `z` (there are `x`, `y`)"),
        ("last = \"Ok\"", "2:8 the variant `Ok` carries something (write `{ Ok = .. }`)"),
        ("last = { OK = 1 }", "2:8 `Result<u8, String>` has no variant `OK` (did you mean `Ok`?)"),
        ("by_name = { a = -1 }", "2:17 this must be `u8`, and is `-1` (-)"),
    ] {
        assert_eq!(state(bad), [expected], "{bad}");
    }
    assert_eq!(state("total = \"a\"\nlimit = 300").len(), 2);
}

#[test]
fn a_state_is_completed_from_the_default() {
    let shape = &known().widgets["counter"].shape;
    let default = json!({"total": 1, "items": [], "limit": 9, "at": {"x": 1, "y": 2}, "last": {"Ok": 1}, "by_name": {}});
    let given = json!({"total": 5, "items": [{"text": "a"}], "at": {"y": 7}});
    let complete = Scene::complete(given.as_object().unwrap(), &default, shape);
    assert_eq!(
        complete,
        json!({"total": 5, "items": [{"text": "a", "tag": null}], "limit": 9, "at": {"x": 1, "y": 7}, "last": {"Ok": 1}, "by_name": {}})
    );
}

#[test]
fn the_difference_is_what_changed_and_in_an_order_that_works() {
    let base = "[instances.a]\nwidget = \"w\"\n[instances.b]\nwidget = \"w\"\n[[connections]]\nfrom = \"a.x\"\nto = \"b.y\"\n";
    let cases: &[(&str, &str, &[&str])] = &[
        (base, base, &[]),
        ("", "", &[]),
        ("[update]\n", base, &["a.x -> b.y disconnected"]),
        (base, "instances = {}", &["a created, a w", "b created, a w", "a.x -> b.y connected"]),
        ("instances = {}", base, &["a.x -> b.y disconnected", "a removed", "b removed"]),
        (
            "[instances.a]\nwidget = \"v\"\n[instances.b]\nwidget = \"w\"\n[[connections]]\nfrom = \"a.x\"\nto = \"b.y\"\n",
            base,
            &["a removed", "a created, a v"],
        ),
        (
            "[instances.a]\nwidget = \"w\"\n[instances.c]\nwidget = \"w\"\n[[connections]]\nfrom = \"a.x\"\nto = \"c.y\"\n",
            base,
            &["a.x -> b.y disconnected", "b removed", "c created, a w", "a.x -> c.y connected"],
        ),
        (
            "[instances.a]\nwidget = \"w\"\nstate = { n = 1 }\nhistory = \"update\"\n[instances.b]\nwidget = \"w\"\n[[connections]]\nfrom = \"a.x\"\nto = \"b.y\"\ncapacity = 1\n",
            base,
            &[
                "a is recorded by update",
                "a keeps its state: that of the scene is for a new instance",
                "a.x -> b.y reconfigured",
            ],
        ),
        (
            "[update]\nwithout_bump = \"reset\"\n[widgets.w]\nwithout_bump = \"refuse\"\n",
            "[widgets.v]\nwithout_bump = \"refuse\"\n",
            &[
                "updates of all widgets are done in another way",
                "updates of v are done in another way",
                "updates of w are done in another way",
            ],
        ),
    ];
    for (wanted, running, expected) in cases {
        let actions = parse(wanted).difference(&parse(running));
        let actions: Vec<_> = actions.iter().map(ToString::to_string).collect();
        assert_eq!(actions, *expected, "from\n{running}\nto\n{wanted}");
    }
}

#[test]
fn without_instances_those_that_run_go_on_and_new_widgets_have_one() {
    let running = parse("[instances.clicks]\nwidget = \"counter\"\n");
    let settled = parse("[update]\n").settled(&known(), &running);
    let actions: Vec<_> = settled.difference(&running).iter().map(ToString::to_string).collect();
    assert_eq!(actions, ["display created, a display"]);
}
