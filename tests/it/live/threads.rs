//! Messages from other threads, a program's and a widget's own, while code is replaced.

use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread::{JoinHandle, yield_now};

use serde_json::json;
use shrine::abi::handle::Library;
use shrine::event::Event;
use shrine::prelude::*;
use shrine::registry::{HotUpdate, InboxError, Outcome, Registry};
use shrine::{Behaviour, SendError, Widget};

fn library<W: Widget + Behaviour>() -> Library {
    Library::in_process("threads").with_as::<W>("worker").expect("opens")
}

fn update<W: Widget + Behaviour>(registry: &mut Registry) -> Outcome {
    registry.hot_update(library::<W>(), HotUpdate::new())
}

fn faults(registry: &mut Registry) -> Vec<(String, String)> {
    let fault = |event| match event {
        Event::Fault { port, reason, .. } => Some((port, reason)),
        _ => None,
    };
    registry.take_events().into_iter().filter_map(fault).collect()
}

/// Numbers in the order in which they should come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[state]
struct Tally {
    next: u64,
    wrong: u64,
}

impl Tally {
    fn take(&mut self, n: u64) {
        if n == self.next {
            self.next += 1;
        } else {
            self.wrong += 1;
        }
    }
}

/// What the one worker of the long test is to do; the first `#[started]` takes it.
static JOB: Mutex<Option<Job>> = Mutex::new(None);

struct Job {
    numbers: u64,
    /// How often each error was the answer: full, unknown port, other type.
    done: Sender<[u64; 3]>,
}

fn work(inbox: &Inbox) {
    let Some(job) = JOB.lock().expect("no panic").take() else { return };
    let inbox = inbox.clone();
    std::thread::spawn(move || {
        let (mut n, mut refused) = (0, [0; 3]);
        while n < job.numbers {
            match inbox.send("number", &n) {
                Ok(()) => {
                    n += 1;
                    continue;
                }
                Err(SendError::Full) => refused[0] += 1,
                Err(SendError::UnknownPort { .. }) => refused[1] += 1,
                Err(SendError::OtherType { .. }) => refused[2] += 1,
                Err(error) => panic!("{n}: {error}"),
            }
            yield_now();
        }
        let _ = job.done.send(refused);
    });
}

#[widget(id = "threads.first", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct First {
    tally: Tally,
}

#[widget]
impl First {
    #[started]
    fn start(&mut self, inbox: &Inbox) {
        work(inbox);
    }

    #[input]
    fn number(&mut self, n: u64) {
        self.tally.take(n);
    }
}

#[widget(id = "threads.second", version = "1.1.0")]
#[migrate(from = "1.0.0", add(handled = 0))]
#[derive(Debug, Clone, Default, PartialEq)]
struct Second {
    tally: Tally,
    handled: u64,
}

#[widget]
impl Second {
    #[input]
    fn number(&mut self, n: u64) {
        self.tally.take(n);
        self.handled += 1;
    }
}

#[widget(id = "threads.without", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct WithoutPort {
    tally: Tally,
}

#[widget]
impl WithoutPort {
    #[input]
    fn other(&mut self) {}
}

#[widget(id = "threads.narrow", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct OtherType {
    tally: Tally,
}

#[widget]
impl OtherType {
    #[input]
    fn number(&mut self, n: u8) {
        self.tally.wrong += 1 + u64::from(n);
    }
}

#[widget(id = "threads.renamed", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Renamed {
    tally: Tally,
}

#[widget]
impl Renamed {
    #[input(was = "number")]
    fn count(&mut self, n: u64) {
        self.tally.take(n);
    }
}

#[widget(id = "threads.fails", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Fails {
    tally: Tally,
}

#[widget]
impl Fails {
    #[input]
    fn number(&mut self, n: u64) {
        self.tally.wrong += 1 + n;
    }

    #[after_update]
    fn check(&mut self) -> Result<(), BoxError> {
        Err("not this one".into())
    }
}

#[widget(id = "threads.panics", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Panics {
    tally: Tally,
}

#[widget]
impl Panics {
    #[input]
    fn number(&mut self, n: u64) {
        self.tally.take(n);
        panic!("not this one either");
    }
}

#[widget(id = "threads.older", version = "0.1.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Older {
    tally: u8,
}

#[widget]
impl Older {}

#[test]
fn what_a_worker_sends_arrives_once_and_in_order_over_hundreds_of_updates() {
    const NUMBERS: u64 = 100_000;
    let (done, finished) = channel();
    *JOB.lock().expect("no panic") = Some(Job { numbers: NUMBERS, done });
    let mut registry = Registry::new();
    update::<First>(&mut registry);
    registry.create("a", "worker").expect("creates");

    let (mut updated, mut rolled_back, mut refused) = (0, 0, 0);
    let mut answers = None;
    let kinds: [fn(&mut Registry) -> Outcome; 8] = [
        update::<Second>,
        update::<Older>,
        update::<First>,
        update::<WithoutPort>,
        update::<Fails>,
        update::<Panics>,
        update::<OtherType>,
        update::<First>,
    ];
    let mut turn = 0;
    while answers.is_none() || turn < 400 {
        match kinds[turn % kinds.len()](&mut registry) {
            Outcome::Updated(_) => updated += 1,
            Outcome::RolledBack(_) => rolled_back += 1,
            Outcome::Refused(_) => refused += 1,
            other => panic!("{other:?}"),
        }
        // Not always all that waits: the rest is under way during the next update.
        registry.poll_at_most(turn * 7 % 400);
        answers = answers.or_else(|| finished.try_recv().ok());
        turn += 1;
    }
    update::<First>(&mut registry);
    registry.run_until_idle(usize::MAX);

    let tally = registry.state::<First>("a").expect("state").tally;
    assert_eq!(tally, Tally { next: NUMBERS, wrong: 0 }, "{turn} turns");
    assert!(updated >= 100 && rolled_back >= 50 && refused >= 50, "{updated} {rolled_back} {refused}");
    let faults = faults(&mut registry);
    assert!(faults.is_empty(), "what panicked was taken back: {faults:?}");
}

#[test]
fn a_message_that_is_accepted_while_the_type_of_its_port_changes_waits_for_its_type() {
    let mut registry = Registry::new();
    update::<First>(&mut registry);
    registry.create("a", "worker").expect("creates");
    let inbox = registry.inbox();
    let send = move |_: &_| Ok((0..3_u64).try_for_each(|n| inbox.send("a.number", &n))?);
    let outcome = registry.hot_update(library::<OtherType>(), HotUpdate::new().before(send));
    assert!(matches!(outcome, Outcome::Updated(_)), "{outcome:?}");
    registry.run_until_idle(100);
    assert_eq!(registry.state::<OtherType>("a").expect("state").tally, Tally::default());
    assert_eq!(faults(&mut registry), []);
    update::<First>(&mut registry);
    registry.run_until_idle(100);
    assert_eq!(registry.state::<First>("a").expect("state").tally, Tally { next: 3, wrong: 0 });
}

/// The inbox that an instance was started with, for the test to send from.
#[widget(id = "threads.lends", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Lends {
    tally: Tally,
}

thread_local! {
    static LENT: RefCell<Vec<Inbox>> = const { RefCell::new(Vec::new()) };
}

fn lent() -> Inbox {
    LENT.with_borrow_mut(Vec::pop).expect("it was started")
}

#[widget]
impl Lends {
    #[started]
    fn start(&mut self, inbox: &Inbox) {
        LENT.with_borrow_mut(|lent| lent.push(inbox.clone()));
    }

    #[input]
    fn number(&mut self, n: u64) {
        self.tally.take(n);
    }

    #[input]
    fn twice(&mut self, n: u64, inbox: &Inbox) -> Result<(), SendError> {
        inbox.send("number", &n)?;
        inbox.send("number", &(n + 1))
    }

    #[input]
    fn panics(&mut self) {
        panic!("as asked");
    }
}

fn lending() -> (Registry, Inbox) {
    let mut registry = Registry::new();
    update::<Lends>(&mut registry);
    registry.create("a", "worker").expect("creates");
    (registry, lent())
}

#[test]
fn an_instance_that_is_gone_is_closed_also_when_there_is_one_of_its_name() {
    let (mut registry, first) = lending();
    assert_eq!(first.send("number", &0_u64), Ok(()));
    registry.remove("a").expect("removes");
    assert_eq!(first.send("number", &1_u64), Err(SendError::Closed));
    registry.create("a", "worker").expect("creates");
    let second = lent();
    assert_eq!(first.send("number", &2_u64), Err(SendError::Closed));
    assert_eq!(second.send("number", &0_u64), Ok(()));
    registry.run_until_idle(100);
    let tally = registry.state::<Lends>("a").expect("state").tally;
    assert_eq!(tally, Tally { next: 1, wrong: 0 }, "nothing of the first one's");

    let host = registry.inbox();
    drop(registry);
    assert_eq!(second.send("number", &1_u64), Err(SendError::Closed));
    assert_eq!(host.send("a.number", &1_u64), Err(InboxError::Closed));
    let elsewhere = second.clone();
    let sent = std::thread::spawn(move || elsewhere.send("number", &1_u64)).join();
    assert_eq!(sent.expect("does not panic"), Err(SendError::Closed));
}

#[test]
fn an_inbox_survives_updates_undo_and_panics() {
    let (mut registry, inbox) = lending();
    inbox.send("number", &0_u64).expect("sends");
    registry.run_until_idle(100);
    assert!(matches!(update::<Lends>(&mut registry), Outcome::Updated(_)));
    inbox.send("number", &1_u64).expect("sends from the code of the past");
    registry.run_until_idle(100);
    assert_eq!(registry.state::<Lends>("a").expect("state").tally.next, 2);
    inbox.send("panics", &()).expect("sends");
    inbox.send("number", &2_u64).expect("sends");
    registry.run_until_idle(100);
    assert_eq!(registry.state::<Lends>("a").expect("state").tally.next, 3);
    registry.undo("a").expect("undoes");
    inbox.send("number", &2_u64).expect("sends");
    registry.run_until_idle(100);
    assert_eq!(registry.state::<Lends>("a").expect("state").tally, Tally { next: 3, wrong: 0 });
}

#[test]
fn a_handler_may_send_to_its_own_ports() {
    let (mut registry, _) = lending();
    registry.send("a.twice", &0_u64).expect("sends");
    registry.run_until_idle(100);
    assert_eq!(registry.state::<Lends>("a").expect("state").tally, Tally { next: 2, wrong: 0 });
}

#[test]
fn what_waits_for_a_port_that_vanished_arrives_when_it_is_back() {
    let (mut registry, inbox) = lending();
    inbox.send("number", &0_u64).expect("sends");
    update::<WithoutPort>(&mut registry);
    let unknown = SendError::UnknownPort { port: "number".to_owned() };
    assert_eq!(inbox.send("number", &1_u64), Err(unknown));
    assert_eq!(inbox.send("other", &()), Ok(()), "a port that came later");
    registry.run_until_idle(100);
    update::<OtherType>(&mut registry);
    let other = SendError::OtherType { port: "number".to_owned() };
    assert_eq!(inbox.send("number", &1_u64), Err(other.clone()));
    registry.run_until_idle(100);
    assert_eq!(registry.state::<OtherType>("a").expect("state").tally, Tally::default());
    update::<First>(&mut registry);
    assert_eq!(inbox.send("number", &1_i64), Err(other));
    assert_eq!(inbox.send("number", &1_u64), Ok(()));
    update::<Renamed>(&mut registry);
    assert_eq!(inbox.send("number", &2_u64), Ok(()), "a former name leads to the port");
    assert_eq!(inbox.send("count", &3_u64), Ok(()));
    registry.run_until_idle(100);
    assert_eq!(registry.state::<Renamed>("a").expect("state").tally, Tally { next: 4, wrong: 0 });
}

#[test]
fn a_waker_that_panics_loses_nothing() {
    let (mut registry, inbox) = lending();
    registry.on_message(|| panic!("in the waker"));
    let sent = std::thread::spawn(move || inbox.send("number", &0_u64)).join();
    assert_eq!(sent.expect("does not unwind into the widget"), Ok(()));
    registry.run_until_idle(100);
    assert_eq!(registry.state::<Lends>("a").expect("state").tally.next, 1);
}

#[widget(id = "threads.many", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Many {
    tallies: Vec<Tally>,
}

#[widget]
impl Many {
    #[input]
    fn number(&mut self, (thread, n): (u64, u64)) {
        let thread = thread as usize;
        self.tallies.resize(self.tallies.len().max(thread + 1), Tally::default());
        self.tallies[thread].take(n);
    }
}

#[widget(id = "threads.many-fail", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct ManyFail {
    tallies: Vec<Tally>,
}

#[widget]
impl ManyFail {
    #[input]
    fn number(&mut self, (thread, n): (u64, u64)) {
        self.tallies[thread as usize].wrong += n;
        panic!("as planned");
    }
}

#[test]
fn threads_of_the_program_send_over_updates() {
    const NUMBERS: u64 = 5_000;
    let mut registry = Registry::new();
    update::<Many>(&mut registry);
    registry.create("a", "worker").expect("creates");
    let send = |thread: u64| {
        let inbox = registry.inbox();
        std::thread::spawn(move || {
            for n in 0..NUMBERS {
                while let Err(error) = inbox.send("a.number", &(thread, n)) {
                    assert_eq!(error, InboxError::Full);
                    yield_now();
                }
            }
        })
    };
    let threads: Vec<_> = (0..4).map(send).collect();
    let mut turn = 0;
    while turn < 100 || threads.iter().any(|thread| !thread.is_finished()) {
        if turn % 2 == 0 {
            update::<ManyFail>(&mut registry);
        } else {
            update::<Many>(&mut registry);
        }
        registry.poll_at_most(turn * 7 % 400);
        turn += 1;
    }
    for thread in threads {
        thread.join().expect("all was sent");
    }
    update::<Many>(&mut registry);
    registry.run_until_idle(usize::MAX);
    let tallies = registry.state::<Many>("a").expect("state").tallies;
    assert_eq!(tallies, [Tally { next: NUMBERS, wrong: 0 }; 4]);
}

/// A worker that sends until it is told that nobody listens, and is waited for.
#[widget(id = "threads.waits", version = "1.0.0")]
#[derive(Debug, Default)]
struct Waits {
    #[state(transient)]
    worker: Option<JoinHandle<SendError>>,
}

#[widget]
impl Waits {
    #[started]
    fn start(&mut self, inbox: &Inbox) {
        let inbox = inbox.clone();
        self.worker = Some(std::thread::spawn(move || {
            loop {
                match inbox.send("tick", &()) {
                    Ok(()) | Err(SendError::Full) => yield_now(),
                    Err(error) => return error,
                }
            }
        }));
    }

    #[stopped]
    fn stop(&mut self, inbox: &Inbox) {
        assert_eq!(inbox.send("tick", &()), Err(SendError::Closed));
        let ended = self.worker.take().map(JoinHandle::join);
        assert_eq!(ended.expect("was started").expect("does not panic"), SendError::Closed);
    }

    #[input]
    fn tick(&mut self) {}
}

#[test]
fn an_end_waits_for_a_worker_that_waits_for_the_end() {
    let mut registry = Registry::new();
    update::<Waits>(&mut registry);
    for name in ["a", "b", "c"] {
        registry.create(name, "worker").expect("creates");
    }
    registry.poll();
    registry.remove("b").expect("removes");
    assert_eq!(faults(&mut registry), []);
    let mut events = registry.subscribe(0);
    drop(registry);
    assert!(!std::iter::from_fn(|| events.next()).any(|event| matches!(event.event, Event::Fault { .. })));
}

thread_local! {
    static CALLS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn note(call: &'static str) {
    CALLS.with_borrow_mut(|calls| calls.push(call));
}

fn calls() -> Vec<&'static str> {
    CALLS.take()
}

macro_rules! hooked {
    ($name:ident = $id:tt: $adds:literal before, $fails:literal after, $panics:literal on a message) => {
        #[widget(id = $id, version = "1.0.0")]
        #[derive(Debug, Clone, Default, PartialEq)]
        struct $name {
            n: u64,
        }

        #[widget]
        impl $name {
            #[started]
            fn started(&mut self) {
                note("started");
            }

            #[stopped]
            fn stopped(&mut self) {
                note("stopped");
            }

            #[before_update]
            fn before(&mut self, inbox: &Inbox, cx: &UpdateContext) {
                assert_eq!((cx.instance.as_str(), inbox.send("nowhere", &()).is_err()), ("a", true));
                note("before");
                self.n += $adds;
            }

            #[after_update]
            fn after(&mut self) -> Result<(), BoxError> {
                note("after");
                if $fails { Err("as planned".into()) } else { Ok(()) }
            }

            #[update_failed]
            fn failed(&mut self, _: &Inbox) {
                note("failed");
            }

            #[input]
            fn add(&mut self, n: u64) {
                self.n += n;
                assert!(n < 100 && !$panics, "too much");
            }
        }
    };
}

hooked!(Steady = "threads.hooked.steady": 0 before, false after, false on a message);
hooked!(Untidy = "threads.hooked.untidy": 1 before, false after, false on a message);
hooked!(Failing = "threads.hooked.failing": 0 before, true after, false on a message);
hooked!(Panicking = "threads.hooked.panicking": 0 before, false after, true on a message);

fn hooked<W: Widget + Behaviour>() -> Registry {
    calls();
    let mut registry = Registry::new();
    update::<W>(&mut registry);
    registry.create("a", "worker").expect("creates");
    assert_eq!(calls(), ["started"]);
    registry
}

#[test]
fn every_beginning_and_end_is_told_once() {
    let mut registry = hooked::<Steady>();
    registry.send("a.add", &1_u64).expect("sends");
    registry.poll();
    assert_eq!(calls(), [""; 0]);
    registry.undo("a").expect("undoes");
    assert_eq!(calls(), ["stopped", "started"]);
    registry.redo("a").expect("does again");
    assert_eq!(calls(), ["stopped", "started"]);
    registry.set_json("a", &json!({"n": 5})).expect("sets");
    assert_eq!(calls(), ["stopped", "started"]);
    registry.set_json("a", &json!({"n": "five"})).expect_err("is refused");
    registry.undo("nobody").expect_err("is refused");
    assert_eq!(calls(), [""; 0], "nothing ended");
    registry.checkpoint("a", "here").expect("names it");
    registry.restore("a", "here").expect("restores");
    registry.jump("a", 0).expect("jumps");
    assert_eq!(calls(), ["stopped", "started", "stopped", "started"]);
    registry.send("a.add", &100_u64).expect("sends");
    registry.poll();
    assert_eq!(calls(), ["started"], "what has panicked cannot be told");
    registry.remove("a").expect("removes");
    assert_eq!(calls(), ["stopped"]);
    registry.create("a", "worker").expect("creates");
    registry.create("b", "worker").expect("creates");
    calls();
    drop(registry);
    assert_eq!(calls(), ["stopped", "stopped"]);
}

#[test]
fn updates_have_hooks_of_their_own() {
    let mut registry = hooked::<Steady>();
    update::<Steady>(&mut registry);
    assert_eq!(calls(), ["before", "after"]);
    registry.hot_update(library::<Steady>(), HotUpdate::new().dry_run());
    assert_eq!(calls(), [""; 0]);
    update::<Older>(&mut registry);
    assert_eq!(calls(), [""; 0], "it was refused");
    // What has begun to work is told that it ends.
    update::<Failing>(&mut registry);
    assert_eq!(calls(), ["before", "after", "stopped", "failed"]);
    registry.hot_update(library::<Steady>(), HotUpdate::new().preserve_state(false));
    assert_eq!(calls(), ["before", "after", "stopped", "started"], "a state that is reset is an end");
    // An update that is taken back ends the new code, and the old one begins anew.
    update::<Panicking>(&mut registry);
    calls();
    registry.send("a.add", &1_u64).expect("sends");
    registry.poll();
    assert_eq!(calls(), ["started"], "the new instance has panicked");
    assert_eq!(registry.state::<Steady>("a").expect("state").n, 1);
    drop(registry);
    assert_eq!(calls(), ["stopped"]);

    let mut registry = hooked::<Untidy>();
    update::<Failing>(&mut registry);
    assert_eq!(calls(), ["before", "after", "stopped", "failed", "stopped", "started"], "it is put back");
    assert_eq!(registry.state::<Untidy>("a").expect("state").n, 0);
    drop(registry);
    calls();
}

#[test]
fn an_instance_that_panics_in_its_hook_begins_anew() {
    let mut registry = hooked::<Steady>();
    registry.create("b", "worker").expect("creates");
    calls();
    // `before` does not like the name of the second one.
    let outcome = update::<Steady>(&mut registry);
    assert!(matches!(outcome, Outcome::RolledBack(_)), "{outcome:?}");
    assert_eq!(calls(), ["before", "failed", "started", "failed"]);
    registry.remove_library("threads");
    assert_eq!(calls(), ["stopped", "stopped"]);
}

#[widget(id = "threads.bad", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct BadStart {
    n: u64,
}

#[widget]
impl BadStart {
    #[started]
    fn start(&mut self) -> Result<(), BoxError> {
        self.n += 1;
        if self.n < 2 { Err("no luck".into()) } else { panic!("no luck at all") }
    }

    #[stopped]
    fn stop(&mut self) {
        panic!("no end");
    }

    #[input]
    fn add(&mut self, n: u64) {
        self.n += n;
    }
}

#[test]
fn a_beginning_or_end_that_fails_is_reported_and_changes_nothing() {
    let mut registry = Registry::new();
    update::<BadStart>(&mut registry);
    registry.create("a", "worker").expect("is created all the same");
    assert_eq!(faults(&mut registry), [("started".to_owned(), "no luck".to_owned())]);
    registry.send("a.add", &1_u64).expect("sends");
    registry.poll();
    assert_eq!(registry.state::<BadStart>("a").expect("state").n, 2);
    registry.set_json("a", &json!({"n": 7})).expect("sets");
    let ports: Vec<_> = faults(&mut registry).into_iter().map(|(port, _)| port).collect();
    assert_eq!(ports, ["stopped", "started"]);
    assert_eq!(registry.state::<BadStart>("a").expect("is not down").n, 7, "as before its beginning");
    registry.remove("a").expect("removes");
    let faults = faults(&mut registry);
    assert!(matches!(&faults[..], [(port, reason)] if port == "stopped" && reason.contains("no end")));
}

#[test]
fn an_interface_lists_the_hooks() {
    let hooks = Waits::interface().hooks;
    assert_eq!(hooks, ["started", "stopped"]);
}

/// An inbox can be given to any thread.
#[test]
fn an_inbox_is_send_and_sync() {
    fn check<T: Clone + Send + Sync + 'static>(_: &T) {}
    check(&Inbox::default());
}
