use shrine::prelude::*;

#[transform]
fn sum(a: i64, b: i64) -> i64 {
    a + b
}

fn main() {}
