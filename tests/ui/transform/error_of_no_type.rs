use shrine::prelude::*;

#[transform]
fn parsed(text: String) -> Result<i64, u8> {
    text.parse().map_err(|_| 1)
}

fn main() {}
