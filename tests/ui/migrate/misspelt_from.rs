use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(form = "0.9.0")]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

fn main() {}
