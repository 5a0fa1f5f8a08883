//! Handing many instances over to new code: what each step of an update takes for one of them, in nanoseconds.
//!
//! Three ways take turns in one run: the instances stay in memory as they are, their states are encoded and decoded, and, as
//! the limit, a `Vec` of as many pairs of pointers whose one pointer is written anew. The first round is not counted. Times are
//! medians, and for the whole update the fastest too; the ratio is that of its median to that of the limit.
//!
//! What an update that encoded has kept for the case that it is taken back goes with the next update: before the ways are
//! measured, one that moves clears it away.
//!
//! `cargo bench -p shrine-benches --bench update`; with other numbers of instances:
//! `cargo bench -p shrine-benches --bench update -- 1000000`

use std::hint::black_box;
use std::time::{Duration, Instant};

use shrine::abi::handle::Library;
use shrine::event::Phases;
use shrine::prelude::*;
use shrine::registry::{HotUpdate, Outcome, Registry};
use shrine::{Behaviour, BoxError, Widget};
use shrine_benches::{as_json, print_each};

#[widget(id = "small", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Small {
    n: u32,
}

#[widget]
impl Small {
    #[input]
    fn add(&mut self, by: u32, sum: &mut Output<u32>) {
        self.n += by;
        sum.send(self.n);
    }
}

#[widget(id = "large", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq)]
struct Large {
    n: u32,
    name: String,
    items: Vec<(u64, String)>,
    last: Option<Box<[u64]>>,
}

impl Default for Large {
    fn default() -> Self {
        let items = (0..16).map(|item| (item, format!("item {item}"))).collect();
        Self { n: 0, name: "a larger state".to_owned(), items, last: Some((0..16).collect()) }
    }
}

#[widget]
impl Large {
    #[input]
    fn add(&mut self, by: u32, sum: &mut Output<u32>) {
        self.n += by;
        sum.send(self.n);
    }
}

fn main() -> Result<(), BoxError> {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let counts = if asked.is_empty() { vec![1_000, 10_000, 100_000] } else { asked };
    if !as_json() {
        println!(
            "{:<27} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>10}",
            "ns for each instance", "", "plan", "quiesce", "migrate", "commit", "all", "fastest", "ratio"
        );
    }
    for instances in counts {
        rows::<Small>(instances, false)?;
        rows::<Small>(instances, true)?;
        // What is larger takes memory.
        if instances <= 300_000 {
            rows::<Large>(instances, false)?;
            rows::<Large>(instances, true)?;
        }
    }
    Ok(())
}

/// How often the states are encoded.
const ROUNDS: usize = 3;
/// How often they are moved for each time that they are encoded.
const MOVES: usize = 5;

fn rows<W: Widget + Behaviour>(instances: usize, wired: bool) -> Result<(), BoxError> {
    let mut registry = Registry::new();
    update::<W>(&mut registry, true)?;
    for instance in 0..instances {
        registry.create(&format!("i{instance}"), W::ID)?;
    }
    if wired {
        for instance in 1..instances {
            registry.connect(&format!("i{}.sum", instance - 1), &format!("i{instance}.add"))?;
        }
    }
    let mut pairs: Vec<(usize, Box<usize>)> = (0..instances).map(|n| (1, Box::new(n))).collect();
    let (mut limit, mut moved, mut encoded) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        update::<W>(&mut registry, true)?;
        for _ in 0..MOVES {
            let start = Instant::now();
            for pair in black_box(&mut pairs) {
                pair.0 = black_box(round);
            }
            limit.push((start.elapsed(), Phases::default()));
            moved.push(update::<W>(&mut registry, true)?);
        }
        encoded.push(update::<W>(&mut registry, false)?);
    }
    let what = format!("{instances} {}{}", W::ID, if wired { ", wired" } else { "" });
    let each = |time: Duration| time.as_secs_f64() * 1e9 / instances as f64;
    let phase = |micros: u64| each(Duration::from_micros(micros));
    let middle = |mut times: Vec<Duration>| {
        times.sort_unstable();
        (times[0], times[times.len() / 2])
    };
    let whole = |times: &[(Duration, Phases)]| middle(times.iter().map(|(all, _)| *all).collect());
    limit.drain(..MOVES);
    moved.drain(..MOVES);
    encoded.drain(..1);
    let limit = whole(&limit);
    for (way, times) in [("in place", &moved), ("encoded", &encoded)] {
        let of = |phase: fn(&Phases) -> u64| {
            let mut micros: Vec<u64> = times.iter().map(|(_, phases)| phase(phases)).collect();
            micros.sort_unstable();
            micros[micros.len() / 2]
        };
        let (fastest, all) = whole(times);
        let row = [
            ("plan", phase(of(|phases| phases.plan))),
            ("quiesce", phase(of(|phases| phases.quiesce))),
            ("migrate", phase(of(|phases| phases.migrate))),
            ("commit", phase(of(|phases| phases.commit))),
            ("all", each(all)),
            ("fastest", each(fastest)),
        ];
        if as_json() {
            print_each(&format!("{what}, {way}"), instances, &row.map(|(name, time)| (name, time as u128)));
        } else {
            let times: Vec<String> = row.iter().map(|(_, time)| format!("{time:>8.1}")).collect();
            let ratio = all.as_secs_f64() / limit.1.as_secs_f64();
            println!("{what:<27} {way:>9} {} {ratio:>9.1}x", times.join(" "));
        }
    }
    if !as_json() {
        println!("{what:<27} {:>9} {:>44.1} {:>8.1} {:>9.1}x", "limit", each(limit.1), each(limit.0), 1.0);
    }
    Ok(())
}

fn update<W: Widget + Behaviour>(
    registry: &mut Registry,
    in_place: bool,
) -> Result<(Duration, Phases), BoxError> {
    let library = Library::in_process("bench").with::<W>()?;
    let start = Instant::now();
    match registry.hot_update(library, HotUpdate::new().in_place(in_place)) {
        Outcome::Updated(update) => Ok((start.elapsed(), update.phases_us)),
        outcome => Err(format!("not updated: {outcome:?}").into()),
    }
}
