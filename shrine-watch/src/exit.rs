//! What the process ends with.

/// The exit codes of `cargo shrine`. Public and stable: scripts may depend on the numbers.
///
/// Where cargo or nextest have a code for the same thing, it is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "live", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
#[repr(u8)]
pub enum ExitCode {
    /// What was asked for was done.
    Success = 0,
    /// Something that was not foreseen.
    Unexpected = 1,
    /// The arguments cannot be understood.
    Usage = 2,
    /// There is no widget crate at the given path, or no watch of it runs.
    NothingToWatch = 4,
    /// A manifest or another file of the project's configuration is broken.
    BadConfiguration = 94,
    /// The build would lose state, or cannot be run (`--once`).
    Refused = 100,
    /// The compiler said no (`--once`).
    BuildFailed = 101,
    /// The library that was built cannot be loaded (`--once`).
    LoadFailed = 103,
    /// Ended by SIGINT or SIGTERM.
    Interrupted = 130,
}

impl ExitCode {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}
