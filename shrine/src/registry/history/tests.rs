//! What a history promises, case by case. `model` tries the rest.

use super::updates::{Mark, UpdateCheckpoints};
use super::*;
use crate::abi::handle::Library;
use crate::prelude::*;

#[widget(id = "past", version = "1.0.0")]
#[derive(Debug, Default)]
struct First {}

#[widget]
impl First {}

#[widget(id = "past.minor", version = "1.1.0")]
#[derive(Debug, Default)]
struct Second {}

#[widget]
impl Second {}

#[widget(id = "past.major", version = "2.0.0")]
#[derive(Debug, Default)]
struct Third {}

#[widget]
impl Third {}

/// Code of the versions 1.0.0, 1.1.0 and 2.0.0.
pub(super) fn modules() -> Vec<Arc<Module>> {
    let library = Library::in_process("past").with::<First>();
    let library = library.and_then(Library::with::<Second>).and_then(Library::with::<Third>);
    library.expect("links").modules().to_vec()
}

pub(super) fn snapshot(module: &Arc<Module>, state: &[u8]) -> Snapshot {
    Snapshot { module: Arc::clone(module), state: state.into(), attic: Arc::default() }
}

/// A history, and the means to put states of one letter into it.
struct Past {
    history: History,
    module: Arc<Module>,
}

impl Past {
    /// With the state `a`, and a message for each other one.
    fn of(states: &str) -> Self {
        let module = modules().swap_remove(0);
        let mut letters = states.chars();
        let first = letters.next().expect("a state").to_string();
        let mut past = Self { history: History::new("created", snapshot(&module, first.as_bytes())), module };
        letters.for_each(|letter| past.message(&letter.to_string()));
        past
    }

    fn message(&mut self, state: &str) {
        self.history.note(
            Occasion::Handler,
            format_args!("message to"),
            snapshot(&self.module, state.as_bytes()),
        );
    }

    fn go(&mut self, step: Option<Step>) -> String {
        let Some(step) = step else { return "nothing".to_owned() };
        let restored = step.snapshot.clone();
        self.history.arrived(step, restored);
        self.now()
    }

    fn undo(&mut self) -> String {
        self.go(self.history.undo())
    }

    fn redo(&mut self) -> String {
        self.go(self.history.redo())
    }

    fn jump(&mut self, index: u64) -> String {
        self.go(self.history.jump(index).ok())
    }

    fn name(&mut self, name: &str) -> u64 {
        let now = self.history.current().clone();
        self.history.checkpoint(name, now).expect("a name")
    }

    fn now(&self) -> String {
        String::from_utf8(self.history.current().state.to_vec()).expect("letters")
    }

    fn causes(&self) -> Vec<String> {
        self.history.summaries().into_iter().map(|entry| entry.cause).collect()
    }
}

#[test]
fn a_jump_on_the_line_is_as_many_undos_and_redo_goes_on_from_there() {
    let mut past = Past::of("abcd");
    assert_eq!(past.jump(1), "b");
    assert_eq!([past.redo(), past.redo(), past.redo()], ["c", "d", "nothing"]);
    assert_eq!(past.jump(1), "b");
    assert_eq!([past.undo(), past.undo()], ["a", "nothing"]);
    assert_eq!(past.jump(3), "d", "and as many redos");
    assert_eq!(past.undo(), "c");
}

#[test]
fn a_jump_off_the_line_is_a_change_that_undo_takes_back() {
    let mut past = Past::of("abc");
    past.undo();
    past.message("x");
    assert_eq!(past.jump(2), "c", "which the change after the undo has left behind");
    assert_eq!(past.redo(), "nothing");
    assert_eq!([past.undo(), past.undo(), past.undo()], ["x", "b", "a"]);
    assert_eq!([past.redo(), past.redo(), past.redo()], ["b", "x", "c"]);
}

#[test]
fn a_jump_to_an_undo_leads_to_the_place_that_it_led_to() {
    let mut past = Past::of("abc");
    past.undo();
    past.redo();
    assert_eq!(past.causes(), ["created", "message to", "message to", "undo 2", "redo 2"]);
    assert_eq!(past.jump(3), "b");
    assert_eq!(past.redo(), "c");
}

#[test]
fn nothing_is_left_to_redo_after_a_change() {
    let mut past = Past::of("abc");
    past.undo();
    past.message("x");
    assert_eq!(past.redo(), "nothing");
    assert_eq!([past.undo(), past.undo()], ["b", "a"]);
}

#[test]
fn a_name_leads_back_and_moves_when_it_is_given_again() {
    let mut past = Past::of("ab");
    assert_eq!(past.name("good"), 1, "the state is recorded already");
    past.message("c");
    assert_eq!(past.go(past.history.restore("good").ok()), "b");
    assert_eq!(past.causes().last().map(String::as_str), Some("restore good"));
    past.message("d");
    assert_eq!(past.name("good"), 4);
    past.name("better");
    let named: Vec<_> = past.history.summaries().into_iter().map(|entry| entry.checkpoints).collect();
    assert_eq!(named.concat(), ["better", "good"]);
    assert_eq!(named[4].len(), 2);
    let error = past.history.restore("bad").expect_err("there is none");
    assert_eq!(error.to_string(), "there is no checkpoint `bad`");
    assert_eq!(error.help(), "there are `better`, `good`");
}

#[test]
fn names_that_cannot_be_asked_for_are_refused() {
    let mut past = Past::of("a");
    for name in ["", "a b", "17", "tab\t", "\u{7}", &"x".repeat(101)] {
        let now = past.history.current().clone();
        assert!(past.history.checkpoint(name, now).is_err(), "{name:?}");
    }
    assert_eq!(past.name("Grüße-1.0"), 0);
}

#[test]
fn an_entry_that_is_not_there_is_told_with_those_that_are() {
    let mut past = Past::of("abcd");
    past.history.set_limits(HistoryLimits { entries: 2, ..HistoryLimits::default() });
    let error = past.history.jump(1).expect_err("forgotten");
    assert_eq!(error.to_string(), "there is no entry 1 in the history");
    assert_eq!(error.help(), "the entries that are kept are among 2 to 3; `history` lists them");
    assert_eq!(past.jump(7), "nothing");
}

#[test]
fn what_has_a_name_goes_last_and_undo_does_not_pass_over_what_is_gone() {
    let mut past = Past::of("ab");
    past.name("keep");
    past.history.set_limits(HistoryLimits { entries: 3, ..HistoryLimits::default() });
    "cdefg".chars().for_each(|letter| past.message(&letter.to_string()));
    let kept: Vec<_> = past.history.summaries().into_iter().map(|entry| entry.index).collect();
    assert_eq!(kept, [1, 5, 6]);
    assert_eq!(past.undo(), "f");
    assert_eq!(past.undo(), "nothing", "`b` is further away than one change");
    assert_eq!(past.go(past.history.restore("keep").ok()), "b");
    past.history.set_limits(HistoryLimits { entries: 1, ..HistoryLimits::default() });
    assert!(past.history.restore("keep").is_err());
    assert_eq!(past.now(), "b");
}

#[test]
fn a_state_that_we_came_back_to_keeps_its_place_when_its_first_entry_goes() {
    let mut past = Past::of("abc");
    past.history.set_limits(HistoryLimits { entries: 3, ..HistoryLimits::default() });
    assert_eq!(past.undo(), "b");
    assert_eq!(past.undo(), "nothing", "`a` made room for the undo");
    assert_eq!(past.redo(), "c");
    assert_eq!(past.undo(), "b", "of which only the undo is left");
}

#[test]
fn a_policy_records_what_it_says_and_a_panic_loses_nothing() {
    for (policy, expected) in [(Policy::Message, "abcde"), (Policy::Update, "ace"), (Policy::Manual, "ad")] {
        let mut past = Past::of("a");
        past.history.set_policy(policy);
        past.message("b");
        assert_eq!(past.now(), "b", "what a panic goes back to");
        let update = snapshot(&past.module, b"c");
        past.history.note(Occasion::Change, format_args!("set"), update);
        past.message("d");
        let recorded = past.history.summaries().last().map(|entry| entry.current);
        assert_eq!(recorded, Some(policy == Policy::Message));
        if policy == Policy::Manual {
            past.name("here");
            assert_eq!(past.causes(), ["created", "checkpoint here"]);
            assert_eq!(past.undo(), "a");
            continue;
        }
        past.message("e");
        past.undo();
        past.redo();
        let mut walked = vec![past.now()];
        loop {
            match past.undo() {
                state if state == "nothing" => break,
                state => walked.insert(0, state),
            }
        }
        let expected = if policy == Policy::Update { "abce" } else { expected };
        assert_eq!(walked.concat(), expected, "what is left is recorded too");
    }
}

#[test]
fn redo_leads_back_to_what_no_policy_recorded() {
    let mut past = Past::of("a");
    past.history.set_policy(Policy::Manual);
    past.message("b");
    past.message("c");
    assert_eq!(past.redo(), "nothing");
    assert_eq!(past.undo(), "a");
    assert_eq!(past.causes(), ["created", "unrecorded", "undo 1"]);
    assert_eq!(past.redo(), "c");
}

#[test]
fn a_large_state_with_small_changes_is_kept_as_differences() {
    let module = modules().swap_remove(0);
    let mut state: Vec<_> =
        (0..1_000_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut history = History::new("created", snapshot(&module, &state));
    for index in 0..200_u32 {
        state[10..14].copy_from_slice(&index.to_be_bytes());
        state[600_000..600_004].copy_from_slice(&index.to_be_bytes());
        history.note(Occasion::Handler, format_args!("message add"), snapshot(&module, &state));
    }
    assert_eq!(history.summaries().len(), 201);
    assert!(history.bytes() < 1_100_000, "{}", history.bytes());
    let oldest = history.jump(1).expect("is kept").snapshot.state;
    state[10..14].copy_from_slice(&0_u32.to_be_bytes());
    state[600_000..600_004].copy_from_slice(&0_u32.to_be_bytes());
    assert!(*oldest == *state);
}

#[test]
fn attics_are_kept_as_differences_and_come_back_whole() {
    let module = modules().swap_remove(0);
    let mut attics: Vec<Attic> = vec![Attic::default()];
    let mut history = History::new("created", snapshot(&module, b"0"));
    for index in 1..100_u32 {
        let mut attic = attics[attics.len() - 1].clone();
        attic.put("1.0.0", format!("field{index}"), &vec![index; 2_000]);
        let state = index.to_string().into_bytes().into();
        let attic = Arc::new(attic);
        history.note(
            Occasion::Change,
            format_args!("update"),
            Snapshot { module: Arc::clone(&module), state, attic: Arc::clone(&attic) },
        );
        attics.push(Attic::clone(&attic));
    }
    assert!(history.bytes() < 3_000_000, "{}", history.bytes());
    assert!(history.summaries().len() == 100);
    for (index, attic) in (0..).zip(&attics) {
        assert_eq!(*history.jump(index).expect("is kept").snapshot.attic, *attic);
    }
}

#[test]
fn the_settings_read_as_they_are_written() {
    #[derive(Deserialize)]
    struct Settings {
        history: Policy,
        limits: HistoryLimits,
    }
    let settings: Settings =
        toml::from_str("history = \"update\"\nlimits = { entries = 10 }").expect("reads");
    assert_eq!(settings.history, Policy::Update);
    assert_eq!(settings.limits, HistoryLimits { entries: 10, bytes: HISTORY_BYTES });
    assert!(toml::from_str::<HistoryLimits>("entires = 10").is_err());
}

#[test]
fn updates_are_gone_back_over_exactly_one_by_one_and_at_once() {
    let modules = modules();
    let [first, second, third] = &modules[..] else { panic!("three") };
    let exact = |updates: &UpdateCheckpoints, to: &Module, state: &[u8]| {
        updates.exact(to.version(), to.fingerprint(), state).map(|snapshot| snapshot.state.to_vec())
    };
    let mut updates = UpdateCheckpoints::default();
    updates.push(snapshot(first, b"one"), snapshot(second, b"two"), Mark::default());
    updates.push(snapshot(second, b"two"), snapshot(third, b"three"), Mark::default());
    assert_eq!(exact(&updates, second, b"three").as_deref(), Some(&b"two"[..]));
    assert_eq!(exact(&updates, first, b"three").as_deref(), Some(&b"one"[..]));
    assert_eq!(exact(&updates, first, b"changed"), None);
    assert_eq!(exact(&updates, first, b"two"), None, "those bytes in other code are another state");

    updates.push(snapshot(third, b"three"), snapshot(second, b"two"), Mark::default());
    assert_eq!(exact(&updates, first, b"two").as_deref(), Some(&b"one"[..]));
    assert_eq!(exact(&updates, third, b"two").as_deref(), Some(&b"three"[..]));
    updates.push(snapshot(second, b"two"), snapshot(first, b"one"), Mark::default());
    assert_eq!(exact(&updates, third, b"one").as_deref(), Some(&b"three"[..]));
}

#[test]
fn a_change_between_two_updates_ends_the_way_back_there() {
    let modules = modules();
    let [first, second, third] = &modules[..] else { panic!("three") };
    let mut updates = UpdateCheckpoints::default();
    updates.push(snapshot(first, b"one"), snapshot(second, b"two"), Mark::default());
    updates.push(snapshot(second, b"2"), snapshot(third, b"three"), Mark::default());
    assert!(updates.exact("1.1.0", second.fingerprint(), b"three").is_some());
    assert!(updates.exact("1.0.0", first.fingerprint(), b"three").is_none());
    assert!(updates.exact("1.1.0", second.fingerprint() ^ 1, b"three").is_none());
}

#[test]
fn updates_are_kept_within_bounds_and_the_last_always() {
    let modules = modules();
    let mut updates = UpdateCheckpoints::default();
    for index in 0..100_u8 {
        updates.push(snapshot(&modules[0], &[index]), snapshot(&modules[1], &[index]), Mark::default());
    }
    assert!(updates.exact("1.0.0", modules[0].fingerprint(), &[99]).is_some());
    assert!(updates.exact("1.0.0", modules[0].fingerprint(), &[50]).is_none());
    let large = vec![1; 5 << 20];
    updates.push(snapshot(&modules[0], &large), snapshot(&modules[1], b"small"), Mark::default());
    assert!(updates.exact("1.0.0", modules[0].fingerprint(), b"small").is_some());
    assert!(updates.exact("1.0.0", modules[0].fingerprint(), &[99]).is_none());
}
