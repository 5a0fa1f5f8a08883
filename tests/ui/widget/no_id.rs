use shrine::prelude::*;

#[widget(version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {}
