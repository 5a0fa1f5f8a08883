//! Everything that happens, as values: the one source of the terminal's lines, the JSON stream and the tests.
//!
//! The JSON form is public and versioned: fields and events are added, never removed.

use serde::{Deserialize, Serialize};

use crate::registry::{Mode, Recorded};

/// The version of the JSON form.
pub const EVENT_VERSION: u32 = 1;

/// The phase of a [`RollBack`] after the commit: new code has panicked on its first messages.
pub const PROBATION: &str = "probation";

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
    /// A build has ended, well or not, and this is how each library was made.
    Built {
        /// The packages that were asked for, as far as something was done about them.
        packages: Vec<BuildSummary>,
    },
    /// Builds change what they are made of, each one anew, as a build script does that writes into its sources. These files
    /// start no builds any more; an edit of another one does, and one of theirs while nothing is built.
    BuildLoop {
        /// The files.
        paths: Vec<String>,
        /// How many builds in a row have changed them.
        builds: u32,
        /// The same as a sentence.
        reason: String,
        /// What to do.
        help: String,
        /// What runs on.
        running_generation: Option<u64>,
    },
    /// The compiler said something, in a build that may go on for long.
    Diagnostic {
        /// The package that it is about, which may be one that a widget crate is made of.
        package: String,
        /// The compiler's own rendering.
        rendered: String,
    },
    /// It is known how libraries are linked from now on. That is found out after builds.
    Linking {
        /// The packages whose libraries are not always built by cargo.
        packages: Vec<LinkSummary>,
    },
    /// The compiler said no.
    BuildFailed {
        /// How many errors.
        errors: usize,
        /// How many warnings.
        warnings: usize,
        /// The compiler's own rendering.
        rendered: String,
        /// The crates that have the errors.
        #[serde(default)]
        packages: Vec<String>,
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
    /// A connection was taken away.
    Disconnected {
        /// `instance.port`
        source: String,
        /// `instance.port`
        target: String,
        /// How many messages that waited went with it.
        dropped: usize,
    },
    /// A connection no longer fits. It is kept with its queue until it does again.
    Parked {
        /// `instance.port`; empty for messages from outside.
        source: String,
        /// `instance.port`
        target: String,
        /// Why.
        reason: String,
        /// How many messages wait.
        queued: usize,
    },
    /// A connection that was parked fits again.
    Resumed {
        /// `instance.port`; empty for messages from outside.
        source: String,
        /// `instance.port`
        target: String,
        /// How many messages have waited.
        queued: usize,
    },
    /// What an update would do: the answer to a dry run.
    Planned(UpdatePlan),
    /// An update waits for its time; what runs, runs on.
    Deferred {
        /// The widget whose handler said so.
        widget: String,
        /// What it waits for.
        until: String,
        /// What runs on.
        running_generation: Option<u64>,
    },
    /// An update is not wanted: a handler said so, or somebody discarded it while it waited.
    Declined {
        /// The widget whose handler declined or deferred it.
        widget: String,
        /// Why.
        reason: String,
        /// What runs on.
        running_generation: Option<u64>,
    },
    /// A message left an output port that nothing is connected to, or that is watched.
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
    /// What there is to know about an instance.
    Instance(InstanceInfo),
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
    /// The state of an instance was named.
    Checkpointed {
        /// The instance.
        instance: String,
        /// The name.
        name: String,
        /// The entry of the history.
        index: u64,
    },
    /// The transforms.
    Transforms {
        /// All that are loaded, sorted by name.
        value: Vec<TransformSummary>,
    },
    /// Whether the messages of an output port are reported, even while something is connected to it.
    Watched {
        /// The instance.
        instance: String,
        /// The port.
        port: String,
        /// Whether they are.
        watched: bool,
    },
    /// What is remembered of what has happened.
    Events {
        /// In order.
        value: Vec<Recorded>,
    },
    /// A call into a widget does not come back. It is told again each time that twice the time has passed.
    Stuck {
        /// The instance.
        instance: String,
        /// What was called: a port, a timer, a hook, `encode` or `migrate`.
        call: String,
        /// How long it has been running.
        seconds: u64,
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
    /// What runs was made like the scene.
    SceneApplied {
        /// The file, absolute.
        path: String,
        /// What was done for it, in order; for people.
        changes: Vec<String>,
    },
    /// The scene as it runs.
    Scene {
        /// The file that would say so, absolute.
        path: String,
        /// Its text.
        value: String,
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

/// How the library of a package was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSummary {
    /// The package.
    pub package: String,
    /// `fresh` when there was nothing to do, `replay` when rustc was called as cargo had called it before, `cargo` when
    /// cargo was asked.
    pub way: String,
    /// The crates that were compiled by a replay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crates: Vec<String>,
    /// Why cargo was asked, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How the library was linked by a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkSummary>,
}

/// How the library of a package is linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSummary {
    /// The package.
    pub package: String,
    /// `shared` when it is linked to one library of all dependencies that are not edited, `plain` when it has what it
    /// depends on in it.
    pub link: String,
    /// The shared library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// Why it is linked plainly, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
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

/// What there is to know about an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceInfo {
    /// Its id.
    pub instance: String,
    /// Its widget.
    pub widget: String,
    /// The version of its state.
    pub version: String,
    /// The library that its code came with.
    pub library: Option<String>,
    /// The generation that its code came with; for one that was never updated, that in which it was made.
    pub generation: u64,
    /// When it was updated last, in microseconds on the registry's clock.
    pub last_update_us: Option<u64>,
    /// The versions that it ran before, as far as they are remembered, the oldest first.
    pub versions: Vec<String>,
    /// Whether it could not be restored after a fault, and waits for an update.
    pub is_down: bool,
    /// How many messages wait for it.
    pub waiting: usize,
    /// How many states its history has.
    pub history: usize,
    /// Its connections, in both directions.
    pub connections: Vec<ConnectionSummary>,
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
    /// How many of them were moved as they lie in memory, without being encoded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub in_place: usize,
    /// Why others were encoded, although nothing about their state has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoded: Option<String>,
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
    /// Not at all: the instance starts anew.
    Reset,
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
            Self::Reset => "reset",
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
    /// How many values of a versioned type were migrated; 0 for other changes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub count: usize,
}

/// The ways in which a field is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// It is of a versioned type, whose own hops carried its values to another version.
    Migrated,
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
    /// Taken away, because the update was told not to preserve them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: usize,
}

/// What an update would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatePlan {
    /// The generation that it would make current.
    pub generation: u64,
    /// The libraries that are new.
    pub libraries: Vec<String>,
    /// The widgets that would be replaced.
    pub widgets: Vec<WidgetUpdate>,
    /// The ids of the widgets that are new.
    pub added: Vec<String>,
    /// Every instance that takes part.
    pub instances: Vec<InstancePlan>,
    /// Every connection that is validated.
    pub connections: Vec<ConnectionPlan>,
    /// What runs.
    pub running_generation: Option<u64>,
}

/// What an update would do to one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancePlan {
    /// The instance.
    pub instance: String,
    /// Its widget.
    pub widget: String,
    /// The version that it runs.
    pub from: String,
    /// The version that it would run.
    pub to: String,
    /// How its state would travel.
    pub plan: PlanKind,
    /// Whether it would be moved as it lies in memory, without being encoded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
    /// What would happen to each field that is touched; only a dry run looks.
    pub report: Vec<FieldReport>,
    /// Why it would fail, as far as a dry run can tell.
    pub problem: Option<String>,
}

/// What an update would do to one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionPlan {
    /// `instance.port`, by the name that it would have; empty for messages from outside.
    pub source: String,
    /// `instance.port`, by the name that it would have.
    pub target: String,
    /// What would become of it.
    pub fate: ConnectionFate,
    /// Why it would be parked.
    pub reason: Option<String>,
    /// How many messages wait.
    pub queued: usize,
}

/// What becomes of a connection over an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionFate {
    /// As before.
    Kept,
    /// Its payloads are converted.
    Converted,
    /// Kept with its queue until it fits again.
    Parked,
    /// Taken away, because the update was told not to preserve connections.
    Dropped,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
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
    /// Where: `before`, `before_update`, `encode`, `step_down`, `reconcile`, `migrate`, `transform_state`, `connections`,
    /// `after_update`, `commit`; or after the commit: `probation`.
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
    /// What made this state: `created`, `message add`, `timer tick`, `set`, `update 1.0.0 -> 1.1.0`, `undo 3`, `redo 4`,
    /// `jump 2`, `checkpoint NAME`, `restore NAME`; `unrecorded` when it was left by one of these, and came from what
    /// the policy of the instance does not record.
    pub cause: String,
    /// The version of the state.
    pub version: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// Whether it is the current state. None is, when the state has changed since in a way that is not recorded.
    pub current: bool,
    /// The checkpoints that name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checkpoints: Vec<String>,
}

/// A transform that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransformSummary {
    /// Its name.
    pub name: String,
    /// The type that goes in.
    pub takes: String,
    /// The type that comes out.
    pub gives: String,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionSummary {
    /// `instance.port`
    pub source: String,
    /// `instance.port`
    pub target: String,
    /// Its mode: `{"mode": "port"}`, or `{"mode": "stream", "capacity": 1024, "overflow": "block"}`.
    #[serde(flatten)]
    pub options: Mode,
    /// The transform that messages go through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
    /// Why it is parked; none while it is live.
    pub parked: Option<String>,
    /// How many messages wait.
    pub queued: usize,
    /// How many more wait for the target to take their type.
    #[serde(default)]
    pub aside: usize,
    /// How many were handed to the target.
    #[serde(default)]
    pub delivered: u64,
    /// How many the overflow policy has dropped.
    #[serde(default)]
    pub dropped: u64,
    /// How many were replaced by a newer one, on a port.
    #[serde(default)]
    pub superseded: u64,
}
