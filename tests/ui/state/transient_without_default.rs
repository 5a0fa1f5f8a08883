use shrine::prelude::*;

struct Handle;

#[state]
struct Item {
    text: String,
    #[state(transient)]
    handle: Handle,
}

fn main() {}
