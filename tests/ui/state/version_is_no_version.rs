use shrine::prelude::*;

#[state(version = "two")]
struct Item {
    text: String,
}

fn main() {}
