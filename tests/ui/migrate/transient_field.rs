use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", add(cache = 1))]
#[derive(Default)]
struct Counter {
    total: i64,
    #[state(transient)]
    cache: u8,
}

#[widget]
impl Counter {}

fn main() {}
