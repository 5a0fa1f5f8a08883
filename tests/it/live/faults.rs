//! Updates that fail at every point at which they can: afterwards everything is as it was.
//!
//! What "as it was" means is not written down for each case: a second registry does the same without the update, and
//! the two must be equal in every state, queue, history and output from then on.
//!
//! Some of the instances could be moved as they lie in memory. The second registry always encodes them.

use std::cell::RefCell;
use std::time::Duration;

use shrine::abi::handle::Library;
use shrine::event::Event;
use shrine::prelude::*;
use shrine::registry::{HotUpdate, ManualClock, Outcome, Registry};
use shrine::state::codec::{DecodeError, Decoder, Encoder};
use shrine::state::layout::Layout;
use shrine::state::shape::{Shape, ShapeContext};
use shrine::{Behaviour, State, Widget};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Encode,
    BeforeHook,
    Decode,
    Migrate,
    Check,
    TransformState,
    AfterHook,
    /// `before` of the options.
    Before,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Panic,
    Overrun,
}

#[derive(Debug, Clone, Copy)]
struct Fault {
    place: Place,
    kind: Kind,
    /// The instance, by its tag.
    tag: u8,
}

const DEADLINE: Duration = Duration::from_secs(5);

thread_local! {
    static FAULT: RefCell<Option<Fault>> = const { RefCell::new(None) };
    static CALLS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static CLOCK: ManualClock = ManualClock::default();
}

/// Fails if that is planned for here; once.
fn strike(place: Place, tag: u8) -> Result<(), BoxError> {
    let planned = FAULT.take();
    let Some(fault) = planned.filter(|fault| fault.place == place && fault.tag == tag) else {
        FAULT.set(planned);
        return Ok(());
    };
    match fault.kind {
        Kind::Error => Err("as planned".into()),
        Kind::Panic => panic!("as planned"),
        Kind::Overrun => {
            CLOCK.with(|clock| clock.advance(DEADLINE * 2));
            Ok(())
        }
    }
}

fn note(call: &str, tag: u8) {
    CALLS.with_borrow_mut(|calls| calls.push(format!("{call} {tag}")));
}

/// A number whose encoding can fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Brittle(u8);

impl State for Brittle {
    const FINGERPRINT: u64 = u8::FINGERPRINT;

    fn shape(context: &mut ShapeContext) -> Shape {
        u8::shape(context)
    }

    fn layout(layout: &mut Layout) {
        layout.leaf::<Self>("Brittle");
    }

    fn encode(&self, out: &mut Encoder) {
        strike(Place::Encode, self.0).expect("encoding only panics or is late");
        self.0.encode(out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let tag = u8::decode(input)?;
        strike(Place::Decode, tag).map_err(|error| input.error(error.to_string()))?;
        Ok(Self(tag))
    }
}

#[widget(id = "cell-1", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq, Default)]
struct Old {
    tag: u8,
    sum: i64,
    seen: Vec<i64>,
    brittle: Brittle,
}

#[widget]
impl Old {
    #[input]
    fn add(&mut self, n: i64, sum: &mut Output<i64>) {
        self.sum += n;
        self.seen.push(n);
        sum.send(self.sum);
    }

    #[before_update]
    fn before(&mut self) -> Result<(), BoxError> {
        note("before", self.tag);
        // What a hook does to the state is undone with the rest.
        self.seen.push(-1);
        strike(Place::BeforeHook, self.tag)
    }

    #[update_failed]
    fn failed(&mut self) {
        note("failed", self.tag);
        self.seen.push(-2);
    }
}

#[widget(id = "cell-2", version = "2.0.0")]
#[migrate(
    from = "1.0.0",
    rename(sum => total),
    change(tag: u8, try_up = late_tag, down = |tag| tag as u8),
    check = |old, _| strike(Place::Check, old.tag).is_ok()
)]
#[derive(Debug, Clone, PartialEq, Default)]
struct New {
    tag: u16,
    total: i64,
    seen: Vec<i64>,
    brittle: Brittle,
}

fn late_tag(tag: u8) -> Result<u16, BoxError> {
    strike(Place::Migrate, tag)?;
    Ok(u16::from(tag))
}

#[widget]
impl New {
    #[input]
    fn add(&mut self, n: i64, sum: &mut Output<i64>) {
        self.total += n * 1000;
        self.seen.push(n);
        sum.send(self.total);
    }

    #[after_update]
    fn after(&mut self) -> Result<(), BoxError> {
        note("after", self.tag as u8);
        strike(Place::AfterHook, self.tag as u8)
    }
}

/// Widgets whose state is the same in both builds: one that has a hook, and one of which nothing but the code changes.
macro_rules! calm {
    ($($calm:ident, $hooked:ident: $ids:literal $more:literal, $factor:literal;)*) => { $(
        #[widget(id = $ids, version = "1.0.0")]
        #[derive(Debug, Clone, PartialEq, Default)]
        struct $calm {
            tag: u8,
            sum: i64,
            seen: Vec<i64>,
            brittle: Brittle,
        }

        #[widget]
        impl $calm {
            #[input]
            fn add(&mut self, n: i64, sum: &mut Output<i64>) {
                self.sum += n * $factor;
                self.seen.push(n);
                sum.send(self.sum);
            }
        }

        #[widget(id = $more, version = "1.0.0")]
        #[derive(Debug, Clone, PartialEq, Default)]
        struct $hooked {
            tag: u8,
            sum: i64,
            seen: Vec<i64>,
            brittle: Brittle,
        }

        #[widget]
        impl $hooked {
            #[input]
            fn add(&mut self, n: i64, sum: &mut Output<i64>) {
                self.sum += n * $factor;
                self.seen.push(n);
                sum.send(self.sum);
            }

            #[before_update]
            fn before(&mut self) -> Result<(), BoxError> {
                note("before", self.tag);
                self.seen.push(-1);
                strike(Place::BeforeHook, self.tag)
            }

            #[update_failed]
            fn failed(&mut self) {
                note("failed", self.tag);
                self.seen.push(-2);
            }
        }
    )* };
}

calm! {
    OldCalm, OldHooked: "calm-1" "hooked-1", 1;
    NewCalm, NewHooked: "calm-2" "hooked-2", 1000;
}

/// The widget of each instance; its tag is its place.
const INSTANCES: [&str; 8] = ["relay", "calm", "sink", "relay", "hooked", "calm", "relay", "sink"];

/// Whether instances of that place may be moved as they are.
fn is_alike(tag: u8) -> bool {
    matches!(INSTANCES[usize::from(tag)], "calm" | "hooked")
}

/// Libraries of one widget each, that are updated together.
fn libraries<W, C, H>() -> Vec<Library>
where
    W: Widget + Behaviour,
    C: Widget + Behaviour,
    H: Widget + Behaviour,
{
    vec![
        Library::in_process("relay").with_as::<W>("relay").expect("opens"),
        Library::in_process("sink").with_as::<W>("sink").expect("opens"),
        Library::in_process("calm").with_as::<C>("calm").expect("opens"),
        Library::in_process("hooked").with_as::<H>("hooked").expect("opens"),
    ]
}

fn old() -> Vec<Library> {
    libraries::<Old, OldCalm, OldHooked>()
}

fn new() -> Vec<Library> {
    libraries::<New, NewCalm, NewHooked>()
}

fn name(tag: usize) -> String {
    format!("cell{tag}")
}

/// Instances in a line with a fork, and messages at every stage of their way.
fn running(messages: usize, handled: usize) -> Registry {
    let mut registry = Registry::with_clock(CLOCK.with(ManualClock::clone));
    let outcome = registry.hot_update_all(old(), HotUpdate::new());
    assert!(matches!(outcome, Outcome::Updated(_)));
    for (tag, widget) in INSTANCES.iter().enumerate() {
        registry.create(&name(tag), widget).expect("creates");
        registry.set_json(&name(tag), &serde_json::json!({"tag": tag, "brittle": tag})).expect("sets");
    }
    for (from, to) in [(0, 1), (1, 2), (0, 3), (3, 4), (4, 5), (5, 6), (6, 7)] {
        registry.connect(&format!("cell{from}.sum"), &format!("cell{to}.add")).expect("connects");
    }
    for n in 0..messages {
        registry.send(&format!("cell{}.add", n % 2 * 2), &(n as i64)).expect("sends");
    }
    registry.poll_at_most(handled);
    registry.take_events();
    registry
}

/// States, pasts, connections, outputs and generation.
type Seen = (Vec<Vec<u8>>, Vec<String>, Event, Vec<Event>, Option<u64>);

/// All that can be seen of a registry.
fn all(registry: &mut Registry) -> Seen {
    let state =
        |tag: usize, registry: &mut Registry| registry.state_bytes(&name(tag)).expect("state").to_vec();
    let states = (0..INSTANCES.len()).map(|tag| state(tag, registry)).collect();
    let outputs = registry.take_events().into_iter().filter(|event| matches!(event, Event::Output { .. }));
    let past = |tag: usize| {
        let (history, info) = (registry.history(&name(tag)), registry.instance(&name(tag)));
        format!("{history:?} {info:?}")
    };
    let pasts = (0..INSTANCES.len()).map(past).collect();
    let outputs = outputs.collect();
    (states, pasts, registry.connections(), outputs, registry.generation())
}

fn phase_of(place: Place) -> &'static [&'static str] {
    match place {
        Place::Encode => &["encode"],
        Place::BeforeHook => &["before_update"],
        Place::Decode | Place::Migrate | Place::Check => &["migrate"],
        // A new instance is encoded for it first.
        Place::TransformState => &["transform_state", "migrate"],
        Place::AfterHook => &["after_update"],
        Place::Before => &["before"],
    }
}

/// The hooks that run, in order.
fn expected_calls(fault: Fault, in_place: bool) -> Vec<String> {
    let has_hooks = |tag: &u8| INSTANCES[usize::from(*tag)] != "calm";
    let tags = 0..INSTANCES.len() as u8;
    let last = match fault.place {
        Place::Before => return Vec::new(),
        // Some of those that could be moved are looked at before anything else.
        Place::Encode if in_place && is_alike(fault.tag) => return Vec::new(),
        // The first encoding of an instance is before its hook.
        Place::Encode => fault.tag,
        Place::BeforeHook => fault.tag + 1,
        _ => tags.end,
    };
    let mut calls: Vec<_> = (0..last).filter(has_hooks).map(|tag| format!("before {tag}")).collect();
    if fault.place == Place::AfterHook {
        calls.extend((0..=fault.tag).filter(|tag| !is_alike(*tag)).map(|tag| format!("after {tag}")));
    }
    calls.extend((0..last).rev().filter(has_hooks).map(|tag| format!("failed {tag}")));
    calls
}

fn options(fault: Fault) -> HotUpdate {
    let options = HotUpdate::new().deadline(DEADLINE);
    match fault.place {
        Place::Before => options.before(move |_| strike(Place::Before, fault.tag)),
        Place::TransformState => options.transform_state(|instance, state| {
            let tag = instance.trim_start_matches("cell").parse()?;
            strike(Place::TransformState, tag)?;
            Ok(state)
        }),
        _ => options,
    }
}

fn faults() -> impl Iterator<Item = Fault> {
    use Kind::{Error, Overrun, Panic};
    use Place::{AfterHook, Before, BeforeHook, Check, Decode, Encode, Migrate, TransformState};
    let places = [
        (Encode, &[Panic, Overrun][..]),
        (BeforeHook, &[Error, Panic, Overrun]),
        (Decode, &[Error, Panic, Overrun]),
        (Migrate, &[Error, Panic, Overrun]),
        (Check, &[Error, Panic, Overrun]),
        (TransformState, &[Error, Overrun]),
        (AfterHook, &[Error, Panic, Overrun]),
        (Before, &[Error]),
    ];
    let has = |place: Place, tag: u8| match INSTANCES[usize::from(tag)] {
        "calm" => matches!(place, Encode | Before),
        "hooked" => matches!(place, Encode | BeforeHook | Before),
        _ => true,
    };
    let tags = 0..INSTANCES.len() as u8;
    places.into_iter().flat_map(move |(place, kinds)| {
        let tags = tags.clone().filter(move |tag| has(place, *tag));
        kinds.iter().flat_map(move |kind| tags.clone().map(move |tag| Fault { place, kind: *kind, tag }))
    })
}

/// How many messages were sent, and how many handlers have run since.
const FILLS: [(usize, usize); 14] = [
    (0, 0),
    (1, 0),
    (1, 1),
    (2, 1),
    (3, 2),
    (4, 1),
    (4, 3),
    (5, 4),
    (6, 2),
    (7, 3),
    (9, 5),
    (12, 9),
    (16, 20),
    (30, 11),
];

#[test]
fn an_update_that_fails_anywhere_has_not_happened() {
    let mut cases = 0;
    for fault in faults() {
        for (fill, (messages, handled)) in FILLS.into_iter().enumerate() {
            // Moved and encoded in turns, because the table is large.
            let in_place = (fill + usize::from(fault.tag)) % 4 != 0;
            let case = format!("{fault:?}, {handled} of {messages} handled, in place: {in_place}");
            let (mut tried, mut untouched) = (running(messages, handled), running(messages, handled));
            CALLS.take();
            // A library that is opened describes itself with its `Default`, which is not what is to fail here.
            let news = new();
            FAULT.set(Some(fault));
            let outcome = tried.hot_update_all(news, options(fault).in_place(in_place));
            assert!(FAULT.take().is_none(), "the fault was not reached: {case}");
            let Outcome::RolledBack(roll_back) = outcome else { panic!("{outcome:?}: {case}") };
            assert!(phase_of(fault.place).contains(&roll_back.phase.as_str()), "{roll_back:?}: {case}");
            assert_eq!(roll_back.running_generation, Some(1), "{case}");
            if fault.place != Place::Before {
                assert_eq!(roll_back.instance, Some(name(fault.tag.into())), "{case}");
            }
            assert_eq!(CALLS.take(), expected_calls(fault, in_place), "{case}");

            assert_eq!(all(&mut tried), all(&mut untouched), "{case}");
            tried.run_until_idle(10_000);
            untouched.run_until_idle(10_000);
            assert_eq!(all(&mut tried), all(&mut untouched), "later: {case}");

            // And it can still be updated.
            for (registry, in_place) in [(&mut tried, true), (&mut untouched, false)] {
                registry.send("cell0.add", &7_i64).expect("sends");
                registry.poll_at_most(3);
                let outcome = registry.hot_update_all(new(), HotUpdate::new().in_place(in_place));
                let Outcome::Updated(update) = outcome else { panic!("{outcome:?}: {case}") };
                let moved: usize = update.widgets.iter().map(|widget| widget.in_place).sum();
                assert_eq!(moved > 0, in_place, "{update:?}: {case}");
                registry.send("cell0.add", &1_i64).expect("sends");
            }
            assert_eq!(all(&mut tried), all(&mut untouched), "after a good update: {case}");
            tried.run_until_idle(10_000);
            untouched.run_until_idle(10_000);
            CALLS.take();
            assert_eq!(all(&mut tried), all(&mut untouched), "after its messages: {case}");
            cases += 1;
        }
    }
    assert!(cases > 1000, "{cases} cases");
}

#[test]
fn a_dry_run_touches_nothing_and_foresees_what_fails() {
    for fault in faults().filter(|fault| matches!(fault.place, Place::Decode | Place::Migrate | Place::Check))
    {
        if fault.kind == Kind::Overrun {
            continue;
        }
        let (mut tried, mut untouched) = (running(7, 3), running(7, 3));
        CALLS.take();
        let news = new();
        FAULT.set(Some(fault));
        let outcome = tried.hot_update_all(news, HotUpdate::new().dry_run());
        let Outcome::Planned(plan) = outcome else { panic!("{outcome:?}") };
        let problems: Vec<_> = plan.instances.iter().map(|part| part.problem.is_some()).collect();
        let expected: Vec<_> = (0..INSTANCES.len()).map(|tag| tag == usize::from(fault.tag)).collect();
        assert_eq!(problems, expected, "{fault:?}: {plan:?}");
        assert_eq!(CALLS.take(), [""; 0], "no hook runs");
        assert_eq!(all(&mut tried), all(&mut untouched), "{fault:?}");
    }
}
