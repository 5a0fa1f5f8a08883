//! Why something could not be done: what failed, why, and what to do about it.

use std::fmt;

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
    /// Cargo does not understand the project.
    Configuration {
        /// What cargo said.
        reason: String,
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
            Self::Configuration { .. } | Self::Io { .. } => None,
            Self::Usage { help, .. } => Some(help.clone()),
            Self::Watch { .. } => {
                Some("raise the limit: `sysctl fs.inotify.max_user_watches=524288`, `fs.inotify.max_user_instances=512`".to_owned())
            }
        }
    }

    /// What the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NothingToWatch { .. } => ExitCode::NothingToWatch,
            Self::Configuration { .. } => ExitCode::BadConfiguration,
            Self::Usage { .. } => ExitCode::Usage,
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
            Self::Configuration { reason } => f.write_str(reason),
            Self::Usage { reason, .. } => f.write_str(reason),
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
