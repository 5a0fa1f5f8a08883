use shrine::prelude::*;

#[state(verison = "2")]
struct Item {
    text: String,
}

fn main() {}
