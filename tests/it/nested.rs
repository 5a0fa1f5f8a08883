//! Versioned types inside of a widget whose own version is not raised: their own hops carry them.

use std::collections::BTreeMap;

use shrine::abi::handle::Library;
use shrine::event::{FieldChange, PlanKind, Refusal, RollBack, Update};
use shrine::prelude::*;
use shrine::registry::{HotUpdate, ManualClock, Outcome, Registry, Unbumped};
use shrine::{Behaviour, State, Widget};

/// Writes the code of one time: a widget that holds the item in every way.
macro_rules! code {
    ($module:ident, $id:literal, { $($extra:tt)* }, $($item:tt)*) => {
        mod $module {
            #![allow(dead_code)]

            use super::*;

            $($item)*

            #[state]
            #[derive(Debug, Clone, PartialEq)]
            pub(super) enum Event {
                Nothing,
                Added(Item),
                Moved { item: Item, to: u32 },
            }

            #[widget(id = $id, version = "1.0.0")]
            #[derive(Debug, Clone, PartialEq)]
            pub(super) struct List {
                pub(super) items: Vec<Item>,
                pub(super) named: BTreeMap<String, Option<Item>>,
                pub(super) pair: (u8, Box<Item>),
                pub(super) last: Event,
                pub(super) before: Event,
                pub(super) both: [Item; 2],
                pub(super) deep: Vec<Option<Vec<Item>>>,
                $($extra)*
            }

            #[widget]
            impl List {
                #[input]
                fn touch(&mut self, n: u8) {
                    self.pair.0 = n;
                }
            }

            impl List {
                /// Filled with items of that making.
                pub(super) fn full(item: impl Fn(&str, i64) -> Item) -> [Event; 2] {
                    [Event::Added(item("last", 6)), Event::Moved { item: item("before", 7), to: 9 }]
                }
            }
        }
    };
}

code! { first, "nested-1", {},
    #[state]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Item {
        pub(super) text: String,
        pub(super) n: i32,
        pub(super) note: String,
        pub(super) tag: Tag,
    }

    #[state(version = "1")]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Tag {
        pub(super) name: String,
    }
}

code! { second, "nested-2", {},
    #[state(version = "2")]
    #[migrate(from = "1", rename(text => title), change(n: i32), remove(note: String), add(done = |old| old.n > 3))]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Item {
        pub(super) title: String,
        pub(super) n: i64,
        pub(super) done: bool,
        pub(super) tag: Tag,
    }

    #[state(version = "1")]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Tag {
        pub(super) name: String,
    }
}

code! { third, "nested-3", { pub(super) extra: u16, },
    #[state(version = "3")]
    #[migrate(from = "2", change(title: String, try_up = short, down = |title: String| title))]
    #[migrate(from = "1", rename(text => title), change(n: i32), remove(note: String), add(done = |old| old.n > 3))]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Item {
        pub(super) title: String,
        pub(super) n: i64,
        pub(super) done: bool,
        pub(super) tag: Tag,
    }

    #[state(version = "2")]
    #[migrate(from = "1", rename(name => label))]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Tag {
        pub(super) label: String,
    }

    fn short(title: String) -> Result<String, String> {
        match title.as_str() {
            "long" => Err("a title is short".to_owned()),
            "panic" => panic!("no title"),
            _ => Ok(title.to_uppercase()),
        }
    }

    impl Default for List {
        fn default() -> Self {
            let item = || Item { title: String::new(), n: 0, done: false, tag: Tag { label: String::new() } };
            Self {
                items: Vec::new(),
                named: BTreeMap::new(),
                pair: (0, Box::new(item())),
                last: Event::Nothing,
                before: Event::Nothing,
                both: [item(), item()],
                deep: Vec::new(),
                extra: 7,
            }
        }
    }
}

// The same without a hop, with a hop that has no way back, and with other words for an enum.
code! { lost, "nested-lost", {},
    #[state(version = "2")]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Item {
        pub(super) title: String,
    }
}

code! { one_way, "nested-one-way", {},
    #[state(version = "2")]
    #[migrate(from = "1", change(text: String, up = |text| text.len()))]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Item {
        pub(super) text: usize,
        pub(super) n: i32,
        pub(super) note: String,
        pub(super) tag: Tag,
    }

    #[state(version = "1")]
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Tag {
        pub(super) name: String,
    }
}

macro_rules! empty_by_default {
    ($($module:ident: $item:expr;)*) => { $(
        impl Default for $module::List {
            fn default() -> Self {
                use $module::{Event, Item, List};
                let item: fn() -> Item = || $item;
                List {
                    items: Vec::new(),
                    named: BTreeMap::new(),
                    pair: (0, Box::new(item())),
                    last: Event::Nothing,
                    before: Event::Nothing,
                    both: [item(), item()],
                    deep: Vec::new(),
                }
            }
        }
    )* };
}

empty_by_default! {
    first: first("", 0);
    second: second("", 0);
    lost: Item { title: String::new() };
    one_way: Item { text: 0, n: 0, note: String::new(), tag: one_way::Tag { name: String::new() } };
}

fn first(text: &str, n: i64) -> first::Item {
    let tag = first::Tag { name: format!("tag of {text}") };
    first::Item { text: text.to_owned(), n: n as i32, note: format!("note on {text}"), tag }
}

fn second(title: &str, n: i64) -> second::Item {
    let tag = second::Tag { name: format!("tag of {title}") };
    second::Item { title: title.to_owned(), n, done: n > 3, tag }
}

fn third(title: &str, n: i64) -> third::Item {
    let tag = third::Tag { label: format!("tag of {title}") };
    third::Item { title: title.to_uppercase(), n, done: n > 3, tag }
}

/// A list with an item in every place.
macro_rules! full {
    ($module:ident $(, $extra:ident: $value:expr)?) => {{
        let [last, before] = $module::List::full($module);
        $module::List {
            items: vec![$module("a", 1), $module("b", 2)],
            named: BTreeMap::from([("some".to_owned(), Some($module("some", 3))), ("none".to_owned(), None)]),
            pair: (1, Box::new($module("pair", 4))),
            last,
            before,
            both: [$module("left", 8), $module("right", 9)],
            deep: vec![None, Some(vec![$module("deep", 10)])],
            $($extra: $value)?
        }
    }};
}

fn library<W: Widget + Behaviour>() -> Library {
    Library::in_process("list").with_as::<W>("list").expect("opens")
}

fn update<W: Widget + Behaviour>(registry: &mut Registry) -> Outcome {
    registry.hot_update(library::<W>(), HotUpdate::default())
}

fn updated<W: Widget + Behaviour>(registry: &mut Registry) -> Update {
    match update::<W>(registry) {
        Outcome::Updated(update) => update,
        other => panic!("expected an update, got {other:?}"),
    }
}

fn refused<W: Widget + Behaviour>(registry: &mut Registry) -> Refusal {
    match update::<W>(registry) {
        Outcome::Refused(refusal) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn rolled_back<W: Widget + Behaviour>(registry: &mut Registry) -> RollBack {
    match update::<W>(registry) {
        Outcome::RolledBack(why) => why,
        other => panic!("expected a roll-back, got {other:?}"),
    }
}

/// A registry that runs `W` with that state.
fn running<W: Widget + Behaviour>(state: &W) -> Registry {
    let mut registry = Registry::with_clock(ManualClock::default());
    updated::<W>(&mut registry);
    registry.create("list", "list").expect("creates");
    set(&mut registry, state);
    registry
}

fn set<W: Widget>(registry: &mut Registry, state: &W) {
    let value =
        shrine::state::from_bytes(&shrine::state::to_bytes(state).expect("encodes")).expect("decodes");
    let json = shrine::state::json::to_json(&value, &shrine::state::shape_of::<W>());
    registry.set_json("list", &json).expect("sets");
}

fn state<T: State>(registry: &mut Registry) -> T {
    registry.state("list").expect("has that state")
}

/// What was carried: place, versions, how many.
fn migrated(update: &Update) -> Vec<(&str, &str, usize)> {
    let lines = update.report.iter().filter(|line| line.what == FieldChange::Migrated);
    lines.map(|line| (line.field.as_str(), line.detail.as_str(), line.count)).collect()
}

const PLACES: [(&str, usize); 7] = [
    ("items[]", 2),
    ("named[]", 1),
    ("pair.1", 1),
    ("last.Added", 1),
    ("before.Moved.item", 1),
    ("both[]", 2),
    ("deep[][]", 1),
];

#[test]
fn a_nested_type_goes_over_its_own_hop_wherever_it_stands() {
    let mut registry = running(&full!(first));
    let update = updated::<second::List>(&mut registry);
    assert_eq!(update.widgets[0].plan, PlanKind::Structural);
    assert_eq!(migrated(&update), PLACES.map(|(place, count)| (place, "Item 1 -> 2", count)));
    let of_items: Vec<_> = update.report.iter().filter(|line| line.field.starts_with("items[].")).collect();
    let of_items: Vec<_> = of_items.iter().map(|line| (line.field.as_str(), line.what)).collect();
    let expected = [
        ("items[].title", FieldChange::Renamed),
        ("items[].n", FieldChange::Changed),
        ("items[].note", FieldChange::Removed),
        ("items[].done", FieldChange::Added),
    ];
    assert_eq!(of_items, expected);
    assert_eq!(state::<second::List>(&mut registry), full!(second));
}

#[test]
fn a_reverted_edit_steps_each_down_and_brings_back_what_it_lost() {
    let mut registry = running(&full!(first));
    updated::<second::List>(&mut registry);
    // So that no checkpoint is the same.
    registry.send("list.touch", &5_u8).expect("sends");
    registry.poll();
    let update = updated::<first::List>(&mut registry);
    assert_eq!(migrated(&update), PLACES.map(|(place, count)| (place, "Item 2 -> 1", count)));
    let expected = first::List { pair: (5, Box::new(first("pair", 4))), ..full!(first) };
    assert_eq!(state::<first::List>(&mut registry), expected);
}

#[test]
fn two_versions_behind_with_other_edits_around_and_types_inside_that_were_raised_too() {
    let mut registry = running(&full!(first));
    let update = updated::<third::List>(&mut registry);
    assert_eq!(state::<third::List>(&mut registry), full!(third, extra: 7));
    let migrated = migrated(&update);
    assert!(migrated.contains(&("items[]", "Item 1 -> 3", 2)), "{migrated:?}");
    assert!(migrated.contains(&("items[].tag", "Tag 1 -> 2", 2)), "{migrated:?}");
    assert!(update.report.iter().any(|line| line.field == "extra" && line.what == FieldChange::Defaulted));

    registry.send("list.touch", &5_u8).expect("sends");
    registry.poll();
    updated::<first::List>(&mut registry);
    let back: first::List = state(&mut registry);
    let upper = |text: &str, n| first::Item { text: text.to_uppercase(), ..first(text, n) };
    assert_eq!(back.items, [upper("a", 1), upper("b", 2)], "its author's way back, and the attic");
    assert_eq!(back.named["some"], Some(upper("some", 3)));
}

#[test]
fn a_hop_that_says_no_fails_the_update_with_the_place() {
    for (text, reason) in [("long", "a title is short"), ("panic", "no title")] {
        let mut full = full!(first);
        full.items[1].text = text.to_owned();
        let mut registry = running(&full);
        let why = rolled_back::<third::List>(&mut registry);
        assert_eq!(why.phase, "migrate");
        assert!(why.reason.starts_with("items[1]") && why.reason.contains(reason), "{}", why.reason);
        assert_eq!(state::<first::List>(&mut registry), full);
    }
    let mut full = full!(first);
    full.named.insert("some".to_owned(), Some(first("long", 1)));
    let mut registry = running(&full);
    let why = rolled_back::<third::List>(&mut registry);
    assert_eq!(why.reason, r#"named["some"].title: a title is short"#);
}

#[test]
fn a_version_that_nothing_leads_to_is_refused_with_the_line_to_write() {
    // Though no list has an item: what is decided does not depend on what is in them.
    let mut registry = running(&first::List::default());
    let refusal = refused::<lost::List>(&mut registry);
    let reason =
        "`items[]`: `Item` is at version 1 in the running state, and no migration leads from there to 2";
    assert_eq!(refusal.reason, reason);
    assert!(refusal.help.starts_with("write `#[migrate(from = \"1\", "), "{}", refusal.help);
    assert!(refusal.help.ends_with("below `#[state(version = ..)]` of `Item`"), "{}", refusal.help);
}

#[test]
fn a_way_back_that_is_missing_is_refused_unless_the_state_is_what_it_was() {
    let mut registry = running(&full!(first));
    updated::<one_way::List>(&mut registry);
    updated::<first::List>(&mut registry);
    assert_eq!(
        state::<first::List>(&mut registry),
        full!(first),
        "nothing has changed: the checkpoint is exact"
    );

    updated::<one_way::List>(&mut registry);
    registry.send("list.touch", &5_u8).expect("sends");
    registry.poll();
    let refusal = refused::<first::List>(&mut registry);
    let reason = "`items[]`: `Item` is at version 2 in the running state, and cannot go back to 1: the hop from 1 has no way back";
    assert_eq!(refusal.reason, reason);
    assert!(refusal.help.contains("`#[migrate(from = \"1\", ..)]` of `Item` a `down`"), "{}", refusal.help);
    assert_eq!(state::<one_way::List>(&mut registry).pair.0, 5);
}

#[test]
fn state_that_is_newer_than_the_code_that_runs_knows_is_refused() {
    let mut registry = running(&lost::List::default());
    let refusal = refused::<first::List>(&mut registry);
    let reason = "`items[]`: `Item` is at version 2 in the running state, which the code that runs does not lead back to 1";
    assert_eq!(refusal.reason, reason);
}

#[test]
fn undo_carries_a_state_of_before_the_edit() {
    let mut registry = running(&full!(first));
    updated::<second::List>(&mut registry);
    set(&mut registry, &second::List::default());
    registry.undo("list").expect("undoes");
    registry.undo("list").expect("undoes");
    assert_eq!(state::<second::List>(&mut registry), full!(second));
}

#[test]
fn policies_decide_about_it_as_about_any_edit_without_a_bump() {
    let with = |policy, registry: &mut Registry| {
        registry.hot_update(library::<second::List>(), HotUpdate::default().unbumped(policy))
    };
    let mut registry = running(&full!(first));
    let Outcome::Refused(refusal) = with(Unbumped::Refuse, &mut registry) else { panic!("refused") };
    assert!(refusal.reason.contains("without a new version"), "{}", refusal.reason);
    assert!(matches!(with(Unbumped::Reset, &mut registry), Outcome::Updated(_)));
    assert_eq!(state::<second::List>(&mut registry), second::List::default());

    let mut registry = running(&full!(first));
    let reset = HotUpdate::default().unbumped(Unbumped::Reset);
    assert!(matches!(registry.hot_update(library::<lost::List>(), reset), Outcome::Updated(_)));
}

#[test]
fn a_dry_run_says_how_many_would_be_carried() {
    let mut registry = running(&full!(first));
    let outcome = registry.hot_update(library::<second::List>(), HotUpdate::default().dry_run());
    let Outcome::Planned(plan) = outcome else { panic!("planned") };
    let line = plan.instances[0].report.iter().find(|line| line.field == "items[]").expect("a line");
    assert_eq!((line.what, line.detail.as_str(), line.count), (FieldChange::Migrated, "Item 1 -> 2", 2));
    assert_eq!(state::<first::List>(&mut registry), full!(first));
}

/// A widget that was raised, whose older version has the item as it is now: the item's own hop leads there first.
mod raised {
    use super::*;

    pub(super) mod before {
        use super::*;

        #[state(version = "1")]
        #[derive(Debug, Clone, PartialEq)]
        pub(in super::super) struct Entry {
            pub(in super::super) text: String,
        }

        #[widget(id = "raised-1", version = "1.0.0")]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(in super::super) struct Book {
            pub(in super::super) entries: Vec<Entry>,
            pub(in super::super) gone: Option<Entry>,
        }

        #[widget]
        impl Book {}
    }

    pub(super) mod after {
        use super::*;

        #[state(version = "2")]
        #[migrate(from = "1", rename(text => title))]
        #[derive(Debug, Clone, PartialEq)]
        pub(in super::super) struct Entry {
            pub(in super::super) title: String,
        }

        #[widget(id = "raised-2", version = "2.0.0")]
        #[migrate(from = "1.0.0", add(count = |old| old.entries.len() as u64), remove(gone: Option<Entry>))]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(in super::super) struct Book {
            pub(in super::super) entries: Vec<Entry>,
            pub(in super::super) count: u64,
        }

        #[widget]
        impl Book {}
    }
}

#[test]
fn a_widget_that_was_raised_without_naming_the_item_meets_its_chain_over_the_hop_of_the_item() {
    let entry = |text: &str| raised::before::Entry { text: text.to_owned() };
    let before = raised::before::Book { entries: vec![entry("a")], gone: Some(entry("b")) };
    let mut registry = running(&before);
    let update = updated::<raised::after::Book>(&mut registry);
    assert_eq!(update.widgets[0].plan, PlanKind::Chain);
    assert_eq!(migrated(&update), [("entries[]", "Entry 1 -> 2", 1), ("gone", "Entry 1 -> 2", 1)]);
    let entries = vec![raised::after::Entry { title: "a".to_owned() }];
    assert_eq!(state::<raised::after::Book>(&mut registry), raised::after::Book { entries, count: 1 });

    // And back, with what only the older version has: from the attic, through the item's own way down.
    registry.set_json("list", &serde_json::json!({"entries": [{"title": "c"}], "count": 1})).expect("sets");
    updated::<raised::before::Book>(&mut registry);
    let expected = raised::before::Book { entries: vec![entry("c")], gone: Some(entry("b")) };
    assert_eq!(state::<raised::before::Book>(&mut registry), expected);
}

/// A type that contains itself, and an enum whose variants were renamed.
mod recursive {
    use super::*;

    pub(super) mod before {
        use super::*;

        #[state(version = "1")]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(in super::super) struct Tree {
            pub(in super::super) n: i32,
            pub(in super::super) mode: Mode,
            pub(in super::super) below: Vec<Tree>,
        }

        #[state(version = "1")]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(in super::super) enum Mode {
            #[default]
            Off,
            Running(u32),
        }

        #[widget(id = "tree-1", version = "1.0.0")]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(in super::super) struct Forest {
            pub(in super::super) root: Tree,
        }

        #[widget]
        impl Forest {}
    }

    pub(super) mod after {
        use super::*;

        #[state(version = "2")]
        #[migrate(from = "1", rename(n => count))]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(in super::super) struct Tree {
            pub(in super::super) count: i32,
            pub(in super::super) mode: Mode,
            pub(in super::super) below: Vec<Tree>,
        }

        #[state(version = "2")]
        #[migrate(from = "1", rename(Running => On))]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(in super::super) enum Mode {
            #[default]
            Off,
            On(u32),
        }

        #[widget(id = "tree-2", version = "1.0.0")]
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(in super::super) struct Forest {
            pub(in super::super) root: Tree,
        }

        #[widget]
        impl Forest {}
    }
}

#[test]
fn types_that_contain_themselves_are_carried_whole_and_back() {
    use recursive::{after, before};
    let old = |n, mode, below| before::Tree { n, mode, below };
    let new = |count, mode, below| after::Tree { count, mode, below };
    let root = old(
        1,
        before::Mode::Running(3),
        vec![old(2, before::Mode::Off, vec![old(3, before::Mode::Running(4), vec![])])],
    );
    let expected =
        new(1, after::Mode::On(3), vec![new(2, after::Mode::Off, vec![new(3, after::Mode::On(4), vec![])])]);
    let mut registry = running(&before::Forest { root: root.clone() });
    updated::<after::Forest>(&mut registry);
    assert_eq!(state::<after::Forest>(&mut registry).root, expected);
    registry.create("other", "list").expect("creates");
    updated::<before::Forest>(&mut registry);
    assert_eq!(state::<before::Forest>(&mut registry).root, root);
}

/// Two types that are alike in everything but their names and what their hops do.
mod alike {
    use super::*;

    pub(super) mod before {
        use super::*;

        #[state]
        #[derive(Debug, Default)]
        pub(in super::super) struct Twice {
            pub(in super::super) n: i32,
        }

        #[state]
        #[derive(Debug, Default)]
        pub(in super::super) struct Thrice {
            pub(in super::super) n: i32,
        }

        #[widget(id = "alike-1", version = "1.0.0")]
        #[derive(Debug, Default)]
        pub(in super::super) struct Pair {
            pub(in super::super) twice: Twice,
            pub(in super::super) thrice: Thrice,
        }

        #[widget]
        impl Pair {}
    }

    pub(super) mod after {
        use super::*;

        #[state(version = "2.0")]
        #[migrate(from = "1.0", change(n: i32, up = |n| i64::from(n) * 2))]
        #[derive(Debug, Default, PartialEq)]
        pub(in super::super) struct Twice {
            pub(in super::super) n: i64,
        }

        #[state(version = "2")]
        #[migrate(from = "1", change(n: i32, up = |n| i64::from(n) * 3))]
        #[derive(Debug, Default, PartialEq)]
        pub(in super::super) struct Thrice {
            pub(in super::super) n: i64,
        }

        #[widget(id = "alike-2", version = "1.0.0")]
        #[derive(Debug, Default, PartialEq)]
        pub(in super::super) struct Pair {
            pub(in super::super) twice: Twice,
            pub(in super::super) thrice: Thrice,
        }

        #[widget]
        impl Pair {}
    }
}

#[test]
fn types_that_are_alike_go_over_their_own_hops() {
    use alike::{after, before};
    let pair = before::Pair { twice: before::Twice { n: 1 }, thrice: before::Thrice { n: 1 } };
    let mut registry = running(&pair);
    updated::<after::Pair>(&mut registry);
    let expected = after::Pair { twice: after::Twice { n: 2 }, thrice: after::Thrice { n: 3 } };
    assert_eq!(state::<after::Pair>(&mut registry), expected);
}
