//! The widgets, connected as in the server, without a network.

use embedded_store::{Meter, Request, Store};
use shrine::event::Event;
use shrine::registry::{ManualClock, Registry};

/// What client 7 is told for each of these lines.
fn answers(lines: &[&str]) -> Vec<String> {
    let mut registry = Registry::with_clock(ManualClock::default());
    registry.link::<Store>().expect("links");
    registry.link::<Meter>().expect("links");
    for name in ["store", "meter"] {
        registry.create(name, name).expect("creates");
    }
    registry.connect("store.answer", "meter.pass").expect("connects");
    for line in lines {
        let request = Request { client: 7, line: (*line).to_owned() };
        registry.send("store.request", &request).expect("sends");
    }
    registry.poll();
    let reply = |event| match event {
        Event::Output { port, value, .. } if port == "reply" && value["client"] == 7 => {
            value["text"].as_str().map(str::to_owned)
        }
        Event::Fault { reason, .. } => panic!("{reason}"),
        _ => None,
    };
    registry.take_events().into_iter().filter_map(reply).collect()
}

#[test]
fn what_is_set_can_be_read_until_it_is_deleted() {
    let lines = ["SET name Ada  Lovelace ", "get name", "KEYS", "DEL name", "DEL name", "GET name", "KEYS"];
    let expected = ["OK", "Ada  Lovelace", "name", "OK", "ERR there is no name", "ERR there is no name", ""];
    assert_eq!(answers(&lines), expected);
}

#[test]
fn only_numbers_are_counted_up() {
    let lines = ["INCR n", "INCR n", "SET n x", "INCR n", "SET n 9223372036854775807", "INCR n"];
    let expected = ["1", "2", "OK", "ERR n is x, and no number", "OK", "ERR n is the largest number"];
    assert_eq!(answers(&lines), expected);
}

#[test]
fn what_is_no_command_is_answered_with_those_that_are() {
    for line in ["", "FLY", "SET", "GET", "GET a b", "KEYS a"] {
        assert!(answers(&[line])[0].starts_with("ERR SET key value"), "{line}");
    }
}

#[test]
fn the_meter_counts_and_answers_in_its_turn() {
    let answers = answers(&["SET a 1", "FLY", "STATS", "QUIT"]);
    assert_eq!(answers[2..], ["? 1, SET 1, STATS 1, 0 in the last second", "BYE"]);
}
