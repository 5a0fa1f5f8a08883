//! What an update can be told, who decides about it, and what takes it back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shrine::abi::handle::Library;
use shrine::event::{ConnectionFate, Event, PlanKind, UpdatePlan};
use shrine::prelude::*;
use shrine::registry::{Acceptance, HotUpdate, ManualClock, Outcome, Registry, Unbumped, Until};
use shrine::state::value::Value;
use shrine::{Behaviour, Widget};

#[widget(id = "meter-1", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Meter {
    total: i64,
    label: String,
}

#[widget]
impl Meter {
    #[input]
    fn add(&mut self, n: i64, total: &mut Output<i64>) {
        self.total += n;
        total.send(self.total);
    }

    #[every("1s")]
    fn tick(&mut self) {
        self.total += 1000;
    }
}

/// The same version with another shape, and a handler that panics on 13.
#[widget(id = "meter-2", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Edited {
    total: i64,
    label: String,
    limit: u8,
}

#[widget]
impl Edited {
    #[input]
    fn add(&mut self, n: i64, total: &mut Output<i64>) {
        assert!(n != 13, "13 brings bad luck");
        self.total += n * 100;
        total.send(self.total);
    }

    #[every("1s")]
    fn tick(&mut self) {
        panic!("time is up");
    }
}

/// Another payload type.
#[widget(id = "meter-3", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Loud {
    total: i64,
    label: String,
}

#[widget]
impl Loud {
    #[input]
    fn add(&mut self, n: i64, total: &mut Output<String>) {
        self.total += n;
        total.send(self.total.to_string());
    }
}

fn library<W: Widget + Behaviour>() -> Library {
    Library::in_process("meter").with_as::<W>("meter").expect("opens")
}

/// Two meters, the first feeds the second.
fn running() -> (Registry, ManualClock) {
    let clock = ManualClock::default();
    let mut registry = Registry::with_clock(clock.clone());
    assert!(matches!(registry.hot_update(library::<Meter>(), HotUpdate::new()), Outcome::Updated(_)));
    for name in ["one", "two"] {
        registry.create(name, "meter").expect("creates");
    }
    registry.connect("one.total", "two.add").expect("connects");
    for n in [1_i64, 2] {
        registry.send("one.add", &n).expect("sends");
    }
    registry.poll();
    registry.take_events();
    (registry, clock)
}

fn totals(registry: &mut Registry) -> [i64; 2] {
    ["one", "two"].map(|name| match registry.state_json(name) {
        Ok(Event::State { value, .. }) => value["total"].as_i64().expect("a number"),
        other => panic!("{other:?}"),
    })
}

fn names(events: &[Event]) -> Vec<String> {
    let name =
        |event: &Event| serde_json::to_value(event).expect("is JSON")["event"].as_str().map(str::to_owned);
    events.iter().filter_map(name).collect()
}

#[test]
fn state_may_start_anew_and_connections_may_go() {
    let (mut registry, _) = running();
    let options = HotUpdate::new().preserve_state(false).preserve_connections(false);
    let Outcome::Updated(update) = registry.hot_update(library::<Meter>(), options) else {
        panic!("updates")
    };
    assert_eq!(update.widgets[0].plan, PlanKind::Reset);
    assert_eq!((update.connections.kept, update.connections.dropped), (0, 1));
    assert_eq!(totals(&mut registry), [0, 0]);
    assert!(matches!(registry.connections(), Event::Connections { value } if value.is_empty()));
    registry.undo("one").expect("what it had waits in its history");
    assert_eq!(totals(&mut registry), [3, 0]);
}

#[test]
fn a_state_can_be_transformed_on_its_way() {
    let (mut registry, _) = running();
    let add_label = |instance: &str, mut state: Value| {
        if let Some(label) = state.get_mut("label") {
            *label = instance.into();
        }
        Ok(state)
    };
    let options = HotUpdate::new().transform_state(add_label);
    let outcome = registry.hot_update(library::<Edited>(), options);
    assert!(matches!(outcome, Outcome::Updated(_)), "{outcome:?}");
    let state = registry.state::<Edited>("two").expect("is one");
    assert_eq!((state.total, state.label.as_str()), (4, "two"));

    // What is no state of the widget is said, and nothing happens.
    let options = HotUpdate::new().transform_state(|_, _| Ok(Value::from("nonsense")));
    let Outcome::RolledBack(why) = registry.hot_update(library::<Meter>(), options) else {
        panic!("rolls back")
    };
    assert_eq!((why.phase.as_str(), why.instance.as_deref()), ("transform_state", Some("one")));
    assert_eq!(registry.state::<Edited>("one").expect("is one").total, 3);
}

#[test]
fn an_edit_without_a_bump_is_what_the_policy_says() {
    let (mut registry, _) = running();
    let refuse = HotUpdate::new().unbumped(Unbumped::Refuse);
    let Outcome::Refused(refusal) = registry.hot_update(library::<Edited>(), refuse) else {
        panic!("refuses")
    };
    assert_eq!(refusal.reason, "the state of 1.0.0 was changed without a new version");
    assert_eq!(refusal.help, "raise the version: `cargo shrine bump meter`");
    assert_eq!(totals(&mut registry), [3, 4]);
    let reset = HotUpdate::new().unbumped(Unbumped::Refuse).unbumped_of("meter", Unbumped::Reset);
    assert!(matches!(registry.hot_update(library::<Edited>(), reset), Outcome::Updated(_)));
    assert_eq!(totals(&mut registry), [0, 0]);
}

#[test]
fn a_dry_run_says_all_that_would_happen() {
    let (mut registry, _) = running();
    registry.send("one.add", &5_i64).expect("sends");
    let outcome = registry.hot_update(library::<Edited>(), HotUpdate::new().dry_run());
    let Outcome::Planned(plan) = outcome else { panic!("{outcome:?}") };
    assert_eq!((plan.generation, plan.running_generation), (2, Some(1)));
    assert_eq!(plan.instances.len(), 2);
    let first = &plan.instances[0];
    assert_eq!((first.instance.as_str(), first.plan, &first.problem), ("one", PlanKind::Structural, &None));
    assert_eq!(first.report[0].field, "limit");
    assert!(plan.connections.iter().all(|connection| connection.fate == ConnectionFate::Kept), "{plan:?}");
    let round: UpdatePlan =
        serde_json::from_value(serde_json::to_value(&plan).expect("JSON")).expect("a plan");
    assert_eq!(round, plan);

    let Outcome::Planned(plan) = registry.hot_update(library::<Loud>(), HotUpdate::new().dry_run()) else {
        panic!("plans")
    };
    let parked = plan.connections.iter().find(|connection| connection.fate == ConnectionFate::Parked);
    let reason = parked.and_then(|parked| parked.reason.as_deref());
    assert_eq!(reason, Some("`one.total` sends `String`, but `two.add` takes `i64`"));
    assert_eq!((totals(&mut registry), registry.generation()), ([3, 4], Some(1)));
}

#[test]
fn hooks_of_the_owner_run_before_and_after() {
    let (mut registry, _) = running();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (before, after) = (Arc::clone(&seen), Arc::clone(&seen));
    let options = HotUpdate::new()
        .before(move |plan| {
            before.lock().expect("locks").push(format!("before {}", plan.generation));
            Ok(())
        })
        .after(move |update| after.lock().expect("locks").push(format!("after {}", update.generation)));
    registry.hot_update(library::<Edited>(), options);
    assert_eq!(*seen.lock().expect("locks"), ["before 2", "after 2"]);
    let options = HotUpdate::new().before(|_| Err("not on a Sunday".into()));
    let Outcome::RolledBack(why) = registry.hot_update(library::<Meter>(), options) else {
        panic!("rolls back")
    };
    assert_eq!((why.phase.as_str(), why.reason.as_str()), ("before", "not on a Sunday"));
}

#[test]
fn a_handler_declines_or_defers_until_idle_until_asked_or_for_a_time() {
    let (mut registry, clock) = running();
    registry.accept("meter", |_| Acceptance::Decline("the demo is on".to_owned()));
    let outcome = registry.hot_update(library::<Edited>(), HotUpdate::new());
    let declined = Outcome::Declined { widget: "meter".into(), reason: "the demo is on".into() };
    assert_eq!(outcome, declined);

    registry.accept("meter", |proposal| match proposal.waiting {
        0 => Acceptance::Apply,
        _ => Acceptance::Defer(Until::Idle),
    });
    registry.send("one.add", &5_i64).expect("sends");
    let outcome = registry.hot_update(library::<Edited>(), HotUpdate::new());
    assert!(
        matches!(&outcome, Outcome::Deferred { until, .. } if until == "no message waits"),
        "{outcome:?}"
    );
    assert!(registry.has_deferred());
    registry.poll();
    registry.poll();
    assert_eq!(
        registry.generation(),
        Some(2),
        "the old code has handled what waited, and then it was applied"
    );
    assert_eq!(totals(&mut registry), [8, 12]);

    registry.accept("meter", |_| Acceptance::Defer(Until::Elapsed(Duration::from_millis(10))));
    registry.hot_update(library::<Meter>(), HotUpdate::new());
    assert_eq!(registry.next_timer(), Some(Duration::from_millis(10)));
    registry.poll();
    assert_eq!(registry.generation(), Some(2));
    clock.advance(Duration::from_millis(10));
    registry.poll();
    assert_eq!(registry.generation(), Some(3));

    registry.accept("meter", |_| Acceptance::Defer(Until::Asked));
    registry.hot_update(library::<Edited>(), HotUpdate::new());
    registry.poll();
    registry.discard_deferred().expect("there is one");
    assert!(registry.discard_deferred().is_err());
    registry.hot_update(library::<Edited>(), HotUpdate::new());
    assert!(matches!(registry.apply_deferred(), Some(Outcome::Updated(_))));
    assert!(registry.apply_deferred().is_none());

    let polls = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&polls);
    registry.accept("meter", move |_| {
        let asked = Arc::clone(&asked);
        Acceptance::Defer(Until::When(Box::new(move || asked.fetch_add(1, Ordering::Relaxed) >= 2)))
    });
    registry.hot_update(library::<Meter>(), HotUpdate::new());
    registry.poll();
    registry.poll();
    assert_eq!(registry.generation(), Some(4));
    registry.poll();
    assert_eq!(registry.generation(), Some(5));
    registry.take_events();
    registry.accept_always("meter");
    assert!(matches!(registry.hot_update(library::<Edited>(), HotUpdate::new()), Outcome::Updated(_)));
    assert_eq!(names(&registry.take_events()), ["updated"]);
}

/// A library of the name of its one widget.
fn library_of<W: Widget + Behaviour>(name: &str) -> Library {
    Library::in_process(name).with_as::<W>(name).expect("opens")
}

#[test]
fn an_update_that_waits_can_be_looked_at_and_outlives_updates_of_other_libraries() {
    let (mut registry, _) = running();
    registry.hot_update(library_of::<Meter>("gauge"), HotUpdate::new());
    registry.create("three", "gauge").expect("creates");
    registry.accept("meter", |_| Acceptance::Defer(Until::Asked));
    assert!(registry.plan_deferred().is_none());
    registry.hot_update(library_of::<Edited>("meter"), HotUpdate::new());
    registry.take_events();

    let Some(Outcome::Planned(plan)) = registry.plan_deferred() else { panic!("it can be planned") };
    let plans: Vec<_> = plan.instances.iter().map(|one| (one.instance.as_str(), one.plan)).collect();
    assert_eq!(plans, [("one", PlanKind::Structural), ("two", PlanKind::Structural)]);
    assert_eq!(names(&registry.take_events()), ["planned"]);
    assert!(registry.has_deferred() && totals(&mut registry) == [3, 4]);

    // Another library comes at once; a third update waits as well, and goes in with the first.
    assert!(matches!(
        registry.hot_update(library_of::<Edited>("gauge"), HotUpdate::new()),
        Outcome::Updated(_)
    ));
    assert!(registry.has_deferred());
    registry.accept("gauge", |_| Acceptance::Defer(Until::Asked));
    registry.hot_update(library_of::<Loud>("gauge"), HotUpdate::new());
    let Some(Outcome::Updated(update)) = registry.apply_deferred() else { panic!("it is applied") };
    let updated: Vec<_> = update.widgets.iter().map(|widget| widget.id.as_str()).collect();
    assert_eq!(updated, ["gauge", "meter"]);
    assert!(!registry.has_deferred());

    // What comes anew takes the place of what waits.
    registry.hot_update(library_of::<Meter>("meter"), HotUpdate::new());
    registry.accept_always("meter");
    registry.hot_update(library_of::<Edited>("meter"), HotUpdate::new());
    assert!(!registry.has_deferred());

    registry.hot_update(library_of::<Meter>("gauge"), HotUpdate::new());
    registry.take_events();
    registry.discard_deferred().expect("it waits");
    let events = registry.take_events();
    assert!(matches!(&events[..], [Event::Declined { widget, .. }] if widget == "gauge"), "{events:?}");
}

#[test]
fn an_update_waits_until_all_who_defer_it_are_content() {
    let (mut registry, clock) = running();
    registry.hot_update(library_of::<Meter>("gauge"), HotUpdate::new());
    registry.create("three", "gauge").expect("creates");
    registry.accept("gauge", |_| Acceptance::Defer(Until::Elapsed(Duration::from_millis(10))));
    registry.accept("meter", |_| Acceptance::Defer(Until::Asked));
    let both = || vec![library_of::<Edited>("gauge"), library_of::<Edited>("meter")];
    let generation = registry.generation();

    // Of one update.
    let outcome = registry.hot_update_all(both(), HotUpdate::new());
    let Outcome::Deferred { until, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(until, "10ms have passed and it is asked for");
    clock.advance(Duration::from_millis(20));
    registry.poll();
    assert_eq!(registry.generation(), generation, "nobody has asked");

    // What comes anew is asked about anew: now only time has to pass.
    registry.accept_always("meter");
    let outcome = registry.hot_update_all(both(), HotUpdate::new());
    assert!(
        matches!(&outcome, Outcome::Deferred { until, .. } if until == "10ms have passed"),
        "{outcome:?}"
    );
    clock.advance(Duration::from_millis(10));
    registry.poll();
    assert_eq!(registry.generation(), generation.map(|before| before + 1));

    // What has waited for another library alone does not wait for it when that has come anew.
    registry.hot_update_all(vec![library_of::<Loud>("gauge"), library_of::<Loud>("meter")], HotUpdate::new());
    registry.accept_always("gauge");
    registry.hot_update(library_of::<Edited>("gauge"), HotUpdate::new());
    registry.poll();
    assert!(!registry.has_deferred());
    assert_eq!(registry.generation(), generation.map(|before| before + 3));

    // Of one that waits, and another that comes and waits as well.
    registry.accept("gauge", |_| Acceptance::Defer(Until::Elapsed(Duration::from_millis(10))));
    registry.accept("meter", |_| Acceptance::Defer(Until::Asked));
    registry.hot_update(library_of::<Meter>("meter"), HotUpdate::new());
    registry.hot_update(library_of::<Meter>("gauge"), HotUpdate::new());
    clock.advance(Duration::from_millis(10));
    registry.poll();
    assert_eq!(registry.generation(), generation.map(|before| before + 3), "nobody has asked");
    let Some(Outcome::Updated(update)) = registry.apply_deferred() else { panic!("it is applied") };
    assert_eq!(update.widgets.len(), 2);
}

#[test]
fn a_panic_on_the_first_messages_takes_code_states_and_queues_back_and_loses_nothing() {
    let (mut registry, _) = running();
    assert!(matches!(registry.hot_update(library::<Edited>(), HotUpdate::new()), Outcome::Updated(_)));
    for n in [10_i64, 13, 20] {
        registry.send("one.add", &n).expect("sends");
    }
    registry.take_events();
    registry.run_until_idle(1000);
    let events = registry.take_events();
    let Some(Event::RolledBack(why)) = events.iter().find(|event| matches!(event, Event::RolledBack(_)))
    else {
        panic!("{events:?}")
    };
    assert_eq!((why.phase.as_str(), why.instance.as_deref()), ("probation", Some("one")));
    assert!(why.reason.contains("13 brings bad luck") && why.reason.contains("options.rs"), "{}", why.reason);
    assert_eq!((why.running_generation, registry.generation()), (Some(1), Some(1)));
    // As if the update had never been: the old code has handled all three messages, and what they made.
    assert_eq!(totals(&mut registry), [46, 4 + 13 + 26 + 46]);
    let Ok(Event::History { value, .. }) = registry.history("one") else { panic!("history") };
    assert!(value.iter().any(|entry| entry.cause == "update taken back"), "{value:?}");

    // The generation that failed is not counted again, and the next update works.
    let Outcome::Updated(update) = registry.hot_update(library::<Edited>(), HotUpdate::new()) else {
        panic!("updates")
    };
    assert_eq!(update.generation, 3);
}

#[test]
fn timers_that_panic_on_probation_take_the_update_back_and_tick_in_the_old_code() {
    let (mut registry, clock) = running();
    registry.hot_update(library::<Edited>(), HotUpdate::new());
    clock.advance(Duration::from_secs(1));
    registry.poll();
    registry.poll();
    assert_eq!(registry.generation(), Some(1));
    assert_eq!(totals(&mut registry), [1003, 1004]);
}

#[test]
fn after_its_probation_a_panic_is_a_fault_and_the_update_stays() {
    for (probation, taken_back) in [(0, false), (2, false), (3, true)] {
        let (mut registry, _) = running();
        registry.hot_update(library::<Edited>(), HotUpdate::new().probation(probation));
        registry.disconnect("one.total", "two.add").expect("disconnects");
        // An owner who rewires accepts what runs.
        registry.hot_update(library::<Meter>(), HotUpdate::new());
        registry.hot_update(library::<Edited>(), HotUpdate::new().probation(probation));
        for n in [1_i64, 2, 13, 3] {
            registry.send("two.add", &n).expect("sends");
        }
        registry.poll();
        let generation = if taken_back { Some(3) } else { Some(4) };
        assert_eq!(registry.generation(), generation, "after {probation}");
        let total = if taken_back { 4 + 1 + 2 + 13 + 3 } else { 4 + 100 + 200 + 300 };
        assert_eq!(totals(&mut registry)[1], total, "after {probation}");
    }
}

#[test]
fn going_back_over_several_updates_is_exact_at_each() {
    let (mut registry, _) = running();
    registry.set_json("one", &serde_json::json!({"label": "kept"})).expect("sets");
    let mut states = vec![registry.state_bytes("one").expect("state")];
    for next in [library::<Edited>(), library::<Loud>(), library::<Edited>()] {
        assert!(matches!(registry.hot_update(next, HotUpdate::new()), Outcome::Updated(_)));
        states.push(registry.state_bytes("one").expect("state"));
    }
    for (index, next) in [(2, library::<Loud>()), (1, library::<Edited>()), (0, library::<Meter>())] {
        assert!(matches!(registry.hot_update(next, HotUpdate::new()), Outcome::Updated(_)));
        assert_eq!(registry.state_bytes("one").expect("state"), states[index]);
    }
}

#[test]
fn events_are_followed_and_replayed() {
    let (mut registry, _) = running();
    let follower = registry.subscribe(0);
    registry.hot_update(library::<Loud>(), HotUpdate::new());
    let all: Vec<_> = std::iter::from_fn(|| follower.try_next()).collect();
    assert_eq!(
        all.iter().map(|recorded| recorded.seq).collect::<Vec<_>>(),
        (0..all.len() as u64).collect::<Vec<_>>()
    );
    let events: Vec<_> = all.iter().map(|recorded| recorded.event.clone()).collect();
    assert_eq!(
        names(&events),
        ["updated", "created", "created", "connected", "output", "output", "updated", "parked"]
    );
    assert_eq!(registry.events_since(6).count(), 2);
    assert_eq!(
        names(&registry.take_events()),
        ["updated", "parked"],
        "following takes nothing from the owner"
    );
    registry.hot_update(library::<Meter>(), HotUpdate::new());
    assert_eq!(names(&registry.take_events()), ["updated", "resumed"]);
}

#[test]
fn checkpoints_are_named_jumped_to_and_bounded() {
    let (mut registry, _) = running();
    registry.checkpoint("one", "before-lunch").expect("names");
    for n in 1..=5_i64 {
        registry.send("one.add", &n).expect("sends");
    }
    registry.poll();
    registry.restore("one", "before-lunch").expect("restores");
    assert_eq!(totals(&mut registry)[0], 3);
    registry.undo("one").expect("a restore is undone");
    registry.jump("one", 0).expect("jumps");
    assert_eq!(totals(&mut registry)[0], 0);
    let error = registry.restore("one", "lunch").expect_err("unknown");
    assert_eq!(error.to_string(), "`one`: there is no checkpoint `lunch`");
    assert_eq!(error.help().as_deref(), Some("there are `before-lunch`"));
    assert!(registry.jump("one", 1_000_000).is_err());
    assert!(registry.checkpoint("one", "no good").is_err());
}

#[test]
fn an_instance_tells_its_code_its_updates_and_its_connections() {
    let (mut registry, clock) = running();
    clock.advance(Duration::from_millis(5));
    registry.hot_update(library::<Edited>(), HotUpdate::new());
    registry.send("two.add", &1_i64).expect("sends");
    let info = registry.instance("two").expect("is one");
    assert_eq!(
        (info.widget.as_str(), info.version.as_str(), info.library.as_deref()),
        ("meter", "1.0.0", Some("meter"))
    );
    assert_eq!((info.generation, info.last_update_us, info.waiting), (2, Some(5000), 1));
    assert_eq!((info.versions, info.connections.len(), info.is_down), (vec!["1.0.0".to_owned()], 1, false));
    assert_eq!(registry.instance("tow").expect_err("unknown").to_string(), "there is no instance `tow`");
}
