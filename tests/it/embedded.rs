//! A program that owns its registry, and takes edits of its widget crate in while it runs.

use std::os::unix::fs::symlink;
use std::sync::mpsc::{Receiver, channel};

use shrine::event::Event;
use shrine::prelude::*;
use shrine::registry::Registry;
use shrine_tests::{DEADLINE, Project, shared_target};
use shrine_watch::Live;

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

/// Polls, only when it was woken, until `is_it` says yes to an event.
fn wait_for(
    live: &mut Live,
    registry: &mut Registry,
    woken: &Receiver<()>,
    is_it: impl Fn(&Event) -> bool,
) -> Event {
    let mut seen = Vec::new();
    loop {
        woken.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("not woken; seen {seen:#?}"));
        registry.poll();
        let mut events = live.poll(registry);
        if let Some(place) = events.iter().position(&is_it) {
            return events.swap_remove(place);
        }
        seen.extend(events);
    }
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

fn state_of(event: &Event) -> i64 {
    let Event::State { value, .. } = event else { panic!("no state: {event:?}") };
    value["total"].as_i64().expect("a number")
}
