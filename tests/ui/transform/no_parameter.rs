use shrine::prelude::*;

#[transform]
fn nothing() -> i64 {
    0
}

fn main() {}
