use shrine::prelude::*;

#[transform]
fn same<T>(value: T) -> T {
    value
}

fn main() {}
