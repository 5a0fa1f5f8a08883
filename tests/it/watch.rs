//! `cargo shrine watch` on real crates.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use shrine_tests::{DEADLINE, Project, Watch, finish};

/// Real libraries whose instances stay in memory as they are, over many builds, and end in the last of them.
#[test]
fn a_state_stays_in_memory_over_many_builds() {
    let source = r#"//! Remembers.
use std::collections::HashMap;
use shrine::prelude::*;

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Mood { #[default] Calm, Busy(u32), Waiting { since: String } }

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node { pub name: String, #[state(recursive)] pub next: Option<Box<Node>> }

#[widget(id = "memory", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    pub names: Vec<String>,
    pub counts: HashMap<String, u32>,
    pub chain: Option<Box<Node>>,
    pub mood: Mood,
}

#[widget]
impl Memory {
    #[input]
    fn note(&mut self, name: String, size: &mut Output<u32>) {
        let factor = 1;
        *self.counts.entry(name.clone()).or_default() += factor;
        self.chain = Some(Box::new(Node { name: name.clone(), next: self.chain.take() }));
        self.mood = match self.names.len() % 3 {
            0 => Mood::Busy(factor),
            1 => Mood::Waiting { since: name.clone() },
            _ => Mood::Calm,
        };
        self.names.push(name);
        size.send(self.counts.values().sum());
    }
}
"#;
    let project = Project::new("memory-in-place", source);
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    let mut sum = 0;
    for build in 1..=6_u32 {
        for name in ["a", "b", "a"] {
            sum += build;
            assert_eq!(watch.send("memory.note", &json!(name)), json!(sum));
        }
        let before = watch.state("memory");
        project.edit(&format!("factor = {build};"), &format!("factor = {};", build + 1));
        let updated = watch.expect("updated");
        assert_eq!(plan(&updated), "hand_over");
        assert_eq!(updated["widgets"][0]["in_place"], 1, "{updated:#}");
        assert_eq!(watch.state("memory"), before);
    }
    // Another layout of the same shape.
    project.edit("    pub mood: Mood,\n", "");
    project.edit("    pub names: Vec<String>,\n", "    pub mood: Mood,\n    pub names: Vec<String>,\n");
    let updated = watch.expect_after(&["build_failed"], "updated");
    assert_eq!(
        (plan(&updated), &updated["widgets"][0]["in_place"]),
        ("hand_over", &Value::Null),
        "{updated:#}"
    );
    assert!(updated["widgets"][0]["encoded"].is_string(), "{updated:#}");
    assert_eq!(watch.state("memory")["names"].as_array().map(Vec::len), Some(18));
    watch.quit();

    let mut watch = Watch::start(project.path(), &["--no-in-place"]);
    watch.expect("ready");
    project.edit("factor = 7;", "factor = 8;");
    let updated = watch.expect("updated");
    assert!(
        updated["widgets"][0]["encoded"].as_str().is_some_and(|why| why.contains("asked")),
        "{updated:#}"
    );
    watch.quit();
}

/// The edits that a day consists of, in one process: each with its event, its state, and what ran on.
#[test]
fn a_day_of_edits() {
    let project = Project::of_example("counter", "counter-day");
    let mut watch = Watch::start(project.path(), &[]);
    let ready = watch.expect("ready");
    assert_eq!(ready["widgets"][0]["id"], "counter");
    assert_eq!(ready["instances"], json!([{"id": "counter", "widget": "counter"}]));
    assert_eq!(watch.send("counter.add", &json!(5)), json!(5));

    // The body of a handler.
    project.edit("self.total += n * self.step;", "self.total += 10 * n * self.step;");
    let updated = watch.expect("updated");
    assert_eq!((plan(&updated), &updated["generation"]), ("hand_over", &json!(2)));
    assert_eq!(updated["build_id"].as_str().map(str::len), Some(40));
    assert!(updated["phases_us"]["total"].as_u64() > updated["phases_us"]["build"].as_u64());
    assert_eq!(watch.send("counter.add", &json!(1)), json!(15));

    // A field without a bump.
    let released = project.read("src/lib.rs");
    project.edit("pub step: i64,\n", "pub step: i64,\n    /// More.\n    pub limit: u8,\n");
    project.edit("total: 0, step: 1,", "total: 0, step: 1, limit: 9,");
    // Two edits make one change: the build may have seen the first alone, and failed.
    let updated = watch.expect_after(&["build_failed"], "updated");
    assert_eq!(plan(&updated), "structural");
    assert_eq!(updated["report"][0]["field"], "limit");
    assert_eq!(watch.state("counter"), json!({"total": 15, "step": 1, "limit": 9, "label": "COUNT"}));

    // A bump whose chain is there.
    project
        .edit("version = \"1.0.0\")]", "version = \"1.1.0\")]\n#[migrate(from = \"1.0.0\", add(limit = 3))]");
    let updated = watch.expect("updated");
    assert_eq!(plan(&updated), "chain");
    assert_eq!(watch.state("counter"), json!({"total": 15, "step": 1, "limit": 3, "label": "COUNT"}));

    // A compile error, then a panic in a hook.
    let good = project.read("src/lib.rs");
    project.edit("#[view]", "#[view] oops");
    let failed = watch.expect("build_failed");
    assert_eq!(failed["running_generation"], updated["generation"]);
    assert!(failed["rendered"].as_str().is_some_and(|text| text.contains("error")), "{failed:#}");
    let before = watch.state("counter");
    let hook = "#[after_update]\n    fn check(&mut self, _: &UpdateContext) { panic!(\"not today\") }\n\n    #[view]";
    project.write("src/lib.rs", &good.replace("#[view]", hook));
    let rolled_back = watch.expect("rolled_back");
    assert_eq!(
        (rolled_back["phase"].as_str(), rolled_back["instance"].as_str()),
        (Some("after_update"), Some("counter"))
    );
    let reason = rolled_back["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("not today") && reason.contains("src/lib.rs:"), "{reason}");
    assert_eq!(watch.state("counter"), before);
    assert_eq!(watch.send("counter.add", &json!(1)), json!(25), "the old code runs on");

    // A missing migration.
    let forgotten = good
        .replace("version = \"1.1.0\"", "version = \"2.0.0\"")
        .replace("from = \"1.0.0\"", "from = \"1.5.0\"");
    project.write("src/lib.rs", &forgotten);
    let refused = watch.expect("refused");
    assert_eq!((refused["from"].as_str(), refused["to"].as_str()), (Some("1.1.0"), Some("2.0.0")));
    assert!(
        refused["help"].as_str().is_some_and(|help| help.contains("#[migrate(from = \"1.1.0\"")),
        "{refused:#}"
    );
    assert_eq!(watch.state("counter")["total"], 25);

    // The next good save recovers, and the source of the morning is a way down.
    project.write("src/lib.rs", &good.replace("{}: {}", "{} = {}"));
    assert_eq!(plan(&watch.expect("updated")), "hand_over");
    project.write("src/lib.rs", &released);
    assert_eq!(plan(&watch.expect("updated")), "down");
    assert_eq!(watch.state("counter"), json!({"total": 25, "step": 1, "label": "COUNT"}));
    watch.quit();
}

#[test]
fn what_cannot_run_live_is_refused_with_what_to_do() {
    let project = Project::of_example("counter", "counter-refused");
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    watch.send("counter.add", &json!(5));

    project.write("Cargo.toml", &project.manifest("[profile.dev]\npanic = \"abort\"\n"));
    let refused = watch.expect("refused");
    assert!(refused["help"].as_str().is_some_and(|help| help.contains("panic = \"abort\"")), "{refused:#}");
    assert_eq!(refused["running_generation"], 1);
    project.write("Cargo.toml", &project.manifest(""));
    watch.expect("unchanged");

    let source = project.read("src/lib.rs");
    let nowhere = "unsafe extern \"C\" { fn shrine_test_nowhere() -> i64; }\n";
    let call = source.replace("self.total = 0;", "self.total = unsafe { shrine_test_nowhere() };");
    project.write(
        "src/lib.rs",
        &call.replace("use shrine::prelude::*;", &format!("use shrine::prelude::*;\n{nowhere}")),
    );
    let refused = watch.expect("refused");
    assert!(
        refused["reason"].as_str().is_some_and(|reason| reason.contains("shrine_test_nowhere")),
        "{refused:#}"
    );

    project.write("src/lib.rs", "//! No widget at all.\n");
    let refused = watch.expect("refused");
    assert!(refused["reason"].as_str().is_some_and(|reason| reason.contains("widget")), "{refused:#}");
    assert_eq!(watch.state("counter")["total"], 5);
    project.write("src/lib.rs", &source.replace("{}: {}", "{} is {}"));
    watch.expect("updated");
    assert_eq!(watch.state("counter")["total"], 5);
    watch.quit();
}

#[test]
fn a_widget_that_prints_does_not_disturb_the_events() {
    let project = Project::of_example("counter", "counter-prints");
    project.edit("self.total = 0;", "println!(\"not an event\"); self.total = 0;");
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    assert_eq!(watch.send("counter.reset", &json!(null)), json!(0));
    watch.command("quit");
    let (status, _, errors) = watch.end();
    assert!(status.success() && errors.contains("not an event"), "{status}\n{errors}");
}

#[test]
fn a_touch_is_no_change() {
    let project = Project::of_example("counter", "counter-touched");
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    let source = project.read("src/lib.rs");
    project.write("src/lib.rs", &source);
    assert_eq!(watch.wait_for("changed")["decision"], "nothing");
    project.edit("total += n", "total += 2 * n");
    assert_eq!(watch.wait_for("changed")["decision"], "rebuild");
    watch.expect("updated");
    project.write("src/lib.rs", &source);
    watch.expect("updated");
    assert!(!watch.names().contains(&"unchanged"), "{:?}", watch.names());
    watch.quit();
}

#[test]
fn commands_answer_with_events() {
    let project = Project::of_example("counter", "counter-commands");
    let mut watch = Watch::start(project.path(), &[]);
    watch.command("state");
    watch.expect("ready");
    assert_eq!(watch.expect("state")["value"]["total"], 0, "what came too early waits");
    watch.send("counter.add", &json!(5));
    watch.command("view counter");
    assert_eq!(watch.expect("view")["value"], "COUNT: 5");
    watch.command("set counter {\"step\": 3}");
    assert_eq!(watch.expect("state")["value"], json!({"total": 5, "step": 3, "label": "COUNT"}));
    watch.command("undo counter");
    assert_eq!(watch.expect("state")["value"]["step"], 1);
    watch.command("redo counter");
    assert_eq!(watch.expect("state")["value"]["step"], 3);
    watch.command("history counter");
    let history = watch.expect("history");
    let causes: Vec<_> =
        history["value"].as_array().into_iter().flatten().map(|entry| &entry["cause"]).collect();
    assert_eq!(causes, ["created", "message add", "set", "undo 2", "redo 2"]);
    watch.command("connections");
    assert_eq!(watch.expect("connections")["value"], json!([]));
    for (command, help) in [
        ("state nobody", "there are `counter`"),
        ("send counter.add {", ""),
        ("send counter.sub 1", "its input ports are `add`, `reset`"),
        ("undoo counter", "undo"),
    ] {
        watch.command(command);
        let error = watch.expect("error");
        assert_eq!(error["command"], command);
        assert!(error["help"].as_str().unwrap_or_default().contains(help), "{error:#}");
    }
    watch.command("pause");
    watch.command("resume");
    watch.command("reload");
    watch.expect("unchanged");
    watch.close_input();
    let (status, last, _) = watch.end();
    assert_eq!((status.code(), last["code"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn once_says_by_its_exit_code_what_became_of_it() {
    let project = Project::of_example("counter", "counter-once");
    let (code, events, _) = finish(project.path(), &["--once"]);
    assert_eq!((code, names(&events).last()), (Some(0), Some(&"exit")));
    assert!(names(&events).contains(&"ready"));

    project.edit("#[view]", "#[view] oops");
    let (code, events, _) = finish(project.path(), &["--once"]);
    assert_eq!((code, names(&events)), (Some(101), vec!["build_failed", "exit"]));

    project.write("src/lib.rs", "//! No widget at all.\n");
    let (code, events, errors) = finish(project.path(), &["--once"]);
    assert_eq!(code, Some(4), "{events:?}\n{errors}");

    project.write("Cargo.toml", "[package\n");
    let (code, events, errors) = finish(project.path(), &["--once"]);
    assert_eq!(code, Some(94), "{events:?}\n{errors}");
}

fn plan(updated: &Value) -> &str {
    updated["widgets"][0]["plan"].as_str().unwrap_or_default()
}

/// The names of events, without what the compiler says.
fn names(events: &[Value]) -> Vec<&str> {
    let names = events.iter().filter_map(|event| event["event"].as_str());
    names.filter(|name| *name != "diagnostic").collect()
}

/// A build that never ends, and what is left of it afterwards.
#[test]
fn an_interrupt_ends_it_and_everything_it_has_started() {
    let project = Project::of_example("counter", "counter-interrupted");
    let marker = project.path().join("building");
    let build = format!(
        "fn main() {{ std::fs::write({marker:?}, std::process::id().to_string()).unwrap(); loop {{ std::thread::park(); }} }}"
    );
    project.write("build.rs", &build);
    let mut watch = Watch::start(project.path(), &[]);
    let script = wait_for(|| std::fs::read_to_string(&marker).ok().filter(|id| !id.is_empty()));
    let status = Command::new("kill").args(["-INT", &watch.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
    let (status, last, errors) = watch.end();
    assert_eq!(
        (status.code(), &last["event"], &last["code"]),
        (Some(130), &json!("exit"), &json!(130)),
        "{errors}"
    );
    wait_for(|| (!runs(&script)).then_some(()));
}

#[test]
fn a_newer_save_ends_the_build_under_way() {
    let project = Project::of_example("counter", "counter-overtaken");
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    let marker = project.path().join("building");
    let slow = format!(
        "const _: &str = include_str!({marker:?});\n#[allow(dead_code)] const SLOW: u64 = {{ let mut n = 0_u64; while n < 1 << 40 {{ n += 1; }} n }};\n"
    );
    project.write("building", "");
    let good = project.read("src/lib.rs").replace("{}: {}", "{} is {}");
    // The compiler would be busy with that constant for hours.
    project.write("src/lib.rs", &format!("#![allow(long_running_const_eval)]\n{slow}{good}"));
    let changed = watch.wait_for("changed");
    assert_eq!(changed["decision"], "rebuild");
    project.write("src/lib.rs", &good);
    watch.expect("updated");
    watch.command("view counter");
    assert_eq!(watch.expect("view")["value"], "COUNT is 0");
    watch.quit();
}

/// What a process holds on to must not grow with what it has loaded.
#[test]
fn a_hundred_updates_leave_files_and_threads_as_they_were() {
    let project = Project::of_example("counter", "counter-hundred");
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    let source = project.read("src/lib.rs");
    let mut total = 0;
    let mut after_five = (0, 0);
    for round in 1..=100_i64 {
        project.write(
            "src/lib.rs",
            &source.replace("+= n * self.step", &format!("+= n * self.step * {}", 1 + round % 7)),
        );
        let updated = watch.expect("updated");
        assert_eq!(updated["generation"], 1 + round);
        total += 1 + round % 7;
        assert_eq!(watch.send("counter.add", &json!(1)), json!(total), "the new code answers");
        if round == 5 {
            // The build's own pipes and threads may take a moment to go: the least that is seen is what stays.
            after_five = (0..1000).map(|_| held(watch.id())).min().unwrap_or_default();
        }
    }
    wait_for(|| (held(watch.id()) <= after_five).then_some(()));
    watch.quit();
}

/// Open files and threads of a process.
fn held(process: u32) -> (usize, usize) {
    let count = |what: &str| std::fs::read_dir(format!("/proc/{process}/{what}")).map_or(0, Iterator::count);
    (count("fd"), count("task"))
}

/// Waits until the condition holds.
fn wait_for<T>(condition: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        match condition() {
            Some(value) => return value,
            None => std::thread::yield_now(),
        }
    }
    panic!("it never came");
}

/// Whether a process runs: one that has ended and waits for its parent does not.
fn runs(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

/// A widget whose workers send numbers, each from an own stream, until they have sent what they were asked for.
const WORKING: &str = r#"//! Numbers from threads.

use std::sync::mpsc::{Sender, channel};

use shrine::{SendError, prelude::*};

/// Checks what its threads send.
#[widget(id = "numbers", version = "0.1.0")]
#[derive(Debug, Default)]
pub struct Numbers {
    /// The next number of each stream.
    pub next: Vec<u64>,
    pub wrong: u64,
    /// How many of the streams have ended.
    pub ended: u64,
    #[state(transient)]
    jobs: Option<Sender<(u64, u64)>>,
}

#[widget]
impl Numbers {
    #[started]
    fn start(&mut self, inbox: &Inbox) {
        let (jobs, next) = channel();
        let inbox = inbox.clone();
        std::thread::spawn(move || {
            for (stream, count) in next {
                let mut n = 0;
                while n < count {
                    match inbox.send("number", &(stream, n)) {
                        Ok(()) => n += 1,
                        Err(SendError::Full) => std::thread::yield_now(),
                        Err(_) => return,
                    }
                }
                while inbox.send("end", &()) == Err(SendError::Full) {
                    std::thread::yield_now();
                }
            }
        });
        self.jobs = Some(jobs);
    }

    #[after_update]
    fn resume(&mut self, inbox: &Inbox) {
        self.start(inbox);
    }

    #[input]
    fn go(&mut self, count: u64) -> Result<(), BoxError> {
        let stream = self.next.len() as u64;
        self.next.push(0);
        self.jobs.as_ref().ok_or("no worker")?.send((stream, count))?;
        Ok(())
    }

    #[input]
    fn number(&mut self, (stream, n): (u64, u64)) {
        let next = &mut self.next[stream as usize];
        if *next == n { *next += 1 } else { self.wrong += 1 }
    }

    #[input]
    fn end(&mut self) {
        self.ended += 1;
    }
}
"#;

#[test]
fn what_a_workers_thread_sends_survives_edits() {
    const COUNT: u64 = 40_000;
    let project = Project::new("numbers-live", WORKING);
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    let go = format!("send numbers.go {COUNT}");

    watch.command(&go);
    project.edit("self.wrong += 1 }", "self.wrong += 10 }");
    assert_eq!(plan(&watch.expect("updated")), "hand_over");
    // The thread of the first code may still be at work, beside that of the second.
    watch.command(&go);
    let good = project.read("src/lib.rs");
    project.edit("self.start(inbox);\n", "self.start(inbox); oops\n");
    watch.expect("build_failed");
    project
        .write("src/lib.rs", &good.replace("self.start(inbox);\n", "self.start(inbox); panic!(\"no\");\n"));
    assert_eq!(watch.expect("rolled_back")["phase"], "after_update");
    watch.command(&go);
    project.write("src/lib.rs", &good.replace("pub wrong: u64,", "pub wrong: u64,\n    pub more: u8,"));
    assert_eq!(plan(&watch.expect("updated")), "structural");
    watch.command(&go);

    let state = loop {
        let state = watch.state("numbers");
        if state["ended"] == 4 {
            break state;
        }
    };
    assert_eq!((&state["next"], &state["wrong"]), (&json!([COUNT, COUNT, COUNT, COUNT]), &json!(0)));
    watch.quit();
}

#[test]
fn a_nested_type_that_is_raised_alone_goes_over_its_own_hop_and_back() {
    let project = Project::of_example("counter", "counter-nested");
    let source = |item: &str, made: &str| {
        format!(
            "//! A list.\n\nuse shrine::prelude::*;\n\n{item}\n\n/// A list.\n\
             #[widget(id = \"counter\", version = \"1.0.0\")]\n#[derive(Debug, Default)]\npub struct Counter {{\n\
             /// What is on it.\npub items: Vec<Item>,\n}}\n\n#[widget]\nimpl Counter {{\n\
             #[input]\nfn add(&mut self, text: String, count: &mut Output<u64>) {{\n\
             self.items.push({made});\ncount.send(self.items.len() as u64);\n}}\n}}\n"
        )
    };
    let first =
        "/// An item.\n#[state]\n#[derive(Debug)]\npub struct Item {\n/// Its text.\npub text: String,\n}";
    let second = "/// An item.\n#[state(version = \"2\")]\n\
         #[migrate(from = \"1\", rename(text => title), add(len = |old| old.text.len() as u32))]\n#[derive(Debug)]\n\
         pub struct Item {\n/// Its title.\npub title: String,\n/// Its length.\npub len: u32,\n}";
    let (first, second) = (source(first, "Item { text }"), source(second, "Item { len: 0, title: text }"));
    project.write("src/lib.rs", &first);
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    assert_eq!(watch.send("counter.add", &json!("milk")), 1);
    assert_eq!(watch.send("counter.add", &json!("eggs and ham")), 2);

    project.write("src/lib.rs", &second);
    let updated = watch.expect("updated");
    assert_eq!(plan(&updated), "structural");
    let line = &updated["report"][0];
    assert_eq!(
        (&line["field"], &line["what"], &line["count"]),
        (&json!("items[]"), &json!("migrated"), &json!(2))
    );
    assert_eq!(line["detail"], "Item 1 -> 2");
    let items = json!({"items": [{"title": "milk", "len": 4}, {"title": "eggs and ham", "len": 12}]});
    assert_eq!(watch.state("counter"), items);

    assert_eq!(watch.send("counter.add", &json!("tea")), 3);
    project.write("src/lib.rs", &first);
    watch.expect("updated");
    let items = json!({"items": [{"text": "milk"}, {"text": "eggs and ham"}, {"text": "tea"}]});
    assert_eq!(watch.state("counter"), items);
    watch.quit();
}

#[test]
fn a_panic_outside_of_widgets_passes_one_hook_however_many_generations_there_were() {
    let project = Project::of_example("counter", "counter-hooks");
    let noted = project.path().join("frames");
    let source = |generation: u32| {
        format!(
            "//! A widget.\n\nuse shrine::prelude::*;\n\nconst NOTED: &str = {noted:?};\n\n/// A widget.\n\
             #[widget(id = \"counter\", version = \"1.0.0\")]\n#[derive(Debug, Default)]\npub struct Counter {{}}\n\n\
             #[widget]\nimpl Counter {{\n#[started]\nfn start(&mut self) {{\nlet outer = std::panic::take_hook();\n\
             std::panic::set_hook(Box::new(move |info| {{\n\
             if info.payload_as_str() != Some(\"outside\") {{\nreturn outer(info);\n}}\n\
             let trace = std::backtrace::Backtrace::force_capture().to_string();\n\
             let frames = trace.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()));\n\
             let mut text = std::fs::read_to_string(NOTED).unwrap_or_default();\n\
             text.push_str(&format!(\"{{}}\\n\", frames.count()));\n\
             let _ = std::fs::write(NOTED, text);\n}}));\n}}\n\n\
             #[input]\nfn panics(&mut self, _: u8, generation: &mut Output<u32>) {{\n\
             let ended = std::thread::spawn(|| panic!(\"outside\")).join();\nassert!(ended.is_err());\n\
             generation.send({generation});\n}}\n\n\
             #[input]\nfn fail(&mut self, _: u8) {{\npanic!(\"inside of {generation}\");\n}}\n}}\n"
        )
    };
    project.write("src/lib.rs", &source(1));
    let mut watch = Watch::start(project.path(), &[]);
    watch.expect("ready");
    for generation in 1..=5 {
        if generation > 1 {
            project.write("src/lib.rs", &source(generation));
            watch.expect("updated");
        }
        assert_eq!(watch.send("counter.panics", &json!(0)), generation);
    }
    let frames = project.read("frames");
    let frames: Vec<_> = frames.lines().collect();
    assert_eq!(frames.len(), 5, "the hook is called once for each: {frames:?}");
    // The first build may be laid out in another way than those that followed it.
    assert!(frames[1] != "0" && frames[1..].iter().all(|number| *number == frames[1]), "{frames:?}");
    watch.command("send counter.fail 0");
    let taken_back = watch.expect("rolled_back");
    assert!(
        taken_back["reason"].as_str().is_some_and(|reason| reason.contains("inside of 5")),
        "{taken_back:#}"
    );
    watch.quit();
}
