use shrine::prelude::*;

#[widget]
#[derive(Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {}
