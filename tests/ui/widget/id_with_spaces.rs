use shrine::prelude::*;

#[widget(id = "My Counter", version = "1.0.0")]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {}
