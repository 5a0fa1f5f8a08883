//! Random requests to a history and to a simple one that keeps full copies: both must say the same.

use super::tests::modules;
use super::*;

/// A history that keeps whole states, and follows the rules in the most direct way.
#[derive(Default)]
struct Simple {
    entries: Vec<Copy>,
    line: Vec<u64>,
    at: usize,
    names: BTreeMap<String, u64>,
    unrecorded: Option<Snapshot>,
    next: u64,
}

#[derive(Clone)]
struct Copy {
    index: u64,
    cause: String,
    snapshot: Snapshot,
    place: u64,
}

impl Simple {
    fn newest(&self) -> &Snapshot {
        &self.entries[self.entries.len() - 1].snapshot
    }

    fn change(&mut self, cause: String, snapshot: Snapshot) {
        self.line.truncate(self.at + 1);
        self.line.push(self.next);
        self.at = self.line.len() - 1;
        self.entries.push(Copy { index: self.next, cause, snapshot, place: self.next });
        self.next += 1;
    }

    fn leave(&mut self) {
        if let Some(left) = self.unrecorded.take() {
            self.change("unrecorded".to_owned(), left);
        }
    }

    fn go(&mut self, cause: String, snapshot: Snapshot, place: u64) {
        self.leave();
        match self.line.iter().position(|index| *index == place) {
            Some(at) => {
                self.at = at;
                self.entries.push(Copy { index: self.next, cause, snapshot, place });
                self.next += 1;
            }
            None => self.change(cause, snapshot),
        }
    }

    fn undo(&self) -> Option<(String, &Copy)> {
        let (undone, at) = match self.unrecorded {
            Some(_) => (self.next, Some(self.at)),
            None => (self.line[self.at], self.at.checked_sub(1)),
        };
        Some((format!("undo {undone}"), self.find(self.line[at?])?))
    }

    fn redo(&self) -> Option<(String, &Copy)> {
        let place = *self.line.get(self.at + 1)?;
        self.unrecorded.is_none().then_some((format!("redo {place}"), self.find(place)?))
    }

    fn find(&self, index: u64) -> Option<&Copy> {
        self.entries.iter().find(|entry| entry.index == index)
    }

    fn forget(&mut self, gone: u64) {
        self.entries.retain(|entry| entry.index != gone);
        self.names.retain(|_, index| *index != gone);
        let heir = self.entries.iter().rev().find(|entry| entry.place == gone).map(|entry| entry.index);
        if let Some(heir) = heir {
            self.entries.iter_mut().filter(|entry| entry.place == gone).for_each(|entry| entry.place = heir);
            self.line.iter_mut().filter(|index| **index == gone).for_each(|index| *index = heir);
        }
        if let Some(place) = self.line.iter().position(|index| *index == gone) {
            if place < self.at {
                self.line = self.line.split_off(place + 1);
                self.at -= place + 1;
            } else {
                assert_ne!(place, self.at);
                self.line.truncate(place);
            }
        }
    }

    /// Forgets what the history has forgotten, if that was right to go.
    fn follow(&mut self, history: &History) {
        let kept = |index| history.position(index).is_some();
        let is_named = |simple: &Self, index: u64| simple.names.values().any(|named| *named == index);
        let (named, others): (Vec<_>, Vec<_>) =
            self.entries.iter().map(|entry| entry.index).partition(|index| is_named(self, *index));
        let newest = self.next - 1;
        if named.iter().any(|index| !kept(*index)) {
            assert!(others.iter().all(|index| !kept(*index) || *index == newest), "a name went too early");
        }
        for group in [others, named] {
            let gone = group.iter().filter(|index| !kept(**index)).count();
            assert!(group.iter().take(gone).all(|index| !kept(*index)), "the oldest go first");
            group.iter().take(gone).for_each(|index| self.forget(*index));
        }
    }
}

fn same(left: &Snapshot, right: &Snapshot) -> bool {
    left.is(right)
}

fn check(history: &History, simple: &Simple, limits: HistoryLimits) {
    let summaries = history.summaries();
    let copies = &simple.entries;
    assert_eq!(summaries.len(), copies.len());
    for (position, (summary, copy)) in summaries.iter().zip(copies).enumerate() {
        assert_eq!((summary.index, &summary.cause), (copy.index, &copy.cause));
        assert_eq!(summary.bytes, copy.snapshot.state.len());
        let names = simple.names.iter().filter(|named| *named.1 == copy.index).map(|named| named.0);
        assert!(summary.checkpoints.iter().eq(names));
        let snapshot = history.snapshot(position).expect("every entry can be read");
        assert!(same(&snapshot, &copy.snapshot), "entry {} is another state", copy.index);
    }
    assert!(same(history.current(), simple.unrecorded.as_ref().unwrap_or_else(|| simple.newest())));

    let step = |step: Option<Step>| step.map(|step| (step.cause, step.snapshot.state));
    let copy =
        |found: Option<(String, &Copy)>| found.map(|(cause, copy)| (cause, Arc::clone(&copy.snapshot.state)));
    assert_eq!(step(history.undo()), copy(simple.undo()));
    assert_eq!(step(history.redo()), copy(simple.redo()));

    assert!(history.entries.len() == 1 || history.entries.len() <= limits.entries);
    assert!(history.entries.len() == 1 || history.bytes() <= limits.bytes);
    let entries: usize = history.entries.iter().map(Entry::held).sum();
    let names: usize = history.names.keys().map(|name| name_bytes(name)).sum();
    assert_eq!(history.held, entries + names, "the room is counted as it is");
    assert_eq!(history.attic, attic_bytes(&history.newest.attic));
    assert_eq!(history.line, simple.line);
    assert_eq!(history.at, simple.at);
    let newest = &copies[copies.len() - 1];
    assert_eq!(newest.place, simple.line[simple.at], "the newest entry is where we are");
}

/// A state like the one before, as messages and updates make them.
fn changed(rng: &mut fastrand::Rng, from: &Snapshot, modules: &[Arc<Module>]) -> Snapshot {
    let mut next = from.clone();
    let mut state = from.state.to_vec();
    for _ in 0..rng.usize(0..4) {
        let at = rng.usize(0..=state.len());
        let until = (at + rng.usize(0..80)).min(state.len());
        match rng.usize(0..3) {
            0 => state.truncate(until),
            1 => state[at..until].iter_mut().step_by(9).for_each(|byte| *byte = rng.u8(..)),
            _ => drop(state.splice(at..at, (0..rng.u8(0..90)).collect::<Vec<_>>())),
        }
    }
    next.state = state.into();
    if rng.usize(0..6) == 0 {
        next.module = Arc::clone(&modules[rng.usize(0..modules.len())]);
    }
    match rng.usize(0..12) {
        0 => Arc::make_mut(&mut next.attic).put("1.0.0", format!("f{}", rng.u8(0..9)), &rng.u64(..)),
        1 => next.attic = Arc::new(Attic::clone(&next.attic)),
        2 => next.attic = Arc::default(),
        _ => {}
    }
    next
}

#[test]
fn random_requests_end_as_with_full_copies_and_within_bounds() {
    let modules = modules();
    for seed in 0..400 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let first =
            Snapshot { module: Arc::clone(&modules[0]), state: vec![1; 300].into(), attic: Arc::default() };
        let mut history = History::new("created", first.clone());
        let mut simple = Simple::default();
        simple.change("created".to_owned(), first);
        let mut limits = HistoryLimits::default();
        let mut policy = Policy::Message;
        for _ in 0..120 {
            request(&mut rng, &mut history, &mut simple, &modules, &mut policy, &mut limits);
            simple.follow(&history);
            check(&history, &simple, limits);
        }
    }
}

#[test]
fn what_is_written_down_later_is_what_would_have_been_written_down_at_once() {
    let modules = modules();
    // Whether an attic is shared decides how much room it takes, so there is none.
    let next = |rng: &mut fastrand::Rng, from: &Snapshot| Snapshot {
        attic: Arc::default(),
        ..changed(rng, from, &modules)
    };
    let mut longest = 0;
    for seed in 0..100 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let state: Arc<[u8]> = vec![1; rng.usize(0..300)].into();
        let first = Snapshot { module: Arc::clone(&modules[0]), state, attic: Arc::default() };
        let (mut later, mut at_once) =
            (History::new("created", first.clone()), History::new("created", first));
        let mut policy = Policy::Message;
        for _ in 0..40 {
            let current = later.current().clone();
            match rng.usize(0..12) {
                0 => {
                    for history in [&mut later, &mut at_once] {
                        history.catch_up();
                        let Some(step) = history.undo() else { continue };
                        let restored = step.snapshot.clone();
                        history.arrived(step, restored);
                    }
                }
                1 => {
                    let name = format!("n{}", rng.u8(0..3));
                    for history in [&mut later, &mut at_once] {
                        history.checkpoint(&name, current.clone()).expect("a name");
                    }
                }
                2 => {
                    policy = [Policy::Message, Policy::Manual][rng.usize(0..2)];
                    later.set_policy(policy);
                    at_once.set_policy(policy);
                }
                3 => {
                    let (entries, bytes) = (rng.usize(0..20), [0, 1_000, 50_000][rng.usize(0..3)]);
                    later.set_limits(HistoryLimits { entries, bytes });
                    at_once.set_limits(HistoryLimits { entries, bytes });
                }
                4 => {
                    let snapshot = next(&mut rng, &current);
                    for history in [&mut later, &mut at_once] {
                        history.note(Occasion::Change, format_args!("set"), snapshot.clone());
                    }
                }
                _ => {
                    let cause = Cause(["message", "timer"][rng.usize(0..2)], ["a", "b"][rng.usize(0..2)]);
                    let mut snapshots = vec![next(&mut rng, &current)];
                    for _ in 0..rng.usize(0..60) {
                        let Snapshot { state, .. } = next(&mut rng, &snapshots[snapshots.len() - 1]);
                        snapshots.push(Snapshot { state, ..snapshots[0].clone() });
                    }
                    let states = snapshots.iter().map(|snapshot| &*snapshot.state);
                    later.note_handled(cause, &snapshots[0].module, states, &snapshots[0].attic);
                    longest = longest.max(later.pending.len());
                    if policy == Policy::Message {
                        for snapshot in snapshots {
                            at_once.note(Occasion::Handler, format_args!("{cause}"), snapshot);
                        }
                    } else {
                        // Only the last counts then.
                        let Snapshot { module, state, attic } = &snapshots[snapshots.len() - 1];
                        at_once.note_handled(cause, module, [&**state].into_iter(), attic);
                    }
                }
            }
            assert!(same(later.current(), at_once.current()));
            let mut whole = later.clone();
            whole.catch_up();
            assert!(told(&whole) == told(&at_once), "{}\n{}", told(&whole), told(&at_once));
        }
    }
    assert!(longest > 40, "much was not written down at once: {longest}");
}

/// All that can be seen of a history, and how much room it takes.
fn told(history: &History) -> String {
    let snapshots: Vec<_> = (0..history.entries.len()).map(|position| history.snapshot(position)).collect();
    let snapshots: Vec<_> = snapshots.iter().flatten().map(|it| (&it.state, &it.attic)).collect();
    let (places, line) = (history.entries.iter().map(|entry| entry.place), (&history.line, history.at));
    format!(
        "{:?} {snapshots:?} {:?} {line:?} {:?} {} {}",
        history.summaries(),
        places.collect::<Vec<_>>(),
        history.names,
        history.next,
        history.bytes()
    )
}

fn request(
    rng: &mut fastrand::Rng,
    history: &mut History,
    simple: &mut Simple,
    modules: &[Arc<Module>],
    policy: &mut Policy,
    limits: &mut HistoryLimits,
) {
    let current = history.current().clone();
    match rng.usize(0..20) {
        0..8 => {
            let snapshot = changed(rng, &current, modules);
            let occasion = if rng.bool() { Occasion::Handler } else { Occasion::Change };
            history.note(occasion, format_args!("cause"), snapshot.clone());
            if same(&snapshot, simple.newest()) {
                simple.unrecorded = None;
            } else if *policy == Policy::Message
                || (*policy == Policy::Update && occasion == Occasion::Change)
            {
                if simple.unrecorded.as_ref().is_none_or(|left| !same(left, &snapshot)) {
                    simple.leave();
                }
                simple.unrecorded = None;
                simple.change("cause".to_owned(), snapshot);
            } else {
                simple.unrecorded = Some(snapshot);
            }
        }
        8..14 => {
            let index = rng.u64(0..simple.next + 1);
            let name = format!("n{}", rng.u8(0..5));
            let (step, found) = match rng.usize(0..6) {
                0 => {
                    let found = simple.find(index).map(|copy| (format!("jump {index}"), copy));
                    (history.jump(index).ok(), found)
                }
                1 => {
                    let found = simple.names.get(&name).and_then(|index| simple.find(*index));
                    (history.restore(&name).ok(), found.map(|copy| (format!("restore {name}"), copy)))
                }
                2 | 3 => (history.redo(), simple.redo()),
                _ => (history.undo(), simple.undo()),
            };
            assert_eq!(step.is_some(), found.is_some());
            let (Some(step), Some((cause, copy))) = (step, found) else { return };
            assert!(same(&step.snapshot, &copy.snapshot));
            let place = copy.place;
            // What is restored has migrated to other code at times.
            let mut restored = step.snapshot.clone();
            if rng.usize(0..4) == 0 {
                restored = changed(rng, &restored, modules);
            }
            history.arrived(step, restored.clone());
            simple.go(cause, restored, place);
        }
        14..17 => {
            let name = format!("n{}", rng.u8(0..5));
            let snapshot = if rng.bool() { current } else { changed(rng, &current, modules) };
            let index = history.checkpoint(&name, snapshot.clone()).expect("a name");
            if !same(&snapshot, simple.newest()) {
                if simple.unrecorded.as_ref().is_none_or(|left| !same(left, &snapshot)) {
                    simple.leave();
                }
                simple.change(format!("checkpoint {name}"), snapshot);
            }
            simple.unrecorded = None;
            assert_eq!(index, simple.next - 1);
            simple.names.insert(name, index);
        }
        17 => {
            *policy = [Policy::Message, Policy::Update, Policy::Manual][rng.usize(0..3)];
            history.set_policy(*policy);
        }
        _ => {
            let (entries, bytes) = (rng.usize(0..30), [0, 1_000, 5_000, 50_000][rng.usize(0..4)]);
            *limits = HistoryLimits { entries, bytes };
            history.set_limits(*limits);
        }
    }
}
