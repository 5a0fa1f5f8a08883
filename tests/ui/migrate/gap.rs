use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", to = "1.0.0", rename(count => total))]
#[migrate(from = "0.7.0", to = "0.8.0", change(count: i32))]
#[derive(Debug, Clone, Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {}
