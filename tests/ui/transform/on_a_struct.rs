use shrine::prelude::*;

#[transform]
struct Doubled;

fn main() {}
