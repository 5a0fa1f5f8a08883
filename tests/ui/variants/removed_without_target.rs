use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1", remove(Legacy(u32), Old))]
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
