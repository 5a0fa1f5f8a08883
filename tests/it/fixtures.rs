//! Generated states, and the laws of migrations: kept by good ones, broken by each kind of mistake.

mod overrides;
mod wrong;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::strategy::Strategy;
use shrine::fixtures::{Failure, Law, Laws, Report, boundary, check, fixture, random, strategy};
use shrine::prelude::*;
use shrine::state::step::Chain;
use shrine::state::{from_bytes, shape_of, to_bytes};
use shrine::{State, migrate_from};
use shrine_tests::hostile::{Everything, EverythingV1_0_0, Item, ItemV1, Machine, Tree};

shrine::migration_tests!(Everything);
shrine::migration_tests!(Item as item_migrations);
shrine::migration_tests!(Machine as machine);

/// A path means what it means where it is written.
mod from_another_module {
    shrine::migration_tests!(super::Item);
}

#[test]
fn every_fixture_of_a_recursive_type_is_one_of_it() {
    let shape = shape_of::<Tree>();
    let mut depth = 0;
    for value in boundary(&shape).into_iter().chain((0..2000).filter_map(|seed| random(&shape, seed))) {
        let tree: Tree = from_bytes(&to_bytes(&value).unwrap()).unwrap();
        depth = depth.max(depth_of(&tree));
        // What people see and write is the same value.
        let json = shrine::state::json::to_json(&value, &shape);
        let read = shrine::state::json::from_json(&json, &shape).unwrap();
        let again: Tree = from_bytes(&to_bytes(&read).unwrap()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{tree:?}"), "{json}");
    }
    assert!((3..10).contains(&depth), "{depth}");
}

fn depth_of(tree: &Tree) -> usize {
    match tree {
        Tree::Node { children, next, .. } => {
            1 + children.iter().chain(next.as_deref()).map(depth_of).max().unwrap_or_default()
        }
        Tree::Last(Ok(inner)) => 1 + depth_of(inner),
        _ => 1,
    }
}

#[test]
fn a_strategy_gives_states_of_the_type() {
    let states = strategy(shape_of::<Everything>()).prop_map(|value| to_bytes(&value).unwrap());
    proptest::proptest!(|(bytes in states)| {
        // Not all are: an address is more than text.
        if let Ok(state) = from_bytes::<Everything>(&bytes) {
            proptest::prop_assert!(to_bytes(&state).is_ok());
        }
    });
}

#[widget(id = "panics", version = "2.0.0")]
#[migrate(from = "1.0.0", change(count: i64, up = |count| if count == i64::MIN { panic!("no such count") } else { i128::from(count) }, down = |count| count as i64))]
#[migrate(from = "0.1.0", add(title = String::new()))]
#[derive(Debug, Default, PartialEq)]
struct Panics {
    count: i128,
    title: String,
}

#[widget]
impl Panics {}

#[widget(id = "forgets", version = "2.0.0")]
#[migrate(from = "1.0.0", remove(title: String, down = |new| format!("{}!", new.name)))]
#[derive(Debug, Default, PartialEq)]
struct Forgets {
    name: String,
}

#[widget]
impl Forgets {}

#[widget(id = "truncates", version = "2.0.0")]
#[migrate(from = "1.0.0", change(at: u64, up = |at| at as u32, down = u64::from))]
#[derive(Debug, Default, PartialEq)]
struct Truncates {
    name: String,
    at: u32,
}

#[widget]
impl Truncates {}

#[widget(id = "rejects", version = "2.0.0")]
#[migrate(from = "1.0.0", change(port: i32, try_up = u16::try_from, down = i32::from))]
#[derive(Debug, Default, PartialEq)]
struct Rejects {
    name: String,
    port: u16,
}

#[widget]
impl Rejects {}

#[widget(id = "merges", version = "2.0.0")]
#[migrate(from = "1.0.0", remove(x: i8, y: i8), add(sum), with = merge, down = split)]
#[derive(Debug, Default, PartialEq)]
struct Merges {
    sum: i16,
    name: String,
}

fn merge(old: MergesV1_0_0) -> Result<Merges, MigrateError> {
    if old.name == "a" {
        return Err(MigrateError::new("nobody is called a"));
    }
    Ok(Merges { sum: i16::from(old.x) + i16::from(old.y), name: old.name })
}

fn split(new: Merges) -> Result<MergesV1_0_0, MigrateError> {
    Ok(MergesV1_0_0 { x: new.sum.clamp(-128, 127) as i8, y: 0, name: new.name })
}

#[widget]
impl Merges {}

/// The one failure of a law.
fn failure(report: &Report, law: Law) -> &Failure {
    let failures: Vec<_> = report.failures.iter().filter(|failure| failure.law == law).collect();
    assert_eq!(failures.len(), 1, "{law}: {report}");
    failures[0]
}

#[test]
fn a_panic_on_the_smallest_number_is_found_and_made_small() {
    let report = check::<Panics>();
    let failure = failure(&report, Law::ReachesHead);
    assert_eq!((failure.version.as_str(), failure.field.as_str()), ("1.0.0", "count"));
    assert!(failure.message.starts_with("panicked at "), "{failure:?}");
    assert!(failure.message.ends_with(": no such count"), "{failure:?}");
    assert_eq!(failure.fixture, format!(r#"{{"count":{},"title":""}}"#, i64::MIN));
}

#[test]
fn a_way_down_that_loses_a_field_is_found() {
    let report = check::<Forgets>();
    let failure = failure(&report, Law::DownAndUp);
    assert_eq!((failure.version.as_str(), failure.field.as_str()), ("1.0.0", "title"));
    assert_eq!(failure.message, r#"was "", came back as "!""#);
    assert_eq!(report.failures.len(), 1, "{report}");
    assert!(Laws::<Forgets>::new().may_lose(&["title"]).check().is_kept());
}

#[test]
fn a_way_up_that_truncates_is_found() {
    let report = check::<Truncates>();
    let failure = failure(&report, Law::DownAndUp);
    assert_eq!((failure.version.as_str(), failure.field.as_str()), ("1.0.0", "at"));
    assert_eq!(failure.message, format!("was {}, came back as 0", 1_u64 << 32));
}

#[test]
fn a_converter_that_refuses_a_boundary_is_found_unless_that_is_meant() {
    let report = check::<Rejects>();
    let failure = failure(&report, Law::ReachesHead);
    assert_eq!((failure.version.as_str(), failure.field.as_str()), ("1.0.0", "port"));
    assert_eq!(failure.message, "out of range integral type conversion attempted");
    assert_eq!(failure.fixture, r#"{"name":"","port":-1}"#);
    assert!(Laws::<Rejects>::new().may_refuse(&["port"]).check().is_kept());
}

#[test]
fn a_hop_by_hand_is_held_to_the_same_laws() {
    let report = check::<Merges>();
    let refused = failure(&report, Law::ReachesHead);
    assert_eq!((refused.field.as_str(), refused.message.as_str()), ("name", "nobody is called a"));
    assert!(report.failures.iter().any(|lost| lost.law == Law::DownAndUp && lost.field == "x"), "{report}");
    let laws = Laws::<Merges>::new().may_refuse(&["nobody"]).may_lose(&["x", "y", "sum"]);
    assert!(laws.check().is_kept(), "{}", laws.check());
}

#[widget(id = "refuses", version = "2.0.0")]
#[migrate(from = "1.0.0", change(port: i32, try_up = |_| Err::<u16, _>(MigrateError::new("never"))))]
#[derive(Debug, Default, PartialEq)]
struct RefusesAll {
    port: u16,
}

#[widget]
impl RefusesAll {}

#[test]
fn a_migration_that_refuses_everything_is_none() {
    let report = Laws::<RefusesAll>::new().may_refuse(&["port"]).check();
    let failure = failure(&report, Law::ReachesHead);
    assert_eq!(failure.message, "every state is refused, and the first because never");
}

/// No number is even and odd.
#[derive(Debug, Clone, PartialEq)]
struct Impossible;

impl State for Impossible {
    const FINGERPRINT: u64 = <u8 as State>::FINGERPRINT;
    fn shape(context: &mut shrine::state::shape::ShapeContext) -> shrine::state::shape::Shape {
        u8::shape(context)
    }
    fn encode(&self, out: &mut shrine::state::codec::Encoder) {
        out.uint(0);
    }
    fn decode(
        input: &mut shrine::state::codec::Decoder<'_>,
    ) -> Result<Self, shrine::state::codec::DecodeError> {
        let number: u8 = input.int()?;
        Err(input.error(format!("{number} is not even and odd")))
    }
}

#[state(version = "2")]
#[migrate(from = "1", add(n = 1))]
#[derive(Debug, PartialEq)]
struct Unmade {
    n: u8,
    impossible: Impossible,
}

#[test]
fn a_type_that_takes_none_of_its_fixtures_is_reported() {
    let report = check::<Unmade>();
    assert!(report.failures.iter().all(|failure| failure.law == Law::ReachesHead));
    assert_eq!(
        report.failures.iter().map(|failure| failure.version.as_str()).collect::<Vec<_>>(),
        ["2", "1"]
    );
    assert!(report.failures[0].message.ends_with("is not even and odd"), "{report}");
}

#[test]
fn a_report_reads_well() {
    let text = check::<Rejects>().to_string();
    let expected = "\
`Rejects` breaks laws of migration

every fixture of every version reaches the head, but not from 1.0.0:
  `port`: out of range integral type conversion attempted
  state: {\"name\":\"\",\"port\":-1}
  and ";
    assert!(text.starts_with(expected), "{text}");
    let kept = check::<Item>().to_string();
    assert!(kept.starts_with("`Item` keeps all laws, in "), "{kept}");
}

#[test]
fn goldens_are_read_as_their_version_and_a_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |version: &str, name: &str, text: &str| {
        let folder = folder.path().join(version);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    };
    write("1", "live.json", r#"{"text": "milk"}"#);
    write("2", "done.json", r#"{"text": "milk", "done": true}"#);
    let laws = Laws::<Item>::new().goldens(folder.path());
    assert!(laws.check().is_kept(), "{}", laws.check());
    let goldens: Vec<_> =
        laws.migrated_goldens().into_iter().map(|golden| (golden.name, golden.head)).collect();
    let expected = [
        ("1-live".to_owned(), "{\n  \"done\": false,\n  \"text\": \"milk\"\n}".to_owned()),
        ("2-done".to_owned(), "{\n  \"done\": true,\n  \"text\": \"milk\"\n}".to_owned()),
    ];
    assert_eq!(goldens, expected);

    write("1", "wrong.json", r#"{"text": 3}"#);
    write("1", "wrong-too.json", r#"{"text": 3}"#);
    write("7", "unknown.json", "{}");
    let report = laws.check();
    let messages: Vec<_> = report.failures.iter().map(|failure| failure.message.as_str()).collect();
    let expected =
        ["it is no state of its version: text: expected `String`, found 3", "there is no version 7"];
    assert_eq!(messages, expected);
    // One message, and every file that it is about.
    let files: Vec<_> = report.failures[0].fixture.lines().map(Path::new).map(Path::file_name).collect();
    assert_eq!(files, ["wrong-too.json", "wrong.json"].map(|name| Some(name.as_ref())), "{report}");
}

#[test]
fn one_state_migrates_with_a_report_of_what_happened() {
    let old = EverythingV1_0_0 {
        count: 3,
        legacy: Some(7),
        items: vec![ItemV1 { text: "milk".to_owned() }],
        ..fixture::<EverythingV1_0_0>()
    };
    let migrated = migrate_from::<Everything, _>(old).unwrap();
    assert_eq!((migrated.state.total, migrated.state.items[0].done), (3, false));
    let expected = "\
1.0.0 -> 2.0.0
  kept     count, flags, bytes, pair, names, by_id, items, tree, any, nested, host, port, timeout
  changed  ratio: f32 -> f64
  added    name: String
  removed  legacy: Option<u8>
2.0.0 -> 3.0.0
  kept     ratio, name, flags, bytes, pair, names, by_id, tree, any, nested, host, port, timeout
  renamed  count => total
  changed  items: Vec<ItemV1> -> Vec<Item>
attic
  1.0.0  legacy = 7";
    assert_eq!(migrated.report.to_string(), expected);
}

#[test]
fn a_state_of_another_type_does_not_migrate() {
    let error = migrate_from::<Everything, _>(ForgetsV1_0_0 { name: String::new(), title: String::new() });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("ForgetsV1_0_0` is no version of"), "{error}");
    assert_eq!(Everything::VERSION, "3.0.0");
}

/// A value of a map.
#[state(version = "2")]
#[migrate(from = "1", change(seconds: f32, up = |seconds| seconds as u64, down = |seconds| seconds as f32))]
#[derive(Debug, Clone)]
struct Lap {
    seconds: u64,
}

#[state(version = "2")]
#[migrate(from = "1", change(laps: BTreeMap<String, Vec<LapV1>>))]
#[derive(Debug)]
struct Race {
    laps: BTreeMap<String, Vec<Lap>>,
}

#[test]
fn what_breaks_in_a_map_is_one_failure_whatever_the_keys_are() {
    let broken = Laws::<Race>::new().going_down_and_up_again_loses_nothing();
    let text = broken.to_string();
    assert_eq!(text.matches("but not from 1:").count(), 1, "{text}");
    assert!(text.contains(r#"`laps[""][0].seconds`: was "#), "{text}");
    assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{text:?}");
    Laws::<Race>::new().may_lose(&["laps[][].seconds"]).check().assert();
}

#[state(version = "2")]
#[migrate(from = "1", change(
    Timed { at: u32 }, up = |old| Alarm::Timed { at: old.at.to_string() },
    Ringing(String), up = |note| Alarm::Ringing(note, 0), down = |(note, _)| AlarmV1::Ringing(note)
))]
#[derive(Debug, Clone)]
enum Alarm {
    Off,
    Timed { at: String },
    Ringing(String, u8),
}

/// Says that it has a way back, and has none.
#[state(version = "2")]
#[migrate(from = "1", change(n: u8, up = |n| n.into(), down = never))]
#[derive(Debug)]
struct Stuck {
    n: u16,
}

fn never(_: u16) -> u8 {
    panic!("nothing goes back")
}

#[test]
fn what_has_no_way_back_for_some_states_is_held_to_the_others() {
    Laws::<Alarm>::new().may_lose(&["Ringing[1]"]).check().assert();
    let text = Laws::<Alarm>::new().going_down_and_up_again_loses_nothing().to_string();
    assert!(text.contains("Ringing[1]") && !text.contains("Timed"), "{text}");
    let text = Laws::<Stuck>::new().going_down_and_up_again_loses_nothing().to_string();
    assert!(text.contains("nothing goes back"), "{text}");
}
