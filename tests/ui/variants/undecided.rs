use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1", todo_rename(Old => New), remove(Gone(u8), up = ..), change(Kept(u8), up = ..), add(Late, down = ..))]
enum Mode {
    New,
    Kept(String),
    Late,
}

fn main() {}
