//! The scene: which instances there are, with what state they begin, and how they are connected (feature `host`).
//!
//! It is the file `shrine.toml` beside a `Cargo.toml`, read by `cargo shrine watch` and applied again whenever it
//! changes: as a difference, so that what the edit does not mention is not touched.
//!
//! ```toml
//! [instances.clicks]
//! widget = "counter"            # left out, it is the instance's own name
//! state = { total = 5 }         # where it begins; fields that are not named are as in the widget's `Default`
//! history = "message"           # what is recorded: after each "message", each "update", or "manual";
//!                               # or a table: { record = "update", entries = 64, bytes = "1MiB" }
//!
//! [instances.display]
//!
//! [[connections]]
//! from = "clicks.total"
//! to = "display.show"
//! mode = "stream"               # each message, in order; "port": the latest wins while the target is busy
//! capacity = 256                # of a stream: how many wait at most
//! overflow = "block"            # and what happens then: "block", "drop_oldest", "drop_newest"
//! transform = "doubled"         # a `#[transform]`
//!
//! [update]
//! without_bump = "structural"   # an edit of the state without a new version: by name; "refuse" it, or "reset" the state
//! accept = "apply"              # "ask": wait for the command `accept`; "idle": until no message waits; "decline"
//! deadline = "5s"               # for each hook and migration; or "none"
//! probation = 8                 # messages during which a panic of new code takes the update back; 0 turns it off
//! in_place = true               # states that lie alike in the new code stay in memory as they are; `false` encodes them
//!
//! [widgets.counter]             # `without_bump` and `accept` for one widget
//! without_bump = "reset"
//! ```
//!
//! Every section may be left out. Without `[instances]`, there is one instance of each widget, of the widget's name.
//!
//! Reading and comparing are pure: [`Scene::parse`] reads a text, [`Scene::check`] holds it against what is loaded,
//! [`Scene::difference`] says what leads from one scene to another. Every mistake points into the file.
//!
//! ```
//! use shrine::scene::{Scene, SceneAction};
//!
//! let running = Scene::parse("[instances.a]\nwidget = \"counter\"\n").map_err(|_| "a mistake")?;
//! let edited = Scene::parse("[instances.b]\nwidget = \"counter\"\n").map_err(|_| "a mistake")?;
//! let actions = edited.difference(&running);
//! assert!(matches!(&actions[..], [SceneAction::Remove { .. }, SceneAction::Create(_)]));
//!
//! let mistakes = Scene::parse("[instances.a]\nwigdet = \"counter\"\n").expect_err("a typing error");
//! assert_eq!((mistakes[0].line, mistakes[0].column), (2, 1));
//! assert_eq!(mistakes[0].help.as_deref(), Some("did you mean `widget`?"));
//! # Ok::<(), &str>(())
//! ```

mod apply;
mod check;
mod difference;
mod error;
mod parse;
mod source;
mod state;
mod units;
mod write;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

pub use check::{Known, KnownTransform, KnownWidget};
pub use difference::SceneAction;
pub use error::SceneError;
use source::Source;

use crate::registry::{ConnectOptions, HistoryLimits, HotUpdate, Overflow, Policy, Unbumped};

/// The name of the file.
pub const FILE: &str = "shrine.toml";

/// What `shrine.toml` says.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Scene {
    /// The instances, in the order of the file. None: one of each widget.
    pub instances: Option<Vec<SceneInstance>>,
    /// The connections, in the order of the file.
    pub connections: Vec<SceneConnection>,
    /// How updates are done.
    pub update: UpdatePolicy,
    /// How updates of single widgets are done, where that differs.
    pub widgets: BTreeMap<String, UpdatePolicy>,
    /// Where all that is written.
    source: Source,
}

/// An instance.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SceneInstance {
    /// Its name.
    pub id: String,
    /// The id of its widget.
    pub widget: String,
    /// The fields with which it begins.
    pub state: Map<String, Value>,
    /// What of its past is kept.
    pub history: SceneHistory,
}

/// What is kept of the past of an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SceneHistory {
    /// Which states are recorded by themselves.
    pub record: Policy,
    /// How much is kept.
    pub limits: HistoryLimits,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SceneConnection {
    /// `instance.port`
    pub from: String,
    /// `instance.port`
    pub to: String,
    /// How it passes messages on.
    pub options: ConnectOptions,
}

/// How updates are done; what is none is left to the more general policy, or to the default of [`HotUpdate`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdatePolicy {
    /// What becomes of state whose shape was edited without a new version.
    pub without_bump: Option<Unbumped>,
    /// Whether updates are applied as they come.
    pub accept: Option<Accept>,
    /// How long one hook or migration may take; not for single widgets.
    pub deadline: Option<Deadline>,
    /// For how many messages a panic of new code takes the update back; not for single widgets.
    pub probation: Option<usize>,
    /// Whether states may stay in memory as they are, where that is proved to be safe; not for single widgets.
    pub in_place: Option<bool>,
}

/// How long one hook or migration may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// So long.
    After(Duration),
    /// As long as it likes.
    Never,
}

/// Whether updates are applied as they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accept {
    /// They are.
    #[default]
    Apply,
    /// They wait until somebody says `accept`.
    Ask,
    /// They wait until no message does.
    Idle,
    /// They are not applied.
    Decline,
}

/// A choice among words of the file.
trait Choice: Copy + PartialEq + 'static {
    /// Each word, and what it means.
    const WORDS: &'static [(&'static str, Self)];

    /// The word of the file.
    fn word(self) -> &'static str {
        // Invariant: each list has every variant.
        Self::WORDS.iter().find(|(_, choice)| *choice == self).map_or("", |(word, _)| word)
    }
}

impl Choice for Policy {
    const WORDS: &'static [(&'static str, Self)] =
        &[("message", Self::Message), ("update", Self::Update), ("manual", Self::Manual)];
}

impl Choice for Overflow {
    const WORDS: &'static [(&'static str, Self)] =
        &[("block", Self::Block), ("drop_oldest", Self::DropOldest), ("drop_newest", Self::DropNewest)];
}

impl Choice for Unbumped {
    const WORDS: &'static [(&'static str, Self)] =
        &[("structural", Self::Structural), ("refuse", Self::Refuse), ("reset", Self::Reset)];
}

impl Choice for Accept {
    const WORDS: &'static [(&'static str, Self)] =
        &[("apply", Self::Apply), ("ask", Self::Ask), ("idle", Self::Idle), ("decline", Self::Decline)];
}

impl Scene {
    /// How updates are done, as the registry takes it.
    #[must_use]
    pub fn hot_update(&self) -> HotUpdate {
        let mut options = HotUpdate::new().unbumped(self.update.without_bump.unwrap_or_default());
        for (widget, policy) in &self.widgets {
            if let Some(unbumped) = policy.without_bump {
                options = options.unbumped_of(widget, unbumped);
            }
        }
        if let Some(handlers) = self.update.probation {
            options = options.probation(handlers);
        }
        if let Some(in_place) = self.update.in_place {
            options = options.in_place(in_place);
        }
        match self.update.deadline {
            Some(Deadline::After(time)) => options.deadline(time),
            Some(Deadline::Never) => options.no_deadline(),
            None => options,
        }
    }

    /// Whether updates of a widget are applied as they come.
    #[must_use]
    pub fn accept(&self, widget: &str) -> Accept {
        let own = self.widgets.get(widget).and_then(|policy| policy.accept);
        own.or(self.update.accept).unwrap_or_default()
    }

    /// Whether it says nothing at all, as a file that an editor is about to fill.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where it is written does not count.
impl PartialEq for Scene {
    fn eq(&self, other: &Self) -> bool {
        (&self.instances, &self.connections, self.update, &self.widgets)
            == (&other.instances, &other.connections, other.update, &other.widgets)
    }
}

impl SceneInstance {
    /// An instance that begins with the widget's `Default`.
    #[must_use]
    pub fn new(id: &str, widget: &str) -> Self {
        Self { id: id.to_owned(), widget: widget.to_owned(), ..Self::default() }
    }
}

impl SceneConnection {
    /// A stream of the default capacity.
    #[must_use]
    pub fn new(from: &str, to: &str) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), options: ConnectOptions::default() }
    }
}

/// The instance and the port of `instance.port`. Names of instances may have dots in them, ports have none.
fn endpoint(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once('.').filter(|(instance, port)| !instance.is_empty() && !port.is_empty())
}

#[cfg(test)]
mod tests;
