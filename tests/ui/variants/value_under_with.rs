use shrine::prelude::*;

#[state(version = "2")]
#[migrate(from = "1", with = up, remove(Legacy(u32), up = |_| Mode::Waiting))]
#[derive(Debug, Clone, Default)]
enum Mode {
    #[default]
    Waiting,
    Active {
        since: u64,
    },
    Count(u8),
}

fn up(_: ModeV1) -> Result<Mode, MigrateError> {
    Ok(Mode::Waiting)
}

fn main() {}
