//! One call into a library: its host, its answer, and what may go wrong.

use std::ffi::c_void;
use std::fmt;

use super::payload::Payload;
use crate::abi::{Bytes, FAILED, Failure, Host, InboxTable, OK, PANICKED, PanicCell, kind};
use crate::state::from_bytes;

/// What a handler sent: output ports by index, with payloads.
pub type Sent = Vec<(u32, Payload)>;

/// Where the libraries of this process find the panic hook of the first of them.
static PANICS: PanicCell = PanicCell::new();

/// How many bytes one call may answer with.
pub const ANSWER_LIMIT: usize = 256 << 20;

/// Why a call into a library failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The widget answered with an error.
    Failed(Failure),
    /// The widget panicked; the instance is poisoned.
    Panicked(Failure),
    /// The library has no such function.
    Unsupported(&'static str),
}

impl CallError {
    pub(super) fn unreadable(error: impl fmt::Display) -> Self {
        Self::Failed(Failure { message: error.to_string(), location: None })
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => f.write_str(&failure.message),
            Self::Panicked(Failure { message, location: None }) => write!(f, "panicked: {message}"),
            Self::Panicked(Failure { message, location: Some(location) }) => {
                write!(f, "panicked at {location}: {message}")
            }
            Self::Unsupported(what) => write!(f, "the library is too old for `{what}`; rebuild it"),
        }
    }
}

impl std::error::Error for CallError {}

/// What a call wrote to its host.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) result: Vec<u8>,
    pub(super) sent: Sent,
    pub(super) attic: Vec<u8>,
    error: Option<Vec<u8>>,
    taken: usize,
}

impl Answer {
    /// One whose result is written to that buffer, in place of what is in it.
    pub(super) fn reusing(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { result: buffer, ..Self::default() }
    }
}

/// Calls with a fresh host and turns status and answer into a result.
pub(super) fn call(entry: impl FnOnce(*const Host) -> i32) -> Result<Answer, CallError> {
    let mut answer = Answer::default();
    call_with(None, &mut answer, entry)?;
    Ok(answer)
}

/// The same for an instance that has an inbox, with room for the answer.
pub(super) fn call_with(
    inbox: Option<&InboxTable>,
    answer: &mut Answer,
    entry: impl FnOnce(*const Host) -> i32,
) -> Result<(), CallError> {
    let context = std::ptr::from_mut(answer).cast();
    let inbox = inbox.map_or(std::ptr::null(), std::ptr::from_ref);
    let panics = &raw const PANICS;
    let host = Host { size: size_of::<Host>(), context, write: Some(write), inbox, panics };
    match entry(&raw const host) {
        OK => Ok(()),
        status => Err(failed(status, answer)),
    }
}

#[cold]
fn failed(status: i32, answer: &Answer) -> CallError {
    let failure = answer.error.as_deref().and_then(|bytes| from_bytes(bytes).ok());
    let failure = failure
        .unwrap_or_else(|| Failure { message: format!("failed with status {status}"), location: None });
    if status == PANICKED { CallError::Panicked(failure) } else { CallError::Failed(failure) }
}

unsafe extern "C" fn write(context: *mut c_void, kind: u32, port: u32, bytes: Bytes) -> i32 {
    // SAFETY: `call` put a pointer to its answer into the host, and waits until the library is done with it.
    let answer = unsafe { &mut *context.cast::<Answer>() };
    if bytes.len > ANSWER_LIMIT - answer.taken {
        return FAILED;
    }
    answer.taken += bytes.len;
    // SAFETY: the library's bytes are valid during this call.
    let bytes = unsafe { bytes.as_slice() };
    match kind {
        kind::RESULT => {
            answer.result.clear();
            answer.result.extend_from_slice(bytes);
        }
        kind::ERROR => answer.error = Some(bytes.to_vec()),
        kind::MESSAGE => answer.sent.push((port, bytes.into())),
        kind::ATTIC => answer.attic = bytes.to_vec(),
        // A newer library may say more; what this host does not know, it passes over.
        _ => {}
    }
    OK
}

pub(super) fn supported<F>(entry: Option<F>, name: &'static str) -> Result<F, CallError> {
    entry.ok_or(CallError::Unsupported(name))
}
