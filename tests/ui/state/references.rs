use shrine::prelude::*;

#[state]
struct Title {
    text: &'static str,
    bytes: &'static [u8],
    start: *const u8,
}

fn main() {}
