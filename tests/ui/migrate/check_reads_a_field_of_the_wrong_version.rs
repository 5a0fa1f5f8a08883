use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", rename(count => total), check = |old, new| new.total == old.total)]
#[derive(Debug, Clone, Default)]
struct Counter {
    total: i64,
}

#[widget]
impl Counter {}

fn main() {}
