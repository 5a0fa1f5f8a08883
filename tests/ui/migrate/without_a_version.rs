use shrine::prelude::*;

#[state]
#[migrate(from = "1", add(done = false))]
struct Item {
    text: String,
    done: bool,
}

fn main() {}
