use shrine::prelude::*;

#[state]
enum Mode {
    Idle,
    #[state(transient)]
    Busy { since: u64 },
}

fn main() {}
