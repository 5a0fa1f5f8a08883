use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {}
