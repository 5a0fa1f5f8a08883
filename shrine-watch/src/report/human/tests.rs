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
        }],
        added: vec!["clock".into()],
        report: vec![FieldReport {
            widget: "counter".into(),
            instances: vec![],
            field: "items[].done".into(),
            what: FieldChange::Added,
            detail: "false".into(),
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
