//! The registry, through the same function tables as a loaded library, without one.

use std::time::Duration;

use serde_json::json;
use shrine::abi::handle::Library;
use shrine::event::{Event, FieldChange, PlanKind, Update};
use shrine::prelude::*;
use shrine::registry::{HotUpdate, ManualClock, Outcome, Registry, RegistryError};
use shrine::{Behaviour, Widget};

/// The code that runs first.
#[widget(id = "tally-1", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct First {
    count: i64,
    title: String,
}

#[widget]
impl First {
    #[input]
    fn add(&mut self, n: i64, count: &mut Output<i64>) {
        assert!(n != 13, "13 brings bad luck");
        self.count += n;
        count.send(self.count);
    }

    #[input]
    fn name(&mut self, title: String) -> Result<(), BoxError> {
        if title.is_empty() {
            return Err("a title has letters".into());
        }
        self.title = title;
        Ok(())
    }

    #[every("1s")]
    fn tick(&mut self) {
        self.count += 100;
    }

    #[view]
    fn view(&self) -> String {
        format!("{} {}", self.title, self.count)
    }

    #[before_update]
    fn pause(&mut self) {
        self.title.push_str(" paused");
    }

    #[update_failed]
    fn resume(&mut self) {
        self.title.push_str(" resumed");
    }
}

/// The next release.
#[widget(id = "tally-2", version = "1.1.0")]
#[migrate(from = "1.0.0", rename(count => total), add(step = 1))]
#[derive(Debug, Clone, PartialEq, Default)]
struct Next {
    total: i64,
    step: i64,
    title: String,
}

#[widget]
impl Next {
    #[input]
    fn add(&mut self, n: i64, count: &mut Output<i64>) {
        self.total += n * self.step;
        count.send(self.total);
    }

    #[every("1s")]
    fn tick(&mut self) {
        self.total += 1000;
    }

    #[after_update]
    fn check(&mut self, context: &UpdateContext) -> Result<(), BoxError> {
        assert_eq!((context.from.as_str(), context.to.as_str()), ("1.0.0", "1.1.0"));
        match self.title.as_str() {
            "panic paused" => panic!("the new code panics"),
            "error paused" => Err("the new code refuses".into()),
            _ => Ok(()),
        }
    }
}

/// An edit of the first code without a bump: one field more, one less.
#[widget(id = "tally-edit", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq)]
struct Edited {
    count: i64,
    limit: u8,
}

impl Default for Edited {
    fn default() -> Self {
        Self { count: 0, limit: 9 }
    }
}

#[widget]
impl Edited {
    #[input]
    fn add(&mut self, n: i64, count: &mut Output<String>) {
        self.count += n;
        count.send(self.count.to_string());
    }
}

/// A release that forgot its history.
#[widget(id = "tally-lost", version = "2.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Forgetful {
    total: i64,
    title: String,
}

#[widget]
impl Forgetful {}

/// A widget that shows what the tally counts.
#[widget(id = "display", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Display {
    shown: Vec<i64>,
}

#[widget]
impl Display {
    #[input]
    fn show(&mut self, count: i64) {
        self.shown.push(count);
    }
}

fn library<W: Widget + Behaviour>() -> Library {
    Library::in_process("tally").with_as::<W>("tally").expect("opens")
}

fn update<W: Widget + Behaviour>(registry: &mut Registry) -> Outcome {
    registry.hot_update(library::<W>(), HotUpdate::default())
}

fn updated<W: Widget + Behaviour>(registry: &mut Registry) -> Update {
    match update::<W>(registry) {
        Outcome::Updated(update) => update,
        other => panic!("expected an update, got {other:?}"),
    }
}

/// A registry that runs one instance of `W` on a clock that stands still.
fn running<W: Widget + Behaviour>() -> (Registry, ManualClock) {
    let clock = ManualClock::default();
    let mut registry = Registry::with_clock(clock.clone());
    updated::<W>(&mut registry);
    registry.create("tally", "tally").expect("creates");
    registry.take_events();
    (registry, clock)
}

fn state<T: shrine::State>(registry: &mut Registry) -> T {
    registry.state("tally").expect("has that state")
}

#[test]
fn messages_change_the_state_and_leave_through_ports() {
    let (mut registry, _) = running::<First>();
    registry.send("tally.add", &5_i64).expect("sends");
    registry.send("tally.add", &6_i64).expect("sends");
    assert_eq!(state::<First>(&mut registry).count, 0, "nothing runs before a poll");
    assert_eq!(registry.poll(), 2);
    assert_eq!(state::<First>(&mut registry).count, 11);
    let output =
        |value: i64| Event::Output { instance: "tally".into(), port: "count".into(), value: value.into() };
    assert_eq!(registry.take_events(), [output(5), output(11)]);
}

#[test]
fn a_version_with_a_chain_carries_every_instance_and_every_message() {
    let (mut registry, _) = running::<First>();
    registry.create("other", "tally").expect("creates");
    registry.send("tally.name", &"Ada".to_owned()).expect("sends");
    registry.send("other.add", &7_i64).expect("sends");
    registry.poll();
    registry.send("tally.add", &2_i64).expect("sends");

    let done = updated::<Next>(&mut registry);
    let widget = &done.widgets[0];
    assert_eq!((widget.from.as_str(), widget.to.as_str(), widget.instances), ("1.0.0", "1.1.0", 2));
    assert_eq!(widget.plan, PlanKind::Chain);
    let touched: Vec<_> = done.report.iter().map(|field| (field.field.as_str(), field.what)).collect();
    assert_eq!(touched, [("total", FieldChange::Renamed), ("step", FieldChange::Added)]);
    assert_eq!(state::<Next>(&mut registry), Next { total: 0, step: 1, title: "Ada paused".into() });
    assert_eq!(registry.state::<Next>("other").expect("other").total, 7);

    registry.poll();
    assert_eq!(state::<Next>(&mut registry).total, 2, "the message that waited arrived in the new code");
}

#[test]
fn an_edit_without_a_bump_is_reconciled_and_its_undoing_brings_values_back() {
    let (mut registry, _) = running::<First>();
    registry.send("tally.name", &"Ada".to_owned()).expect("sends");
    registry.send("tally.add", &5_i64).expect("sends");
    registry.poll();

    let done = updated::<Edited>(&mut registry);
    assert_eq!(done.widgets[0].plan, PlanKind::Structural);
    let touched: Vec<_> = done.report.iter().map(|field| (field.field.as_str(), field.what)).collect();
    assert_eq!(touched, [("limit", FieldChange::Defaulted), ("title", FieldChange::Attic)]);
    assert_eq!(state::<Edited>(&mut registry), Edited { count: 5, limit: 9 });

    updated::<First>(&mut registry);
    assert_eq!(state::<First>(&mut registry), First { count: 5, title: "Ada paused".into() });
}

#[test]
fn a_failure_in_the_new_code_leaves_states_queues_and_hooks_in_order() {
    for (title, reason) in [("panic", "the new code panics"), ("error", "the new code refuses")] {
        let (mut registry, _) = running::<First>();
        registry.create("other", "tally").expect("creates");
        registry.send("other.name", &title.to_owned()).expect("sends");
        registry.poll();
        registry.send("tally.add", &3_i64).expect("sends");
        let before = [registry.state_bytes("tally"), registry.state_bytes("other")];

        let Outcome::RolledBack(roll_back) = update::<Next>(&mut registry) else { panic!("rolls back") };
        assert_eq!(
            (roll_back.phase.as_str(), roll_back.instance.as_deref()),
            ("after_update", Some("other"))
        );
        assert!(roll_back.reason.contains(reason), "{}", roll_back.reason);
        assert_eq!(roll_back.running_generation, Some(1));
        // The hooks of `First` write into the title: what they wrote is gone.
        assert_eq!([registry.state_bytes("tally"), registry.state_bytes("other")], before);

        registry.poll();
        assert_eq!(state::<First>(&mut registry).count, 3, "the message that waited arrived in the old code");
        registry.set_json("other", &serde_json::json!({"title": "fine"})).expect("sets");
        updated::<Next>(&mut registry);
    }
}

#[test]
fn a_panic_says_where_it_was() {
    let (mut registry, _) = running::<First>();
    registry.send("tally.add", &13_i64).expect("sends");
    registry.poll();
    let events = registry.take_events();
    let [Event::Fault { reason, port, .. }] = &events[..] else { panic!("one fault, not {events:?}") };
    assert_eq!(port, "add");
    assert!(reason.contains("runtime.rs:") && reason.contains("13 brings bad luck"), "{reason}");
}

#[test]
fn an_instance_that_panicked_goes_on_from_its_last_state() {
    let (mut registry, _) = running::<First>();
    for n in [5_i64, 13, 6] {
        registry.send("tally.add", &n).expect("sends");
    }
    registry.poll();
    assert_eq!(state::<First>(&mut registry).count, 11);
}

#[test]
fn a_handler_that_returns_an_error_is_reported_and_goes_on() {
    let (mut registry, _) = running::<First>();
    registry.send("tally.name", &String::new()).expect("sends");
    registry.send("tally.add", &1_i64).expect("sends");
    registry.poll();
    assert!(
        matches!(&registry.take_events()[0], Event::Fault { reason, .. } if reason == "a title has letters")
    );
    assert_eq!(state::<First>(&mut registry).count, 1);
}

#[test]
fn a_missing_migration_is_refused_with_the_line_to_write() {
    let (mut registry, _) = running::<First>();
    registry.send("tally.add", &5_i64).expect("sends");
    registry.poll();
    let before = registry.state_bytes("tally");
    let Outcome::Refused(refusal) = update::<Forgetful>(&mut registry) else { panic!("refuses") };
    assert_eq!(refusal.reason, "no migration leads from 1.0.0 to 2.0.0");
    let line = "write `#[migrate(from = \"1.0.0\", rename(count => total))]` below `#[widget(..)]`";
    assert_eq!(refusal.help, line);
    assert_eq!(registry.state_bytes("tally"), before);
    assert_eq!(registry.generation(), Some(1));
}

#[test]
fn a_revert_is_stepped_down_by_the_outgoing_code() {
    let (mut registry, _) = running::<First>();
    updated::<Next>(&mut registry);
    registry.set_json("tally", &serde_json::json!({"total": 8, "step": 3})).expect("sets");

    let done = updated::<First>(&mut registry);
    assert_eq!(done.widgets[0].plan, PlanKind::Down);
    assert_eq!(state::<First>(&mut registry).count, 8);

    registry.set_json("tally", &serde_json::json!({"title": "up"})).expect("sets");
    updated::<Next>(&mut registry);
    assert_eq!(state::<Next>(&mut registry).step, 3, "the step waited in the attic");
}

#[test]
fn state_that_is_newer_than_the_code_is_refused_unless_nothing_has_changed_since() {
    let (mut registry, _) = running::<Forgetful>();
    let Outcome::Refused(refusal) = update::<First>(&mut registry) else { panic!("refuses") };
    assert!(refusal.reason.contains("never heard of"), "{}", refusal.reason);
}

#[test]
fn timers_keep_their_phase_over_an_update() {
    let (mut registry, clock) = running::<First>();
    clock.advance(Duration::from_millis(900));
    assert_eq!(registry.poll(), 0);
    assert_eq!(registry.next_timer(), Some(Duration::from_millis(100)));
    updated::<Next>(&mut registry);
    assert_eq!(registry.next_timer(), Some(Duration::from_millis(100)));
    clock.advance(Duration::from_millis(100));
    registry.poll();
    assert_eq!(state::<Next>(&mut registry).total, 1000);
    clock.advance(Duration::from_millis(3500));
    registry.poll();
    assert_eq!(state::<Next>(&mut registry).total, 2000, "a timer that was held up fires once");
    assert_eq!(registry.next_timer(), Some(Duration::from_millis(500)));
}

#[test]
fn undo_appends_and_walks_back_over_versions() {
    let (mut registry, _) = running::<First>();
    for n in [1_i64, 2] {
        registry.send("tally.add", &n).expect("sends");
        registry.poll();
    }
    registry.undo("tally").expect("undoes");
    assert_eq!(state::<First>(&mut registry).count, 1);
    registry.redo("tally").expect("redoes");
    assert_eq!(state::<First>(&mut registry).count, 3);
    updated::<Next>(&mut registry);
    registry.undo("tally").expect("undoes the update's entry");
    registry.undo("tally").expect("a state of the older version migrates");
    assert_eq!(state::<Next>(&mut registry), Next { total: 1, step: 1, title: String::new() });
    let Ok(Event::History { value, .. }) = registry.history("tally") else { panic!("history") };
    let causes: Vec<_> = value.iter().map(|entry| entry.cause.as_str()).collect();
    let expected = [
        "created",
        "message add",
        "message add",
        "undo 2",
        "redo 2",
        "update 1.0.0 -> 1.1.0",
        "undo 5",
        "undo 2",
    ];
    assert_eq!(causes, expected);
    assert!(matches!(registry.undo("tally"), Ok(())));
    assert!(matches!(registry.undo("tally"), Err(RegistryError::NoHistory { .. })));
}

#[test]
fn a_connection_that_no_longer_fits_is_parked_with_its_queue_and_resumes() {
    let (mut registry, _) = running::<First>();
    registry.link::<Display>().expect("links");
    registry.create("screen", "display").expect("creates");
    registry.connect("tally.count", "screen.show").expect("connects");
    let error = registry.connect("tally.count", "tally.name").expect_err("types differ");
    assert_eq!(error.to_string(), "`tally.count` sends `i64`, but `tally.name` takes `String`");

    registry.send("tally.add", &1_i64).expect("sends");
    registry.poll();
    let parked = updated::<Edited>(&mut registry).connections;
    assert_eq!((parked.kept, parked.parked), (0, 1));
    registry.send("tally.add", &1_i64).expect("sends");
    registry.poll();
    let Event::Connections { value } = registry.connections() else { panic!("connections") };
    assert_eq!(value[0].queued, 1);
    assert!(value[0].parked.as_deref().is_some_and(|why| why.contains("sends `String`")));

    let kept = updated::<First>(&mut registry).connections;
    assert_eq!((kept.kept, kept.parked), (1, 0));
    registry.send("tally.add", &1_i64).expect("sends");
    registry.poll();
    assert_eq!(registry.state::<Display>("screen").expect("screen").shown, [1, 3]);
}

#[test]
fn messages_for_a_port_that_is_gone_wait_until_it_is_back() {
    let (mut registry, _) = running::<First>();
    registry.send("tally.name", &"Grace".to_owned()).expect("sends");
    registry.send("tally.add", &1_i64).expect("sends");
    updated::<Edited>(&mut registry);
    registry.poll();
    assert_eq!(state::<Edited>(&mut registry).count, 1);
    updated::<First>(&mut registry);
    registry.poll();
    assert_eq!(state::<First>(&mut registry), First { count: 1, title: "Grace".into() });
}

#[test]
fn a_widget_with_instances_cannot_vanish() {
    let (mut registry, _) = running::<First>();
    let other = Library::in_process("tally").with::<Display>().expect("opens");
    let Outcome::Refused(refusal) = registry.hot_update(other, HotUpdate::default()) else {
        panic!("refuses")
    };
    assert!(refusal.reason.contains("`tally`"), "{}", refusal.reason);
    registry.remove("tally").expect("removes");
    let other = Library::in_process("tally").with::<Display>().expect("opens");
    assert!(matches!(registry.hot_update(other, HotUpdate::default()), Outcome::Updated(_)));
    assert_eq!(registry.widgets().len(), 1);
}

#[test]
fn several_libraries_are_updated_together_or_not_at_all() {
    let show = |name: &str| Library::in_process(name).with::<Display>().expect("opens");
    let (mut registry, _) = running::<First>();
    let both = vec![library::<Next>(), show("shows")];
    let Outcome::Updated(update) = registry.hot_update_all(both, HotUpdate::default()) else {
        panic!("updates")
    };
    let versions: Vec<_> =
        update.widgets.iter().map(|widget| (widget.id.as_str(), widget.to.as_str())).collect();
    assert_eq!((versions, update.added), (vec![("tally", "1.1.0")], vec!["display".to_owned()]));
    registry.create("display", "display").expect("creates");

    let refused = registry.hot_update_all(vec![show("shows"), library::<Forgetful>()], HotUpdate::default());
    assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
    assert_eq!(registry.generation(), Some(update.generation));
    let twice = registry.hot_update_all(vec![show("a"), show("b")], HotUpdate::default());
    assert!(matches!(&twice, Outcome::Refused(refusal) if refusal.reason.contains("already")), "{twice:?}");

    // The widget moves from one library to another, with its instance.
    let moved = vec![Library::in_process("shows"), show("elsewhere")];
    assert!(matches!(registry.hot_update_all(moved, HotUpdate::default()), Outcome::Updated(_)));
    registry.remove_library("shows");
    assert_eq!(registry.instances().len(), 2);
    registry.remove_library("elsewhere");
    let left: Vec<_> = registry.instances().into_iter().map(|instance| instance.id).collect();
    assert_eq!((left, registry.widgets().len()), (vec!["tally".to_owned()], 1));
}

#[test]
fn requests_that_make_no_sense_say_what_there_is() {
    let (mut registry, _) = running::<First>();
    let help = |error: RegistryError| format!("{error}; {}", error.help().unwrap_or_default());
    let error = registry.send("tally.sub", &1_i64).expect_err("no such port");
    assert_eq!(help(error), "`tally` has no input port `sub`; its input ports are `add`, `name`");
    let error = registry.send("tally.add", &1_u8).expect_err("other type");
    assert_eq!(help(error), "`tally.add` does not take a `u8`; it takes `i64`");
    let error = registry.send_json("tally.add", &serde_json::json!("x")).expect_err("other shape");
    assert_eq!(help(error), "that does not fit `tally.add`: expected `i64`, found \"x\"; it takes `i64`");
    let error = registry.send_json("nobody.add", &serde_json::json!(1)).expect_err("no such instance");
    assert_eq!(help(error), "there is no instance `nobody`; there are `tally`");
    let error = registry.create("a b", "tally").expect_err("bad name");
    assert_eq!(help(error), "`a b` is no name for an instance; names of instances have no blanks");
    let error = registry.set_json("tally", &serde_json::json!({"cuont": 1})).expect_err("unknown field");
    assert_eq!(
        error.to_string(),
        "that does not fit `tally`: unknown field `cuont`; there are `count`, `title`"
    );
}

#[test]
fn a_registry_can_move_to_another_thread() {
    let (mut registry, _) = running::<First>();
    let count = std::thread::spawn(move || {
        registry.send("tally.add", &4_i64).expect("sends");
        registry.poll();
        state::<First>(&mut registry).count
    });
    assert_eq!(count.join().expect("joins"), 4);
}

/// Notes in its state with what it has begun.
#[widget(id = "beginner", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Beginner {
    port: u16,
    name: String,
    begun: Vec<u16>,
}

#[widget]
impl Beginner {
    #[started]
    fn start(&mut self) {
        self.begun.push(self.port);
    }
}

#[test]
fn an_instance_that_is_made_with_a_state_begins_with_it_and_once() {
    let mut registry = Registry::new();
    registry.link::<Beginner>().expect("links");
    registry.create_with("one", "beginner", &json!({ "port": 80 })).expect("creates");
    let scene = "[instances.two]\nwidget = \"beginner\"\nstate = { port = 81 }\n";
    let scene = shrine::scene::Scene::parse(scene).expect("is a scene");
    let known = registry.known();
    for action in scene.difference(&shrine::scene::Scene::default()) {
        action.apply(&mut registry, &known).expect("is done");
    }
    for (name, port) in [("one", 80), ("two", 81)] {
        let state: Beginner = registry.state(name).expect("is there");
        assert_eq!(state, Beginner { port, name: String::new(), begun: vec![port] });
        let Ok(Event::History { value, .. }) = registry.history(name) else { panic!("no history") };
        assert_eq!(value.iter().map(|entry| entry.cause.as_str()).collect::<Vec<_>>(), ["created"]);
    }
    for wrong in [json!({ "port": -1 }), json!({ "prot": 1 }), json!(5)] {
        let error = registry.create_with("three", "beginner", &wrong).expect_err("is not of its shape");
        assert!(matches!(error, RegistryError::Shape { .. }), "{error}");
        assert!(registry.state_json("three").is_err(), "there is none");
    }
}
