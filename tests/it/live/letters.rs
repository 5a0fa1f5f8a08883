//! Messages that wait while the type of their port gets a new version, and one of them cannot be converted: the update has
//! not happened, at whichever message it fails.

use std::cell::Cell;

use shrine::abi::handle::Library;
use shrine::event::Event;
use shrine::prelude::*;
use shrine::registry::{HotUpdate, Outcome, Registry};
use shrine::{Behaviour, Widget};

thread_local! {
    /// How many conversions go well before one fails; below zero, none fails.
    static GOOD: Cell<i64> = const { Cell::new(-1) };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Panic,
}

thread_local! {
    static KIND: Cell<Kind> = const { Cell::new(Kind::Error) };
}

fn raise(n: i64) -> Result<i128, BoxError> {
    let good = GOOD.get();
    GOOD.set(good - 1);
    match (good, KIND.get()) {
        (0, Kind::Error) => Err("this letter is lost on us".into()),
        (0, Kind::Panic) => panic!("this letter is lost on us"),
        _ => Ok(n.into()),
    }
}

mod old {
    #[shrine::state(version = "1")]
    #[derive(Debug, Clone, Default, PartialEq)]
    pub(super) struct Letter {
        pub(super) n: i64,
    }
}

mod new {
    #[shrine::state(version = "2")]
    #[migrate(from = "1", change(n: i64, try_up = super::raise, down = |n| n as i64))]
    #[derive(Debug, Clone, Default, PartialEq)]
    pub(super) struct Letter {
        pub(super) n: i128,
    }
}

#[widget(id = "post-1", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Old {
    seen: Vec<i64>,
}

#[widget]
impl Old {
    #[input]
    fn take(&mut self, letter: old::Letter, out: &mut Output<old::Letter>) {
        self.seen.push(letter.n);
        out.send(letter);
    }
}

#[widget(id = "post-2", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct New {
    seen: Vec<i64>,
}

#[widget]
impl New {
    #[input]
    fn take(&mut self, letter: new::Letter, out: &mut Output<new::Letter>) {
        self.seen.push(letter.n as i64);
        out.send(letter);
    }
}

fn library<W: Widget + Behaviour>() -> Library {
    Library::in_process("post").with_as::<W>("post").expect("opens")
}

/// Three in a row, with letters from outside and between them.
fn running(letters: i64, handled: usize) -> Registry {
    let mut registry = Registry::new();
    assert!(matches!(registry.hot_update(library::<Old>(), HotUpdate::new()), Outcome::Updated(_)));
    for name in ["a", "b", "c"] {
        registry.create(name, "post").expect("creates");
    }
    registry.connect("a.out", "b.take").expect("connects");
    registry.connect("b.out", "c.take").expect("connects");
    for n in 0..letters {
        let target = ["a.take", "c.take"][usize::from(n % 3 == 2)];
        registry.send(target, &old::Letter { n }).expect("sends");
    }
    registry.poll_at_most(handled);
    registry.take_events();
    registry
}

fn all(registry: &mut Registry) -> (Vec<Vec<u8>>, Event, usize) {
    let states = ["a", "b", "c"].map(|name| registry.state_bytes(name).expect("state").to_vec());
    let outputs = registry.take_events().iter().filter(|event| matches!(event, Event::Output { .. })).count();
    (states.into(), registry.connections(), outputs)
}

#[test]
fn whichever_letter_cannot_be_converted_the_update_has_not_happened() {
    let mut cases = 0;
    for kind in [Kind::Error, Kind::Panic] {
        for letters in 1..14 {
            for handled in 0..12 {
                for failing in 0.. {
                    let case = format!("{kind:?}, letter {failing} of {letters}, {handled} handled");
                    let (mut tried, mut untouched) = (running(letters, handled), running(letters, handled));
                    KIND.set(kind);
                    GOOD.set(failing);
                    let outcome = tried.hot_update(library::<New>(), HotUpdate::new());
                    if GOOD.replace(-1) >= 0 {
                        // There were not that many.
                        assert!(matches!(outcome, Outcome::Updated(_)), "{outcome:?}: {case}");
                        tried.run_until_idle(1000);
                        untouched.run_until_idle(1000);
                        let seen =
                            |registry: &mut Registry, name| registry.state::<Old>(name).expect("a state");
                        for name in ["a", "b", "c"] {
                            assert_eq!(seen(&mut tried, name), seen(&mut untouched, name), "{case}");
                        }
                        break;
                    }
                    let Outcome::RolledBack(why) = outcome else { panic!("{outcome:?}: {case}") };
                    assert_eq!(why.phase, "connections", "{case}");
                    assert!(why.reason.contains("this letter is lost on us"), "{}: {case}", why.reason);
                    assert_eq!(all(&mut tried), all(&mut untouched), "{case}");
                    tried.run_until_idle(1000);
                    untouched.run_until_idle(1000);
                    assert_eq!(all(&mut tried), all(&mut untouched), "later: {case}");
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > 1000, "{cases} cases");
}
