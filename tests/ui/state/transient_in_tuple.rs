use shrine::prelude::*;

#[state]
struct Pair(u8, #[state(transient)] u8);

fn main() {}
