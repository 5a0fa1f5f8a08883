use shrine::prelude::*;

#[widget(id = "counter", version = "1.0.0")]
#[migrate(from = "0.9.0", todo_rename(count => total), add(step = ..), change(n: u64, up = ..), remove(t: u8, down = ..))]
#[derive(Default)]
struct Counter {
    total: i64,
    step: i64,
    n: u8,
}

#[widget]
impl Counter {}

fn main() {}
