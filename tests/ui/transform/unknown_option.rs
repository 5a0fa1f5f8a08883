use shrine::prelude::*;

#[transform(nane = "celsius")]
fn to_celsius(f: f64) -> f64 {
    (f - 32.0) / 1.8
}

fn main() {}
