//! Instances that stay in memory as they are over an update: nothing that can be seen tells them from encoded ones.
//!
//! Two registries do the same, one of them with in-place hand-over turned off; after every step all that can be seen of them
//! is equal, but for how the states travelled.

use std::collections::{BTreeMap, HashMap};

use fastrand::Rng;
use shrine::abi::handle::Library;
use shrine::event::Event;
use shrine::prelude::*;
use shrine::registry::{ConnectOptions, HotUpdate, ManualClock, Outcome, Policy, Registry};
use shrine::{Behaviour, Widget};

#[state]
#[derive(Debug, Clone, PartialEq, Default)]
enum Mood {
    #[default]
    Calm,
    Busy(u32),
    Waiting {
        since: String,
    },
}

#[state]
#[derive(Debug, Clone, PartialEq, Default)]
struct Node {
    name: String,
    #[state(recursive)]
    next: Option<Box<Node>>,
}

/// What all builds do, each with its own factor.
macro_rules! build {
    ($build:ident: $id:literal, $factor:literal) => {
        #[widget(id = $id, version = "1.0.0")]
        #[derive(Debug, Clone, PartialEq, Default)]
        struct $build {
            sum: i64,
            names: Vec<String>,
            counts: HashMap<String, u32>,
            sorted: BTreeMap<i64, Mood>,
            mood: Mood,
            chain: Option<Box<Node>>,
        }

        impl $build {
            fn take(&mut self, n: i64, sum: &mut Output<i64>) {
                self.sum += n * $factor;
                self.names.push(format!("{n} by {}", $factor));
                if self.names.len() > 9 {
                    self.names.drain(..5);
                }
                *self.counts.entry(format!("{}", n % 3)).or_default() += 1;
                self.mood = match n % 3 {
                    0 => Mood::Calm,
                    1 => Mood::Busy(n as u32),
                    _ => Mood::Waiting { since: n.to_string() },
                };
                self.sorted.insert(n % 7, self.mood.clone());
                let next = self.chain.take().filter(|_| n % 4 != 0);
                self.chain = Some(Box::new(Node { name: n.to_string(), next }));
                sum.send(n / 2);
            }
        }
    };
}

build!(First: "in-place-1", 1);
build!(Second: "in-place-2", 1000);
build!(Ticking: "in-place-3", 100_000);
build!(Crashing: "in-place-4", 7);
build!(Hooked: "in-place-5", 3);

#[widget]
impl First {
    #[input]
    fn add(&mut self, n: i64, sum: &mut Output<i64>) {
        self.take(n, sum);
    }
}

#[widget]
impl Second {
    #[input]
    fn add(&mut self, n: i64, sum: &mut Output<i64>) -> Result<(), BoxError> {
        self.take(n, sum);
        if n % 11 == 3 { Err("what it has done stays, and is not recorded".into()) } else { Ok(()) }
    }
}

#[widget]
impl Ticking {
    #[input]
    fn more(&mut self) {}

    #[input]
    fn add(&mut self, n: i64, sum: &mut Output<i64>) {
        self.take(n, sum);
    }

    #[every("1s")]
    fn tick(&mut self, sum: &mut Output<i64>) {
        self.sum += 1;
        sum.send(2);
    }
}

#[widget]
impl Crashing {
    #[input]
    fn add(&mut self, n: i64, sum: &mut Output<i64>) {
        self.take(n, sum);
        assert!(n % 5 != 4, "{n} is too much");
    }

    #[started]
    fn start(&mut self) {
        self.names.push("started".to_owned());
    }

    #[stopped]
    fn stop(&mut self) {
        self.names.push("stopped".to_owned());
    }
}

#[widget]
impl Hooked {
    #[input]
    fn add(&mut self, n: i64, sum: &mut Output<i64>) {
        self.take(n, sum);
    }

    #[before_update]
    fn before(&mut self) {
        self.names.push("before".to_owned());
    }
}

fn library<W: Widget + Behaviour>() -> Library {
    Library::in_process("app").with_as::<W>("part").expect("opens")
}

const BUILDS: [fn() -> Library; 5] =
    [library::<First>, library::<Second>, library::<Ticking>, library::<Crashing>, library::<Hooked>];
const INSTANCES: [&str; 4] = ["a", "b", "c", "d"];

struct Run {
    registry: Registry,
    clock: ManualClock,
    in_place: bool,
    moved: usize,
}

impl Run {
    fn start(in_place: bool) -> Self {
        let clock = ManualClock::default();
        let mut registry = Registry::with_clock(clock.clone());
        registry.hot_update(library::<First>(), HotUpdate::new());
        for instance in INSTANCES {
            registry.create(instance, "part").expect("creates");
        }
        for (from, to, capacity) in [("a", "b", 2), ("b", "c", 64), ("b", "d", 1), ("c", "d", 64)] {
            let options = ConnectOptions::stream().capacity(capacity);
            registry.connect_with(&format!("{from}.sum"), &format!("{to}.add"), options).expect("connects");
        }
        Self { registry, clock, in_place, moved: 0 }
    }

    /// One step, chosen by `random`; what it answered.
    fn step(&mut self, random: &mut Rng) -> String {
        let registry = &mut self.registry;
        let instance = INSTANCES[random.usize(..INSTANCES.len())];
        match random.u8(..16) {
            0..=3 => {
                for _ in 0..random.usize(1..6) {
                    registry.send(&format!("{instance}.add"), &random.i64(0..40)).expect("sends");
                }
                String::new()
            }
            4..=6 => registry.poll_at_most(random.usize(1..12)).to_string(),
            7..=10 => {
                let build = BUILDS[random.usize(..BUILDS.len())];
                let probation = [0, 3, 8][random.usize(..3)];
                let options = HotUpdate::new().in_place(self.in_place).probation(probation);
                match registry.hot_update(build(), options) {
                    Outcome::Updated(update) => {
                        self.moved += update.widgets.iter().map(|widget| widget.in_place).sum::<usize>();
                        String::new()
                    }
                    other => format!("{other:?}"),
                }
            }
            11 => format!("{:?}", registry.undo(instance)),
            12 => format!("{:?}", registry.redo(instance)),
            13 => match random.bool() {
                true => format!("{:?}", registry.checkpoint(instance, "here")),
                false => format!("{:?}", registry.restore(instance, "here")),
            },
            14 => {
                let policy = [Policy::Message, Policy::Update, Policy::Manual][random.usize(..3)];
                format!("{:?}", registry.set_history(instance, policy))
            }
            _ => {
                self.clock.advance(std::time::Duration::from_millis(random.u64(..2500)));
                format!("{:?}", registry.jump(instance, random.u64(..9)))
            }
        }
    }

    /// All that can be seen of it.
    fn seen(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        for event in self.registry.take_events() {
            seen.push(match event {
                Event::Updated(mut update) => {
                    update.phases_us = shrine::event::Phases::default();
                    for widget in &mut update.widgets {
                        (widget.in_place, widget.encoded) = (0, None);
                    }
                    format!("{update:?}")
                }
                event => format!("{event:?}"),
            });
        }
        for instance in INSTANCES {
            seen.push(format!("{:?}", self.registry.history(instance)));
            seen.push(format!("{:?}", self.registry.instance(instance)));
            seen.push(format!("{:?}", self.registry.state_bytes(instance)));
        }
        seen.push(format!("{:?} {:?}", self.registry.connections(), self.registry.next_timer()));
        seen
    }
}

#[test]
fn nothing_that_can_be_seen_tells_them_from_encoded_ones() {
    let (mut moved, mut taken_back) = (0, 0);
    for seed in 0..60 {
        let mut runs = [Run::start(true), Run::start(false)];
        let mut random = Rng::with_seed(seed);
        for step in 0..120 {
            let fork = random.fork();
            let answers = runs.each_mut().map(|run| run.step(&mut fork.clone()));
            assert_eq!(answers[0], answers[1], "seed {seed}, step {step}");
            // Not after each step, so that what is made up for later has something to make up for.
            if random.u8(..4) == 0 {
                let [left, right] = runs.each_mut().map(Run::seen);
                taken_back += left.iter().filter(|line| line.contains("\"probation\"")).count();
                for (left, right) in left.iter().zip(&right) {
                    let same =
                        left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
                    let end = |text: &str| text.get(same.saturating_sub(200)..).unwrap_or(text).to_owned();
                    assert!(left == right, "seed {seed}, step {step}:\n{}\n{}", end(left), end(right));
                }
                assert_eq!(left.len(), right.len(), "seed {seed}, step {step}");
            }
        }
        assert_eq!(runs[1].moved, 0);
        moved += runs[0].moved;
    }
    assert!(moved > 1000 && taken_back > 20, "{moved} moved, {taken_back} taken back");
}

#[test]
fn an_update_says_how_many_were_moved_and_why_others_were_not() {
    let mut registry = Registry::new();
    registry.hot_update(library::<First>(), HotUpdate::new());
    for instance in INSTANCES {
        registry.create(instance, "part").expect("creates");
    }
    let mut update = |library: Library, options: HotUpdate| match registry.hot_update(library, options) {
        Outcome::Updated(mut update) => update.widgets.remove(0),
        other => panic!("{other:?}"),
    };
    let moved = update(library::<Second>(), HotUpdate::new());
    assert_eq!((moved.instances, moved.in_place, moved.encoded), (4, 4, None));
    let ports = update(library::<Ticking>(), HotUpdate::new());
    assert_eq!(ports.in_place, 4, "other ports and timers make no difference to the state");
    let cases = [
        (update(library::<First>(), HotUpdate::new().in_place(false)), "asked for"),
        (
            update(library::<First>(), HotUpdate::new().transform_state(|_, state| Ok(state))),
            "transform_state",
        ),
        (update(library::<Twisted>(), HotUpdate::new()), "otherwise"),
    ];
    for (widget, why) in cases {
        assert_eq!(widget.in_place, 0);
        assert!(widget.encoded.as_deref().is_some_and(|text| text.contains(why)), "{widget:?}");
    }
}

/// The same shape, with fields in another order.
#[widget(id = "in-place-6", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Twisted {
    names: Vec<String>,
    sum: i64,
    counts: HashMap<String, u32>,
    sorted: BTreeMap<i64, Mood>,
    mood: Mood,
    chain: Option<Box<Node>>,
}

#[widget]
impl Twisted {
    #[input]
    fn add(&mut self, n: i64, sum: &mut Output<i64>) {
        self.sum += n;
        sum.send(n);
    }
}
