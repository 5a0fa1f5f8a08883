//! The live graph, as it is reached from a running `cargo shrine watch`.

use std::os::unix::net::UnixListener;

use serde_json::{Value, json};
use shrine_tests::{Project, Watch, ask_json};

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_default()
}

/// Gives a command that is refused.
fn refused(watch: &mut Watch, command: &str) -> Value {
    watch.command(command);
    let error = watch.expect("error");
    assert_eq!(text(&error, "command"), command);
    error
}

#[test]
fn new_code_that_panics_on_its_first_message_is_taken_back_and_not_tried_again() {
    let project = Project::of_example("counter", "live-probation");
    // `reset` does not come back before the other end of this socket is closed.
    let door = UnixListener::bind(project.path().join("door")).expect("a socket");
    let wait = format!(
        "if let Ok(mut door) = std::os::unix::net::UnixStream::connect({:?}) {{\n\
         let _ = std::io::Read::read(&mut door, &mut [0]);\n}}\nself.total = 0;",
        project.path().join("door")
    );
    project.edit("self.total = 0;", &wait);
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    assert_eq!(watch.send("counter.add", &json!(5)), 5);

    let good = project.read("src/lib.rs");
    project
        .edit("self.total += n * self.step;", "assert!(n < 3, \"not today\");\nself.total += n * self.step;");
    assert_eq!(watch.expect("updated")["generation"], 2);
    watch.command("send counter.add 3");
    let rolled_back = watch.expect("rolled_back");
    assert_eq!((text(&rolled_back, "phase"), &rolled_back["running_generation"]), ("probation", &json!(1)));
    assert!(text(&rolled_back, "reason").contains("not today"), "{rolled_back:#}");
    assert_eq!(watch.expect("output")["value"], 8, "the old code handles the message");

    // The same build once more.
    watch.command("reload");
    let refusal = watch.expect("refused");
    assert!(text(&refusal, "reason").contains("was taken back before"), "{refusal:#}");
    assert!(text(&refusal, "reason").contains("not today"), "{refusal:#}");
    assert_eq!(watch.send("counter.add", &json!(3)), 11);

    project.write(
        "src/lib.rs",
        &good.replace("self.total += n * self.step;", "self.total += 10 * n * self.step;"),
    );
    watch.expect("updated");
    assert_eq!(watch.send("counter.add", &json!(3)), 41);

    // A handler that does not come back is told of, while it does not.
    watch.command("send counter.reset");
    let stuck = watch.expect("stuck");
    assert_eq!((text(&stuck, "instance"), text(&stuck, "call")), ("counter", "reset"));
    assert!(stuck["seconds"].as_u64() >= Some(2), "{stuck:#}");
    drop(door);
    watch.wait_for("output");
    watch.command("quit");
    let (status, _, errors) = watch.end();
    assert!(status.success(), "{errors}");
    for line in [
        "generation 1 runs again, with its state and messages",
        "change the code; the same build is not tried again",
        "still in `reset` of `counter` after 2 s; Ctrl-C twice ends it",
    ] {
        assert!(errors.contains(line), "{line}\n{errors}");
    }
}

const SCENE: &str = "\
[instances.clicks]
widget = \"counter\"

[instances.sum]
widget = \"counter\"

[[connections]]
from = \"clicks.total\"
to = \"sum.add\"

[update]
accept = \"ask\"
";

#[test]
fn what_runs_is_changed_by_commands_and_stays_so_until_the_scene_is_edited() {
    let project = Project::of_example("counter", "live-commands");
    let source = project.read("src/lib.rs");
    let transform = "\n/// Twice.\n#[transform]\nfn doubled(n: i64) -> i64 { n * 2 }\n";
    project.write("src/lib.rs", &(source + transform));
    project.write("shrine.toml", SCENE);
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");

    watch.command("transforms");
    assert_eq!(
        watch.expect("transforms")["value"],
        json!([{"name": "doubled", "takes": "i64", "gives": "i64"}])
    );

    // A third one, beside the second.
    watch.command("create third counter");
    assert_eq!(text(&watch.wait_for("created"), "widget"), "counter");
    let error = refused(&mut watch, "connect clicks.total third.ad");
    assert!(text(&error, "help").contains("`add`"), "{error:#}");
    let error = refused(&mut watch, r#"connect clicks.total third.add {"size":3}"#);
    assert!(text(&error, "help").contains("capacity"), "{error:#}");
    watch.command(r#"connect clicks.total third.add {"capacity":3,"transform":"doubled"}"#);
    watch.wait_for("connected");
    watch.command("watch clicks.total");
    assert_eq!(watch.expect("watched")["watched"], true);
    watch.command("send clicks.add 5");
    let values: Vec<_> = (0..3).map(|_| watch.expect("output")).collect();
    let told: Vec<_> =
        values.iter().map(|event| (text(event, "instance"), event["value"].as_i64())).collect();
    assert_eq!(told, [("clicks", Some(5)), ("sum", Some(5)), ("third", Some(10))]);
    watch.command("unwatch clicks.total");
    assert_eq!(watch.expect("watched")["watched"], false);

    watch.command(r#"reconnect clicks.total third.add {"mode":"port"}"#);
    watch.wait_for("connected");
    watch.command("disconnect clicks.total sum.add");
    assert_eq!(watch.expect("disconnected")["dropped"], 0);
    watch.command("remove sum");
    assert_eq!(text(&watch.expect("removed"), "instance"), "sum");

    watch.command("instance third");
    let instance = watch.expect("instance");
    assert_eq!((text(&instance, "widget"), &instance["waiting"]), ("counter", &json!(0)), "{instance:#}");
    assert_eq!(text(&instance["connections"][0], "source"), "clicks.total", "{instance:#}");

    // The past of one of them.
    watch.command("checkpoint third lunch");
    let checkpoint = watch.expect("checkpointed");
    assert_eq!((text(&checkpoint, "name"), &checkpoint["index"]), ("lunch", &json!(1)));
    assert_eq!(watch.send("third.add", &json!(1)), 11);
    watch.command("jump third 0");
    assert_eq!(watch.expect("state")["value"]["total"], 0);
    watch.command("restore third lunch");
    assert_eq!(watch.expect("state")["value"]["total"], 10);
    assert!(text(&refused(&mut watch, "restore third dinner"), "help").contains("lunch"));
    assert_eq!(text(&refused(&mut watch, "jump third last"), "reason"), "`last` is no number");
    assert_eq!(text(&refused(&mut watch, "undo"), "help"), "name one of clicks, third");

    // An update that waits: looked at, forgotten, asked for again, applied.
    for command in ["plan", "accept", "decline"] {
        assert_eq!(text(&refused(&mut watch, command), "reason"), "no update waits");
    }
    project.edit("self.total += n * self.step;", "self.total += 10 * n * self.step;");
    watch.expect("deferred");
    watch.command("plan");
    let plan = watch.expect("planned");
    assert_eq!(plan["instances"].as_array().map(Vec::len), Some(2), "{plan:#}");
    watch.command("decline");
    assert_eq!(text(&watch.expect("declined"), "widget"), "counter");
    assert_eq!(watch.send("third.add", &json!(1)), 11, "the old code runs on");
    watch.command("reload");
    watch.expect("deferred");
    watch.command("accept");
    watch.expect("updated");
    assert_eq!(watch.send("third.add", &json!(1)), 21);
    watch.command("reload");
    watch.expect("unchanged");

    // New code is no reason to make what runs like the scene; an edit of it is.
    watch.command("connections");
    let connections = watch.expect("connections")["value"].take();
    assert_eq!(connections.as_array().map(Vec::len), Some(1), "{connections:#}");
    assert_eq!((&connections[0]["mode"], text(&connections[0], "target")), (&json!("port"), "third.add"));
    let (code, saved) = ask_json(project.path(), &["scene", "--save"]);
    let written = project.read("shrine.toml");
    assert_eq!(code, Some(0), "{saved:#}");
    assert!(
        written.contains("third") && written.contains("mode = \"port\"") && !written.contains("sum"),
        "{written}"
    );
    watch.wait_for("scene");
    assert_eq!(watch.wait_for("scene_applied")["changes"], json!([]), "what was saved is what runs");
    project.write("shrine.toml", SCENE);
    watch.wait_for("scene_applied");
    watch.command("state");
    assert_eq!(
        ["clicks", "sum"],
        [(); 2].map(|()| text(&watch.expect("state"), "instance").to_owned()).each_ref().map(String::as_str)
    );

    watch.command("events 0");
    let events = watch.expect("events")["value"].take();
    let events = events.as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(events.iter().enumerate().all(|(at, event)| event["seq"] == at), "{events:#?}");
    for name in
        ["created", "connected", "disconnected", "removed", "deferred", "declined", "planned", "updated"]
    {
        assert!(events.iter().any(|event| event["event"] == name), "{name}");
    }
    watch.command(&format!("events {}", events.len() - 1));
    assert_eq!(watch.expect("events")["value"].as_array().map(Vec::len), Some(1));
    watch.quit();
}
