use shrine::prelude::*;

#[state]
struct Pair<T> {
    a: T,
    b: T,
}

#[state]
struct Uses {
    pair: Pair<u8>,
}

fn main() {}
