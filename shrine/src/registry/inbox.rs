//! Messages from other threads.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::{self, Endpoint};
use super::crew::Crew;
use super::endpoint;
use super::error::list;
use crate::abi::handle::{Module, Post, PostError};
use crate::state::{State, to_bytes};

/// How many messages from other threads wait at most for the next [`poll`](super::Registry::poll).
pub const INBOX_CAPACITY: usize = 65_536;

/// The way in for other threads: what is sent here is handled by the next [`poll`](super::Registry::poll). Clones
/// lead to the same registry. A widget's own threads have a `shrine::Inbox`, which leads to that widget's ports.
///
/// A message that was accepted arrives, whatever updates happen in between: in the code of its time or in newer code,
/// and if its port is gone it waits for it to come back.
///
/// ```
/// # use shrine::prelude::*;
/// # use shrine::registry::Registry;
/// # #[widget(id = "sum", version = "1.0.0")]
/// # #[derive(Debug, Clone, Default, PartialEq)]
/// # struct Sum { total: i64 }
/// # #[widget]
/// # impl Sum {
/// #     #[input]
/// #     fn add(&mut self, n: i64) { self.total += n; }
/// # }
/// # fn main() -> Result<(), shrine::BoxError> {
/// let mut registry = Registry::new();
/// registry.link::<Sum>()?;
/// registry.create("sum", "sum")?;
/// let inbox = registry.inbox();
/// let other = std::thread::spawn(move || inbox.send("sum.add", &5_i64));
/// other.join().expect("does not panic")?;
/// registry.poll();
/// assert_eq!(registry.state::<Sum>("sum")?, Sum { total: 5 });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

/// Why a message was not accepted. It was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InboxError {
    /// The registry is gone.
    Closed,
    /// [`INBOX_CAPACITY`] messages wait already: the registry is not polled fast enough.
    Full,
    /// The target is not `instance.port`.
    NotAPort {
        /// What was written.
        text: String,
    },
    /// There is no such instance now.
    UnknownInstance {
        /// Its name.
        instance: String,
    },
    /// The instance has no such input port now.
    UnknownPort {
        /// The instance.
        instance: String,
        /// What was asked for.
        port: String,
        /// The input ports that there are.
        known: Vec<String>,
    },
    /// The port takes another type now.
    OtherType {
        /// The port.
        target: String,
        /// What it takes.
        expected: String,
    },
    /// The message cannot be encoded.
    Unencodable {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for InboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the registry is gone"),
            Self::Full => write!(f, "{INBOX_CAPACITY} messages wait for the registry to be polled"),
            Self::NotAPort { text } => write!(f, "`{text}` names no port; write `instance.port`"),
            Self::UnknownInstance { instance } => write!(f, "there is no instance `{instance}`"),
            Self::UnknownPort { instance, port, known } => {
                write!(f, "`{instance}` has no input port `{port}`; its input ports are {}", list(known))
            }
            Self::OtherType { target, expected } => write!(f, "`{target}` takes `{expected}`"),
            Self::Unencodable { reason } => write!(f, "the message cannot be encoded: {reason}"),
        }
    }
}

impl std::error::Error for InboxError {}

impl Inbox {
    /// Sends a message to an input port: `send("counter.add", &5_i64)`.
    ///
    /// # Errors
    ///
    /// When the registry is gone or too many messages wait, the port is unknown, or it takes another type.
    pub fn send<T: State>(&self, target: &str, message: &T) -> Result<(), InboxError> {
        let target = endpoint(target).map_err(|_| InboxError::NotAPort { text: target.to_owned() })?;
        let payload =
            to_bytes(message).map_err(|error| InboxError::Unencodable { reason: error.to_string() })?;
        self.shared.post(&target, T::FINGERPRINT, payload, None)?;
        self.shared.wake();
        Ok(())
    }
}

/// What a registry shares with other threads.
#[derive(Default)]
pub(super) struct Shared {
    shelf: Mutex<Shelf>,
    waker: Mutex<Option<Box<dyn Fn() + Send>>>,
}

#[derive(Default)]
struct Shelf {
    is_closed: bool,
    instances: HashMap<String, Running>,
    posted: VecDeque<Posted>,
    /// How many instances there have been.
    count: u64,
}

/// An instance that takes messages.
struct Running {
    /// Tells it from others that were or will be called like it.
    number: u64,
    crew: Arc<Crew>,
}

/// A message that another thread has sent.
pub(super) struct Posted {
    pub(super) target: Endpoint,
    /// Its type is that of this input port of this code.
    pub(super) module: Arc<Module>,
    pub(super) port: u32,
    pub(super) payload: Vec<u8>,
}

impl Shared {
    pub(super) fn inbox(self: &Arc<Self>) -> Inbox {
        Inbox { shared: Arc::clone(self) }
    }

    /// Nothing panics while it holds the lock, so what it protects is whole.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the own threads of a new instance are to send to; closed until it [`begins`](Self::begins).
    pub(super) fn slot(self: &Arc<Self>, instance: &str) -> Arc<Slot> {
        let mut shelf = self.shelf();
        shelf.count += 1;
        Arc::new(Slot { shared: Arc::clone(self), instance: instance.to_owned(), number: shelf.count })
    }

    /// An instance takes messages from now on.
    pub(super) fn begins(&self, slot: &Slot, crew: &Arc<Crew>) {
        let running = Running { number: slot.number, crew: Arc::clone(crew) };
        self.shelf().instances.insert(slot.instance.clone(), running);
    }

    /// An instance changes its code with others from now on.
    pub(super) fn runs(&self, instance: &str, crew: &Arc<Crew>) {
        if let Some(running) = self.shelf().instances.get_mut(instance) {
            running.crew = Arc::clone(crew);
        }
    }

    /// Instances take no more messages; what was not taken in yet goes with them.
    pub(super) fn forget(&self, instances: &HashSet<&str>) {
        let mut shelf = self.shelf();
        for instance in instances {
            shelf.instances.remove(*instance);
        }
        shelf.posted.retain(|posted| !instances.contains(posted.target.instance.as_str()));
    }

    pub(super) fn close(&self) {
        let mut shelf = self.shelf();
        shelf.is_closed = true;
        shelf.instances.clear();
        shelf.posted.clear();
    }

    pub(super) fn set_waker(&self, waker: Box<dyn Fn() + Send>) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    pub(super) fn take(&self) -> VecDeque<Posted> {
        std::mem::take(&mut self.shelf().posted)
    }

    pub(super) fn has_posted(&self) -> bool {
        !self.shelf().posted.is_empty()
    }

    /// Accepts a message if the code that runs now takes it, and the instance is still that one if a number is given.
    fn post(
        &self,
        target: &Endpoint,
        fingerprint: u64,
        payload: Vec<u8>,
        number: Option<u64>,
    ) -> Result<(), InboxError> {
        let mut shelf = self.shelf();
        if shelf.is_closed {
            return Err(InboxError::Closed);
        }
        let Endpoint { instance, port } = target;
        let running = shelf.instances.get(instance);
        let Some(Running { crew, .. }) =
            running.filter(|running| number.is_none_or(|number| running.number == number))
        else {
            return Err(InboxError::UnknownInstance { instance: instance.clone() });
        };
        let module = crew.module();
        let inputs = &module.interface().inputs;
        let name = connection::renamed(inputs, port).unwrap_or(port);
        let Some((at, info)) = connection::input(module, name) else {
            let known = inputs.iter().map(|port| port.name.clone()).collect();
            let (instance, port) = (instance.clone(), port.clone());
            return Err(InboxError::UnknownPort { instance, port, known });
        };
        if info.fingerprint != fingerprint {
            let (target, expected) = (target.to_string(), info.shape.to_string());
            return Err(InboxError::OtherType { target, expected });
        }
        if shelf.posted.len() >= INBOX_CAPACITY {
            return Err(InboxError::Full);
        }
        let target = Endpoint { instance: instance.clone(), port: name.to_owned() };
        let module = Arc::clone(module);
        shelf.posted.push_back(Posted { target, module, port: at, payload });
        Ok(())
    }

    /// Tells the owner that there is something to take in.
    fn wake(&self) {
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker();
        }
    }
}

/// The way from an instance's own threads to its ports.
pub(super) struct Slot {
    shared: Arc<Shared>,
    instance: String,
    number: u64,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Post for Slot {
    fn post(&self, port: &str, fingerprint: u64, payload: Vec<u8>) -> Result<(), PostError> {
        let target = Endpoint { instance: self.instance.clone(), port: port.to_owned() };
        let posted = self.shared.post(&target, fingerprint, payload, Some(self.number));
        posted.map_err(|error| match error {
            InboxError::Full => PostError::Full,
            InboxError::UnknownPort { .. } => PostError::UnknownPort,
            InboxError::OtherType { .. } => PostError::OtherType,
            _ => PostError::Closed,
        })?;
        // The message was accepted, whatever the owner's function does.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.shared.wake())) {
            std::mem::forget(payload);
        }
        Ok(())
    }
}
