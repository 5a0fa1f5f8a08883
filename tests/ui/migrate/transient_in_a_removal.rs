use shrine::prelude::*;

#[widget(id = "clock", version = "1.0.0")]
#[migrate(from = "0.9.0", remove(#[state(transient)] cache: u8))]
#[derive(Default)]
struct Clock {
    at: String,
}

#[widget]
impl Clock {}

fn main() {}
