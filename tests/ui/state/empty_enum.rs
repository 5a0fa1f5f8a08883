use shrine::prelude::*;

#[state]
enum Never {}

fn main() {}
