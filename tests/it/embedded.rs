//! A program that owns its registry, and takes edits of its widget crate in while it runs.

use std::os::unix::fs::symlink;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::json;
use shrine::event::Event;
use shrine::prelude::*;
use shrine::registry::Registry;
use shrine_tests::{DEADLINE, Project, shared_target};
use shrine_watch::{Live, LiveOptions};

/// What the program was linked with. The crate that is watched has the same in its first edition.
#[widget(id = "embedded.tally", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Tally {
    total: i64,
}

#[widget]
impl Tally {
    #[input]
    fn add(&mut self, n: i64) {
        self.total += n;
    }
}

const SOURCE: &str = "\
use shrine::prelude::*;

#[widget(id = \"embedded.tally\", version = \"1.0.0\")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    pub total: i64,
}

#[widget]
impl Tally {
    #[input]
    fn add(&mut self, n: i64) {
        self.total += n;
    }
}
";

/// Polls, only when it was woken, until `is_it` says yes to an event: all that was told until then.
fn events_until(
    live: &mut Live,
    registry: &mut Registry,
    woken: &Receiver<()>,
    is_it: impl Fn(&Event) -> bool,
) -> Vec<Event> {
    let mut seen = Vec::new();
    loop {
        woken.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("not woken; seen {seen:#?}"));
        registry.poll();
        seen.extend(live.poll(registry));
        if seen.iter().any(&is_it) {
            return seen;
        }
    }
}

/// The first event that `is_it` says yes to.
fn wait_for(
    live: &mut Live,
    registry: &mut Registry,
    woken: &Receiver<()>,
    is_it: impl Fn(&Event) -> bool,
) -> Event {
    let seen = events_until(live, registry, woken, &is_it);
    seen.into_iter().find(is_it).expect("it was seen")
}

#[test]
fn a_program_is_woken_for_new_code_and_keeps_its_state() {
    let project = Project::new("embedded-tally", SOURCE);
    // `Live` builds in the folder `shrine` of the target directory: that of all tests.
    std::fs::create_dir_all(project.path().join("target")).expect("a folder");
    symlink(shared_target(), project.path().join("target/shrine")).expect("a link");

    let mut registry = Registry::new();
    registry.link::<Tally>().expect("links");
    registry.create("tally", "embedded.tally").expect("creates");
    let (wake, woken) = channel();
    let mut live = Live::when(true, project.path()).expect("watches");
    live.on_change(move || {
        let _ = wake.send(());
    });
    let total = |registry: &mut Registry| registry.state_json("tally").map(|state| state_of(&state));

    registry.send("tally.add", &5_i64).expect("sends");
    let first = wait_for(&mut live, &mut registry, &woken, |event| matches!(event, Event::Updated(_)));
    let Event::Updated(first) = first else { unreachable!() };
    assert_eq!((first.widgets.len(), total(&mut registry).expect("a state")), (1, 5));

    project.edit("+= n", "+= n * 10");
    wait_for(&mut live, &mut registry, &woken, |event| matches!(event, Event::Updated(_)));
    registry.send("tally.add", &1_i64).expect("sends");
    registry.poll();
    assert_eq!(total(&mut registry).expect("a state"), 15, "the new code, on the state of the old");

    project.edit("n * 10", "n * ten");
    let failed =
        wait_for(&mut live, &mut registry, &woken, |event| matches!(event, Event::BuildFailed { .. }));
    assert!(matches!(failed, Event::BuildFailed { rendered, .. } if rendered.contains("`ten`")));
    registry.send("tally.add", &1_i64).expect("sends");
    registry.poll();
    assert_eq!(total(&mut registry).expect("a state"), 25, "what ran runs on");

    // Whoever asks late is woken all the same.
    let (wake, woken) = channel();
    live.on_change(move || {
        let _ = wake.send(());
    });
    woken.recv_timeout(DEADLINE).expect("is woken");
}

#[test]
fn a_program_says_how_its_widgets_are_built_and_updated() {
    let project = Project::new(
        "embedded-options",
        &SOURCE.replace("+= n;", "+= n * if cfg!(feature = \"ten\") { 10 } else { 1 };"),
    );
    project.write("Cargo.toml", &project.manifest("[features]\nten = []\n"));
    let options = LiveOptions::new()
        .features(["ten"])
        .target_dir(shared_target())
        .poll_files(Duration::from_millis(20))
        .replay(false)
        .sharing(false)
        .in_place(false);

    let mut registry = Registry::new();
    registry.link::<Tally>().expect("links");
    registry.create("tally", "embedded.tally").expect("creates");
    let (wake, woken) = channel();
    let mut live = Live::with(true, project.path(), &options).expect("watches");
    live.on_change(move || {
        let _ = wake.send(());
    });
    wait_for(&mut live, &mut registry, &woken, |event| matches!(event, Event::Updated(_)));
    registry.send("tally.add", &1_i64).expect("sends");
    registry.poll();
    assert_eq!(state_of(&registry.state_json("tally").expect("a state")), 10, "with the feature");

    project.edit("n * if", "2 * n * if");
    let seen = events_until(&mut live, &mut registry, &woken, |event| matches!(event, Event::Updated(_)));
    let built = seen.iter().find(|event| matches!(event, Event::Built { .. })).expect("it is told");
    let built = serde_json::to_value(built).expect("is JSON");
    let how = (&built["packages"][0]["way"], &built["packages"][0]["reason"]);
    assert_eq!(how, (&json!("cargo"), &json!("off")));
    let Some(Event::Updated(updated)) = seen.into_iter().find(|event| matches!(event, Event::Updated(_)))
    else {
        unreachable!()
    };
    assert_eq!(updated.widgets[0].in_place, 0, "{updated:#?}");
    registry.send("tally.add", &1_i64).expect("sends");
    registry.poll();
    assert_eq!(state_of(&registry.state_json("tally").expect("a state")), 30);
}

fn state_of(event: &Event) -> i64 {
    let Event::State { value, .. } = event else { panic!("no state: {event:?}") };
    value["total"].as_i64().expect("a number")
}
