use shrine::prelude::*;

#[transform]
async fn doubled(n: i64) -> i64 {
    n * 2
}

fn main() {}
