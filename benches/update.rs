//! Handing many instances over to new code: what each step of an update takes for one of them.
//!
//! The time for an instance should not grow with the number of instances. Creating and removing are told beside it.
//!
//! `cargo bench -p shrine-benches --bench update`; more instances: `cargo bench -p shrine-benches --bench update -- 1000000`

use std::time::{Duration, Instant};

use shrine::BoxError;
use shrine::abi::handle::Library;
use shrine::event::Phases;
use shrine::prelude::*;
use shrine::registry::{HotUpdate, Outcome, Registry};
use shrine_benches::{as_json, print_each};

#[widget(id = "tiny", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Tiny {
    n: u32,
}

#[widget]
impl Tiny {
    #[input]
    fn add(&mut self, by: u32) {
        self.n += by;
    }
}

fn main() -> Result<(), BoxError> {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if !as_json() {
        println!(
            "{:<12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "ns each", "create", "plan", "quiesce", "migrate", "commit", "all", "remove"
        );
    }
    for instances in if asked.is_empty() { vec![1_000, 10_000, 100_000] } else { asked } {
        row(instances)?;
    }
    Ok(())
}

fn row(instances: usize) -> Result<(), BoxError> {
    let mut registry = Registry::new();
    update(&mut registry)?;
    let start = Instant::now();
    for instance in 0..instances {
        registry.create(&format!("tiny-{instance}"), "tiny")?;
    }
    let create = start.elapsed();
    // The first update warms what all have in common.
    update(&mut registry)?;
    let start = Instant::now();
    let phases = update(&mut registry)?;
    let all = start.elapsed();
    let start = Instant::now();
    registry.remove_library("tiny");
    let remove = start.elapsed();
    let each = |time: Duration| time.as_nanos() / instances as u128;
    let phase = |micros: u64| each(Duration::from_micros(micros));
    let row = [
        ("create", each(create)),
        ("plan", phase(phases.plan)),
        ("quiesce", phase(phases.quiesce)),
        ("migrate", phase(phases.migrate)),
        ("commit", phase(phases.commit)),
        ("all", each(all)),
        ("remove", each(remove)),
    ];
    if as_json() {
        print_each("shape unchanged", instances, &row);
    } else {
        let times: Vec<String> = row.iter().map(|(_, time)| format!("{time:>8}")).collect();
        println!("{instances:<12} {}", times.join(" "));
    }
    Ok(())
}

fn update(registry: &mut Registry) -> Result<Phases, BoxError> {
    match registry.hot_update(Library::in_process("tiny").with::<Tiny>()?, HotUpdate::new()) {
        Outcome::Updated(update) => Ok(update.phases_us),
        outcome => Err(format!("not updated: {outcome:?}").into()),
    }
}
