use shrine::prelude::*;

#[transform]
fn fixed(_: i64) -> &'static str {
    "fixed"
}

fn main() {}
