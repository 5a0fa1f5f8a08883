//! The whole grammar of `#[migrate]`, at work.

use shrine::__private::Chain;
use shrine::prelude::*;
use shrine::state::codec::{Decoder, Encoder};
use shrine::state::{from_bytes, to_bytes};
use shrine::{State, StepContext};

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
