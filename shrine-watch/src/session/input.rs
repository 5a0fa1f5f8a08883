//! What a session is told.

use serde::{Deserialize, Serialize};
use shrine::event::Event;

use crate::build::BuildResult;
use crate::watch::Change;

/// What happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Input {
    /// Everything is in place.
    Started,
    /// Files changed.
    Changed(Change),
    /// The compiler printed a diagnostic.
    Diagnostic {
        /// The build.
        build: u64,
        /// The compiler's rendering.
        rendered: String,
    },
    /// A build has ended.
    BuildFinished(BuildResult),
    /// An [`Action::Apply`](super::Action::Apply) was carried out.
    Applied(Applied),
    /// The registry did something.
    Happened(Event),
    /// Somebody wrote a line.
    Line(String),
    /// There will be no more lines.
    EndOfInput,
    /// Nobody reads what is reported any more, as behind `| head`.
    ReaderGone,
    /// SIGINT or SIGTERM.
    Interrupted,
}

/// What became of a library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Applied {
    /// Its code runs, as this generation.
    Running {
        /// The generation.
        generation: u64,
    },
    /// The registry kept what runs.
    Refused,
    /// It could not be opened.
    LoadFailed {
        /// The crate.
        package: String,
        /// Why.
        reason: String,
        /// What to do.
        help: String,
        /// Whether it only has no widgets.
        no_widgets: bool,
    },
}
