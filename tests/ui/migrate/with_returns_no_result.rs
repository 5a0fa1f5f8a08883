use shrine::prelude::*;

fn up(old: CounterV0_9_0) -> Counter {
    Counter { total: old.total, step: 1 }
}

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", add(step), with = up)]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

fn main() {}
