//! What a session decides.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shrine::event::Event;

use super::Command;
use crate::build::BuildRequest;
use crate::exit::ExitCode;

/// A library that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The crate.
    pub package: String,
    /// The file.
    pub artifact: PathBuf,
    /// The build id in it, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The symbols of the widgets in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub widgets: Vec<String>,
    /// Whether nobody will write to the file any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Build. Another build that is under way ends.
    StartBuild(BuildRequest),
    /// End the build that is under way.
    CancelBuild,
    /// Load libraries and hand them to the registry, all or none; answered by
    /// [`Input::Applied`](super::Input::Applied).
    Apply {
        /// The libraries; those that others are built from come before them.
        libraries: Vec<Built>,
    },
    /// Take the widgets of a crate out that is none of the project any more.
    Leave {
        /// The crate.
        package: String,
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
