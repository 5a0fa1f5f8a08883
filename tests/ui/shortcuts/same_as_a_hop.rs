use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", rename(count => total))]
#[migrate(from = "0.8.0", add(step = 1))]
#[migrate(from = "0.7.0", remove(title: String), change(count: i32))]
#[migrate(from = "0.9.0", to = "1.0.0", rename(count => total))]
#[derive(Debug, Clone, Default)]
struct Counter {
    total: i64,
    step: i64,
}

#[widget]
impl Counter {}

fn main() {}
