//! A running instance of a widget.

use std::mem::MaybeUninit;
use std::sync::Arc;

use super::alike::Alike;
use super::call::{Answer, CallError, Room, call, call_with, supported};
use super::module::Module;
use super::post::{Post, PostBox};
use super::seat::Seat;
use crate::abi::{Bytes, Failure, Host, Instance};
use crate::state::to_bytes;
use crate::widget::UpdateContext;

/// How many messages are handled in one call at most.
pub const RUN: usize = 64;

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

    /// Handles messages of one port in turn, up to [`RUN`] of them, and puts what they leave into `room`: the states after
    /// them, and what the last of them has sent. It is the last that sends anything; the others wait for another call.
    ///
    /// # Errors
    ///
    /// When a handler fails or panics: that of the message after those that have left a state. Or its state cannot be
    /// encoded, if [`Room::is_unrecorded`] says so. What it has sent before is in the room, if it did not panic.
    pub fn handle<'a>(
        &mut self,
        port: u32,
        messages: impl IntoIterator<Item = &'a [u8]>,
        room: &mut Room,
    ) -> Result<(), CallError> {
        room.clear();
        let mut listed = [const { MaybeUninit::uninit() }; RUN];
        let mut count = 0;
        for (place, message) in listed.iter_mut().zip(messages) {
            place.write(Bytes::of(message));
            count += 1;
        }
        let first: *const Bytes = listed.as_ptr().cast();
        if let Some(handle) = self.module().table.handle {
            // SAFETY: see `Handle::call`; so many of the list are written, and the messages outlive the call.
            return self.call_into(&mut room.0, |instance, host| unsafe {
                handle(instance, port, first, count, host)
            });
        }
        if count == 0 {
            return Ok(());
        }
        // The library is older than that function.
        let deliver = supported(self.module().table.deliver, "deliver")?;
        let encode = supported(self.module().table.encode, "encode")?;
        // SAFETY: see `Handle::call`; the first of the list is written, and the message outlives the call.
        self.call_into(&mut room.0, |instance, host| unsafe { deliver(instance, port, *first, host) })?;
        // SAFETY: see `Handle::call`.
        let encoded = self.call_into(&mut room.0, |instance, host| unsafe { encode(instance, host) });
        room.0.is_unrecorded = encoded.is_err();
        encoded.map(|()| room.0.result_is_a_state())
    }

    /// Runs a timer, and puts what it has sent into `room`.
    ///
    /// # Errors
    ///
    /// When the handler fails or panics. What it has sent before is in the room, if it did not panic.
    pub fn tick(&mut self, timer: u32, room: &mut Room) -> Result<(), CallError> {
        room.clear();
        let tick = supported(self.module().table.tick, "tick")?;
        // SAFETY: see `Handle::call`.
        self.call_into(&mut room.0, |instance, host| unsafe { tick(instance, timer, host) })
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

#[cfg(test)]
mod tests {
    use std::ffi::c_void;
    use std::ptr;

    use super::*;
    use crate::abi::handle::{Library, Sent};
    use crate::abi::{Descriptor, OK, kind};
    use crate::prelude::*;
    use crate::state::from_bytes;

    /// Adds up, and sends the sum of every third number.
    #[widget(id = "adder", version = "1.0.0")]
    #[derive(Debug, Clone, Default, PartialEq)]
    struct Adder {
        sum: u8,
    }

    #[widget]
    impl Adder {
        #[input]
        fn add(&mut self, n: u8, sum: &mut Output<u8>, last: &mut Output<String>) {
            assert!(n != 13, "13 brings bad luck");
            self.sum += n;
            if n.is_multiple_of(3) {
                sum.send(self.sum);
                last.send(format!("after {n}"));
            }
        }
    }

    fn module(with_handle: bool) -> Arc<Module> {
        let descriptor = Descriptor::of::<Adder>();
        // SAFETY: built by this very crate, from code that is part of the program.
        let mut module = unsafe { Module::open(&raw const descriptor, None) }.expect("opens");
        if !with_handle {
            module.table.handle = None;
        }
        Arc::new(module)
    }

    fn sums(room: &Room) -> Vec<u8> {
        room.states().iter().map(|state| from_bytes::<Adder>(state).expect("is its state").sum).collect()
    }

    fn texts(sent: &Sent) -> Vec<(u32, String)> {
        sent.iter().map(|(port, payload)| (port, format!("{:?}", payload.message()))).collect()
    }

    #[test]
    fn messages_are_handled_until_one_sends_something() {
        let mut handle = module(true).create().expect("creates");
        let room = &mut Room::default();
        let numbers = [1_u8, 2, 6, 4, 13, 5].map(|n| [n]);
        let messages = || numbers.iter().map(|n| &n[..]);
        handle.handle(0, messages(), room).expect("adds");
        assert_eq!((sums(room), room.sent().iter().count()), (vec![1, 3, 9], 2));
        let error = handle.handle(0, messages().skip(3), room).expect_err("panics");
        assert!(matches!(error, CallError::Panicked(_)) && handle.is_poisoned());
        assert_eq!((sums(room), room.sent().is_empty(), room.is_unrecorded()), (vec![13], true, false));
    }

    #[test]
    fn no_more_are_handled_than_one_call_has_room_for() {
        let mut handle = module(true).create().expect("creates");
        let room = &mut Room::default();
        handle.handle(0, [&[0_u8][..]].into_iter().chain([&[1_u8][..]; 200]), room).expect("adds");
        assert_eq!(sums(room), [0], "it has sent something");
        handle.handle(0, [&[1_u8][..]; 200], room).expect("adds");
        assert_eq!((room.states().count(), sums(room).last()), (RUN, Some(&64)));
    }

    #[test]
    fn a_library_from_before_that_handles_one_by_one() {
        let [mut older, mut newer] = [false, true].map(|it| module(it).create().expect("creates"));
        let (room, other) = (&mut Room::default(), &mut Room::default());
        for n in [1_u8, 3, 13] {
            let message = [n];
            let results = [older.handle(0, [&message[..]; 2], room), newer.handle(0, [&message[..]], other)];
            assert_eq!(results[0], results[1]);
            assert_eq!((sums(room), texts(room.sent())), (sums(other), texts(other.sent())));
        }
        assert!(older.is_poisoned() && newer.is_poisoned());
    }

    #[test]
    fn a_host_from_before_that_is_sent_one_message_after_the_other() {
        unsafe extern "C" fn write(context: *mut c_void, kind: u32, port: u32, bytes: Bytes) -> i32 {
            // SAFETY: the context is that of the host below, and the bytes are valid during this call.
            let (sent, bytes) = unsafe { (&mut *context.cast::<Sent>(), bytes.as_slice()) };
            assert_eq!(kind, kind::MESSAGE);
            sent.push(port, bytes);
            OK
        }

        let library = Library::in_process("test").with::<Adder>().expect("opens");
        let mut handle = library.modules()[0].create().expect("creates");
        let (mut sent, room) = (Sent::default(), &mut Room::default());
        let host = Host {
            size: size_of::<Host>(),
            context: ptr::from_mut(&mut sent).cast(),
            write: Some(write),
            inbox: ptr::null(),
            panics: ptr::null(),
            sent: None,
            state: None,
        };
        let deliver = handle.module().table.deliver.expect("is there");
        // SAFETY: the instance is live and in no other call; host and message are valid during the call.
        assert_eq!(unsafe { deliver(handle.instance, 0, Bytes::of(&[3]), &raw const host) }, OK);
        let mut fresh = module(true).create().expect("creates");
        fresh.handle(0, [&[3_u8][..]], room).expect("adds");
        assert_eq!(texts(&sent), texts(room.sent()));
        assert_eq!(handle.encode().map(|state| sums(room).contains(&state[state.len() - 1])), Ok(true));
    }
}
