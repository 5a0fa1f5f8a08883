//! What a session decides.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shrine::event::Event;

use super::Command;
use crate::build::BuildRequest;
use crate::exit::ExitCode;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Build. Another build that is under way ends.
    StartBuild(BuildRequest),
    /// End the build that is under way.
    CancelBuild,
    /// Load a library and hand it to the registry; answered by [`Input::Applied`](super::Input::Applied).
    Apply {
        /// The crate.
        package: String,
        /// The library.
        artifact: PathBuf,
    },
    /// Make what runs like the scene.
    ApplyScene {
        /// Whether a bad scene ends the session: it has never been applied, and all widgets are there.
        must: bool,
    },
    /// Say that everything runs: [`Event::Ready`].
    Announce,
    /// Ask something of the registry.
    Run(Command),
    /// Tell everybody.
    Emit(Event),
    /// Show people what the compiler says.
    Show(String),
    /// Tell people, in a line that begins with a verb.
    Note {
        /// The verb.
        verb: String,
        /// The rest of the line.
        text: String,
    },
    /// Show people the commands.
    Help,
    /// End.
    Exit(ExitCode),
}
