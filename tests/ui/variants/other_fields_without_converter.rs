use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1", change(Active { at: u64 }, Count(u8, u8)))]
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
