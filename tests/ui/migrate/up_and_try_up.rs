use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", change(total: i32, up = |v| v.into(), try_up = |v| v.try_into()))]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

fn main() {}
