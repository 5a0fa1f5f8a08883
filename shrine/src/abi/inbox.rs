//! The widget's side of an inbox: a reference that the host counts.

use std::ffi::c_void;
use std::fmt;
use std::mem::ManuallyDrop;

use super::{Bytes, Host, InboxTable, OK, post, sized};
use crate::inbox::Inbox;

/// A counted reference to the inbox of an instance.
///
/// Invariant: `context` is alive for as long as this is, and the functions are those of its host.
pub(crate) struct Line {
    context: *const c_void,
    post: unsafe extern "C" fn(*const c_void, Bytes, u64, Bytes) -> i32,
    retain: unsafe extern "C" fn(*const c_void),
    release: unsafe extern "C" fn(*const c_void),
}

// SAFETY: the host promises that the functions of an `InboxTable` may be called from any thread, at any time and from
// several at once; nothing else can be reached from here.
unsafe impl Send for Line {}

// SAFETY: as for `Send`.
unsafe impl Sync for Line {}

/// The inbox that a call brings along. It is the host's own reference, so it must not be dropped; a clone is another
/// one.
///
/// # Safety
///
/// `host.inbox` is null or points to an [`InboxTable`] whose context is valid for as long as the answer is used.
pub(super) unsafe fn borrowed(host: &Host) -> ManuallyDrop<Inbox> {
    if host.inbox.is_null() {
        return ManuallyDrop::new(Inbox::default());
    }
    // SAFETY: the caller's promise; the table begins with its size.
    let InboxTable { context, post, retain, release, .. } = unsafe { sized::read(host.inbox) };
    let line = match (post, retain, release) {
        (Some(post), Some(retain), Some(release)) => Some(Line { context, post, retain, release }),
        _ => None,
    };
    ManuallyDrop::new(Inbox::new(line))
}

impl Line {
    /// Posts an encoded message of the type with that fingerprint.
    pub(crate) fn post(&self, port: &str, fingerprint: u64, payload: &[u8]) -> Result<(), Refusal> {
        let (port, payload) = (Bytes::of(port.as_bytes()), Bytes::of(payload));
        // SAFETY: the invariant of this type; the bytes outlive the call, during which the host copies them.
        match unsafe { (self.post)(self.context, port, fingerprint, payload) } {
            OK => Ok(()),
            post::UNKNOWN_PORT => Err(Refusal::UnknownPort),
            post::OTHER_TYPE => Err(Refusal::OtherType),
            post::FULL => Err(Refusal::Full),
            // A newer host may have more reasons. Whatever it is, it did not accept the message.
            _ => Err(Refusal::Closed),
        }
    }
}

impl Clone for Line {
    fn clone(&self) -> Self {
        // SAFETY: the invariant of this type: the context is alive now, and through this call for the clone too.
        unsafe { (self.retain)(self.context) };
        Self { ..*self }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // SAFETY: gives back the reference that this was, after which nothing uses it.
        unsafe { (self.release)(self.context) };
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

/// Why a message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Closed,
    UnknownPort,
    OtherType,
    Full,
}
