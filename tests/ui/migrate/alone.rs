use shrine::prelude::*;

#[migrate(from = "0.9.0", rename(count => total))]
struct Counter {
    total: i64,
}

fn main() {}
