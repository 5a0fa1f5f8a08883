//! Lines, without the time of day.

use shrine::event::{ConnectionCounts, FieldChange, PlanKind, WidgetUpdate};

use shrine::event::Phases;

use super::*;

/// What is written for `events`, each line without its time.
fn lines(style: Style, tell: impl FnOnce(&mut Human<Vec<u8>>)) -> Vec<String> {
    let mut human = Human::new(Vec::new(), style);
    tell(&mut human);
    let text = String::from_utf8(human.out).unwrap();
    let is_time =
        |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let strip = |line: &str| match line.split_once(' ') {
        Some((time, rest)) if is_time(time) => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(strip).collect()
}

fn update(generation: u64) -> Event {
    Event::Updated(Update {
        generation,
        build_id: "ab".into(),
        widgets: vec![WidgetUpdate {
            id: "counter".into(),
            from: "0.9.0".into(),
            to: "1.0.0".into(),
            instances: 3,
            plan: PlanKind::Chain,
            in_place: 0,
            encoded: None,
        }],
        added: vec!["clock".into()],
        report: vec![FieldReport {
            widget: "counter".into(),
            instances: vec![],
            field: "items[].done".into(),
            what: FieldChange::Added,
            detail: "false".into(),
            count: 0,
        }],
        connections: ConnectionCounts { kept: 1, parked: 1, ..ConnectionCounts::default() },
        phases_us: Phases {
            detect: 11_000,
            build: 280_000,
            load: 900,
            migrate: 40,
            total: 291_940,
            ..Phases::default()
        },
    })
}

fn failure() -> Event {
    Event::BuildFailed {
        errors: 1,
        warnings: 2,
        rendered: String::new(),
        packages: vec![],
        running_generation: None,
    }
}

#[test]
fn what_happened_to_the_whole_state_is_told_of_the_widget() {
    let report = FieldReport {
        widget: "counter".into(),
        instances: vec![],
        field: String::new(),
        what: FieldChange::Defaulted,
        detail: "the whole state starts anew".into(),
        count: 0,
    };
    let lines = lines(Style::default(), |human| human.field(&report));
    assert_eq!(
        lines,
        ["                     counter                  defaulted  the whole state starts anew"]
    );
}

#[test]
fn an_update_tells_versions_times_and_fields() {
    let lines = lines(Style::default(), |human| human.event(&update(7)));
    assert_eq!(
        lines,
        [
            "updated     counter 0.9.0 -> 1.0.0, clock (new)   3 instances   generation 7   \
         292ms (detect 11ms, build 280ms, load 0.9ms)   1 connection parked",
            "                     counter.items[].done     added  false",
        ]
    );
}

#[test]
fn how_states_travelled_is_told_to_who_asks_why() {
    let widget = |in_place, encoded: Option<&str>| WidgetUpdate {
        id: "counter".into(),
        from: "1.0.0".into(),
        to: "1.0.0".into(),
        instances: 3,
        plan: PlanKind::HandOver,
        in_place,
        encoded: encoded.map(str::to_owned),
    };
    let cases = [
        (widget(3, None), "3 instances in place"),
        (
            widget(2, Some("it has changed")),
            "2 instances in place; 1 instance by hand over, encoded because it has changed",
        ),
        (widget(0, Some("it is asked for")), "3 instances by hand over, encoded because it is asked for"),
    ];
    for (widget, expected) in cases {
        let Event::Updated(update) = update(7) else { unreachable!() };
        let event = Event::Updated(Update { widgets: vec![widget], report: vec![], ..update });
        assert_eq!(lines(Style::default(), |human| human.event(&event)).len(), 1);
        let lines = lines(Style { why: true, ..Style::default() }, |human| human.event(&event));
        assert_eq!(lines[1].trim(), format!("counter                  {expected}"));
    }
}

#[test]
fn a_failure_says_what_runs_and_the_next_success_that_it_is_over() {
    let lines = lines(Style::default(), |human| {
        human.event(&failure());
        human.building();
        human.event(&Event::Unchanged { generation: 7 });
        human.event(&failure());
        human.building();
        human.event(&failure());
        human.building();
        human.event(&Event::Unchanged { generation: 7 });
        human.event(&Event::Unchanged { generation: 7 });
    });
    assert_eq!(lines[0], "failed      1 error, 2 warnings   nothing is running yet");
    assert_eq!(lines[1], "recovered   the code is the same   generation 7   after 1 failure");
    assert!(
        lines[2].starts_with("failed      1 error, 2 warnings   still running generation 7 ("),
        "{}",
        lines[2]
    );
    assert_eq!(lines[4], "recovered   the code is the same   generation 7   after 2 failures");
    assert_eq!(lines[5], "unchanged   the code is the same   generation 7");
}

#[test]
fn it_is_not_over_while_a_part_of_the_build_fails() {
    let lines = lines(Style::default(), |human| {
        human.event(&failure());
        human.event(&Event::Unchanged { generation: 7 });
    });
    assert_eq!(lines[1], "unchanged   the code is the same   generation 7");
}

#[test]
fn a_refusal_says_what_to_write() {
    let refusal = Refusal {
        widget: "clock".into(),
        from: Some("1.0.0".into()),
        to: Some("2.0.0".into()),
        reason: "no migration".into(),
        help: "add `#[migrate(from = \"1.0.0\")]`".into(),
        running_generation: None,
    };
    let lines = lines(Style::default(), |human| human.event(&Event::Refused(refusal)));
    assert_eq!(
        lines,
        [
            "refused     clock 1.0.0 -> 2.0.0: no migration   nothing is running yet",
            "                     help: add `#[migrate(from = \"1.0.0\")]`",
        ]
    );
}

#[test]
fn a_warning_is_shown_once_and_counted_each_time() {
    let change = Event::Changed {
        paths: vec!["src/lib.rs".into()],
        decision: ChangeDecision::Rebuild,
        why: String::new(),
    };
    let lines = lines(Style::default(), |human| {
        for _ in 0..2 {
            human.event(&change);
            human.building();
            human.show("\x1b[33mwarning\x1b[0m: unused\n");
            human.event(&Event::Unchanged { generation: 1 });
        }
    });
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!((count("unused"), count("1 warning")), (1, 2), "{lines:?}");
}

#[test]
fn quiet_leaves_out_all_but_failures_and_answers() {
    let lines = lines(Style { quiet: true, ..Style::default() }, |human| {
        human.banner(&["counter"], 3, true);
        human.event(&update(1));
        human.event(&Event::Output { instance: "a".into(), port: "b".into(), value: 1.into() });
        human.event(&Event::View { instance: "a".into(), value: Some("text".into()) });
        human.event(&failure());
    });
    assert!(lines.iter().any(|line| line == "view        a text"), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("failed")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("output") || line.starts_with("updated")), "{lines:?}");
}

#[test]
fn durations_have_three_digits_at_most() {
    let shown = [0, 420, 9_940, 12_300, 999_000, 1_620_000, 62_000_000].map(duration);
    assert_eq!(shown, ["0.0ms", "0.4ms", "9.9ms", "12ms", "999ms", "1.62s", "62s"]);
}

fn taken_back() -> Event {
    Event::RolledBack(RollBack {
        phase: PROBATION.into(),
        widget: "counter".into(),
        instance: Some("clicks".into()),
        reason: "`add` of the new code: panicked".into(),
        running_generation: Some(6),
    })
}

#[test]
fn what_was_taken_back_says_what_runs_again_and_what_to_do() {
    let lines = lines(Style::default(), |human| {
        human.event(&update(7));
        human.event(&taken_back());
        human.event(&failure());
    });
    assert_eq!(
        lines[2..4],
        [
            "taken back  counter (clicks): `add` of the new code: panicked   generation 6 runs again, with its state \
             and messages",
            "                     help: change the code; the same build is not tried again",
        ]
    );
    assert!(lines[4].contains("still running generation 6"), "{}", lines[4]);
}

#[test]
fn an_update_that_waits_says_how_to_go_on() {
    let widget = || "counter".to_owned();
    let lines = lines(Style::default(), |human| {
        human.event(&Event::Deferred {
            widget: widget(),
            until: "it is asked for".into(),
            running_generation: Some(7),
        });
        human.event(&Event::Declined {
            widget: widget(),
            reason: "not now".into(),
            running_generation: Some(7),
        });
    });
    assert_eq!(
        lines,
        [
            "deferred    counter until it is asked for   nothing is running yet",
            "                     help: `plan` shows what it would do, `accept` applies it now, `decline` forgets it",
            "declined    counter: not now   nothing is running yet",
        ]
    );
}

#[test]
fn what_does_not_come_back_is_told_even_when_it_should_be_quiet() {
    let stuck = Event::Stuck { instance: "counter".into(), call: "before_update".into(), seconds: 4 };
    let lines = lines(Style { quiet: true, ..Style::default() }, |human| human.event(&stuck));
    assert_eq!(lines, ["stuck       still in `before_update` of `counter` after 4 s; Ctrl-C twice ends it"]);
}

#[test]
fn what_is_remembered_has_a_line_each() {
    let long = "é".repeat(200);
    let value = serde_json::json!([
        {"seq": 41, "event": "unchanged", "generation": 7},
        {"seq": 42, "event": "view", "instance": "a", "value": long},
    ]);
    let value = serde_json::from_value(value).unwrap();
    let lines = lines(Style::default(), |human| human.event(&Event::Events { value }));
    assert_eq!(lines[..2], ["events      2", "                 41  unchanged     {\"generation\":7}"]);
    assert!(lines[2].ends_with("éé..") && lines[2].chars().count() < 160, "{}", lines[2]);
}

#[test]
fn what_is_parked_says_why_and_what_waits() {
    let (source, target) = (|| "a.total".to_owned(), || "b.show".to_owned());
    let reason = "there is no instance `b`".to_owned();
    let lines = lines(Style::default(), |human| {
        human.event(&Event::Parked { source: source(), target: target(), reason: reason.clone(), queued: 0 });
        human.event(&Event::Parked { source: String::new(), target: target(), reason, queued: 2 });
        human.event(&Event::Resumed { source: source(), target: target(), queued: 1 });
        human.event(&Event::Disconnected { source: source(), target: target(), dropped: 3 });
    });
    assert_eq!(
        lines,
        [
            "parked      a.total -> b.show: there is no instance `b`",
            "parked      (outside) -> b.show: there is no instance `b`   with 2 messages",
            "resumed     a.total -> b.show   with 1 message",
            "cut         a.total -> b.show   3 messages dropped",
        ]
    );
}

#[test]
fn an_instance_is_told_with_its_code_and_its_connections() {
    let connection = serde_json::json!({
        "source": "clicks.total", "target": "sum.add", "mode": "port", "parked": null, "queued": 1,
    });
    let mut info = InstanceInfo {
        instance: "sum".into(),
        widget: "counter".into(),
        version: "1.1.0".into(),
        library: Some("play".into()),
        generation: 4,
        last_update_us: Some(5),
        versions: vec!["1.0.0".into()],
        is_down: false,
        waiting: 1,
        history: 3,
        connections: vec![serde_json::from_value(connection).unwrap()],
    };
    let lines = lines(Style::default(), |human| {
        human.event(&Event::Instance(info.clone()));
        (info.is_down, info.connections) = (true, vec![]);
        human.event(&Event::Instance(info));
    });
    let first = "instance    sum   counter 1.1.0   code of generation 4 from play   was 1.0.0   3 states   with 1 message";
    assert_eq!(lines[..2], [first, "                     clicks.total -> sum.add  port  1 queued"]);
    assert_eq!(lines[2], format!("{first}   down after a fault: it waits for an update"));
}

#[test]
fn how_a_library_is_linked_is_told_in_its_line() {
    let link = |reason: Option<&str>, why: &str| LinkSummary {
        package: "counter".into(),
        link: "plain".into(),
        library: None,
        reason: reason.map(Into::into),
        why: reason.map(|_| why.into()),
    };
    let of = |crates: &[&str], link: Option<LinkSummary>| Event::Built {
        packages: vec![BuildSummary {
            package: "counter".into(),
            way: "replay".into(),
            crates: crates.iter().map(|name| (*name).to_owned()).collect(),
            reason: None,
            why: None,
            link,
        }],
    };
    let built = |link: LinkSummary| of(&["types", "counter"], Some(link));
    let told = lines(Style::default(), |human| {
        human.event(&built(link(None, "")));
        human.event(&built(link(Some("allocator"), "a dependency sets `#[global_allocator]`")));
        human.event(&built(link(Some("nothing"), "there is nothing")));
        let packages = vec![link(Some("nothing"), "there is nothing"), link(None, "")];
        human.event(&Event::Linking { packages });
        human.event(&of(&[], None));
    });
    let by = "built       counter   by replay of types, counter";
    assert_eq!(
        told,
        [
            format!("{by}, linked to the shared library of dependencies"),
            format!("{by}, linked plainly: a dependency sets `#[global_allocator]`"),
            by.to_owned(),
            "linking     counter   with all that it depends on".to_owned(),
            "linking     counter   linked to the shared library of dependencies".to_owned(),
            "built       counter   by replay; it does not compile".to_owned(),
        ]
    );
}
