use shrine::prelude::*;

#[state]
struct Item {
    #[state(codec = "date@1")]
    text: String,
}

fn main() {}
