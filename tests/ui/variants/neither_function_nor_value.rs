use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1", remove(Gone(u8), up = shown))]
enum Mode {
    Kept(String),
}

fn shown(text: String) -> Mode {
    Mode::Kept(text)
}

fn main() {}
