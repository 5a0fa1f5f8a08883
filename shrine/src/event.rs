//! Everything that happens, as values: the one source of the terminal's lines, the JSON stream and the tests.
//!
//! The JSON form is public and versioned: fields and events are added, never removed.

use serde::{Deserialize, Serialize};

/// The version of the JSON form.
pub const EVENT_VERSION: u32 = 1;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The first build is loaded and running.
    Ready {
        /// The running generation.
        generation: u64,
        /// The widgets.
        widgets: Vec<WidgetSummary>,
        /// The instances.
        instances: Vec<InstanceSummary>,
    },
    /// An edit was noticed.
    Changed {
        /// The files whose content changed.
        paths: Vec<String>,
        /// What is done about it.
        decision: ChangeDecision,
        /// Why that.
        why: String,
    },
    /// The compiler said no.
    BuildFailed {
        /// How many errors.
        errors: usize,
        /// How many warnings.
        warnings: usize,
        /// The compiler's own rendering.
        rendered: String,
        /// What runs on.
        running_generation: Option<u64>,
    },
    /// The new artifact is the running one.
    Unchanged {
        /// The running generation.
        generation: u64,
    },
    /// The new code answered from inside.
    Updated(Update),
    /// State would be lost or cannot be read, or the library cannot be loaded.
    Refused(Refusal),
    /// Something failed before the commit.
    RolledBack(RollBack),
    /// An instance was made.
    Created {
        /// The instance.
        instance: String,
        /// Its widget.
        widget: String,
    },
    /// An instance was ended.
    Removed {
        /// The instance.
        instance: String,
    },
    /// Two ports were connected.
    Connected {
        /// `instance.port`
        source: String,
        /// `instance.port`
        target: String,
    },
    /// A message left an output port that nothing is connected to.
    Output {
        /// The instance.
        instance: String,
        /// The port.
        port: String,
        /// The message.
        value: serde_json::Value,
    },
    /// A widget failed in a handler or hook.
    Fault {
        /// The instance.
        instance: String,
        /// The port, timer or hook.
        port: String,
        /// What it failed with, and where.
        reason: String,
    },
    /// The state of an instance.
    State {
        /// The instance.
        instance: String,
        /// Its widget.
        widget: String,
        /// The version of the state.
        version: String,
        /// The state.
        value: serde_json::Value,
    },
    /// The view of an instance.
    View {
        /// The instance.
        instance: String,
        /// The text; none for a widget without a view.
        value: Option<String>,
    },
    /// The history of an instance.
    History {
        /// The instance.
        instance: String,
        /// The entries, oldest first.
        value: Vec<HistorySummary>,
    },
    /// The state of an instance was kept as a golden.
    Captured {
        /// The instance.
        instance: String,
        /// The file, absolute.
        path: String,
    },
    /// The connections.
    Connections {
        /// All of them.
        value: Vec<ConnectionSummary>,
    },
    /// A command could not be done.
    Error {
        /// The command.
        command: String,
        /// Why.
        reason: String,
        /// What to do instead.
        help: Option<String>,
    },
    /// The last event.
    Exit {
        /// The exit code of the process.
        code: u8,
    },
}

/// What is done about an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeDecision {
    /// Build.
    Rebuild,
    /// Build, and ask cargo anew how.
    Capture,
    /// Apply the scene.
    Scene,
    /// Nothing.
    Nothing,
}

/// A widget that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WidgetSummary {
    /// Its id.
    pub id: String,
    /// The version of its state.
    pub version: String,
    /// The fingerprint of its state, in hexadecimal.
    pub fingerprint: String,
}

/// An instance that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSummary {
    /// Its id.
    pub id: String,
    /// Its widget.
    pub widget: String,
}

/// An update that was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The generation that it made current.
    pub generation: u64,
    /// What the new code answered with from inside, in hexadecimal.
    pub build_id: String,
    /// The widgets that were replaced.
    pub widgets: Vec<WidgetUpdate>,
    /// The ids of the widgets that are new.
    #[serde(default)]
    pub added: Vec<String>,
    /// What happened to each field that was touched.
    pub report: Vec<FieldReport>,
    /// What became of the connections of the updated instances.
    pub connections: ConnectionCounts,
    /// How long it took, in microseconds.
    pub phases_us: Phases,
}

/// What an update did to one widget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WidgetUpdate {
    /// Its id.
    pub id: String,
    /// The version before.
    pub from: String,
    /// The version now.
    pub to: String,
    /// How many instances carry on.
    pub instances: usize,
    /// How their state travelled.
    pub plan: PlanKind,
}

/// How state travels to new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanKind {
    /// As it is.
    HandOver,
    /// Through the steps of the version chain.
    Chain,
    /// Field by field, by name.
    Structural,
    /// Back to an older version.
    Down,
}

impl PlanKind {
    /// The name in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HandOver => "hand_over",
            Self::Chain => "chain",
            Self::Structural => "structural",
            Self::Down => "down",
        }
    }
}

/// What happened to a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldReport {
    /// The widget.
    #[serde(default)]
    pub widget: String,
    /// The instances in which it happened; empty when in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
    /// The field, as `items[].done`.
    pub field: String,
    /// What happened.
    pub what: FieldChange,
    /// The rest of the sentence, for people: old name, types, value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The ways in which a field is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldChange {
    /// A migration moved it to another name.
    Renamed,
    /// A migration made it.
    Added,
    /// A migration took it away; its value is in the attic.
    Removed,
    /// A migration changed its type.
    Changed,
    /// A hand-written function migrated the whole state.
    ByHand,
    /// It is new, and has the value of the widget's `Default`.
    Defaulted,
    /// Its type changed without loss.
    Converted,
    /// Its value did not fit the new type: that is in the attic, and the field has its default.
    Replaced,
    /// It is gone; its value is in the attic.
    Attic,
    /// It came back, and so did its value from the attic.
    Restored,
}

/// What became of connections over an update.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionCounts {
    /// As before.
    pub kept: usize,
    /// Their payloads are converted from now on.
    pub converted: usize,
    /// Kept with their queue until they fit again.
    pub parked: usize,
}

/// How long each part of an update took, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// From the first file event to the start of the build.
    pub detect: u64,
    /// The compiler.
    pub build: u64,
    /// Checking, copying and opening the library.
    pub load: u64,
    /// Deciding what happens to each instance.
    pub plan: u64,
    /// `before_update`, and taking the state.
    pub quiesce: u64,
    /// Building the new instances, `after_update`.
    pub migrate: u64,
    /// Proof of life and the switch.
    pub commit: u64,
    /// From the first file event to the end.
    pub total: u64,
}

/// An update that the plan ruled out. Nothing was touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The widget, or the library if it could not be read.
    pub widget: String,
    /// The version that runs.
    pub from: Option<String>,
    /// The version that was refused.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// What to do; the line to write, where there is one.
    pub help: String,
    /// What runs on.
    pub running_generation: Option<u64>,
}

/// An update that failed on the way. Everything is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollBack {
    /// Where: `before_update`, `encode`, `step_down`, `migrate`, `after_update`, `commit`.
    pub phase: String,
    /// The widget.
    pub widget: String,
    /// The instance; none when it was the library as a whole.
    pub instance: Option<String>,
    /// Why.
    pub reason: String,
    /// What runs on.
    pub running_generation: Option<u64>,
}

/// An entry of an instance's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistorySummary {
    /// Counts up from 0 for each instance.
    pub index: u64,
    /// What made this state: `created`, `message add`, `timer tick`, `set`, `update 1.0.0 -> 1.1.0`, `undo 3`, `redo 4`.
    pub cause: String,
    /// The version of the state.
    pub version: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// Whether it is the current state.
    pub current: bool,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionSummary {
    /// `instance.port`
    pub source: String,
    /// `instance.port`
    pub target: String,
    /// Why it is parked; none while it is live.
    pub parked: Option<String>,
    /// How many messages wait.
    pub queued: usize,
}
