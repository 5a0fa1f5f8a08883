use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", change(total: i64))]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {}
