//! A million numbered messages through three stages, while the code of all of them is updated a thousand times: none is
//! lost, doubled or reordered.

use shrine::abi::handle::Library;
use shrine::prelude::*;
use shrine::registry::{ConnectOptions, HotUpdate, Outcome, Policy, Registry};
use shrine::{Behaviour, Widget};

const MESSAGES: u64 = 1_000_000;
const UPDATES: u64 = 1_000;

/// Checks that messages come in order, and passes them on.
#[widget(id = "stage-1", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Stage {
    /// The number that comes next.
    next: u64,
    wrong: u64,
}

#[widget]
impl Stage {
    #[input(was = "receive")]
    fn take(&mut self, n: u64, #[output(was = "sent")] out: &mut Output<u64>) {
        self.wrong += u64::from(n != self.next);
        self.next = n + 1;
        out.send(n);
    }
}

/// The next version, with other names.
#[widget(id = "stage-2", version = "1.1.0")]
#[migrate(from = "1.0.0", rename(next => expected), add(passed = |old| old.next))]
#[derive(Debug, Clone, PartialEq, Default)]
struct Renamed {
    expected: u64,
    wrong: u64,
    passed: u64,
}

#[widget]
impl Renamed {
    #[input(was = "take")]
    fn receive(&mut self, n: u64, #[output(was = "out")] sent: &mut Output<u64>) {
        self.wrong += u64::from(n != self.expected);
        self.expected = n + 1;
        self.passed += 1;
        sent.send(n);
    }
}

/// An edit of the first without a bump, that fails after it was built.
#[widget(id = "stage-3", version = "1.1.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Failing {
    expected: u64,
}

#[widget]
impl Failing {
    #[after_update]
    fn after(&mut self) -> Result<(), BoxError> {
        Err("it does not work".into())
    }
}

/// A version that nothing leads to.
#[widget(id = "stage-4", version = "9.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Lost {
    expected: u64,
}

#[widget]
impl Lost {}

/// Code that goes wrong only when it runs.
#[widget(id = "stage-5", version = "1.1.0")]
#[migrate(from = "1.0.0", rename(next => expected), add(passed = |old| old.next))]
#[derive(Debug, Clone, PartialEq, Default)]
struct Crashing {
    expected: u64,
    wrong: u64,
    passed: u64,
}

#[widget]
impl Crashing {
    #[input(was = "take")]
    fn receive(&mut self, n: u64, #[output(was = "out")] sent: &mut Output<u64>) {
        self.wrong += u64::from(n != self.expected);
        self.expected = n + 1;
        self.passed += 1;
        sent.send(n);
        assert!(!n.is_multiple_of(3), "{n} is divisible by three");
    }
}

fn library<W: Widget + Behaviour>() -> Library {
    Library::in_process("stage").with_as::<W>("stage").expect("opens")
}

#[test]
fn none_of_a_million_messages_is_lost_doubled_or_reordered_by_a_thousand_updates() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut registry = Registry::new();
    registry.hot_update(library::<Stage>(), HotUpdate::new());
    for name in ["first", "second", "third"] {
        registry.create(name, "stage").expect("creates");
        registry.set_history(name, Policy::Update).expect("sets");
    }
    for (from, to, capacity) in [("first", "second", 1), ("second", "third", 64)] {
        let options = ConnectOptions::stream().capacity(capacity);
        registry.connect_with(&format!("{from}.out"), &format!("{to}.take"), options).expect("connects");
    }

    let (mut sent, mut counts) = (0, [0_u32; 5]);
    for _ in 0..UPDATES {
        let port = match registry.widgets()[0].version.as_str() {
            "1.0.0" => "first.take",
            _ => "first.receive",
        };
        for n in sent..sent + MESSAGES / UPDATES {
            registry.send(port, &n).expect("sends");
        }
        sent += MESSAGES / UPDATES;
        // Somewhere in the middle of it.
        registry.poll_at_most(random.usize(..4000));
        let next = match random.u8(..5) {
            0 | 1 if port == "first.take" => library::<Renamed>(),
            0 | 1 => library::<Stage>(),
            2 => library::<Failing>(),
            3 => library::<Lost>(),
            _ => library::<Crashing>(),
        };
        let kind = match registry.hot_update(next, HotUpdate::new()) {
            Outcome::Updated(_) => 0,
            Outcome::RolledBack(_) => 1,
            Outcome::Refused(_) => 2,
            other => panic!("{other:?}"),
        };
        counts[kind] += 1;
        let updated = registry.generation();
        if random.bool() {
            registry.poll_at_most(random.usize(..20));
        }
        counts[3] += u32::from(registry.generation() < updated);
        registry.take_events();
    }
    while registry.poll() > 0 {
        registry.take_events();
    }
    // What was on probation to the end is there or was taken back; either way the numbers are right.
    assert!(matches!(registry.hot_update(library::<Stage>(), HotUpdate::new()), Outcome::Updated(_)));
    for name in ["first", "second", "third"] {
        let state = registry.state::<Stage>(name).expect("is a stage");
        assert_eq!(state, Stage { next: MESSAGES, wrong: 0 }, "{name}");
    }
    let [updated, rolled_back, refused, taken_back, _] = counts;
    assert!(updated > 300 && rolled_back > 50 && refused > 100 && taken_back > 20, "{counts:?}");
}
