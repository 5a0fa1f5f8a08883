//! `shrine.toml`: instances and connections, applied while they run.

use serde_json::{Value, json};
use shrine_tests::{Project, Watch, ask, ask_json, finish};

const SCENE: &str = "\
# Two counters, one behind the other.
[instances.clicks]
widget = \"counter\"
state = { total = 5 }

[instances.sum]
widget = \"counter\"

[[connections]]
from = \"clicks.total\"
to = \"sum.add\"
";

/// What may be told before the scene is applied.
const CHANGES: [&str; 2] = ["disconnected", "removed"];

/// A project with a scene, and a watch of it that is ready.
fn watch(name: &str, scene: &str) -> (Project, Watch) {
    let project = Project::of_example("counter", name);
    project.write("shrine.toml", scene);
    let mut watch = Watch::start(project.path(), &[]);
    let ready = watch.expect("ready");
    assert_eq!(ids(&ready), ["clicks", "sum"]);
    (project, watch)
}

fn ids(ready: &Value) -> Vec<&str> {
    let instances = ready["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
    instances.iter().filter_map(|instance| instance["id"].as_str()).collect()
}

/// The connections that run, each as `from -> to`.
fn connections(watch: &mut Watch) -> Vec<String> {
    watch.command("connections");
    let event = watch.expect("connections");
    let all = event["value"].as_array().cloned().unwrap_or_default();
    let line = |one: &Value| format!("{} -> {}", text(one, "source"), text(one, "target"));
    all.iter().map(line).collect()
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_default()
}

#[test]
fn an_edit_of_the_scene_touches_what_it_mentions_alone() {
    let (project, mut watch) = watch("scene-edit", SCENE);
    assert_eq!(watch.state("clicks")["total"], 5, "it begins as the scene says");
    assert_eq!(watch.state("clicks")["step"], 1, "and as its `Default` for the rest");
    assert_eq!(watch.send("clicks.add", &json!(2)), 7, "what leaves the last instance is the sum of 5 + 2");
    assert_eq!(watch.state("clicks")["total"], 7);

    // Another instance, and another state to begin with: nothing that runs is touched.
    let third = "\n[instances.third]\nwidget = \"counter\"\nstate = { step = 10 }\n";
    let edited = SCENE.replace("total = 5", "total = 500") + third;
    project.write("shrine.toml", &edited);
    let applied = watch.expect_after(&CHANGES, "scene_applied");
    let changes = applied["changes"].as_array().map(Vec::len);
    assert_eq!(changes, Some(2), "{applied:#}");
    assert_eq!(
        (watch.state("clicks")["total"].clone(), watch.state("sum")["total"].clone()),
        (json!(7), json!(7))
    );
    assert_eq!(watch.send("third.add", &json!(2)), 20);

    // Wired anew: the first one feeds the third.
    project.write("shrine.toml", &edited.replace("to = \"sum.add\"", "to = \"third.add\""));
    watch.expect_after(&CHANGES, "scene_applied");
    assert_eq!(connections(&mut watch), ["clicks.total -> third.add"]);
    assert_eq!(watch.send("clicks.add", &json!(1)), 20 + 8 * 10);
    assert_eq!(watch.state("sum")["total"], 7);

    // An instance that is not mentioned any more ends; new code finds the rest as it was.
    project.write(
        "shrine.toml",
        &edited.replace("[instances.sum]\nwidget = \"counter\"\n", "").replace("sum.add", "third.add"),
    );
    watch.expect_after(&CHANGES, "scene_applied");
    project.edit("self.total += n * self.step;", "self.total += n * self.step + 1;");
    let updated = watch.expect("updated");
    assert_eq!(updated["widgets"][0]["instances"], 2);
    assert_eq!(watch.state("clicks")["total"], 8);
    watch.quit();
}

#[test]
fn a_bad_scene_points_into_the_file_and_everything_runs_on() {
    let (project, mut watch) = watch("scene-bad", SCENE);
    watch.send("clicks.add", &json!(2));
    for (from, to, place, help) in [
        (
            "widget = \"counter\"\nstate",
            "widget = \"coutner\"\nstate",
            "shrine.toml:3:10",
            "did you mean `counter`?",
        ),
        ("total = 5", "total = \"five\"", "shrine.toml:4:19", ""),
        ("[[connections]]", "[[connection]]", "shrine.toml:9:3", "did you mean `connections`?"),
        ("sum.add\"", "sum.ad\"", "shrine.toml:11:6", "did you mean `add`?"),
        ("state = {", "state = = {", "shrine.toml:4:", ""),
    ] {
        assert!(SCENE.contains(from));
        project.write("shrine.toml", &SCENE.replacen(from, to, 1));
        let error = watch.expect("error");
        let reason = text(&error, "reason");
        assert!(text(&error, "command") == "scene" && reason.contains(place), "{error:#}");
        assert!(reason.contains(&format!("{} | ", place.split(':').nth(1).unwrap_or_default())), "{reason}");
        assert_eq!(text(&error, "help"), help, "{error:#}");
        assert_eq!(watch.state("clicks")["total"], 7);
        assert_eq!(connections(&mut watch), ["clicks.total -> sum.add"]);
    }
    // A file that goes, or is empty, is no wish to end everything.
    project.write("shrine.toml", "");
    project.write("shrine.toml", &SCENE.replace("total = 5", "total = 6"));
    watch.expect_after(&CHANGES, "scene_applied");
    assert_eq!(watch.state("clicks")["total"], 7);
    // The scene may speak of code that comes later.
    project.write("shrine.toml", &SCENE.replace("sum.add\"", "sum.plus\""));
    let error = watch.expect("error");
    assert!(text(&error, "reason").contains("no input port `plus`"), "{error:#}");
    // An edit that leaves the mistake as it is has not been applied either, which is told.
    project.write("shrine.toml", &SCENE.replace("sum.add\"", "sum.plus\"").replace("total = 5", "total = 8"));
    assert_eq!(watch.expect("error")["reason"], error["reason"]);
    project.edit("fn add(&mut self, n: i64", "fn plus(&mut self, n: i64");
    watch.expect("updated");
    watch.wait_for("scene_applied");
    assert_eq!(watch.send("clicks.plus", &json!(1)), 7 + 8);
    watch.quit();
}

#[test]
fn what_runs_can_be_printed_and_saved() {
    let (project, mut watch) = watch("scene-save", SCENE);
    watch.send("clicks.add", &json!(2));
    watch.command("scene");
    let scene = watch.expect("scene");
    assert!(text(&scene, "path").ends_with("shrine.toml"), "{scene:#}");
    let printed = ask(project.path(), &["scene"]);
    watch.wait_for("scene");
    assert_eq!((printed.code, printed.text.as_str()), (Some(0), text(&scene, "value")), "{printed:#?}");
    assert!(printed.text.contains("state = { total = 5 }"), "{printed:#?}");

    let (code, saved) = ask_json(project.path(), &["scene", "--save"]);
    assert_eq!((code, project.read("shrine.toml").as_str()), (Some(0), SCENE), "nothing changed: {saved:#}");
    let (code, _) = ask_json(project.path(), &["scene", "--states", "--save"]);
    let written = project.read("shrine.toml");
    assert_eq!(code, Some(0));
    assert!(written.starts_with("# Two counters") && written.contains("total = 7"), "{written}");

    project.write("shrine.toml", "[instance.a]\n");
    let (code, refused) = ask_json(project.path(), &["scene", "--save"]);
    assert_eq!((code, project.read("shrine.toml").as_str()), (Some(94), "[instance.a]\n"), "{refused:#}");
    assert!(text(&refused["error"], "reason").contains("shrine.toml:1:2"), "{refused:#}");
    watch.wait_for("error");

    // A connection that waits for an instance is in no scene.
    project.write("shrine.toml", &written);
    watch.wait_for("scene_applied");
    watch.command("remove sum");
    watch.wait_for("parked");
    let (code, refused) = ask_json(project.path(), &["scene", "--save"]);
    assert_eq!((code, project.read("shrine.toml")), (Some(100), written), "{refused:#}");
    let error = &refused["error"];
    assert!(text(error, "reason").contains("there is no instance `sum`"), "{refused:#}");
    assert!(text(error, "help").contains("`disconnect`"), "{refused:#}");
    watch.quit();
    assert_eq!(ask(project.path(), &["scene"]).code, Some(4), "nobody is there to ask");
}

#[test]
fn a_bad_scene_at_the_start_ends_it() {
    let project = Project::of_example("counter", "scene-start");
    for (scene, place) in [
        ("[instances.a]\nwigdet = \"counter\"\n", "shrine.toml:2:1"),
        ("[instances.a]\nwidget = \"conter\"\n", "shrine.toml:2:10"),
    ] {
        project.write("shrine.toml", scene);
        let (code, events, _) = finish(project.path(), &[]);
        let [.., error, exit] = &events[..] else { panic!("{events:#?}") };
        assert_eq!((code, &exit["code"]), (Some(94), &json!(94)), "{events:#?}");
        assert!(text(error, "reason").contains(place), "{error:#}");
    }
    project.write("shrine.toml", SCENE);
    let (code, events, _) = finish(project.path(), &["--once"]);
    assert_eq!(code, Some(0), "{events:#?}");
    let ready = events.iter().find(|event| event["event"] == "ready").cloned().unwrap_or_default();
    assert_eq!(ids(&ready), ["clicks", "sum"]);
}

#[test]
fn the_scene_says_how_updates_are_done() {
    let (project, mut watch) =
        watch("scene-policy", &format!("{SCENE}\n[widgets.counter]\nwithout_bump = \"refuse\"\n"));
    let source = project.read("src/lib.rs");
    let field = source
        .replace("pub step: i64,\n", "pub step: i64,\n    /// More.\n    pub limit: u8,\n")
        .replace("total: 0, step: 1,", "total: 0, step: 1, limit: 9,");
    project.write("src/lib.rs", &field);
    watch.expect("refused");
    assert_eq!(watch.state("clicks")["total"], 5);

    // Another policy, and the same edit again.
    project.write("shrine.toml", &format!("{SCENE}\n[update]\nwithout_bump = \"reset\"\n"));
    watch.expect_after(&CHANGES, "scene_applied");
    watch.command("reload");
    watch.expect("updated");
    assert_eq!(watch.state("clicks"), json!({"total": 0, "step": 1, "limit": 9, "label": "COUNT"}));

    // Updates wait until somebody wants them.
    watch.command("accept");
    assert_eq!(text(&watch.expect("error"), "reason"), "no update waits");
    project.write("shrine.toml", &format!("{SCENE}\n[update]\naccept = \"ask\"\n"));
    watch.expect_after(&CHANGES, "scene_applied");
    project.edit("self.total += n * self.step;", "self.total += 10 * n * self.step;");
    watch.expect("deferred");
    assert_eq!(watch.send("sum.add", &json!(1)), 1, "the old code runs on");
    watch.command("accept");
    watch.expect("updated");
    assert_eq!(watch.send("sum.add", &json!(1)), 11);
    watch.quit();
}

#[test]
fn connections_have_the_options_of_the_scene() {
    let project = Project::of_example("counter", "scene-options");
    let source = project.read("src/lib.rs");
    project.write(
        "src/lib.rs",
        &format!("{source}\n/// Twice.\n#[transform]\nfn doubled(n: i64) -> i64 {{ n * 2 }}\n"),
    );
    project.write(
        "shrine.toml",
        &format!("{SCENE}transform = \"doubled\"\ncapacity = 7\noverflow = \"drop_oldest\"\n"),
    );
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    assert_eq!(watch.send("clicks.add", &json!(1)), 12);
    watch.command("connections");
    let connection = watch.expect("connections")["value"][0].clone();
    assert_eq!(
        (&connection["capacity"], &connection["overflow"]),
        (&json!(7), &json!("drop_oldest")),
        "{connection:#}"
    );
    project.write("shrine.toml", &format!("{SCENE}transform = \"doubeld\"\n"));
    assert_eq!(text(&watch.expect("error"), "help"), "did you mean `doubled`?");
    project.write("shrine.toml", &format!("{SCENE}mode = \"port\"\n"));
    watch.expect_after(&CHANGES, "scene_applied");
    assert_eq!(watch.send("clicks.add", &json!(1)), 12 + 7);
    watch.command("scene");
    assert!(text(&watch.expect("scene"), "value").contains("mode = \"port\""));
    watch.quit();
}
