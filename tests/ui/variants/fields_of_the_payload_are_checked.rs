use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1", change(Active { since: u32 }, up = |a| Mode::Active { since: a.sinse.into() }))]
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
