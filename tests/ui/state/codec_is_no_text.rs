use shrine::prelude::*;

/// No type of serde.
#[derive(Default)]
struct Seconds(u64);

#[state]
#[derive(Default)]
struct Clock {
    #[state(opaque)]
    at: Seconds,
}

fn main() {}
