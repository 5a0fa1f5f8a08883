use shrine::prelude::*;

#[state]
struct Name<'a> {
    text: &'a str,
}

fn main() {}
