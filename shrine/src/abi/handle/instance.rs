//! A running instance of a widget.

use std::sync::Arc;

use super::alike::Alike;
use super::call::{Answer, CallError, Sent, call, call_with, supported};
use super::module::Module;
use super::post::{Post, PostBox};
use super::seat::Seat;
use crate::abi::{Bytes, Failure, Host, Instance};
use crate::state::to_bytes;
use crate::widget::UpdateContext;

/// An instance of a widget. Dropping it ends the instance.
#[derive(Debug)]
pub struct Handle {
    code: Code,
    instance: Instance,
    poisoned: bool,
    inbox: Option<PostBox>,
}

/// What an instance runs.
#[derive(Debug)]
enum Code {
    Own(Arc<Module>),
    /// The same as all that have joined.
    Shared(Arc<Seat>),
}

// SAFETY: `Widget` requires `Send`, and a handle is the only way to the instance; its other parts are `Send`.
unsafe impl Send for Handle {}

impl Handle {
    /// Takes over what `create` or `decode` of the module's table has made.
    pub(super) fn new(module: Arc<Module>, instance: Instance) -> Self {
        Self { code: Code::Own(module), instance, poisoned: false, inbox: None }
    }

    /// Gives handlers and hooks a way to the instance's own ports. Without one, what they send is refused as closed.
    #[must_use]
    pub fn with_inbox(mut self, post: Arc<dyn Post>) -> Self {
        self.inbox = Some(PostBox::new(post));
        self
    }

    /// The build that the instance belongs to.
    #[must_use]
    pub fn module(&self) -> &Arc<Module> {
        match &self.code {
            Code::Own(module) => module,
            Code::Shared(seat) => seat.module(),
        }
    }

    /// From now on the instance runs what the seat leads to, which is what it runs now. False, and nothing changes, if
    /// that is other code, or the instance has panicked.
    #[must_use]
    pub fn join(&mut self, seat: &Arc<Seat>) -> bool {
        let joins = !self.poisoned && Arc::ptr_eq(self.module(), seat.module());
        if joins {
            self.code = Code::Shared(Arc::clone(seat));
        }
        joins
    }

    /// The instance stays with the code that it runs now, wherever its seat leads.
    pub fn leave(&mut self) {
        if let Code::Shared(seat) = &self.code {
            self.code = Code::Own(Arc::clone(seat.module()));
        }
    }

    /// Whether it has panicked: then it only waits to be dropped.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// The encoded state.
    ///
    /// # Errors
    ///
    /// When the instance is poisoned, or its state is nested too deep.
    pub fn encode(&mut self) -> Result<Vec<u8>, CallError> {
        let encode = supported(self.module().table.encode, "encode")?;
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { encode(instance, host) }).map(|answer| answer.result)
    }

    /// The state as another build encodes it that was proved to be alike. The instance stays where it is.
    pub(super) fn encode_as(&self, way: &Alike) -> Result<Vec<u8>, CallError> {
        let encode = supported(way.to().table.encode, "encode")?;
        if self.poisoned || !Arc::ptr_eq(self.module(), way.from()) {
            return Err(CallError::unreadable("the instance is not of that build"));
        }
        let instance = self.instance;
        // SAFETY: see `Handle::call`; that the other build may use the instance is what `way` proves.
        call(|host| unsafe { encode(instance, host) }).map(|answer| answer.result)
    }

    /// The encoded state, in a buffer that is used again. It is empty after an error.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub fn encode_into(&mut self, buffer: &mut Vec<u8>) -> Result<(), CallError> {
        let encode = supported(self.module().table.encode, "encode")?;
        let mut answer = Answer::reusing(std::mem::take(buffer));
        // SAFETY: see `Handle::call`.
        self.call_into(&mut answer, |instance, host| unsafe { encode(instance, host) })?;
        *buffer = answer.result;
        Ok(())
    }

    /// Delivers a message.
    ///
    /// # Errors
    ///
    /// When the handler fails or panics.
    pub fn deliver(&mut self, port: u32, payload: &[u8]) -> Result<Sent, CallError> {
        let deliver = supported(self.module().table.deliver, "deliver")?;
        let (payload, mut answer) = (Bytes::of(payload), Answer::default());
        // SAFETY: see `Handle::call`.
        self.call_into(&mut answer, |instance, host| unsafe { deliver(instance, port, payload, host) })?;
        Ok(answer.sent)
    }

    /// Runs a timer.
    ///
    /// # Errors
    ///
    /// When the handler fails or panics.
    pub fn tick(&mut self, timer: u32) -> Result<Sent, CallError> {
        let tick = supported(self.module().table.tick, "tick")?;
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { tick(instance, timer, host) }).map(|answer| answer.sent)
    }

    /// The view, if the widget has one.
    ///
    /// # Errors
    ///
    /// When it panics.
    pub fn view(&mut self) -> Result<Option<String>, CallError> {
        if !self.module().has_hook("view") {
            return Ok(None);
        }
        let view = supported(self.module().table.view, "view")?;
        // SAFETY: see `Handle::call`.
        let answer = self.call(|instance, host| unsafe { view(instance, host) })?;
        Ok(Some(String::from_utf8_lossy(&answer.result).into_owned()))
    }

    /// Runs a hook, if the widget has it.
    ///
    /// # Errors
    ///
    /// When the hook fails or panics.
    pub fn hook(&mut self, hook: Hook, context: &UpdateContext) -> Result<(), CallError> {
        let (name, entry) = match hook {
            Hook::BeforeUpdate => ("before_update", self.module().table.before_update),
            Hook::AfterUpdate => ("after_update", self.module().table.after_update),
            Hook::UpdateFailed => ("update_failed", self.module().table.update_failed),
        };
        if !self.module().has_hook(name) {
            return Ok(());
        }
        let entry = supported(entry, name)?;
        let context = to_bytes(context).map_err(CallError::unreadable)?;
        let context = Bytes::of(&context);
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { entry(instance, context, host) }).map(drop)
    }

    /// Runs `#[started]`, if the widget has it.
    ///
    /// # Errors
    ///
    /// When the hook fails or panics.
    pub fn started(&mut self) -> Result<(), CallError> {
        if !self.module().has_hook("started") {
            return Ok(());
        }
        let started = supported(self.module().table.started, "started")?;
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { started(instance, host) }).map(drop)
    }

    /// Runs `#[stopped]`, if the widget has it.
    ///
    /// # Errors
    ///
    /// When the hook fails or panics.
    pub fn stopped(&mut self) -> Result<(), CallError> {
        if !self.module().has_hook("stopped") {
            return Ok(());
        }
        let stopped = supported(self.module().table.stopped, "stopped")?;
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { stopped(instance, host) }).map(drop)
    }

    /// Calls an entry of the table on the instance.
    ///
    /// What callers rely on in their `unsafe`: the instance is live, not poisoned, and in no other call, since this
    /// takes `&mut self`; the host is valid during the call; the library keeps the contract of [`Library::open`](super::Library::open).
    fn call(&mut self, entry: impl FnOnce(Instance, *const Host) -> i32) -> Result<Answer, CallError> {
        let mut answer = Answer::default();
        self.call_into(&mut answer, entry)?;
        Ok(answer)
    }

    /// The same, with room for the answer.
    fn call_into(
        &mut self,
        answer: &mut Answer,
        entry: impl FnOnce(Instance, *const Host) -> i32,
    ) -> Result<(), CallError> {
        if self.poisoned {
            let message = "the instance has panicked".to_owned();
            return Err(CallError::Failed(Failure { message, location: None }));
        }
        let instance = self.instance;
        let inbox = self.inbox.as_ref().map(PostBox::table);
        let result = call_with(inbox, answer, |host| entry(instance, host));
        self.poisoned = matches!(result, Err(CallError::Panicked(_)));
        if self.poisoned {
            // It may be half-changed: no other code is to look at it.
            self.leave();
        }
        result
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(destroy) = self.module().table.destroy {
            // SAFETY: the instance was made by this table, and nobody uses it after this. A panic in a destructor
            // stays in the library; there is nobody left to tell.
            let _ = unsafe { destroy(self.instance) };
        }
    }
}

/// The hooks of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// On the old code, before its state is taken.
    BeforeUpdate,
    /// On the new code, before the commit.
    AfterUpdate,
    /// On the old code, when nothing came of it.
    UpdateFailed,
}
