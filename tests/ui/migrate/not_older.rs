use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "1.0.0", rename(count => total))]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

fn main() {}
