use shrine::prelude::*;

#[widget(id = "counter", version =)]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {}
