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
//!
//! [widgets.counter]             # the same keys as in [update], for one widget
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
use std::fmt;

use serde_json::{Map, Value};

pub use check::{Known, KnownTransform, KnownWidget};
pub use difference::SceneAction;
pub use error::SceneError;
use source::Source;

use crate::registry::{HISTORY_BYTES, HISTORY_ENTRIES};

/// The name of the file.
pub const FILE: &str = "shrine.toml";

/// How many messages wait in a stream at most, where the scene does not say.
pub const STREAM_CAPACITY: usize = 1024;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SceneHistory {
    /// When a state is recorded.
    pub record: Record,
    /// How many states are kept at most.
    pub entries: usize,
    /// How many bytes of states are kept at most.
    pub bytes: usize,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SceneConnection {
    /// `instance.port`
    pub from: String,
    /// `instance.port`
    pub to: String,
    /// What the target gets to see.
    pub mode: Mode,
    /// How many messages wait at most, in a stream.
    pub capacity: usize,
    /// What happens to the next one then.
    pub overflow: Overflow,
    /// The transform that each message goes through.
    pub transform: Option<String>,
}

/// How updates are done; what is none is left to the more general policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdatePolicy {
    /// What becomes of state whose shape was edited without a new version.
    pub without_bump: Option<WithoutBump>,
}

/// A choice among words of the file.
trait Choice: Copy + PartialEq + 'static {
    /// Each word, and what it means.
    const WORDS: &'static [(&'static str, Self)];
}

/// Declares an enum whose variants are words of the file.
macro_rules! choices {
    ($($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_meta])* $variant),* }

        impl Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];
        }

        /// Prints the word of the file.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),* })
            }
        }
    )*};
}

choices! {
    /// When the state of an instance is recorded in its history.
    Record {
        /// After each message and timer that changed it.
        #[default] Message = "message",
        /// When its code is replaced.
        Update = "update",
        /// When somebody asks for it.
        Manual = "manual",
    }

    /// What the target of a connection gets to see.
    Mode {
        /// Each message, in order.
        #[default] Stream = "stream",
        /// The latest message, when it is busy while others come.
        Port = "port",
    }

    /// What happens to a message for which a stream has no room.
    Overflow {
        /// Its sender waits.
        #[default] Block = "block",
        /// The oldest message goes.
        DropOldest = "drop_oldest",
        /// It goes.
        DropNewest = "drop_newest",
    }

    /// What becomes of state whose shape was edited without a new version.
    WithoutBump {
        /// It is carried over field by field, by name.
        #[default] Structural = "structural",
        /// The update is refused.
        Refuse = "refuse",
        /// It begins anew, with the widget's `Default`.
        Reset = "reset",
    }
}

impl Scene {
    /// How a widget is updated: what is said of it, else of all, else the default.
    #[must_use]
    pub fn without_bump(&self, widget: &str) -> WithoutBump {
        let own = self.widgets.get(widget).and_then(|policy| policy.without_bump);
        own.or(self.update.without_bump).unwrap_or_default()
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
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            mode: Mode::default(),
            capacity: STREAM_CAPACITY,
            overflow: Overflow::default(),
            transform: None,
        }
    }
}

impl Default for SceneHistory {
    fn default() -> Self {
        Self { record: Record::default(), entries: HISTORY_ENTRIES, bytes: HISTORY_BYTES }
    }
}

/// The instance and the port of `instance.port`. Names of instances may have dots in them, ports have none.
fn endpoint(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once('.').filter(|(instance, port)| !instance.is_empty() && !port.is_empty())
}

#[cfg(test)]
mod tests;
