//! Messages that flow through several libraries while these are updated.

use std::time::Instant;

use serde_json::Value;
use shrine_tests::{DEADLINE, Watch, Workspace, finish};

/// Makes numbers, as long as there is room for them.
const SOURCE: &str = "\
use shrine::prelude::*;

#[widget(id = \"source\", VERSION
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    pub FIELD: u64,
    pub has_ended: bool,
}

#[widget]
impl Source {
    #[every(\"5ms\")]
    fn run(&mut self, out: &mut Output<u64>) {
        for _ in 0..if self.has_ended { 0 } else { 20 } {
            out.send(self.FIELD);
            self.FIELD += 1;
        }
        // a handler
    }

    #[input]
    fn end(&mut self) {
        self.has_ended = true;
    }

    #[view]
    fn view(&self) -> &'static str {
        \"EDIT\"
    }
}
";

/// Checks that numbers come in order, and passes them on.
const STAGE: &str = "\
use shrine::prelude::*;

#[widget(id = \"ID\", VERSION
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stage {
    pub FIELD: u64,
    pub wrong: u64,
}

#[widget]
impl Stage {
    #[input]
    fn take(&mut self, n: u64, out: &mut Output<u64>) {
        self.wrong += u64::from(n != self.FIELD);
        self.FIELD = n + 1;
        out.send(n);
        // a handler
    }

    #[view]
    fn view(&self) -> &'static str {
        \"EDIT\"
    }
}
";

/// The last one: it takes its time, so that numbers wait before all stages.
const SLOW: (&str, &str) =
    ("out.send(n);", "std::thread::sleep(std::time::Duration::from_millis(1)); let _ = out;");

const SCENE: &str = "\
[instances.source]
[instances.middle]
[instances.sink]

[[connections]]
from = \"source.out\"
to = \"middle.take\"
capacity = 40

[[connections]]
from = \"middle.out\"
to = \"sink.take\"
capacity = 8
";

const STAGES: [&str; 3] = ["source", "middle", "sink"];

/// How often each stage has gone wrong and then been put right.
const ROUNDS: usize = 26;

/// The source of a stage. Each edit is another one; every other has another version of the state.
fn stage(name: &str, edit: usize) -> String {
    let (version, field) = match edit / STAGES.len() % 2 {
        0 => ("version = \"1.0.0\")]", "next"),
        _ => ("version = \"1.1.0\")]\n#[migrate(from = \"1.0.0\", rename(next => expected))]", "expected"),
    };
    let source = match name {
        "source" => SOURCE.to_owned(),
        "sink" => STAGE.replace(SLOW.0, SLOW.1),
        _ => STAGE.to_owned(),
    };
    source
        .replace("ID", name)
        .replace("VERSION", version)
        .replace("FIELD", field)
        .replace("EDIT", &format!("edit {edit}"))
}

/// How far a stage is, and how many numbers came where another should have come.
fn count(watch: &mut Watch, stage: &str) -> (u64, u64) {
    watch.command(&format!("state {stage}"));
    let state = watch.wait_for("state")["value"].take();
    let next = state["next"].as_u64().or(state["expected"].as_u64());
    (next.unwrap_or_else(|| panic!("{state:#}")), state["wrong"].as_u64().unwrap_or_default())
}

#[test]
fn no_number_is_lost_doubled_or_reordered_by_fifty_edits_of_real_libraries() {
    let workspace = Workspace::new("flow", &STAGES);
    for name in STAGES {
        workspace.library(name, &[], &stage(name, 0));
    }
    workspace.write("shrine.toml", SCENE);
    let mut watch = Watch::start(workspace.path(), &[]);
    watch.expect("ready");
    let mut waiting = 0;
    for round in 1..=ROUNDS {
        let name = STAGES[round % STAGES.len()];
        let (file, good) = (format!("{name}/src/lib.rs"), stage(name, round));
        let hook = "#[after_update]\n    fn look(&mut self) { panic!(\"not today\") }\n\n    #[view]";
        match round % 4 {
            0 => {
                workspace.write(&file, &good.replace("// a handler", "oops"));
                watch.expect("build_failed");
            }
            1 => {
                workspace.write(
                    &file,
                    &good.replacen("version = \"1.", "version = \"9.", 1).replace("from = \"1", "from = \"8"),
                );
                watch.expect("refused");
            }
            2 => {
                workspace.write(&file, &good.replace("#[view]", hook));
                assert_eq!(watch.expect("rolled_back")["phase"], "after_update");
            }
            _ => {
                workspace.write(&file, &good.replace("// a handler", "panic!(\"not this one\");"));
                watch.expect("updated");
                assert_eq!(watch.expect("rolled_back")["phase"], "probation");
            }
        }
        workspace.write(&file, &good);
        watch.expect("updated");
        watch.command(&format!("view {name}"));
        assert_eq!(watch.expect("view")["value"], format!("edit {round}"));
        watch.command("connections");
        let connections = watch.expect("connections");
        let queued = connections["value"].as_array().into_iter().flatten();
        waiting += queued.filter_map(|connection| connection["queued"].as_u64()).sum::<u64>();
    }
    assert!(waiting > 0, "numbers waited while code was replaced");

    watch.command("send source.end null");
    let begun = Instant::now();
    let made = loop {
        let [made, passed, arrived] = STAGES.map(|name| count(&mut watch, name));
        if (made.0, made.0) == (passed.0, arrived.0) {
            assert_eq!((passed.1, arrived.1), (0, 0), "numbers came out of order");
            break made.0;
        }
        assert!(begun.elapsed() < DEADLINE, "{made:?} {passed:?} {arrived:?}");
    };
    assert!(made > 1000, "only {made} numbers");
    watch.quit();
}

/// The state of an instance, while others have something to say as well.
fn state(watch: &mut Watch, instance: &str) -> Value {
    watch.command(&format!("state {instance}"));
    watch.wait_for("state")["value"].take()
}

/// Looks at a state until it is as wanted.
fn wait_until(watch: &mut Watch, instance: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let state = state(watch, instance);
        if is_wanted(&state) {
            return state;
        }
        assert!(begun.elapsed() < DEADLINE, "{state:#}");
    }
}

/// `examples/pipeline`, with edits that its README suggests.
#[test]
fn the_pipeline_runs_on_through_edits() {
    let workspace = Workspace::of_example("pipeline");
    let folder = workspace.path().join("pipeline");
    let mut watch = Watch::start(&folder, &[]);
    let ready = watch.wait_for("ready");
    let ids: Vec<_> = ready["widgets"].as_array().into_iter().flatten().map(|widget| &widget["id"]).collect();
    assert_eq!(ids, ["averages", "board", "filter", "stations"], "the crates of the folder, and no others");
    let count = |state: &Value, field: &str| state[field].as_u64().unwrap_or_default();
    wait_until(&mut watch, "board", |board| count(board, "shown") > 20);

    workspace.edit("pipeline/filter/src/lib.rs", "WARMEST: f64 = 60.0", "WARMEST: f64 = -100.0");
    watch.wait_for("updated");
    let before = state(&mut watch, "filter");
    let after = wait_until(&mut watch, "filter", |filter| {
        count(filter, "rejected") > count(&before, "rejected") + 20
    });
    assert_eq!(count(&after, "kept"), count(&before, "kept"), "none is good enough now");

    // A newer reading, while older ones are on their way.
    let readings = "pipeline/readings/src/lib.rs";
    let source = std::fs::read_to_string(workspace.path().join(readings)).expect("is there");
    let newer = source
        .replace(
            "#[state(version = \"2\")]",
            "#[state(version = \"3\")]\n#[migrate(from = \"2\", add(sensor = \"in flight\".to_owned()))]",
        )
        .replace("pub celsius: f64,\n}", "pub celsius: f64,\n    /// By what.\n    pub sensor: String,\n}")
        .replace("celsius }\n    }", "celsius, sensor: \"new\".to_owned() }\n    }")
        .replace("°C\", self.number", "°C {}\", self.number")
        .replace("self.celsius)", "self.celsius, self.sensor)");
    workspace.write(readings, &newer);
    let updated = watch.wait_for("updated");
    assert_eq!(updated["widgets"].as_array().map(Vec::len), Some(4), "{updated:#}");
    let is_new = |note: &Value| note.as_str().is_some_and(|note| note.ends_with("°C new"));
    wait_until(&mut watch, "board", |board| {
        board["notes"].as_array().is_some_and(|notes| notes.iter().any(is_new))
    });

    // Without the new name, all that comes waits.
    workspace.edit("pipeline/board/src/lib.rs", "fn note(", "fn pin(");
    assert_eq!(watch.wait_for("parked")["target"], "board.note");
    workspace.edit(
        "pipeline/board/src/lib.rs",
        "#[input]\n    fn pin(",
        "#[input(was = \"note\")]\n    fn pin(",
    );
    assert_eq!(watch.wait_for("resumed")["target"], "board.pin");
    watch.quit();

    let (code, events, errors) = finish(&folder.join("board/src"), &["--once"]);
    assert_eq!(code, Some(4), "nothing to watch is below: {events:?}\n{errors}");
    let reason = events.first().map_or(&Value::Null, |event| &event["reason"]);
    assert!(reason.as_str().is_some_and(|reason| reason.contains("no member of the workspace")), "{reason}");
}
