//! What a widget is, and what its handlers and hooks are given.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use crate::abi::SentMessage;
use crate::inbox::Inbox;
use crate::state::State;
use crate::state::codec::{Decoder, Encoder};
use crate::state::payload::Upgrades;
use crate::state::shape::{Shape, ShapeContext};
use crate::state::step::Chain;

/// Any error, boxed. What handlers and hooks may return.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A struct whose instances outlive its code. `#[widget(id = "..", version = "..")]` on the struct implements it.
///
/// `Default` makes the first instance and fills the fields that an edit adds. `Send` lets a [`Registry`] move
/// between threads.
///
/// [`Registry`]: https://docs.rs/shrine
pub trait Widget: Chain + Default + Send {
    /// What the widget is known by, whatever its type is called.
    const ID: &'static str;
}

/// What a widget does. `#[widget]` on its `impl` block implements it.
#[diagnostic::on_unimplemented(
    message = "the widget `{Self}` has no behaviour",
    label = "nothing says what this widget does",
    note = "add `#[widget] impl {Self} {{ .. }}`; the block may be empty"
)]
pub trait Behaviour: Sized {
    /// Describes ports, timers and hooks.
    fn interface() -> Interface;

    /// Adds the versioned types in the messages of the input port of that index.
    #[doc(hidden)]
    fn upgrades(_port: usize, _: &mut Upgrades) {}

    /// Handles a message on the input port of that index.
    ///
    /// # Errors
    ///
    /// When the payload is not of the port's type, or the handler returns an error.
    fn deliver(
        &mut self,
        port: usize,
        payload: &mut Decoder<'_>,
        outbox: &Outbox,
        inbox: &Inbox,
    ) -> Result<(), BoxError>;

    /// Runs the `#[every]` handler of that index.
    ///
    /// # Errors
    ///
    /// When the handler returns an error.
    fn tick(&mut self, timer: usize, outbox: &Outbox, inbox: &Inbox) -> Result<(), BoxError>;

    /// What the tools show for this instance.
    fn view(&self) -> Option<String> {
        None
    }

    /// Runs on the old code before its state is taken.
    ///
    /// # Errors
    ///
    /// Whatever the hook returns; it ends the update.
    fn before_update(&mut self, _: &UpdateContext, _: &Inbox) -> Result<(), BoxError> {
        Ok(())
    }

    /// Runs on the new code before it is committed.
    ///
    /// # Errors
    ///
    /// Whatever the hook returns; it ends the update.
    fn after_update(&mut self, _: &UpdateContext, _: &Inbox) -> Result<(), BoxError> {
        Ok(())
    }

    /// Runs on the old code when an update has ended without a commit.
    ///
    /// # Errors
    ///
    /// Whatever the hook returns; it is reported.
    fn update_failed(&mut self, _: &UpdateContext, _: &Inbox) -> Result<(), BoxError> {
        Ok(())
    }

    /// Runs when an instance begins to run other than by an update.
    ///
    /// # Errors
    ///
    /// Whatever the hook returns; it is reported.
    fn started(&mut self, _: &Inbox) -> Result<(), BoxError> {
        Ok(())
    }

    /// Runs before an instance ends other than by an update.
    ///
    /// # Errors
    ///
    /// Whatever the hook returns; it is reported.
    fn stopped(&mut self, _: &Inbox) -> Result<(), BoxError> {
        Ok(())
    }
}

/// What hooks are told about the update that they take part in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateContext {
    /// The instance.
    pub instance: String,
    /// The version of the running code.
    pub from: String,
    /// The version of the new code.
    pub to: String,
    /// The generation that the update would make current.
    pub generation: u64,
    /// How the state travels: `hand_over`, `chain`, `structural` or `down`.
    pub plan: String,
}

#[cfg(feature = "host")]
impl UpdateContext {
    pub(crate) fn new(instance: &str, from: &str, to: &str, generation: u64, plan: &str) -> Self {
        Self {
            instance: instance.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            generation,
            plan: plan.to_owned(),
        }
    }
}

/// Ports, timers and hooks of a widget.
#[derive(Debug, Clone, Default)]
pub struct Interface {
    /// The input ports, in the order of their indices.
    pub inputs: Vec<PortInfo>,
    /// The output ports, in the order of their indices.
    pub outputs: Vec<PortInfo>,
    /// The timers, in the order of their indices.
    pub timers: Vec<TimerInfo>,
    /// Which hooks and views there are: any of `view`, `before_update`, `after_update`, `update_failed`, `started`,
    /// `stopped`.
    pub hooks: Vec<String>,
}

/// A port.
#[derive(Debug, Clone)]
pub struct PortInfo {
    /// The name of the method (inputs) or of the parameter (outputs).
    pub name: String,
    /// The fingerprint of the payload type.
    pub fingerprint: u64,
    /// The shape of the payload type.
    pub shape: Shape,
    /// What the port was called before: `#[input(was = "..")]`, `#[output(was = "..")]`. No port of that direction is
    /// called so now.
    pub was: Vec<String>,
}

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerInfo {
    /// The name of the method.
    pub name: String,
    /// The period in nanoseconds.
    pub period: u64,
}

impl PortInfo {
    /// A port whose messages are of type `T`.
    #[must_use]
    pub fn of<T: State>(name: &str) -> Self {
        let (fingerprint, shape) = (T::FINGERPRINT, T::shape(&mut ShapeContext::new()));
        Self { name: name.to_owned(), fingerprint, shape, was: Vec::new() }
    }
}

record! {
    UpdateContext { instance, from, to, generation, plan }
    Interface { inputs, outputs, timers, hooks }
    PortInfo { name, fingerprint, shape, was }
    TimerInfo { name, period }
}

/// An output port, as a handler sees it: a parameter `name: &mut Output<T>` declares the port `name`.
pub struct Output<T> {
    port: u32,
    outbox: Outbox,
    payload: PhantomData<fn(T)>,
}

impl<T: State> Output<T> {
    /// Sends a message. It leaves the widget when the handler returns, in the order of sending; a handler that
    /// panics has sent nothing.
    #[expect(clippy::needless_pass_by_value, reason = "a message that has been sent is gone")]
    pub fn send(&mut self, message: T) {
        let mut writing = Writing::behind(&self.outbox);
        message.encode(&mut writing.out);
        writing.sent(self.port);
    }
}

/// A message that is being written behind those that were sent. The queue is not borrowed meanwhile, because writing may
/// be the user's code; should that panic, what was sent before is still there.
struct Writing<'a> {
    outbox: &'a Outbox,
    out: Encoder,
    /// Where the messages end that were sent.
    end: usize,
}

impl<'a> Writing<'a> {
    fn behind(outbox: &'a Outbox) -> Self {
        let out = Encoder::onto(outbox.0.payloads.take());
        Self { outbox, end: out.len(), out }
    }

    fn sent(mut self, port: u32) {
        let queue = &*self.outbox.0;
        if self.out.is_sound() {
            self.end = self.out.len();
            queue.messages.borrow_mut().push(SentMessage { port, end: self.end });
        } else if let Err(error) = self.out.check() {
            queue.error.set(Some(error.to_string()));
        }
        queue.payloads.set(self.take());
        // It is put back, and nothing is left in here.
        std::mem::forget(self);
    }

    /// What was sent.
    fn take(&mut self) -> Vec<u8> {
        let mut payloads = self.out.take_written();
        payloads.truncate(self.end);
        payloads
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let payloads = self.take();
        self.outbox.0.payloads.set(payloads);
    }
}

impl<T> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("port", &self.port).finish_non_exhaustive()
    }
}

/// What a handler has sent so far.
#[derive(Clone, Default)]
pub struct Outbox(Rc<Queue>);

#[derive(Default)]
struct Queue {
    messages: RefCell<Vec<SentMessage>>,
    /// What they carry, one behind the other; nothing while one is being written.
    payloads: Cell<Vec<u8>>,
    error: Cell<Option<String>>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("messages", &self.0.messages).finish_non_exhaustive()
    }
}

impl Outbox {
    /// The output port of that index, for a handler.
    #[doc(hidden)]
    #[must_use]
    pub fn port<T>(&self, port: u32) -> Output<T> {
        Output { port, outbox: self.clone(), payload: PhantomData }
    }

    /// Hands over the messages, in the order of sending, if there are any; nothing is left. Answers whether there were.
    ///
    /// # Errors
    ///
    /// When a message could not be encoded, and the error of `send`.
    pub(crate) fn flush(
        &self,
        send: impl FnOnce(&[SentMessage], &[u8]) -> Result<(), BoxError>,
    ) -> Result<bool, BoxError> {
        let queue = &*self.0;
        let mut messages = queue.messages.borrow_mut();
        let error = queue.error.take();
        if messages.is_empty() && error.is_none() {
            return Ok(false);
        }
        let mut payloads = queue.payloads.take();
        let sent = match error {
            Some(error) => Err(error.into()),
            None => send(&messages, &payloads),
        };
        messages.clear();
        payloads.clear();
        queue.payloads.set(payloads);
        sent.map(|()| true)
    }
}

/// What a handler or hook may return: nothing, or a `Result<(), E>`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler or hook returns nothing or `Result<(), E>`, not `{Self}`",
    note = "`E` is any error; to answer with a value, send it to an `Output`"
)]
pub trait Outcome {
    fn outcome(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> Outcome for Result<(), E> {
    fn outcome(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}
