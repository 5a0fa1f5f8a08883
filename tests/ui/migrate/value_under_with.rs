use shrine::prelude::*;

fn up(old: CounterV0_9_0) -> Result<Counter, MigrateError> {
    Ok(Counter { total: old.total, step: 1 })
}

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", add(step = 1), with = up)]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

fn main() {}
