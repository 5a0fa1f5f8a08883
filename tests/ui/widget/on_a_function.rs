use shrine::prelude::*;

#[widget]
fn counter() {}

fn main() {}
