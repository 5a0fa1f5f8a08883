use shrine::prelude::*;

#[transform]
fn swallowed(_: i64) {}

fn main() {}
