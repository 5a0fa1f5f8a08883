//! The way from a widget's own threads to its ports.

use std::fmt;

use crate::abi::inbox::{Line, Refusal};
use crate::state::{State, to_bytes};

/// The way from a widget's own threads to its input ports. A handler or hook gets it as a parameter `inbox: &Inbox`; a
/// clone may be kept, and used from any thread at any time.
///
/// A message that was accepted arrives, whatever updates happen in between: in the code of its time or in newer code,
/// and if its port is gone it waits for it to come back. A clone that old code has made works on after updates, undo
/// and recovery from a panic. Once the instance was removed it answers [`SendError::Closed`], even if there is a new one
/// of that name.
///
/// Sending never waits. What a handler sends comes after what waits already.
///
/// The threads of a program that runs widgets have another type for this, `shrine::registry::Inbox`, which leads to the
/// ports of all instances.
///
/// # Example
///
/// The worker ends when the other end of its channel is dropped: with the instance, whether that was removed, replaced
/// by an update or has panicked. What it was still working on arrives all the same.
///
/// ```
/// use std::sync::mpsc::{self, Sender};
///
/// use shrine::prelude::*;
///
/// /// Counts words, on a thread of its own.
/// #[widget(id = "words", version = "1.0.0")]
/// #[derive(Debug, Default)]
/// pub struct Words {
///     pub total: u64,
///     #[state(transient)]
///     worker: Option<Sender<String>>,
/// }
///
/// #[widget]
/// impl Words {
///     /// It was created, or put back to an earlier state.
///     #[started]
///     fn start(&mut self, inbox: &Inbox) {
///         let (worker, texts) = mpsc::channel::<String>();
///         let inbox = inbox.clone();
///         std::thread::spawn(move || {
///             for text in texts {
///                 let words = text.split_whitespace().count() as u64;
///                 if inbox.send("counted", &words).is_err() {
///                     return;
///                 }
///             }
///         });
///         self.worker = Some(worker);
///     }
///
///     /// It was carried into new code, without what is transient.
///     #[after_update]
///     fn resume(&mut self, inbox: &Inbox) {
///         self.start(inbox);
///     }
///
///     #[input]
///     fn count(&mut self, text: String) -> Result<(), BoxError> {
///         self.worker.as_ref().ok_or("no worker")?.send(text)?;
///         Ok(())
///     }
///
///     #[input]
///     fn counted(&mut self, words: u64) {
///         self.total += words;
///     }
/// }
/// # fn main() -> Result<(), BoxError> {
/// # #[cfg(feature = "host")] {
/// # let mut registry = shrine::registry::Registry::new();
/// # registry.link::<Words>()?;
/// # let (wake, woken) = mpsc::channel();
/// # registry.on_message(move || drop(wake.send(())));
/// # registry.create("words", "words")?;
/// # registry.send("words.count", &"one and two".to_owned())?;
/// # registry.poll();
/// # woken.recv()?;
/// # registry.poll();
/// # assert_eq!(registry.state::<Words>("words")?.total, 3);
/// # }
/// # Ok(())
/// # }
/// ```
///
/// [`Inbox::default`] leads nowhere and answers [`SendError::Closed`]: it is for fields marked `#[state(transient)]`, and
/// for calling a handler in a test.
#[derive(Debug, Clone, Default)]
pub struct Inbox(Option<Line>);

/// Why a message was not accepted. It was not sent, and may be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The instance was removed, or the program has ended.
    Closed,
    /// Too many messages wait for the program to take them in.
    Full,
    /// The widget has no such input port now.
    UnknownPort {
        /// What was asked for.
        port: String,
    },
    /// The port takes another type now.
    OtherType {
        /// The port.
        port: String,
    },
    /// The message cannot be encoded.
    Unencodable {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the instance is gone"),
            Self::Full => f.write_str("too many messages wait; send it again later"),
            Self::UnknownPort { port } => write!(f, "the widget has no input port `{port}` now"),
            Self::OtherType { port } => write!(f, "the input port `{port}` takes another type now"),
            Self::Unencodable { reason } => write!(f, "the message cannot be encoded: {reason}"),
        }
    }
}

impl std::error::Error for SendError {}

impl Inbox {
    pub(crate) const fn new(line: Option<Line>) -> Self {
        Self(line)
    }

    /// Sends a message to an input port of the widget: `send("counted", &3_u64)`. A port that was renamed with
    /// `#[input(was = "..")]` is still known by its former name.
    ///
    /// # Errors
    ///
    /// When the instance is gone, the code that it runs now has no such port or takes another type there, or too many
    /// messages wait.
    pub fn send<T: State>(&self, port: &str, message: &T) -> Result<(), SendError> {
        let Some(line) = &self.0 else { return Err(SendError::Closed) };
        let payload =
            to_bytes(message).map_err(|error| SendError::Unencodable { reason: error.to_string() })?;
        match line.post(port, T::FINGERPRINT, &payload) {
            Ok(()) => Ok(()),
            Err(Refusal::Closed) => Err(SendError::Closed),
            Err(Refusal::Full) => Err(SendError::Full),
            Err(Refusal::UnknownPort) => Err(SendError::UnknownPort { port: port.to_owned() }),
            Err(Refusal::OtherType) => Err(SendError::OtherType { port: port.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_leads_nowhere_is_closed() {
        assert_eq!(Inbox::default().send("add", &1_i64), Err(SendError::Closed));
    }
}
