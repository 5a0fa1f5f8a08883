use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", add(step = |old| old.total.to_string()))]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

fn main() {}
