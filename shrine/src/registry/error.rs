//! Why the registry did not do what it was asked to.

use std::fmt;

use super::history::HistoryError;
use crate::abi::handle::{CallError, LibraryError};
use crate::state::reconcile::Mismatch;

/// A request that was not carried out. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no such instance.
    UnknownInstance {
        /// What was asked for.
        instance: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// There is no such widget.
    UnknownWidget {
        /// What was asked for.
        widget: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The instance has no such port.
    UnknownPort {
        /// The instance.
        instance: String,
        /// What was asked for.
        port: String,
        /// Whether an input port was asked for.
        input: bool,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The target of a message or connection is not `instance.port`.
    NotAPort {
        /// What was written.
        text: String,
    },
    /// An instance of that name runs already.
    InstanceExists {
        /// Its name.
        instance: String,
    },
    /// The name of an instance is empty or has a blank in it.
    InvalidName {
        /// The name.
        instance: String,
    },
    /// A widget of that id is there already.
    WidgetExists {
        /// Its id.
        widget: String,
    },
    /// A transform of that name is there already.
    TransformExists {
        /// Its name.
        transform: String,
    },
    /// The message or state is of another shape.
    Shape {
        /// What it was for.
        target: String,
        /// What that takes.
        expected: String,
        /// Where it differs.
        mismatch: Mismatch,
    },
    /// The message is of another type than the port.
    OtherType {
        /// The port.
        target: String,
        /// What it takes.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// The ports are of different types.
    NotConnectable(Box<Unfit>),
    /// There is no such connection.
    NotConnected {
        /// The output port.
        source: String,
        /// The input port.
        target: String,
        /// Those that there are: `source -> target`.
        known: Vec<String>,
    },
    /// No such transform is loaded.
    UnknownTransform {
        /// What was asked for.
        transform: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// No update waits for its time.
    NothingDeferred,
    /// The ports are connected already.
    Connected {
        /// The output port.
        source: String,
        /// The input port.
        target: String,
    },
    /// The history has no such state.
    History {
        /// The instance.
        instance: String,
        /// Why.
        error: HistoryError,
    },
    /// There is nothing to undo or redo.
    NoHistory {
        /// The instance.
        instance: String,
        /// `undo` or `redo`.
        what: &'static str,
    },
    /// The instance could not be restored after a fault, and waits for an update.
    Down {
        /// The instance.
        instance: String,
    },
    /// The state has no way into the running code.
    Unreachable {
        /// The instance.
        instance: String,
        /// Why.
        reason: String,
    },
    /// The widget could not do it.
    Call {
        /// The instance.
        instance: String,
        /// Why.
        error: CallError,
    },
    /// The widget cannot be linked.
    Library(LibraryError),
}

/// Why two ports cannot be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfit {
    /// The output port.
    pub source: String,
    /// What it sends.
    pub sends: String,
    /// The input port.
    pub target: String,
    /// What it takes.
    pub takes: String,
    /// What is in the way: the rest of "`source` sends .., but ..".
    pub why: String,
    /// The transforms through which it would go.
    pub transforms: Vec<String>,
}

impl RegistryError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownInstance { known, .. } => Some(format!("there are {}", list(known))),
            Self::UnknownWidget { known, .. } => Some(format!("there are {}", list(known))),
            Self::UnknownPort { input, known, .. } => {
                Some(format!("its {} ports are {}", if *input { "input" } else { "output" }, list(known)))
            }
            Self::NotAPort { .. } => Some("write `instance.port`, as in `counter.add`".to_owned()),
            Self::InstanceExists { .. } => Some("choose another name".to_owned()),
            Self::InvalidName { .. } => Some("names of instances have no blanks".to_owned()),
            Self::WidgetExists { .. } => Some("give one of the two widgets another id".to_owned()),
            Self::TransformExists { .. } => Some("give one of the two another name".to_owned()),
            Self::Shape { expected, .. } | Self::OtherType { expected, .. } => {
                Some(format!("it takes `{expected}`"))
            }
            Self::NotConnectable(unfit) if unfit.transforms.is_empty() => {
                Some("connect ports of the same type, or write a `#[transform]`".to_owned())
            }
            Self::NotConnectable(unfit) => Some(format!("it would go through {}", list(&unfit.transforms))),
            Self::NotConnected { known, .. } | Self::UnknownTransform { known, .. } => {
                Some(format!("there are {}", list(known)))
            }
            Self::Down { .. } => Some("save a version of the widget that can read its state".to_owned()),
            Self::Library(error) => Some(error.help()),
            Self::History { error, .. } => Some(error.help()),
            Self::Connected { .. }
            | Self::NothingDeferred
            | Self::NoHistory { .. }
            | Self::Unreachable { .. }
            | Self::Call { .. } => None,
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownInstance { instance, .. } => write!(f, "there is no instance `{instance}`"),
            Self::UnknownWidget { widget, .. } => write!(f, "there is no widget `{widget}`"),
            Self::UnknownPort { instance, port, input, .. } => {
                write!(f, "`{instance}` has no {} port `{port}`", if *input { "input" } else { "output" })
            }
            Self::NotAPort { text } => write!(f, "`{text}` names no port"),
            Self::InstanceExists { instance } => write!(f, "an instance `{instance}` runs already"),
            Self::InvalidName { instance } => write!(f, "`{instance}` is no name for an instance"),
            Self::WidgetExists { widget } => write!(f, "a widget `{widget}` is there already"),
            Self::TransformExists { transform } => write!(f, "a transform `{transform}` is there already"),
            Self::Shape { target, mismatch, .. } => write!(f, "that does not fit `{target}`: {mismatch}"),
            Self::OtherType { target, found, .. } => write!(f, "`{target}` does not take a `{found}`"),
            Self::NotConnectable(unfit) => {
                let Unfit { source, sends, why, .. } = &**unfit;
                write!(f, "`{source}` sends `{sends}`, but {why}")
            }
            Self::NotConnected { source, target, .. } => {
                write!(f, "`{source}` is not connected to `{target}`")
            }
            Self::UnknownTransform { transform, .. } => write!(f, "no transform `{transform}` is loaded"),
            Self::NothingDeferred => f.write_str("no update waits"),
            Self::Connected { source, target } => write!(f, "`{source}` is connected to `{target}` already"),
            Self::NoHistory { instance, what } => write!(f, "`{instance}` has nothing to {what}"),
            Self::Down { instance } => write!(f, "`{instance}` is down after a fault"),
            Self::Unreachable { instance, reason } => {
                write!(f, "the state does not fit `{instance}`: {reason}")
            }
            Self::Call { instance, error } => write!(f, "`{instance}`: {error}"),
            Self::Library(error) => error.fmt(f),
            Self::History { instance, error } => write!(f, "`{instance}`: {error}"),
        }
    }
}

impl std::error::Error for RegistryError {}

impl From<LibraryError> for RegistryError {
    fn from(error: LibraryError) -> Self {
        Self::Library(error)
    }
}

/// ``  `a`, `b`  ``, or "none".
pub(super) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
