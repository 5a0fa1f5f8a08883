use shrine::prelude::*;

#[transform]
fn length(items: impl ExactSizeIterator) -> u64 {
    items.len() as u64
}

fn main() {}
