//! The whole grammar of `#[migrate]`, at work.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use shrine::__private::Chain;
use shrine::prelude::*;
use shrine::state::codec::{Decoder, Encoder};
use shrine::state::{from_bytes, shape_of, to_bytes};
use shrine::{State, StepContext, Value};
use uuid::Uuid;

mod classes;

/// Carries the state of another version here.
fn load<T: Chain, Old: State>(version: &str, old: &Old, context: &mut StepContext) -> Result<T, String> {
    let bytes = to_bytes(old).unwrap();
    T::load(version, &mut Decoder::new(&bytes), context).map_err(|error| error.to_string())
}

/// Carries a state to another version.
fn store<T: Chain, Old: State>(state: T, version: &str, context: &mut StepContext) -> Result<Old, String> {
    let mut out = Encoder::new();
    state.store(version, &mut out, context).map_err(|error| error.to_string())?;
    from_bytes(&out.finish().unwrap()).map_err(|error| error.to_string())
}

fn hop<T: Chain>(index: usize) -> shrine::__private::HopInfo {
    let mut versions = Vec::new();
    T::versions(&mut versions);
    versions[index].hop.clone().unwrap()
}

#[state(version = "3")]
#[migrate(from = "2", change(Pair(u8, String)), change(Wide { a: u8 }, Maybe(u8)))]
#[migrate(
    from = "1",
    rename(Pending => Waiting),
    add(Archived, Stopped, down = ModeV1::Pending, Paused, down = |reason: String| ModeV1::Noted(reason)),
    remove(
        Legacy(u32), up = |n| if n == 0 { ModeV2::Archived } else { ModeV2::Waiting },
        Old, up = ModeV2::Archived,
        Point { x: i32, y: i32 }, try_up = |p| u8::try_from(p.x + p.y).map(|sum| ModeV2::Wide { a: sum })
    ),
    change(
        Active { since: u32 }, up = |a| ModeV2::Active { since: a.since.into() },
        down = |a| ModeV1::Active { since: a.since as u32 },
        Noted(String), up = |note| ModeV2::Noted(note, 1)
    )
)]
#[derive(Debug, Clone, Default, PartialEq)]
enum Mode {
    #[default]
    Waiting,
    Active {
        since: u64,
        #[state(transient)]
        seen: bool,
    },
    Archived,
    Stopped,
    Paused(String),
    Noted(String, u8),
    Pair(u16, String),
    Wide {
        a: u16,
    },
    Maybe(Option<u8>),
    Nested(Vec<Mode>),
}

#[test]
fn variants_are_renamed_removed_and_changed() {
    let up = |old: ModeV1| load::<Mode, _>("1", &old, &mut StepContext::default());
    assert_eq!(up(ModeV1::Pending), Ok(Mode::Waiting));
    assert_eq!(up(ModeV1::Legacy(0)), Ok(Mode::Archived));
    assert_eq!(up(ModeV1::Legacy(7)), Ok(Mode::Waiting));
    assert_eq!(up(ModeV1::Old), Ok(Mode::Archived));
    assert_eq!(up(ModeV1::Active { since: 5 }), Ok(Mode::Active { since: 5, seen: false }));
    assert_eq!(up(ModeV1::Noted("n".to_owned())), Ok(Mode::Noted("n".to_owned(), 1)));
    assert_eq!(up(ModeV1::Pair(1, "p".to_owned())), Ok(Mode::Pair(1, "p".to_owned())));
    assert_eq!(up(ModeV1::Maybe(3)), Ok(Mode::Maybe(Some(3))));
    let nested = ModeV1::Nested(vec![ModeV1::Pending, ModeV1::Legacy(0)]);
    assert_eq!(up(nested), Ok(Mode::Nested(vec![Mode::Waiting, Mode::Archived])));
    assert_eq!(up(ModeV1::Point { x: 1, y: 2 }), Ok(Mode::Wide { a: 3 }));
    let error = up(ModeV1::Point { x: 300, y: 2 }).unwrap_err();
    assert_eq!(error, "Point: out of range integral type conversion attempted");
}

#[test]
fn variants_go_back_where_they_have_a_counterpart() {
    let down = |new: Mode| store::<_, ModeV1>(new, "1", &mut StepContext::default());
    assert_eq!(down(Mode::Waiting), Ok(ModeV1::Pending));
    assert_eq!(down(Mode::Active { since: 5, seen: true }), Ok(ModeV1::Active { since: 5 }));
    assert_eq!(down(Mode::Stopped), Ok(ModeV1::Pending));
    assert_eq!(down(Mode::Paused("why".to_owned())), Ok(ModeV1::Noted("why".to_owned())));
    assert_eq!(down(Mode::Nested(vec![Mode::Waiting])), Ok(ModeV1::Nested(vec![ModeV1::Pending])));
    assert_eq!(down(Mode::Pair(300, String::new())), Err("Pair.0: 300 does not fit `u8`".to_owned()));
    assert!(down(Mode::Maybe(None)).unwrap_err().starts_with("Maybe: the value is `None`"));
    let error = down(Mode::Nested(vec![Mode::Archived])).unwrap_err();
    assert_eq!(
        error,
        "Nested.[0]: `Archived` has no way back from 2 to 1: give it a `down`".replace(".[", "[")
    );
    assert!(hop::<Mode>(2).reversible, "only some values cannot go back");
}

#[test]
fn a_variant_that_the_other_version_lacks_comes_back_from_the_attic() {
    let mut context = StepContext::default();
    let now: Mode = load("1", &ModeV1::Legacy(9), &mut context).unwrap();
    assert_eq!(now, Mode::Waiting);
    assert_eq!(store(now, "1", &mut context), Ok(ModeV1::Legacy(9)));

    let old: ModeV1 = store(Mode::Stopped, "1", &mut context).unwrap();
    assert_eq!(old, ModeV1::Pending);
    assert_eq!(load("1", &old, &mut context), Ok(Mode::Stopped));

    let _: Mode = load("1", &ModeV1::Legacy(9), &mut context).unwrap();
    let changed: ModeV1 = store(Mode::Active { since: 1, seen: false }, "1", &mut context).unwrap();
    assert_eq!(changed, ModeV1::Active { since: 1 }, "the state is not what it was any more");
}

#[test]
fn the_operations_on_variants_are_listed() {
    let hop = hop::<Mode>(2);
    let said = |kind: &str| {
        let of_kind = hop.operations.iter().filter(|operation| operation.kind == kind);
        of_kind.map(|o| (o.field.as_str(), o.detail.as_deref())).collect::<Vec<_>>()
    };
    assert_eq!(said("rename"), [("Waiting", Some("Pending"))]);
    assert_eq!(said("add"), [("Archived", None), ("Stopped", None), ("Paused", None)]);
    assert_eq!(
        said("remove"),
        [("Legacy", Some("Legacy(u32)")), ("Old", Some("Old")), ("Point", Some("Point { x: i32, y: i32 }"))]
    );
    assert_eq!(said("change"), [("Active", Some("Active { since: u32 }")), ("Noted", Some("Noted(String)"))]);
}

#[state(version = "3")]
#[migrate(from = "2", add(New))]
#[migrate(from = "1", remove(#[default] First, up = LevelV2::Low))]
#[derive(Debug, Clone, Default, PartialEq)]
enum Level {
    Low,
    #[default]
    New,
}

#[test]
fn an_older_enum_has_a_default_only_if_its_default_variant_was_there() {
    use shrine::__private::{Fallback, NoFallback as _};
    assert_eq!(Fallback::<Level>::new().value(), Some(Level::New));
    assert_eq!(Fallback::<LevelV2>::new().value(), None);
    assert_eq!(LevelV1::default(), LevelV1::First);
    assert_eq!(load("1", &LevelV1::First, &mut StepContext::default()), Ok(Level::Low));
}

#[state(version = "2")]
#[migrate(from = "1", with = by_hand, down = back_by_hand, remove(Text(String)), add(Number))]
#[derive(Debug, Clone, PartialEq)]
enum ByHand {
    Number(i64),
    None,
}

fn by_hand(old: ByHandV1) -> Result<ByHand, MigrateError> {
    Ok(match old {
        ByHandV1::Text(text) => ByHand::Number(text.parse()?),
        ByHandV1::None => ByHand::None,
    })
}

fn back_by_hand(new: ByHand) -> Result<ByHandV1, MigrateError> {
    Ok(match new {
        ByHand::Number(number) => ByHandV1::Text(number.to_string()),
        ByHand::None => ByHandV1::None,
    })
}

#[test]
fn an_enum_is_migrated_by_hand() {
    let mut context = StepContext::default();
    assert_eq!(load("1", &ByHandV1::Text("12".to_owned()), &mut context), Ok(ByHand::Number(12)));
    assert_eq!(store(ByHand::Number(12), "1", &mut context), Ok(ByHandV1::Text("12".to_owned())));
    assert!(load::<ByHand, _>("1", &ByHandV1::Text("x".to_owned()), &mut context).is_err());
}

#[widget(id = "sheet", version = "1.0.0")]
#[migrate(from = "0.9.0", rename(count => total), add(step), manual)]
#[migrate(from = "0.8.0", remove(mode: ModeV1), add(level), manual)]
#[derive(Debug, Clone, Default, PartialEq)]
struct Sheet {
    total: i64,
    step: i64,
    level: Level,
}

#[widget]
impl Sheet {}

#[migrate(from = "0.9.0", down = sheet_down)]
fn sheet_up(old: SheetV0_9_0) -> Sheet {
    Sheet { total: old.count, step: 7, level: old.level }
}

fn sheet_down(new: Sheet) -> Result<SheetV0_9_0, MigrateError> {
    Ok(SheetV0_9_0 { count: new.total, level: new.level })
}

#[migrate(from = "0.8.0")]
fn level_up(old: SheetV0_8_0) -> Result<SheetV0_9_0, std::num::ParseIntError> {
    match old.mode {
        ModeV1::Noted(text) => Ok(SheetV0_9_0 { count: text.parse()?, level: Level::Low }),
        _ => Ok(SheetV0_9_0 { count: old.count, level: Level::New }),
    }
}

#[test]
fn functions_make_the_steps_of_manual_hops() {
    let mut context = StepContext::default();
    let old = |text: &str| SheetV0_8_0 { count: 1, mode: ModeV1::Noted(text.to_owned()) };
    assert_eq!(load("0.8.0", &old("4"), &mut context), Ok(Sheet { total: 4, step: 7, level: Level::Low }));
    let error = load::<Sheet, _>("0.8.0", &old("four"), &mut context).unwrap_err();
    assert_eq!(error, "invalid digit found in string");
    let back: SheetV0_9_0 = store(Sheet { total: 4, ..Sheet::default() }, "0.9.0", &mut context).unwrap();
    assert_eq!(back.count, 4);
    let error = store::<_, SheetV0_8_0>(Sheet::default(), "0.8.0", &mut context).unwrap_err();
    assert_eq!(error, "the function `level_up` has no way back from 0.9.0 to 0.8.0: give it a `down`");
    assert!(hop::<Sheet>(1).reversible && !hop::<Sheet>(2).reversible);
}

#[widget(id = "checked", version = "2.0.0")]
#[migrate(from = "1.1.0", rename(n => count), manual)]
#[migrate(from = "1.0.0", change(n: u8, up = |n| i32::from(n) + 1), check = |old, new| new.n == i32::from(old.n) + 1 && old.n < 100)]
#[derive(Debug, Default, PartialEq)]
struct Checked {
    count: i32,
}

#[widget]
impl Checked {}

#[migrate(from = "1.1.0", check = not_negative)]
fn checked_up(old: CheckedV1_1_0) -> Checked {
    Checked { count: old.n - 3 }
}

fn not_negative(old: &CheckedV1_1_0, new: &Checked) -> bool {
    new.count >= 0 && new.count < old.n
}

#[state(version = "2")]
#[migrate(from = "1", rename(Of => On), check = |old, new| matches!((old, new), (SwitchV1::Off, Switch::Off)))]
#[derive(Debug, PartialEq)]
enum Switch {
    Off,
    On(u8),
}

#[test]
fn a_check_that_does_not_hold_ends_the_update() {
    let up = |n| load::<Checked, _>("1.0.0", &CheckedV1_0_0 { n }, &mut StepContext::default());
    assert_eq!(up(5), Ok(Checked { count: 3 }));
    assert_eq!(up(100), Err("the check of the hop from 1.0.0 to 1.1.0 failed".to_owned()));
    assert_eq!(up(1), Err("the check of the hop from 1.1.0 to 2.0.0 failed".to_owned()));

    let up = |old| load::<Switch, _>("1", &old, &mut StepContext::default());
    assert_eq!(up(SwitchV1::Off), Ok(Switch::Off));
    assert_eq!(up(SwitchV1::Of(1)), Err("the check of the hop from 1 to 2 failed".to_owned()));
}

#[widget(id = "shortcut", version = "1.0.0")]
#[migrate(from = "0.7.0", to = "1.0.0", remove(a: u8), rename(n => total), add(via = "shortcut".to_owned(), step = 3))]
#[migrate(from = "0.9.0", to = "1.0.0", rename(count => total), add(step = 1))]
#[migrate(from = "0.8.0", add(via = "steps".to_owned()))]
#[migrate(from = "0.7.0", rename(n => count), remove(a: u8))]
#[migrate(from = "0.6.0", add(a = 6))]
#[migrate(from = "0.6.0", to = "0.9.0", with = early, down = late)]
#[derive(Debug, Clone, Default, PartialEq)]
struct Shortcut {
    total: i64,
    via: String,
    step: i64,
}

#[widget]
impl Shortcut {}

fn early(old: ShortcutV0_6_0) -> Result<ShortcutV0_9_0, MigrateError> {
    Ok(ShortcutV0_9_0 { count: old.n, via: "early".to_owned() })
}

fn late(new: ShortcutV0_9_0) -> Result<ShortcutV0_6_0, MigrateError> {
    Ok(ShortcutV0_6_0 { n: new.count })
}

#[test]
fn a_shortcut_is_taken_where_it_leads_on_the_way() {
    let mut context = StepContext::default();
    let exact: Shortcut = load("0.7.0", &ShortcutV0_7_0 { n: 4, a: 1 }, &mut context).unwrap();
    assert_eq!((exact.total, exact.via.as_str(), exact.step), (4, "shortcut", 3));
    let before: Shortcut = load("0.6.0", &ShortcutV0_6_0 { n: 4 }, &mut StepContext::default()).unwrap();
    assert_eq!((before.via.as_str(), before.step), ("shortcut", 3), "over 0.7.0");
    let on_the_way: ShortcutV0_9_0 =
        load("0.6.0", &ShortcutV0_6_0 { n: 4 }, &mut StepContext::default()).unwrap();
    assert_eq!(on_the_way.via, "early");
    let inside: Shortcut = load("0.8.0", &ShortcutV0_8_0 { count: 4 }, &mut StepContext::default()).unwrap();
    assert_eq!((inside.via.as_str(), inside.step), ("steps", 1));
}

#[test]
fn the_chain_can_be_walked_without_its_shortcuts() {
    let bytes = to_bytes(&ShortcutV0_6_0 { n: 4 }).unwrap();
    let mut context = StepContext::default();
    let stepped = Shortcut::load_by_steps("0.6.0", &mut Decoder::new(&bytes), &mut context).unwrap();
    assert_eq!((stepped.total, stepped.via.as_str(), stepped.step), (4, "steps", 1));
    let back: ShortcutV0_6_0 = store(stepped, "0.6.0", &mut context).unwrap();
    assert_eq!(back, ShortcutV0_6_0 { n: 4 });
}

#[test]
fn shortcuts_are_listed_with_the_version_that_they_lead_from() {
    let mut versions = Vec::new();
    Shortcut::versions(&mut versions);
    let shortcuts = |index: usize| {
        let of = |shortcut: &shrine::__private::ShortcutInfo| {
            (shortcut.to.clone(), shortcut.operations.len(), shortcut.reversible)
        };
        versions[index].shortcuts.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(shortcuts(3), [("1.0.0".to_owned(), 4, true)]);
    assert_eq!(shortcuts(4), [("0.9.0".to_owned(), 2, true)]);
    assert_eq!(shortcuts(0), []);
}

#[state(version = "3")]
#[migrate(from = "2", add(c = 0))]
#[migrate(from = "1", add(b = 0))]
#[migrate(from = "1", to = "3", add(b = 7, c = 7))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Short {
    a: u8,
    b: u8,
    c: u8,
}

#[state(version = "2")]
#[migrate(from = "1", change(items: Vec<ShortV1>))]
#[derive(Debug, Default, PartialEq)]
struct Shorts {
    items: Vec<Short>,
}

#[test]
fn nested_types_take_their_shortcuts() {
    let old = ShortsV1 { items: vec![ShortV1 { a: 1 }] };
    let now: Shorts = load("1", &old, &mut StepContext::default()).unwrap();
    assert_eq!(now.items, [Short { a: 1, b: 7, c: 7 }]);
    assert_eq!(store(now, "1", &mut StepContext::default()), Ok(old));
}

#[state(version = "2")]
#[migrate(from = "1", add(done = false))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Todo {
    text: String,
    done: bool,
}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Tag(String);

#[widget(id = "todos", version = "1.1.0")]
#[migrate(
    from = "1.0.0",
    change(
        items: Vec<TodoV1>,
        by_id: HashMap<u32, TodoV1>,
        by_name: BTreeMap<String, Vec<TodoV1>>,
        by_pair: BTreeMap<(u8, u8), TodoV1>,
        one: Option<Box<TodoV1>>,
        pair: (TodoV1, u8, Tag),
        pairs: Vec<(Option<u8>, [TodoV1; 2])>,
        outcome: Result<TodoV1, String>
    )
)]
#[derive(Debug, Clone, PartialEq)]
struct Todos {
    items: Vec<Todo>,
    by_id: HashMap<u32, Todo>,
    by_name: BTreeMap<String, Vec<Todo>>,
    by_pair: BTreeMap<(u8, u8), Todo>,
    one: Option<Box<Todo>>,
    pair: (Todo, u32, Tag),
    pairs: Vec<(Option<u8>, [Todo; 2])>,
    outcome: Result<Todo, String>,
}

#[widget]
impl Todos {}

impl Default for Todos {
    fn default() -> Self {
        let todo = |text: &str| Todo { text: text.to_owned(), done: text.len() % 2 == 1 };
        Self {
            items: vec![todo("a"), todo("bb")],
            by_id: [(1, todo("a")), (2, todo("bb")), (3, todo("ccc"))].into(),
            by_name: [("x".to_owned(), vec![todo("a"), todo("bb")]), ("y".to_owned(), vec![todo("c")])]
                .into(),
            by_pair: [((1, 1), todo("a")), ((1, 2), todo("bb"))].into(),
            one: Some(Box::new(todo("a"))),
            pair: (todo("a"), 7, Tag("t".to_owned())),
            pairs: vec![(None, [todo("aa"), todo("b")]), (Some(1), [todo("c"), todo("dd")])],
            outcome: Ok(todo("a")),
        }
    }
}

#[test]
fn versioned_types_convert_in_every_container() {
    let mut context = StepContext::default();
    let old: TodosV1_0_0 = store(Todos::default(), "1.0.0", &mut context).unwrap();
    assert_eq!(old.pair, (TodoV1 { text: "a".to_owned() }, 7, Tag("t".to_owned())));
    let attic = StepContext::new(from_bytes(&to_bytes(&context.into_attic()).unwrap()).unwrap());

    let fresh: Todos = load("1.0.0", &old, &mut StepContext::default()).unwrap();
    assert!(fresh.items.iter().chain(fresh.by_id.values()).all(|todo| !todo.done));
    let mut context = attic;
    assert_eq!(load("1.0.0", &old, &mut context), Ok(Todos::default()), "each came back to its own place");
}

#[test]
fn an_error_in_a_container_names_the_way_to_it() {
    let new = Todos { pair: (Todo::default(), 256, Tag::default()), ..Todos::default() };
    let error = store::<_, TodosV1_0_0>(new, "1.0.0", &mut StepContext::default()).unwrap_err();
    assert_eq!(error, "pair.1: 256 does not fit `u8`");
}

#[widget(id = "foreign", version = "1.1.0")]
#[migrate(
    from = "1.0.0",
    remove(#[state(opaque = "uuid@1")] old_id: Uuid, gone: u8),
    add(maybe = |old| Some(old.old_id)),
    change(#[state(opaque = "uuid@0")] id: Uuid, at: i64, up = |at| DateTime::from_timestamp(at, 0).unwrap_or_default(), down = |at| at.timestamp())
)]
#[derive(Debug, Clone, Default, PartialEq)]
struct ForeignTypes {
    #[state(opaque = "uuid@1")]
    id: Uuid,
    #[state(opaque = "chrono-datetime@1")]
    at: DateTime<Utc>,
    #[state(opaque = "uuid@1")]
    maybe: Option<Uuid>,
    nested: Vec<Option<Id>>,
    either: Either,
}

#[widget]
impl ForeignTypes {}

#[state]
#[derive(Debug, Clone, Default, PartialEq)]
struct Id(#[state(opaque = "uuid@1")] Option<Uuid>);

#[state(version = "2")]
#[migrate(from = "1", rename(Key => Id))]
#[derive(Debug, Clone, Default, PartialEq)]
enum Either {
    #[default]
    Neither,
    Id(#[state(opaque = "uuid@1")] Uuid),
    Both {
        #[state(opaque = "uuid@1")]
        id: Uuid,
        n: u8,
    },
    Pair(#[state(opaque = "uuid@1")] Uuid, u8),
}

fn foreign_types() -> ForeignTypes {
    let id = Uuid::from_u128(0x1234_5678);
    ForeignTypes {
        id,
        at: DateTime::from_timestamp(1_700_000_000, 5).unwrap(),
        maybe: None,
        nested: vec![None, Some(Id(None)), Some(Id(Some(id)))],
        either: Either::Both { id, n: 1 },
    }
}

#[test]
fn foreign_types_are_kept_under_their_codec() {
    let state = foreign_types();
    let bytes = to_bytes(&state).unwrap();
    assert_eq!(from_bytes(&bytes).as_ref(), Ok(&state));
    let value: Value = from_bytes(&bytes).unwrap();
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(text("id").as_deref(), Some("00000000-0000-0000-0000-000012345678"));
    assert_eq!(text("at").as_deref(), Some("2023-11-14T22:13:20.000000005Z"));

    let shape = shape_of::<ForeignTypes>();
    assert_eq!(shape.fingerprint(), ForeignTypes::FINGERPRINT);
    let json = shrine::state::json::to_json(&value, &shape);
    assert_eq!(json["either"]["Both"]["id"], "00000000-0000-0000-0000-000012345678");
    assert_eq!(shrine::state::json::from_json(&json, &shape).ok(), Some(value));
    for either in [Either::Neither, Either::Id(Uuid::nil()), Either::Pair(Uuid::max(), 3)] {
        assert_eq!(from_bytes(&to_bytes(&either).unwrap()), Ok(either));
    }
}

#[test]
fn another_name_of_the_codec_is_another_type() {
    #[state]
    struct One(#[state(opaque = "uuid@1")] Uuid);
    #[state]
    struct Two(#[state(opaque = "uuid@2")] Uuid);
    assert_ne!(One::FINGERPRINT, Two::FINGERPRINT);
    assert_eq!(Id::FINGERPRINT, One::FINGERPRINT, "the type takes no part");
    assert_eq!((One(Uuid::nil()).0, Two(Uuid::nil()).0), (Uuid::nil(), Uuid::nil()));
}

#[test]
fn foreign_types_migrate_and_wait_in_the_attic() {
    let old = ForeignTypesV1_0_0 {
        id: Uuid::nil(),
        at: 1_700_000_000,
        old_id: Uuid::max(),
        gone: 3,
        nested: Vec::new(),
        either: Either::Neither,
    };
    let mut context = StepContext::default();
    let now: ForeignTypes = load("1.0.0", &old, &mut context).unwrap();
    assert_eq!((now.maybe, now.at.timestamp()), (Some(Uuid::max()), 1_700_000_000));
    let changed = ForeignTypes { maybe: Some(Uuid::from_u128(7)), ..now };
    let back: ForeignTypesV1_0_0 = store(changed.clone(), "1.0.0", &mut context).unwrap();
    assert_eq!((back.old_id, back.gone), (Uuid::max(), 3));
    assert_eq!(load("1.0.0", &back, &mut context), Ok(changed));
}

#[state]
#[derive(Debug, PartialEq)]
struct NoDefault(u8);

#[widget(id = "defaults", version = "1.0.0")]
#[migrate(from = "0.9.0", remove(gone: u8))]
#[migrate(from = "0.8.0", remove(unfit: NoDefault))]
#[derive(Debug, Default, PartialEq)]
struct Defaults {
    n: u8,
}

#[widget]
impl Defaults {}

#[test]
fn an_older_struct_has_a_default_if_all_its_types_do() {
    use shrine::__private::{Fallback, NoFallback as _};
    assert_eq!(DefaultsV0_9_0::default(), DefaultsV0_9_0 { n: 0, gone: 0 });
    assert_eq!(Fallback::<DefaultsV0_8_0>::new().value(), None);
    let old = DefaultsV0_8_0 { n: 3, gone: 1, unfit: NoDefault(2) };
    assert_eq!(load("0.8.0", &old, &mut StepContext::default()), Ok(Defaults { n: 3 }));
}

type Nothing = ();

#[state]
#[derive(Debug, Clone, PartialEq)]
enum Bare {
    Off,
    Low,
    Named,
    Deep,
}

#[state]
#[derive(Debug, Clone, PartialEq)]
enum Wrapped {
    Off(()),
    Low(Nothing),
    Named,
    Deep(Box<()>),
}

#[test]
fn a_variant_that_carries_nothing_is_encoded_like_one_without_fields() {
    assert!(shape_of::<Bare>().matches(&shape_of::<Wrapped>()));
    let pairs = [
        (Bare::Off, Wrapped::Off(())),
        (Bare::Low, Wrapped::Low(())),
        (Bare::Named, Wrapped::Named),
        (Bare::Deep, Wrapped::Deep(Box::new(()))),
    ];
    for (bare, wrapped) in pairs {
        let bytes = to_bytes(&bare).unwrap();
        assert_eq!(bytes, to_bytes(&wrapped).unwrap());
        assert_eq!((from_bytes(&bytes), from_bytes(&bytes)), (Ok(bare), Ok(wrapped)));
    }
}

fn noted(reason: String) -> PhaseV1 {
    PhaseV1::Noted { text: reason }
}

fn of_point(point: PhaseV1Point) -> Phase {
    Phase::At(point.x, point.y)
}

fn small(number: u32) -> Result<Phase, std::num::TryFromIntError> {
    u8::try_from(number).map(Phase::Level)
}

#[state(version = "2")]
#[migrate(
    from = "1",
    add(Paused, down = noted, Named, down = PhaseV1::Word, Level, down = PhaseV1::Idle),
    remove(
        Point { x: i32, y: i32 }, up = of_point,
        Number(u32), try_up = small,
        Flag(u8), up = Phase::Level,
        Text(String), up = Phase::Idle,
        Noted { text: String }, up = Phase::Idle,
        Word(String), up = Phase::Named
    )
)]
#[derive(Debug, Clone, Default, PartialEq)]
enum Phase {
    #[default]
    Idle,
    At(i32, i32),
    Level(u8),
    Paused(String),
    Named(String),
}

#[test]
fn what_becomes_of_a_variant_may_be_a_function_or_a_value() {
    let up = |old: PhaseV1| load::<Phase, _>("1", &old, &mut StepContext::default());
    assert_eq!(up(PhaseV1::Point { x: 1, y: 2 }), Ok(Phase::At(1, 2)));
    assert_eq!(up(PhaseV1::Number(7)), Ok(Phase::Level(7)));
    assert!(up(PhaseV1::Number(700)).unwrap_err().starts_with("Number: "));
    assert_eq!(up(PhaseV1::Flag(3)), Ok(Phase::Level(3)), "a variant is a function of what it carries");
    assert_eq!(up(PhaseV1::Text("gone".to_owned())), Ok(Phase::Idle), "or a value");
    let down = |new: Phase| store::<_, PhaseV1>(new, "1", &mut StepContext::default());
    assert_eq!(down(Phase::Paused("why".to_owned())), Ok(PhaseV1::Noted { text: "why".to_owned() }));
    assert_eq!(down(Phase::Named("n".to_owned())), Ok(PhaseV1::Word("n".to_owned())));
    assert_eq!(down(Phase::Level(1)), Ok(PhaseV1::Idle));
}

/// Began without state, and is without it again.
#[state(version = "3")]
#[migrate(from = "2", remove(ticks: u8))]
#[migrate(from = "1", add(ticks = 7))]
#[derive(Debug, Clone, PartialEq)]
struct Lamp;

#[test]
fn a_struct_without_fields_gets_one_and_loses_it_again() {
    use shrine::State;

    let migrated = shrine::migrate_from::<Lamp, _>(LampV1 {}).unwrap();
    assert_eq!((migrated.state, migrated.report.to_string().contains("removed  ticks: u8")), (Lamp, true));
    assert_eq!(shrine::migrate_from::<LampV2, _>(LampV1 {}).unwrap().state, LampV2 { ticks: 7 });
    #[state]
    struct First;
    assert_eq!(First::FINGERPRINT, LampV1::FINGERPRINT);
}

#[state(version = "2")]
#[migrate(from = "1", change(n: u8))]
#[derive(Debug, Clone, PartialEq)]
struct Coin {
    n: u16,
}

/// A place for each type of std beside a versioned one.
#[state(version = "2")]
#[migrate(from = "1", change(
    slice: Box<[CoinV1]>,
    linked: std::collections::LinkedList<CoinV1>,
    wrapping: std::num::Wrapping<u8>,
    beside: (CoinV1, Box<str>, std::borrow::Cow<'static, str>, std::num::NonZeroU8, std::path::PathBuf),
    sets: (CoinV1, BTreeSet<u8>, std::collections::HashSet<u8>, std::collections::BinaryHeap<u8>)
))]
#[derive(Debug, Clone)]
struct Purse {
    slice: Box<[Coin]>,
    linked: std::collections::LinkedList<Coin>,
    wrapping: std::num::Wrapping<u16>,
    beside: (Coin, Box<str>, std::borrow::Cow<'static, str>, std::num::NonZeroU8, std::path::PathBuf),
    sets: (Coin, BTreeSet<u8>, std::collections::HashSet<u8>, std::collections::BinaryHeap<u8>),
}

#[test]
fn versioned_types_convert_inside_of_and_beside_all_types_of_std() {
    let (old, new) = (CoinV1 { n: 1 }, Coin { n: 1 });
    let one = std::num::NonZeroU8::MIN;
    let purse = PurseV1 {
        slice: [old.clone(), old.clone()].into(),
        linked: [old.clone()].into(),
        wrapping: std::num::Wrapping(9),
        beside: (old.clone(), "a".into(), "b".into(), one, "c".into()),
        sets: (old, [1].into(), [2].into(), [3].into()),
    };
    let Purse { slice, linked, wrapping, beside, sets } =
        shrine::migrate_from::<Purse, _>(purse).unwrap().state;
    assert_eq!((&slice[..], linked.front(), wrapping.0), (&[new.clone(), new.clone()][..], Some(&new), 9));
    assert_eq!(beside, (new.clone(), "a".into(), "b".into(), one, "c".into()));
    assert_eq!((&sets.0, &sets.1, &sets.2, sets.3.peek()), (&new, &[1].into(), &[2].into(), Some(&3)));
    shrine::fixtures::Laws::<Purse>::new().check().assert();
}
