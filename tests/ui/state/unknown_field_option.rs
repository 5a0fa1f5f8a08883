use shrine::prelude::*;

#[state]
struct Item {
    #[state(opaque = "date@1")]
    text: String,
}

fn main() {}
