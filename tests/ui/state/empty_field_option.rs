use shrine::prelude::*;

#[state]
struct Item {
    #[state]
    text: String,
}

fn main() {}
