//! Connections: modes, capacities, transforms, fan-out and fan-in, cycles.

use shrine::abi::handle::Library;
use shrine::event::{ConnectionSummary, Event};
use shrine::prelude::*;
use shrine::registry::{ConnectOptions, HotUpdate, ManualClock, Outcome, Overflow, Registry};

/// Sends each number on, as often as `copies` says.
#[widget(id = "relay", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq)]
struct Relay {
    seen: Vec<i64>,
    copies: u32,
}

impl Default for Relay {
    fn default() -> Self {
        Self { seen: Vec::new(), copies: 1 }
    }
}

#[widget]
impl Relay {
    #[input]
    fn take(&mut self, n: i64, out: &mut Output<i64>) {
        assert!(n != 13, "13 brings bad luck");
        self.seen.push(n);
        for _ in 0..self.copies {
            out.send(n);
        }
    }

    #[every("1s")]
    fn tick(&mut self, out: &mut Output<i64>) {
        out.send(-1);
    }
}

/// Takes text.
#[widget(id = "printer", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Printer {
    lines: Vec<String>,
}

#[widget]
impl Printer {
    #[input]
    fn print(&mut self, line: String) {
        self.lines.push(line);
    }
}

/// The relay with its ports renamed.
#[widget(id = "relay-2", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Renamed {
    seen: Vec<i64>,
    copies: u32,
}

#[widget]
impl Renamed {
    #[input(was = "take")]
    fn accept(&mut self, n: i64, #[output(was = "out")] sent: &mut Output<i64>) {
        self.seen.push(n * 10);
        sent.send(n * 10);
    }
}

#[transform]
fn twice(n: i64) -> i64 {
    n * 2
}

#[transform]
fn words(n: i64) -> Result<String, BoxError> {
    match n {
        0 => Err("there is no word for nothing".into()),
        n => Ok(format!("number {n}")),
    }
}

#[transform(filter)]
fn positive(n: i64) -> Option<i64> {
    (n > 0).then_some(n)
}

/// Relays of these names.
fn relays(names: &[&str]) -> (Registry, ManualClock) {
    let clock = ManualClock::default();
    let mut registry = Registry::with_clock(clock.clone());
    let library = Library::in_process("relay").with_as::<Relay>("relay").expect("opens");
    assert!(matches!(registry.hot_update(library, HotUpdate::new()), Outcome::Updated(_)));
    registry.link::<Printer>().expect("links");
    registry.link_transform::<twice>().expect("links");
    registry.link_transform::<words>().expect("links");
    registry.link_transform::<positive>().expect("links");
    for name in names {
        registry.create(name, "relay").expect("creates");
    }
    registry.take_events();
    (registry, clock)
}

fn seen(registry: &mut Registry, name: &str) -> Vec<i64> {
    registry.state::<Relay>(name).expect("is a relay").seen
}

fn connection(registry: &Registry, source: &str) -> ConnectionSummary {
    let Event::Connections { value } = registry.connections() else { panic!("connections") };
    value.into_iter().find(|connection| connection.source == source).expect("is connected")
}

fn copies(registry: &mut Registry, name: &str, copies: u32) {
    registry.set_json(name, &serde_json::json!({ "copies": copies })).expect("sets");
}

#[test]
fn every_input_gets_what_an_output_sends_and_an_input_takes_from_all_in_order() {
    let (mut registry, _) = relays(&["a", "b", "c", "sink"]);
    for (from, to) in [("a", "b"), ("a", "c"), ("b", "sink"), ("c", "sink")] {
        registry.connect(&format!("{from}.out"), &format!("{to}.take")).expect("connects");
    }
    for n in 1..=3_i64 {
        registry.send("a.take", &n).expect("sends");
    }
    assert_eq!(registry.poll(), 3 + 6 + 6);
    assert_eq!(seen(&mut registry, "sink"), [1, 1, 2, 2, 3, 3]);
    assert_eq!(connection(&registry, "b.out").delivered, 3);
}

#[test]
fn on_a_port_the_latest_value_wins_while_the_target_is_busy() {
    let (mut registry, _) = relays(&["a", "b"]);
    registry.connect_with("a.out", "b.take", ConnectOptions::port()).expect("connects");
    for n in 1..=5_i64 {
        registry.send("a.take", &n).expect("sends");
    }
    // `b` has one thing to do that came before what `a` sends.
    registry.send("b.take", &0_i64).expect("sends");
    registry.poll();
    let seen = seen(&mut registry, "b");
    assert_eq!((seen[0], seen.last()), (0, Some(&5)));
    let connection = connection(&registry, "a.out");
    assert_eq!(connection.delivered + connection.superseded, 5);
    assert!(seen.is_sorted());

    copies(&mut registry, "a", 4);
    registry.send("a.take", &9_i64).expect("sends");
    registry.poll();
    assert_eq!(self::connection(&registry, "a.out").superseded, connection.superseded + 3);
}

#[test]
fn a_full_stream_drops_what_its_policy_says_and_counts_it() {
    for (overflow, kept) in [(Overflow::DropOldest, [4, 5]), (Overflow::DropNewest, [1, 2])] {
        let (mut registry, _) = relays(&["a", "b"]);
        let options = ConnectOptions::stream().capacity(2).overflow(overflow);
        registry.connect_with("a.out", "b.take", options).expect("connects");
        for n in 1..=5_i64 {
            registry.send("a.take", &n).expect("sends");
        }
        // `b` has its turn after `a` has handled all.
        registry.remove("b").expect("removes");
        registry.poll();
        assert_eq!(connection(&registry, "a.out").dropped, 3);
        registry.create("b", "relay").expect("creates");
        registry.poll();
        assert_eq!(seen(&mut registry, "b"), kept);
    }
}

#[test]
fn a_full_stream_holds_its_producer_and_nobody_else() {
    let (mut registry, clock) = relays(&["a", "b", "free"]);
    let options = ConnectOptions::stream().capacity(3);
    registry.connect_with("a.out", "b.take", options).expect("connects");
    registry.remove("b").expect("removes");
    for n in 1..=10_i64 {
        registry.send("a.take", &n).expect("sends");
        registry.send("free.take", &n).expect("sends");
    }
    assert_eq!(registry.poll(), 3 + 10, "`a` is held after three, `free` is not");
    assert_eq!(connection(&registry, "a.out").queued, 3);
    clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(registry.poll(), 1, "timers of a held producer wait as well");
    assert_eq!(registry.next_timer(), Some(std::time::Duration::from_secs(1)), "it does not spin");

    registry.create("b", "relay").expect("creates");
    registry.run_until_idle(1000);
    assert_eq!(seen(&mut registry, "b").iter().filter(|n| **n > 0).count(), 10);
    assert_eq!(
        seen(&mut registry, "b").iter().copied().filter(|n| *n > 0).collect::<Vec<_>>(),
        (1..=10).collect::<Vec<_>>()
    );
}

#[test]
fn a_circle_of_full_streams_goes_on_and_starves_nobody() {
    let (mut registry, _) = relays(&["a", "b", "c", "free"]);
    let options = || ConnectOptions::stream().capacity(1);
    for (from, to) in [("a", "b"), ("b", "c"), ("c", "a")] {
        registry.connect_with(&format!("{from}.out"), &format!("{to}.take"), options()).expect("connects");
    }
    for n in 1..=5_i64 {
        registry.send("a.take", &n).expect("sends");
        registry.send("b.take", &n).expect("sends");
        registry.send("c.take", &n).expect("sends");
    }
    for _ in 0..20 {
        registry.send("free.take", &7_i64).expect("sends");
    }
    assert_eq!(registry.poll_at_most(1000), 1000, "the messages go round for ever");
    assert_eq!(seen(&mut registry, "free").len(), 20);
    for name in ["a", "b", "c"] {
        let seen = seen(&mut registry, name);
        assert!(seen.len() > 200, "{name} had {} turns", seen.len());
    }
    // None was lost on the way: fifteen are in the circle.
    let Event::Connections { value } = registry.connections() else { panic!("connections") };
    assert_eq!(value.iter().map(|connection| connection.queued).sum::<usize>(), 15);
}

#[test]
fn an_instance_that_feeds_itself_goes_on() {
    let (mut registry, _) = relays(&["a"]);
    registry.connect_with("a.out", "a.take", ConnectOptions::stream().capacity(1)).expect("connects");
    registry.send("a.take", &1_i64).expect("sends");
    registry.send("a.take", &2_i64).expect("sends");
    assert_eq!(registry.poll_at_most(100), 100);
    assert_eq!(seen(&mut registry, "a").len(), 100);
}

#[test]
fn a_transform_is_on_the_way_and_a_connection_that_needs_one_says_which() {
    let (mut registry, _) = relays(&["a", "b"]);
    registry.create("printer", "printer").expect("creates");
    let error = registry.connect("a.out", "printer.print").expect_err("types differ");
    assert_eq!(error.to_string(), "`a.out` sends `i64`, but `printer.print` takes `String`");
    assert_eq!(error.help().as_deref(), Some("it would go through `words`"));
    let through = |name| ConnectOptions::stream().transform(name);
    let error = registry.connect_with("a.out", "printer.print", through("wrods")).expect_err("unknown");
    assert_eq!(error.to_string(), "no transform `wrods` is loaded");
    assert_eq!(error.help().as_deref(), Some("there are `positive`, `twice`, `words`"));
    let error = registry.connect_with("a.out", "printer.print", through("twice")).expect_err("types differ");
    let reason =
        "`a.out` sends `i64`, but the transform `twice` gives `i64`, and `printer.print` takes `String`";
    assert_eq!(error.to_string(), reason);

    registry.connect_with("a.out", "printer.print", through("words")).expect("connects");
    registry.connect_with("a.out", "b.take", through("positive")).expect("connects");
    registry.take_events();
    for n in [-1_i64, 0, 5] {
        registry.send("a.take", &n).expect("sends");
    }
    registry.poll();
    assert_eq!(registry.state::<Printer>("printer").expect("printer").lines, ["number -1", "number 5"]);
    assert_eq!(seen(&mut registry, "b"), [5], "a filter keeps messages back");
    let faults: Vec<_> = registry.take_events();
    assert!(
        faults.iter().any(
            |event| matches!(event, Event::Fault { reason, .. } if reason.contains("no word for nothing"))
        ),
        "{faults:?}"
    );
}

#[test]
fn a_connection_is_reconfigured_and_taken_away() {
    let (mut registry, _) = relays(&["a", "b"]);
    registry.connect("a.out", "b.take").expect("connects");
    registry.reconnect("a.out", "b.take", ConnectOptions::stream().transform("twice")).expect("reconnects");
    registry.send("a.take", &4_i64).expect("sends");
    registry.poll();
    assert_eq!(seen(&mut registry, "b"), [8]);
    registry.remove("b").expect("removes");
    registry.send("a.take", &4_i64).expect("sends");
    registry.poll();
    assert_eq!(registry.disconnect("a.out", "b.take"), Ok(1));
    let error = registry.disconnect("a.out", "b.take").expect_err("is gone");
    assert_eq!(error.to_string(), "`a.out` is not connected to `b.take`");
    registry.send("a.take", &4_i64).expect("sends");
    registry.take_events();
    registry.poll();
    let is_output = |event: &Event| matches!(event, Event::Output { .. });
    assert_eq!(registry.take_events().iter().filter(|event| is_output(event)).count(), 1);
}

#[test]
fn a_watched_port_is_reported_though_it_is_connected() {
    let (mut registry, _) = relays(&["a", "b"]);
    registry.connect("a.out", "b.take").expect("connects");
    registry.watch("a.out", true).expect("watches");
    registry.take_events();
    registry.send("a.take", &4_i64).expect("sends");
    registry.poll();
    let output =
        |instance: &str| Event::Output { instance: instance.into(), port: "out".into(), value: 4.into() };
    assert_eq!(registry.take_events(), [output("a"), output("b")]);
    assert!(registry.watch("a.uot", true).is_err());
}

#[test]
fn ports_that_were_renamed_take_their_connections_along() {
    let (mut registry, _) = relays(&["a", "b"]);
    registry.connect("a.out", "b.take").expect("connects");
    registry.send("a.take", &1_i64).expect("sends");
    registry.send("a.take", &2_i64).expect("sends");
    registry.poll_at_most(1);
    let library = Library::in_process("relay").with_as::<Renamed>("relay").expect("opens");
    let Outcome::Updated(update) = registry.hot_update(library, HotUpdate::new()) else { panic!("updates") };
    // The connection, and the lane from outside on which a message waits.
    assert_eq!((update.connections.kept, update.connections.parked), (2, 0));
    assert_eq!(connection(&registry, "a.sent").target, "b.accept");
    registry.poll();
    assert_eq!(registry.state::<Renamed>("a").expect("a").seen, [1, 20]);
    assert_eq!(registry.state::<Renamed>("b").expect("b").seen, [10, 200]);

    // The names that a message may still have.
    let library = Library::in_process("relay").with_as::<Relay>("relay").expect("opens");
    let Outcome::Updated(update) = registry.hot_update(library, HotUpdate::new()) else { panic!("updates") };
    assert_eq!(update.connections.parked, 1, "the way back is not said anywhere");
}
