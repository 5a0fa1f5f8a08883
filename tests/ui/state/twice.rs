use shrine::prelude::*;

#[state]
#[state]
struct Item {
    text: String,
}

fn main() {}
