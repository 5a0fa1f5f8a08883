use shrine::prelude::*;

#[migrate(from = "0.9.0")]
fn up() {}

fn main() {}
