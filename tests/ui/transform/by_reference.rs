use shrine::prelude::*;

#[transform]
fn length(text: &str) -> u64 {
    text.len() as u64
}

fn main() {}
