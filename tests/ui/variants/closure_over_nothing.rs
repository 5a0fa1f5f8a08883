use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1", remove(Old, up = |_| Mode::Waiting))]
#[derive(Debug, Clone, Default)]
enum Mode {
    #[default]
    Waiting,
    Active {
        since: u64,
    },
    Count(u8),
}

fn main() {}
