//! Why something could not be done: what failed, why, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use crate::exit::ExitCode;

/// An error that ends what was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no widget crate at the path.
    NothingToWatch {
        /// Why.
        reason: String,
    },
    /// No watch of the project runs.
    NoWatch {
        /// The directory of the project.
        directory: PathBuf,
    },
    /// A file of the project cannot be understood.
    Configuration {
        /// Why.
        reason: String,
        /// What to do; empty where the reason says it.
        help: String,
    },
    /// An argument cannot be right.
    Usage {
        /// Why.
        reason: String,
        /// What to write instead.
        help: String,
    },
    /// The file system cannot be watched.
    Watch {
        /// Why.
        reason: String,
    },
    /// The compiler, or cargo, said no.
    BuildFailed {
        /// How many errors.
        errors: usize,
        /// What was said about them.
        rendered: String,
    },
    /// What was asked for would lose state, or break what was released.
    Refused {
        /// Why.
        reason: String,
        /// What to do.
        help: String,
    },
    /// The library that was built cannot be loaded.
    LoadFailed {
        /// Why.
        reason: String,
        /// What to do.
        help: String,
    },
    /// A file or a program could not be used.
    Io {
        /// What was to be done, as `create src/lib.rs`.
        action: String,
        /// Why it could not.
        source: std::io::Error,
    },
}

impl Error {
    #[cfg(feature = "live")]
    pub(crate) fn io(action: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { action: action.into(), source }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NothingToWatch { .. } => Some(WIDGET_CRATE.to_owned()),
            Self::NoWatch { directory } => Some(format!(
                "start `cargo shrine watch {}` in another terminal, with the same `--target-dir` if you give one",
                directory.display()
            )),
            Self::Io { .. } | Self::BuildFailed { .. } => None,
            Self::Configuration { help, .. }
            | Self::Usage { help, .. } | Self::Refused { help, .. } | Self::LoadFailed { help, .. } => {
                Some(help.clone()).filter(|help| !help.is_empty())
            }
            Self::Watch { .. } => {
                Some("raise the limit: `sysctl fs.inotify.max_user_watches=524288`, `fs.inotify.max_user_instances=512`; or use `--poll`".to_owned())
            }
        }
    }

    /// What the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NothingToWatch { .. } | Self::NoWatch { .. } => ExitCode::NothingToWatch,
            Self::Configuration { .. } => ExitCode::BadConfiguration,
            Self::Usage { .. } => ExitCode::Usage,
            Self::BuildFailed { .. } => ExitCode::BuildFailed,
            Self::Refused { .. } => ExitCode::Refused,
            Self::LoadFailed { .. } => ExitCode::LoadFailed,
            Self::Watch { .. } | Self::Io { .. } => ExitCode::Unexpected,
        }
    }
}

/// What [`Error::NothingToWatch`] explains.
const WIDGET_CRATE: &str = "\
a widget crate is a library that depends on `shrine` and has a `#[widget]` struct; \
`cargo shrine new NAME` makes one that can be watched at once";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToWatch { reason } => write!(f, "nothing to watch: {reason}"),
            Self::NoWatch { directory } => write!(f, "no watch of `{}` runs", directory.display()),
            Self::Configuration { reason, .. } => f.write_str(reason),
            Self::Usage { reason, .. } | Self::Refused { reason, .. } | Self::LoadFailed { reason, .. } => {
                f.write_str(reason)
            }
            Self::BuildFailed { errors, .. } => {
                write!(f, "the build failed with {errors} error{}", if *errors == 1 { "" } else { "s" })
            }
            Self::Watch { reason } => write!(f, "cannot watch for changes: {reason}"),
            Self::Io { action, source } => write!(f, "cannot {action}: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
