use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", rename(count => total), check = |old, new| new.total == old.count, manual)]
#[derive(Debug, Clone, Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

#[migrate(from = "0.9.0")]
fn up(old: CounterV0_9_0) -> Counter {
    Counter { total: old.count }
}

fn main() {}
