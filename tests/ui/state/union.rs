use shrine::prelude::*;

#[state]
union Bits {
    int: u32,
    float: f32,
}

fn main() {}
