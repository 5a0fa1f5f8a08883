use shrine::prelude::*;

#[state]
struct Debugging {
    always: u8,
    #[cfg(debug_assertions)]
    sometimes: u8,
}

fn main() {}
