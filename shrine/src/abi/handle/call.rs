//! One call into a library: its host, its answer, and what may go wrong.

use std::ffi::c_void;
use std::fmt;

use super::sent::{Sent, States};
use crate::abi::{
    Bytes, ENOUGH, FAILED, Failure, Host, InboxTable, OK, PANICKED, PanicCell, SentMessage, kind,
};
use crate::state::from_bytes;

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
    pub(crate) fn unreadable(error: impl fmt::Display) -> Self {
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
    pub(super) states: States,
    /// Whether a call that failed did so after its handler had come back.
    pub(super) is_unrecorded: bool,
    error: Option<Vec<u8>>,
    taken: usize,
}

impl Answer {
    /// One whose result is written to that buffer, in place of what is in it.
    pub(super) fn reusing(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { result: buffer, ..Self::default() }
    }

    /// Enters the answer of `encode` as the state after a message.
    pub(super) fn result_is_a_state(&mut self) {
        self.states.push(&self.result);
    }

    /// Whether that many more bytes are taken.
    fn takes(&mut self, more: usize) -> bool {
        let takes = more <= ANSWER_LIMIT - self.taken;
        if takes {
            self.taken += more;
        }
        takes
    }
}

/// Room for what handlers leave, to be used again and again.
#[derive(Debug, Default)]
pub struct Room(pub(super) Answer);

impl Room {
    /// What was sent.
    #[must_use]
    pub fn sent(&self) -> &Sent {
        &self.0.sent
    }

    /// The states after the messages that were handled.
    #[must_use]
    pub fn states(&self) -> &States {
        &self.0.states
    }

    /// The same, to say what is kept of them.
    pub fn states_mut(&mut self) -> &mut States {
        &mut self.0.states
    }

    /// Whether a call that failed did so after its handler had come back: the state could not be encoded.
    #[must_use]
    pub fn is_unrecorded(&self) -> bool {
        self.0.is_unrecorded
    }

    pub(super) fn clear(&mut self) {
        let Self(Answer { result, sent, attic, states, is_unrecorded, error, taken }) = self;
        result.clear();
        sent.clear();
        attic.clear();
        states.clear();
        (*is_unrecorded, *error, *taken) = (false, None, 0);
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
    let host = Host {
        size: size_of::<Host>(),
        context,
        write: Some(write),
        inbox,
        panics,
        sent: Some(sent),
        state: Some(state),
    };
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

// The contract of the functions below, which `abi::guard` keeps: `context` is that of the host of the call, whose answer
// nobody else uses until the library is done; what is written is valid during the call.

unsafe extern "C" fn write(context: *mut c_void, kind: u32, port: u32, bytes: Bytes) -> i32 {
    // SAFETY: the contract above.
    let (answer, bytes) = unsafe { (&mut *context.cast::<Answer>(), bytes.as_slice()) };
    if !answer.takes(bytes.len()) {
        return FAILED;
    }
    match kind {
        kind::RESULT => {
            answer.result.clear();
            answer.result.extend_from_slice(bytes);
        }
        kind::ERROR => answer.error = Some(bytes.to_vec()),
        kind::MESSAGE => answer.sent.push(port, bytes),
        kind::ATTIC => answer.attic = bytes.to_vec(),
        kind::UNRECORDED => answer.is_unrecorded = true,
        // A newer library may say more; what this host does not know, it passes over.
        _ => {}
    }
    OK
}

unsafe extern "C" fn sent(
    context: *mut c_void,
    messages: *const SentMessage,
    count: usize,
    payloads: Bytes,
) -> i32 {
    // SAFETY: the contract above; of no messages, the pointer may lead anywhere.
    let (answer, messages, payloads) = unsafe {
        let messages = if count == 0 { &[] } else { std::slice::from_raw_parts(messages, count) };
        (&mut *context.cast::<Answer>(), messages, payloads.as_slice())
    };
    if !answer.takes(payloads.len()) || !answer.sent.extend(messages, payloads) {
        return FAILED;
    }
    OK
}

unsafe extern "C" fn state(context: *mut c_void, state: Bytes) -> i32 {
    // SAFETY: the contract above.
    let (states, state) = unsafe { (&mut (*context.cast::<Answer>()).states, state.as_slice()) };
    // Each may be as large as the answer of a call; only the last may be that large.
    if state.len() > ANSWER_LIMIT || states.is_full() {
        return FAILED;
    }
    if states.push(state) { OK } else { ENOUGH }
}

pub(super) fn supported<F>(entry: Option<F>, name: &'static str) -> Result<F, CallError> {
    entry.ok_or(CallError::Unsupported(name))
}
