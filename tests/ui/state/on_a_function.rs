use shrine::prelude::*;

#[state]
fn item() {}

fn main() {}
