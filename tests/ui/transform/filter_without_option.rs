use shrine::prelude::*;

#[transform(filter)]
fn large(n: i64) -> i64 {
    n
}

fn main() {}
