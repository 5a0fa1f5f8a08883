use shrine::prelude::*;

#[state]
enum Debugging {
    Always,
    #[cfg(debug_assertions)]
    Sometimes,
}

fn main() {}
