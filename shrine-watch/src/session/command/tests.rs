//! Lines, and what they mean.

use serde_json::json;
use shrine::registry::{ConnectOptions, Overflow};

use super::*;

fn parsed(line: &str) -> Command {
    parse(line).unwrap().unwrap()
}

fn refused(line: &str) -> (String, String) {
    match parse(line) {
        Err(Mistake { reason, help, .. }) => (reason, help.unwrap_or_default()),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_command_of_the_table_is_understood_by_name_and_letter() {
    for (name, letter, arguments, _) in COMMANDS {
        let words = arguments.split(' ').map(|word| match word {
            "[JSON]" | "JSON" if arguments.contains("B.IN") => r#"{"mode":"port"}"#,
            "[INDEX]" | "INDEX" | "[SEQ]" | "[JSON]" | "JSON" => "7",
            "A.OUT" | "B.IN" | "INSTANCE.PORT" => "a.b",
            "[states]" => "states",
            "" => "",
            _ => "a",
        });
        let rest = words.collect::<Vec<_>>().join(" ");
        let by_name = parsed(&format!("{name} {rest}"));
        assert_eq!(by_name.to_string(), format!("{name} {rest}").trim());
        if !letter.is_empty() {
            assert_eq!(parsed(&format!("{letter} {rest}")), by_name);
        }
        assert!(help().contains(&format!("{name} {arguments}")));
    }
}

#[test]
fn a_message_is_json_and_null_without_it() {
    assert_eq!(parsed("send counter.add 5"), Command::Send("counter.add".into(), json!(5)));
    assert_eq!(
        parsed("  send  counter.add   {\"a\": [1, 2]} "),
        Command::Send("counter.add".into(), json!({"a": [1, 2]}))
    );
    assert_eq!(parsed("send counter.reset"), Command::Send("counter.reset".into(), Value::Null));
}

#[test]
fn an_instance_may_be_named() {
    assert_eq!(parsed("state"), Command::State(None));
    assert_eq!(parsed("s counter"), Command::State(Some("counter".into())));
}

#[test]
fn empty_lines_are_nothing() {
    assert_eq!(parse("  "), Ok(None));
}

#[test]
fn mistakes_are_answered_with_what_to_write() {
    assert_eq!(refused("stat counter").1, "did you mean `state`?");
    assert!(refused("launch").1.starts_with("the commands are state, view"));
    assert_eq!(refused("quit now").1, "write `quit`");
    assert_eq!(refused("send").1, "write `send INSTANCE.PORT [JSON]`");
    assert_eq!(refused("set counter").0, "`set` needs a value");
    assert!(refused("send a.b hello").0.starts_with("`hello` is not JSON"));
    assert_eq!(refused("capture").1, "write `capture INSTANCE [NAME]`");
    assert_eq!(refused("capture a ../b").0, "`../b` cannot be the name of a file");
    assert_eq!(parsed("scene states"), Command::Scene { states: true });
    assert_eq!(refused("scene here").1, "write `scene [states]`");
    assert_eq!(refused("state a b").0, "`state` takes one instance");
}

#[test]
fn no_two_commands_have_the_same_letter() {
    let mut letters: Vec<_> = COMMANDS.iter().map(|(_, letter, ..)| *letter).collect();
    letters.retain(|letter| !letter.is_empty());
    let count = letters.len();
    letters.sort_unstable();
    letters.dedup();
    assert_eq!(letters.len(), count);
}

#[test]
fn the_past_is_gone_to_by_index_and_by_name() {
    assert_eq!(parsed("jump counter 3"), Command::Jump(Some("counter".into()), 3));
    assert_eq!(parsed("j 3"), Command::Jump(None, 3));
    assert_eq!(
        parsed("checkpoint counter lunch"),
        Command::Checkpoint(Some("counter".into()), "lunch".into())
    );
    assert_eq!(parsed("restore lunch"), Command::Restore(None, "lunch".into()));
    assert_eq!(parsed("events 12"), Command::Events(12));
    assert_eq!(parsed("discard"), Command::Decline);
    assert_eq!(refused("jump counter last").0, "`last` is no number");
    assert_eq!(refused("jump").0, "`jump` needs the index of a state");
    assert_eq!(refused("jump a 1 2").1, "write `jump [INSTANCE] INDEX`");
    assert_eq!(refused("events -1").0, "`-1` is no number");
    assert_eq!(refused("restore").1, "write `restore [INSTANCE] NAME`");
}

#[test]
fn connections_are_made_with_options() {
    let options = |line: &str| match parsed(line) {
        Command::Connect(wire) | Command::Reconnect(wire) => wire.options(),
        other => panic!("{other}"),
    };
    assert_eq!(options("connect a.out b.in"), ConnectOptions::default());
    assert_eq!(options(r#"connect a.out b.in {"mode": "port"}"#), ConnectOptions::port());
    assert_eq!(
        options(r#"C a.out b.in {"mode": "stream", "capacity": 64, "overflow": "drop_oldest"}"#),
        ConnectOptions::stream().capacity(64).overflow(Overflow::DropOldest)
    );
    assert_eq!(
        options(r#"reconnect a.out b.in {"overflow": "drop_newest", "transform": "doubled"}"#),
        ConnectOptions::stream().overflow(Overflow::DropNewest).transform("doubled")
    );
    for (line, reason) in [
        ("connect a.out", "`connect` needs an input port"),
        ("reconnect a.out b.in", "`reconnect` needs options"),
        ("connect a.out b.in port", "`port` is not JSON"),
        (r#"connect a.out b.in {"mode": "prot"}"#, "unknown variant `prot`, expected `port` or `stream`"),
        (r#"connect a.out b.in {"size": 3}"#, "unknown field `size`, expected one of `mode`"),
        (r#"connect a.out b.in {"capacity": 0}"#, "expected a nonzero"),
        (r#"connect a.out b.in {"mode": "port", "capacity": 3}"#, "a port holds the latest message alone"),
        (r#"connect a.out b.in ["port"]"#, "options are a JSON object"),
        ("disconnect a.out", "`disconnect` needs an input port"),
    ] {
        let (found, help) = refused(line);
        assert!(found.contains(reason) && !help.is_empty(), "{line}: {found}; {help}");
    }
}
