//! What a session is told.

use std::collections::BTreeSet;

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
        /// The package that it is about.
        package: String,
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

/// What became of an [`Action::Apply`](super::Action::Apply).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// What it came to.
    pub outcome: Outcome,
    /// The crates that have no widgets, and never had any.
    #[serde(default)]
    pub plain: BTreeSet<String>,
}

/// What became of libraries that were built together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The code of all that have widgets runs, as this generation.
    Running {
        /// The generation.
        generation: u64,
    },
    /// They wait for their time; what runs, runs on.
    Deferred,
    /// None of them has widgets.
    NoWidgets,
    /// The registry kept what runs.
    Refused,
    /// One could not be opened, so none is used.
    LoadFailed {
        /// The crate.
        package: String,
        /// Why.
        reason: String,
        /// What to do.
        help: String,
    },
}
