//! Messages that are handled several at a time: it must be as if each had been handled by itself.

use std::time::Duration;

use shrine::abi::handle::Library;
use shrine::event::Event;
use shrine::prelude::*;
use shrine::registry::{ConnectOptions, HotUpdate, ManualClock, Overflow, Policy, Registry, RegistryError};

/// Adds up what it gets. Some numbers are sent on, some fail, with and without something sent, and some panic.
#[widget(id = "teller", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Teller {
    sum: u64,
    words: Vec<String>,
}

#[widget]
impl Teller {
    #[input]
    fn take(&mut self, n: u64, out: &mut Output<u64>) -> Result<(), BoxError> {
        self.sum = self.sum.wrapping_mul(31).wrapping_add(n);
        match n % 16 {
            3 => out.send(n / 2),
            4..=6 => (0..n % 9).for_each(|copy| out.send(n / 2 + copy)),
            7 => return Err("no sevens".into()),
            9 => {
                out.send(n / 3);
                return Err("nines are sent".into());
            }
            11 => self.words.push(format!("{n}")),
            12 => self.words.clear(),
            13 => panic!("13 brings bad luck"),
            _ => {}
        }
        Ok(())
    }

    #[input]
    fn word(&mut self, word: String) {
        self.words.push(word);
    }

    #[every("1s")]
    fn tick(&mut self, out: &mut Output<u64>) -> Result<(), BoxError> {
        self.sum += 1;
        out.send(self.sum % 40);
        if self.sum.is_multiple_of(3) { Err("every third tick fails".into()) } else { Ok(()) }
    }
}

#[transform(filter)]
fn even_half(n: u64) -> Option<u64> {
    n.is_multiple_of(2).then_some(n / 2)
}

/// Whether time passes. Each poll looks for timers that were held back by a full stream, so then no stream holds any.
fn has_timers(seed: u64) -> bool {
    seed.is_multiple_of(2)
}

fn registry(seed: u64) -> (Registry, ManualClock) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let clock = ManualClock::default();
    let mut registry = Registry::with_clock(clock.clone());
    let library = || {
        Library::in_process("teller")
            .with::<Teller>()
            .expect("opens")
            .with_transform::<even_half>()
            .expect("opens")
    };
    registry.hot_update(library(), HotUpdate::default());
    let names = ["a", "b", "c", "d"];
    for name in names {
        registry.create(name, "teller").expect("creates");
        let policy = [Policy::Message, Policy::Update, Policy::Manual][rng.usize(0..3)];
        registry.set_history(name, policy).expect("is there");
        registry.watch(&format!("{name}.out"), rng.u8(0..4) == 0).expect("is there");
    }
    for _ in 0..rng.usize(0..7) {
        let first = usize::from(has_timers(seed));
        let overflow = [Overflow::Block, Overflow::DropOldest, Overflow::DropNewest][rng.usize(first..3)];
        let mut options = ConnectOptions::stream().capacity(rng.usize(1..40)).overflow(overflow);
        if rng.u8(0..6) == 0 {
            options = ConnectOptions::port();
        }
        if rng.u8(0..5) == 0 {
            options = options.transform("even_half");
        }
        let (from, to) = (names[rng.usize(0..4)], names[rng.usize(0..4)]);
        let connected = registry.connect_with(&format!("{from}.out"), &format!("{to}.take"), options);
        assert!(matches!(connected, Ok(()) | Err(RegistryError::Connected { .. })), "{connected:?}");
    }
    // An update tells how long it took.
    registry.take_events();
    (registry, clock)
}

/// All that can be seen.
fn seen(registry: &mut Registry) -> Vec<Event> {
    let mut seen = registry.take_events();
    seen.push(registry.connections());
    for name in ["a", "b", "c", "d"] {
        seen.push(registry.state_json(name).expect("is there"));
        seen.push(registry.history(name).expect("is there"));
    }
    seen
}

#[test]
fn messages_that_are_handled_in_one_call_do_what_they_would_do_one_by_one() {
    for seed in 0..150 {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0xabcd);
        let ((mut together, clock), (mut apart, its_clock)) = (registry(seed), registry(seed));
        for _ in 0..12 {
            let target = ["a", "b", "c", "d"][rng.usize(0..4)];
            let numbers: Vec<u64> = (0..rng.usize(0..150)).map(|_| rng.u64(0..4096)).collect();
            let passes = has_timers(seed) && rng.bool();
            let undoes = rng.u8(0..4) == 0;
            let polls = rng.usize(1..400);
            for (registry, clock) in [(&mut together, &clock), (&mut apart, &its_clock)] {
                for n in &numbers {
                    registry.send(&format!("{target}.take"), n).expect("takes it");
                    if n % 50 == 0 {
                        registry.send(&format!("{target}.word"), &"word".to_owned()).expect("takes it");
                    }
                }
                if passes {
                    clock.advance(Duration::from_secs(1));
                }
                if undoes {
                    let _ = registry.undo(target);
                }
            }
            // What is sent in a circle may go on for ever, so both stop after as many.
            let handled = together.poll_at_most(polls);
            let mut alone = apart.poll_at_most(0);
            while alone < handled {
                assert_eq!(apart.poll_at_most(1), 1, "seed {seed}");
                alone += 1;
            }
            assert_eq!(handled, alone, "seed {seed}");
            let (left, right) = (seen(&mut together), seen(&mut apart));
            let differs = left.iter().zip(&right).find(|(left, right)| left != right);
            assert_eq!(differs, None, "seed {seed}");
            assert_eq!(left.len(), right.len(), "seed {seed}");
        }
    }
}

#[test]
fn what_a_handler_sent_before_its_error_is_sent_and_what_it_did_is_kept() {
    let mut registry = Registry::new();
    registry.link::<Teller>().expect("links");
    registry.create("a", "teller").expect("creates");
    registry.create("b", "teller").expect("creates");
    registry.connect("a.out", "b.take").expect("connects");
    registry.send("a.take", &9_u64).expect("takes it");
    registry.send("a.take", &13_u64).expect("takes it");
    registry.run_until_idle(100);
    let sum = |registry: &mut Registry, name| registry.state::<Teller>(name).expect("is there").sum;
    assert_eq!((sum(&mut registry, "a"), sum(&mut registry, "b")), (9, 3));
    let faults = registry.take_events().into_iter().filter(|event| matches!(event, Event::Fault { .. }));
    assert_eq!(faults.count(), 2, "the error, and the panic that has undone nothing else");
}

#[test]
fn a_panic_among_many_messages_loses_that_message_alone() {
    for policy in [Policy::Message, Policy::Manual] {
        let mut registry = Registry::new();
        registry.link::<Teller>().expect("links");
        registry.create("a", "teller").expect("creates");
        registry.set_history("a", policy).expect("is there");
        for n in [1_u64, 2, 13, 4, 7, 13, 6] {
            registry.send("a.take", &n).expect("takes it");
        }
        assert_eq!(registry.poll(), 7);
        let expected = [1, 2, 4, 7, 6].into_iter().fold(0_u64, |sum, n| sum * 31 + n);
        assert_eq!(registry.state::<Teller>("a").expect("is there").sum, expected);
        let Event::History { value, .. } = registry.history("a").expect("is there") else {
            panic!("no history")
        };
        let causes: Vec<_> = value.iter().map(|entry| entry.cause.as_str()).collect();
        let each =
            ["created", "message take", "message take", "message take", "message take", "message take"];
        assert_eq!(causes, if policy == Policy::Message { &each[..] } else { &each[..1] });
    }
}

/// Takes its time.
#[widget(id = "sleeper", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Sleeper {
    slept: u64,
}

#[widget]
impl Sleeper {
    #[input]
    fn sleep(&mut self, millis: u64) {
        std::thread::sleep(Duration::from_millis(millis));
        self.slept += 1;
    }
}

#[test]
fn who_polls_for_a_time_is_kept_for_one_handler_longer_at_most() {
    let mut registry = Registry::new();
    registry.link::<Sleeper>().expect("links");
    registry.create("a", "sleeper").expect("creates");
    for _ in 0..100 {
        registry.send("a.sleep", &5_u64).expect("takes it");
    }
    assert_eq!(registry.poll_for(Duration::ZERO), 1, "the time was over at once");
    let handled = registry.poll_for(Duration::from_millis(20));
    assert!((1..=5).contains(&handled), "each takes at least five: {handled}");
    assert_eq!(registry.state::<Sleeper>("a").expect("is there").slept, 1 + handled as u64);
    assert_eq!(registry.poll_for(Duration::from_secs(600)), 99 - handled, "until nothing waits");
}
