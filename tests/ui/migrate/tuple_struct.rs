use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1")]
struct Pair(u8, u8);

fn main() {}
