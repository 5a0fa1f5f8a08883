//! The host's side of an inbox: where the messages of a widget's own threads go.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::abi::{Bytes, InboxTable, OK, post};

/// Takes the messages that a widget sends to its own ports, from any of its threads, for as long as any of them may
/// send: also after the instance was removed.
pub trait Post: Send + Sync {
    /// Takes a message to an input port, whose type has that fingerprint. Must not wait.
    ///
    /// # Errors
    ///
    /// When it is not accepted.
    fn post(&self, port: &str, fingerprint: u64, payload: Vec<u8>) -> Result<(), PostError>;
}

/// Why a message of a widget's own is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostError {
    /// The instance is gone.
    Closed,
    /// It has no such input port.
    UnknownPort,
    /// The port takes another type.
    OtherType,
    /// Too many messages wait.
    Full,
}

/// What the context of an [`InboxTable`] points to. The pointer to the trait's functions does not fit into it.
struct Slot(Arc<dyn Post>);

/// The host's own reference to a slot: the context of the table is an `Arc` of it.
pub(super) struct PostBox(InboxTable);

// SAFETY: it is an `Arc` of a slot, which is `Send` and `Sync`, as a pointer, with functions for any thread.
unsafe impl Send for PostBox {}

impl PostBox {
    pub(super) fn new(post: Arc<dyn Post>) -> Self {
        Self(InboxTable {
            size: size_of::<InboxTable>(),
            context: Arc::into_raw(Arc::new(Slot(post))).cast(),
            post: Some(take),
            retain: Some(retain),
            release: Some(release),
        })
    }

    /// The table for calls; its context is valid for as long as this is.
    pub(super) fn table(&self) -> &InboxTable {
        &self.0
    }
}

impl Drop for PostBox {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `Arc::into_raw`, and this was its reference.
        unsafe { release(self.0.context) };
    }
}

impl std::fmt::Debug for PostBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostBox").finish_non_exhaustive()
    }
}

// The contract of the functions below, which `abi::inbox` keeps: `context` is that of a table above, of which the
// caller has a reference; the bytes are valid during the call.

unsafe extern "C" fn take(context: *const c_void, port: Bytes, fingerprint: u64, payload: Bytes) -> i32 {
    // SAFETY: the contract above.
    let (slot, port, payload) = unsafe { (&*context.cast::<Slot>(), port.as_slice(), payload.as_slice()) };
    let Ok(port) = std::str::from_utf8(port) else { return post::UNKNOWN_PORT };
    // Nothing may unwind out of here either: the caller is the code of another library.
    let result = catch_unwind(AssertUnwindSafe(|| slot.0.post(port, fingerprint, payload.to_vec())));
    match result {
        Ok(Ok(())) => OK,
        Ok(Err(PostError::UnknownPort)) => post::UNKNOWN_PORT,
        Ok(Err(PostError::OtherType)) => post::OTHER_TYPE,
        Ok(Err(PostError::Full)) => post::FULL,
        Ok(Err(PostError::Closed)) => post::CLOSED,
        Err(payload) => {
            // A payload whose `Drop` panics would unwind out of here, so it is left where it is.
            std::mem::forget(payload);
            post::CLOSED
        }
    }
}

unsafe extern "C" fn retain(context: *const c_void) {
    // SAFETY: the contract above; the pointer came from `Arc::into_raw`.
    unsafe { Arc::increment_strong_count(context.cast::<Slot>()) };
}

unsafe extern "C" fn release(context: *const c_void) {
    // SAFETY: the contract above; the pointer came from `Arc::into_raw`, and the caller gives its reference up.
    let slot = unsafe { Arc::from_raw(context.cast::<Slot>()) };
    // The last one drops what the host has put into it, whose destructor may panic.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(slot))) {
        std::mem::forget(payload);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::abi::handle::{Library, Room};
    use crate::prelude::*;
    use crate::widget::Widget;

    #[widget(id = "keeper", version = "1.0.0")]
    #[derive(Debug, Default)]
    struct Keeper {
        #[state(transient)]
        inbox: Inbox,
    }

    #[widget]
    impl Keeper {
        #[started]
        fn start(&mut self, inbox: &Inbox) {
            self.inbox = inbox.clone();
        }

        #[input]
        fn own(&mut self, n: u8, inbox: &Inbox) -> Result<(), crate::SendError> {
            let inbox = inbox.clone();
            self.inbox.send("own", &n)?;
            inbox.send("panics", &n)
        }

        #[input]
        fn pass(&mut self, thread: String, inbox: &Inbox) {
            let inbox = inbox.clone();
            let sent = std::thread::spawn(move || inbox.send(&thread, &1_u8)).join();
            assert_eq!(sent.expect("does not panic"), Err(crate::SendError::Full));
        }
    }

    #[derive(Default)]
    struct Taken(Mutex<Vec<(String, u64, Vec<u8>)>>);

    impl Post for Taken {
        fn post(&self, port: &str, fingerprint: u64, payload: Vec<u8>) -> Result<(), PostError> {
            assert_ne!(port, "panics");
            if port == "full" {
                return Err(PostError::Full);
            }
            self.0.lock().unwrap().push((port.to_owned(), fingerprint, payload));
            Ok(())
        }
    }

    #[test]
    fn references_are_counted_and_nothing_unwinds_across() {
        let library = Library::in_process("test").with::<Keeper>().expect("opens");
        let taken = Arc::new(Taken::default());
        let handle = library.modules()[0].create().expect("creates");
        let mut handle = handle.with_inbox(Arc::clone(&taken) as Arc<dyn Post>);
        handle.started().expect("starts");
        let own = crate::state::to_bytes(&7_u8).expect("encodes");
        let room = &mut Room::default();
        let error = handle.handle(0, [&own[..]], room).expect_err("the host's panic is a refusal");
        assert!(error.to_string().contains("gone") && !handle.is_poisoned(), "{error}");
        assert_eq!(*taken.0.lock().unwrap(), [("own".to_owned(), <u8 as crate::State>::FINGERPRINT, own)]);
        let text = crate::state::to_bytes(&"full".to_owned()).expect("encodes");
        handle.handle(1, [&text[..]], room).expect("the thread was told why");
        assert_eq!(Arc::strong_count(&taken), 2, "the handle's slot");
        drop(handle);
        assert_eq!(Arc::strong_count(&taken), 1, "what the widget had kept is given back");
        assert_eq!(Keeper::ID, "keeper");
    }
}
