use shrine::prelude::*;

#[transform(name = "to celsius")]
fn to_celsius(f: f64) -> f64 {
    (f - 32.0) / 1.8
}

fn main() {}
