use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", rename(count => total), change(step: i32, up = |n| n.into()), manual)]
#[derive(Debug, Clone, Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

#[migrate(from = "0.9.0")]
fn up(old: CounterV0_9_0) -> Counter {
    Counter { total: old.count, step: old.step.into() }
}

fn main() {}
