use shrine::prelude::*;

struct Foreign;

#[transform]
fn opened(_: Foreign) -> i64 {
    1
}

fn main() {}
