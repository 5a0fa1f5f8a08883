//! What the macros generate, at work: fingerprints, encodings, chains of versions, behaviours.

use std::collections::BTreeMap;

use shrine::__private::{Chain, Outbox, VersionInfo};
use shrine::prelude::*;
use shrine::state::attic::Attic;
use shrine::state::codec::{Decoder, Encoder};
use shrine::state::{from_bytes, shape_of, to_bytes};
use shrine::{Behaviour, State, StepContext, Widget};

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", rename(count => total), add(step = 1))]
#[migrate(
    from = "0.8.0",
    change(count: i32, items: Vec<ItemV1>),
    remove(title: String),
    add(first = |old| word(&old.title, 0), last = |old| word(&old.title, 1))
)]
#[migrate(from = "0.7.0", with = merge, down = split, remove(x: i32, y: i32), add(count, title))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Counter {
    total: i64,
    step: i64,
    first: String,
    last: String,
    items: Vec<Item>,
    #[state(transient)]
    cache: Option<i64>,
}

#[state(version = "3")]
#[migrate(from = "2", rename(name => text))]
#[migrate(from = "1", add(done = false))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Item {
    text: String,
    done: bool,
}

fn word(title: &str, index: usize) -> String {
    title.split(' ').nth(index).unwrap_or_default().to_owned()
}

fn merge(old: CounterV0_7_0) -> Result<CounterV0_8_0, MigrateError> {
    if old.x < 0 {
        return Err(MigrateError::new("x is negative"));
    }
    Ok(CounterV0_8_0 { count: old.x + old.y, title: "a b".to_owned(), items: old.items })
}

fn split(new: CounterV0_8_0) -> Result<CounterV0_7_0, MigrateError> {
    Ok(CounterV0_7_0 { x: new.count, y: 0, items: new.items })
}

/// Carries the state of another version here.
fn load<T: Chain>(version: &str, bytes: &[u8], context: &mut StepContext) -> Result<T, String> {
    T::load(version, &mut Decoder::new(bytes), context).map_err(|error| error.to_string())
}

/// Carries a state to another version.
fn store<T: Chain, Old: State>(state: T, version: &str, context: &mut StepContext) -> Result<Old, String> {
    let mut out = Encoder::new();
    state.store(version, &mut out, context).map_err(|error| error.to_string())?;
    from_bytes(&out.finish().unwrap()).map_err(|error| error.to_string())
}

fn version_0_8_0() -> CounterV0_8_0 {
    CounterV0_8_0 {
        count: 41,
        title: "Ada Lovelace".to_owned(),
        items: vec![ItemV1 { name: "engine".to_owned() }],
    }
}

#[test]
fn a_state_travels_over_two_hops_and_nested_ones() {
    let bytes = to_bytes(&version_0_8_0()).unwrap();
    let now: Counter = load("0.8.0", &bytes, &mut StepContext::default()).unwrap();
    let expected = Counter {
        total: 41,
        step: 1,
        first: "Ada".to_owned(),
        last: "Lovelace".to_owned(),
        items: vec![Item { text: "engine".to_owned(), done: false }],
        cache: None,
    };
    assert_eq!(now, expected);
}

#[test]
fn a_state_goes_back_to_what_it_was() {
    let bytes = to_bytes(&version_0_8_0()).unwrap();
    let mut context = StepContext::default();
    let now: Counter = load("0.8.0", &bytes, &mut context).unwrap();
    assert_eq!(store(now, "0.8.0", &mut context), Ok(version_0_8_0()));
}

#[test]
fn what_an_older_version_cannot_hold_comes_back_from_the_attic() {
    let state = Counter {
        total: 7,
        step: 5,
        first: "Grace".to_owned(),
        last: "Hopper".to_owned(),
        items: vec![
            Item { text: "moth".to_owned(), done: true },
            Item { text: "tape".to_owned(), done: false },
        ],
        cache: None,
    };
    let mut context = StepContext::default();
    let old: CounterV0_8_0 = store(state.clone(), "0.8.0", &mut context).unwrap();
    assert_eq!(old.title, "", "nothing was in the attic yet");

    let attic: Attic = from_bytes(&to_bytes(&context.into_attic()).unwrap()).unwrap();
    let back = load("0.8.0", &to_bytes(&old).unwrap(), &mut StepContext::new(attic));
    assert_eq!(back, Ok(state));
}

#[test]
fn a_value_that_does_not_fit_the_older_type_is_refused_with_its_path() {
    let state = Counter { total: i64::MAX, ..Counter::default() };
    let result: Result<CounterV0_8_0, _> = store(state, "0.8.0", &mut StepContext::default());
    assert_eq!(result.unwrap_err(), format!("count: {} does not fit `i32`", i64::MAX));
}

#[test]
fn a_hop_by_hand_goes_both_ways_and_may_fail() {
    let old = CounterV0_7_0 { x: 1, y: 2, items: Vec::new() };
    let mut context = StepContext::default();
    let now: Counter = load("0.7.0", &to_bytes(&old).unwrap(), &mut context).unwrap();
    assert_eq!((now.total, now.last.as_str()), (3, "b"));
    assert_eq!(store(now, "0.7.0", &mut context), Ok(CounterV0_7_0 { x: 3, y: 0, items: Vec::new() }));

    let bad = CounterV0_7_0 { x: -1, ..old };
    let result: Result<Counter, _> = load("0.7.0", &to_bytes(&bad).unwrap(), &mut context);
    assert_eq!(result.unwrap_err(), "x is negative");
}

#[test]
fn an_unknown_version_is_named() {
    let result: Result<Counter, _> = load("0.1.0", &[], &mut StepContext::default());
    let error = result.unwrap_err();
    assert!(error.contains("0.1.0"), "{error}");
}

#[test]
fn a_chain_lists_its_versions_newest_first() {
    let mut versions: Vec<VersionInfo> = Vec::new();
    Counter::versions(&mut versions);
    let names: Vec<_> = versions.iter().map(|info| info.version.as_str()).collect();
    assert_eq!(names, ["1.0.0", "0.9.0", "0.8.0", "0.7.0"]);
    assert_eq!(versions[0].fingerprint, Counter::FINGERPRINT);
    assert!(versions[2].shape.matches(&shape_of::<CounterV0_8_0>()));
    assert!(versions[0].hop.is_none());

    let said: Vec<_> = versions[2].hop.iter().flat_map(|hop| &hop.operations).collect();
    let said: Vec<_> =
        said.iter().map(|o| (o.kind.as_str(), o.field.as_str(), o.detail.as_deref())).collect();
    let expected = [
        ("change", "count", Some("i32")),
        ("change", "items", Some("Vec<ItemV1>")),
        ("remove", "title", Some("String")),
        ("add", "first", None),
        ("add", "last", None),
    ];
    assert_eq!(said, expected);
    assert!(versions.iter().filter_map(|info| info.hop.as_ref()).all(|hop| hop.reversible));
}

#[widget(id = "converters", version = "2.0.0")]
#[migrate(
    from = "1.0.0",
    change(millis: f32, up = |s| (s * 1e3) as u64, down = |ms| ms as f32 / 1e3, port: String, try_up = |s| s.parse()),
    change(name: String),
    remove(old: u8)
)]
#[derive(Debug, Default, PartialEq)]
struct Converters {
    millis: u64,
    port: u16,
    name: Option<String>,
}

#[widget]
impl Converters {}

#[state]
#[derive(Debug, PartialEq)]
struct Unfit(u8);

#[test]
fn converters_run_and_their_errors_name_the_field() {
    let old =
        |port: &str| ConvertersV1_0_0 { millis: 1.5, port: port.to_owned(), name: "n".to_owned(), old: 1 };
    let load = |old: &ConvertersV1_0_0| load("1.0.0", &to_bytes(old).unwrap(), &mut StepContext::default());
    assert_eq!(load(&old("80")), Ok(Converters { millis: 1500, port: 80, name: Some("n".to_owned()) }));
    let error = load(&old("eighty")).unwrap_err();
    assert_eq!(error, "port: invalid digit found in string");
}

#[test]
fn a_hop_with_a_converter_that_has_no_inverse_is_one_way() {
    let mut versions = Vec::new();
    Converters::versions(&mut versions);
    assert!(!versions[1].hop.as_ref().unwrap().reversible);
    let result: Result<ConvertersV1_0_0, _> =
        store(Converters::default(), "1.0.0", &mut StepContext::default());
    let error = result.unwrap_err();
    assert!(error.starts_with("the change of `port` has no way back from 2.0.0 to 1.0.0"), "{error}");
}

#[widget(id = "remover", version = "2.0.0")]
#[migrate(from = "1.0.0", remove(unfit: Unfit, full: String, down = |new| format!("{}!", new.name)))]
#[derive(Debug, PartialEq)]
struct Remover {
    name: String,
}

// By hand, because `Unfit`, which version 1.0.0 contains, has no `Default` either.
impl Default for Remover {
    fn default() -> Self {
        Self { name: "new".to_owned() }
    }
}

#[widget]
impl Remover {}

#[test]
fn a_removed_field_comes_from_the_attic_its_converter_or_not_at_all() {
    let old = RemoverV1_0_0 { name: "n".to_owned(), unfit: Unfit(3), full: "old".to_owned() };
    let mut context = StepContext::default();
    let now: Remover = load("1.0.0", &to_bytes(&old).unwrap(), &mut context).unwrap();
    let back = store(now, "1.0.0", &mut context);
    assert_eq!(back, Ok(RemoverV1_0_0 { name: "n".to_owned(), unfit: Unfit(3), full: "n!".to_owned() }));

    let result: Result<RemoverV1_0_0, _> = store(Remover::default(), "1.0.0", &mut StepContext::default());
    let error = result.unwrap_err();
    assert!(error.starts_with("the removal of `unfit` has no way back"), "{error}");
}

#[state(version = "3")]
#[migrate(from = "2", rename(below => children))]
#[migrate(from = "1", add(size = |old| old.below.len() as u32))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Tree {
    children: Vec<Tree>,
    size: u32,
}

#[test]
fn a_recursive_type_migrates_all_the_way_down() {
    let leaf = TreeV1 { below: Vec::new() };
    let old = TreeV1 { below: vec![leaf.clone(), TreeV1 { below: vec![leaf] }] };
    let now: Tree = load("1", &to_bytes(&old).unwrap(), &mut StepContext::default()).unwrap();
    assert_eq!((now.size, now.children[0].size, now.children[1].size), (2, 0, 1));
    assert_eq!(store(now, "1", &mut StepContext::default()), Ok(old));
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
enum Mode {
    #[default]
    Idle,
    Count(u32),
    Pair(u8, String),
    Move {
        x: i32,
        #[state(transient)]
        seen: bool,
    },
    Nested(Box<Mode>),
}

#[state]
#[derive(Debug, Clone, PartialEq)]
struct Meters(f64);

#[state]
#[derive(Debug, Clone, PartialEq)]
struct Pair(u8, Meters);

#[state]
#[derive(Debug, Clone, PartialEq)]
struct Unit;

#[state]
struct Empty {}

#[test]
fn every_kind_of_type_survives_encoding() {
    let modes = [
        Mode::Idle,
        Mode::Count(3),
        Mode::Pair(1, "a".to_owned()),
        Mode::Move { x: -1, seen: false },
        Mode::Nested(Box::new(Mode::Idle)),
    ];
    for mode in modes {
        assert_eq!(from_bytes(&to_bytes(&mode).unwrap()), Ok(mode));
    }
    assert_eq!(
        from_bytes(&to_bytes(&Pair(1, Meters(f64::INFINITY))).unwrap()),
        Ok(Pair(1, Meters(f64::INFINITY)))
    );
    for unit in [None, Some(Unit)] {
        assert_eq!(from_bytes(&to_bytes(&unit).unwrap()), Ok(unit));
    }
}

#[test]
fn a_variant_with_the_wrong_payload_is_an_error() {
    let idle_with_payload = to_bytes(&BTreeMap::from([("Idle".to_owned(), 1_u8)])).unwrap();
    let count_without = to_bytes(&"Count".to_owned()).unwrap();
    for bytes in [idle_with_payload, count_without] {
        assert!(from_bytes::<Mode>(&bytes).is_err());
    }
}

mod elsewhere {
    #[shrine::state]
    #[derive(Default)]
    pub(crate) struct Renamed {
        pub(crate) b: Vec<Option<i64>>,
        pub(crate) a: u8,
    }
}

#[state]
#[derive(Default)]
struct Original {
    a: u8,
    b: Vec<Option<i64>>,
}

#[state]
#[derive(Default)]
struct Other {
    a: u8,
    c: Vec<Option<i64>>,
}

#[test]
fn fingerprints_know_names_of_fields_and_kinds_and_nothing_else() {
    assert_eq!(Original::FINGERPRINT, elsewhere::Renamed::FINGERPRINT);
    assert_ne!(Original::FINGERPRINT, Other::FINGERPRINT);
    assert_eq!(Meters::FINGERPRINT, f64::FINGERPRINT);
    assert_eq!(Pair::FINGERPRINT, <(u8, f64)>::FINGERPRINT);
    assert_eq!(Unit::FINGERPRINT, Empty::FINGERPRINT, "it can get fields as the one with braces can");
    assert!(shape_of::<Original>().matches(&shape_of::<elsewhere::Renamed>()));
    assert_ne!(CounterV0_9_0::FINGERPRINT, Counter::FINGERPRINT);
    let used = (elsewhere::Renamed::default(), Other::default(), Original::default());
    assert_eq!((used.0.a, used.1.c.len(), used.2.b.len(), used.0.b.len()), (0, 0, 0, 0));
    assert_eq!((used.1.a, used.2.a), (0, 0));
}

#[test]
fn the_version_of_a_nested_type_is_part_of_its_fingerprint() {
    #[state]
    struct Bare {
        text: String,
        done: bool,
    }
    assert_ne!(Bare::FINGERPRINT, Item::FINGERPRINT);
    assert_ne!(ItemV2::FINGERPRINT, Item::FINGERPRINT);
    let _ = Bare { text: String::new(), done: true }.text;
}

#[widget]
impl Counter {
    #[input]
    fn add(&mut self, n: i64, total: &mut Output<i64>) {
        self.total += n * self.step;
        total.send(self.total);
    }

    #[input]
    fn fail(&self) -> Result<(), String> {
        Err("as asked".to_owned())
    }

    #[every("1.5s")]
    fn tick(&mut self, ticks: &mut Output<()>, total: &mut Output<i64>) {
        ticks.send(());
        total.send(self.total);
    }

    #[view]
    fn view(&self) -> impl std::fmt::Display + use<> {
        self.total
    }

    #[after_update]
    fn reopen(&mut self, cx: &UpdateContext) {
        self.cache = Some(cx.generation as i64);
    }
}

#[test]
fn the_interface_lists_ports_timers_and_hooks() {
    let interface = Counter::interface();
    let ports = |ports: &[shrine::__private::PortInfo]| {
        ports.iter().map(|port| (port.name.clone(), port.shape.to_string())).collect::<Vec<_>>()
    };
    let named = |names: &[(&str, &str)]| {
        names.iter().map(|(name, shape)| ((*name).to_owned(), (*shape).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(Counter::ID, "counter");
    assert_eq!(ports(&interface.inputs), named(&[("add", "i64"), ("fail", "()")]));
    assert_eq!(ports(&interface.outputs), named(&[("total", "i64"), ("ticks", "()")]));
    assert_eq!((interface.timers[0].name.as_str(), interface.timers[0].period), ("tick", 1_500_000_000));
    assert_eq!(interface.hooks, ["view", "after_update"]);
}

#[test]
fn messages_are_delivered_and_their_types_checked() {
    let mut counter = Counter { step: 2, ..Counter::default() };
    let outbox = Outbox::default();
    let mut deliver = |port, payload: &[u8]| {
        counter
            .deliver(port, &mut Decoder::new(payload), &outbox, &Inbox::default())
            .map_err(|error| error.to_string())
    };
    assert_eq!(deliver(0, &to_bytes(&21_i64).unwrap()), Ok(()));
    assert_eq!(deliver(1, &to_bytes(&()).unwrap()), Err("as asked".to_owned()));
    assert!(deliver(0, &to_bytes(&"text".to_owned()).unwrap()).is_err());
    assert!(deliver(0, &[1, 1]).is_err(), "bytes are left over");
    assert!(deliver(2, &to_bytes(&()).unwrap()).is_err(), "there is no such port");
    Behaviour::tick(&mut counter, 0, &outbox, &Inbox::default()).unwrap();
    assert_eq!(Behaviour::view(&counter).as_deref(), Some("42"));
}

#[derive(Debug, Default)]
#[widget(id = "renamed", version = "1.0.0")]
struct Renamed {
    sum: i64,
}

#[widget]
impl Renamed {
    #[input(was = ["plus", "type"])]
    fn add(&mut self, n: i64, #[output(was = "total")] sum: &mut Output<i64>) {
        self.sum += n;
        sum.send(self.sum);
    }

    #[every("1s")]
    fn repeat(&mut self, sum: &mut Output<i64>) {
        sum.send(self.sum);
    }
}

#[test]
fn a_port_knows_what_it_was_called_before() {
    let interface = Renamed::interface();
    assert_eq!(interface.inputs[0].was, ["plus", "type"]);
    assert_eq!((interface.outputs.len(), &*interface.outputs[0].was), (1, &["total".to_owned()][..]));
    assert!(Counter::interface().inputs[0].was.is_empty());
}
