use shrine::prelude::*;

#[transform(name = "a b")]
async fn sum<T>(a: i64, b: T) -> i64 {
    let _ = b;
    a
}

fn used() -> &'static str {
    <sum as shrine::transform::Transform>::NAME
}

fn main() {}
