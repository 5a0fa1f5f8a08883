use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1", add(Late))]
enum Mode {
    Idle,
    Late,
}

fn main() {}
