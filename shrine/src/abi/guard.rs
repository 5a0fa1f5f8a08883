//! Nothing unwinds out of a library.

use std::any::Any;
use std::mem::ManuallyDrop;
use std::panic::{self, AssertUnwindSafe};

use super::panics::Panics;
use super::{Bytes, ENOUGH, FAILED, Failure, Host, OK, PANICKED, SentMessage, inbox, kind, sized};
use crate::inbox::Inbox;
use crate::state::to_bytes;
use crate::widget::BoxError;

/// Runs `call` and turns what becomes of it into a status. Errors and panics are written to the host.
///
/// # Safety
///
/// `host` is null or points to a [`Host`] that is valid during the call.
pub(super) unsafe fn guarded(host: *const Host, call: &mut dyn FnMut(&Reply) -> Result<(), BoxError>) -> i32 {
    // SAFETY: the caller's promise.
    let reply = unsafe { Reply::to(host) };
    let panics = Panics::of(reply.host.as_ref());
    // The text of an error, and dropping it, is the widget's code as well.
    let call = || call(&reply).map_err(|error| chain_of(error.as_ref()));
    match panics.guarded(|| panic::catch_unwind(AssertUnwindSafe(call))) {
        Ok(Ok(())) => OK,
        Ok(Err(message)) => {
            reply.fail(&Failure { message, location: None });
            FAILED
        }
        Err(payload) => {
            let noted = panics.noted().unwrap_or_else(|| {
                panics.missed();
                Failure { message: text_of(&*payload).to_owned(), location: None }
            });
            // A payload whose `Drop` panics would unwind out of here, so it is left where it is.
            std::mem::forget(payload);
            reply.fail(&noted);
            PANICKED
        }
    }
}

/// What was panicked with, where no hook has noted it.
fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("panicked")
}

/// Where the answers of a call go, and what its host offers.
pub(super) struct Reply {
    /// As much of it as the host has; none if there is no host.
    host: Option<Host>,
    inbox: ManuallyDrop<Inbox>,
}

impl Reply {
    /// # Safety
    ///
    /// `host` is null or points to a [`Host`] that is valid for as long as the reply is used.
    pub(super) unsafe fn to(host: *const Host) -> Self {
        if host.is_null() {
            return Self { host: None, inbox: ManuallyDrop::default() };
        }
        // SAFETY: the caller's promise; a host begins with its size.
        let host = unsafe { sized::read(host) };
        // SAFETY: the caller's promise: what a valid host points to is valid as well.
        let inbox = unsafe { inbox::borrowed(&host) };
        Self { host: Some(host), inbox }
    }

    /// The way to the instance's own ports.
    pub(super) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The answer.
    pub(super) fn result(&self, bytes: &[u8]) -> Result<(), BoxError> {
        self.write(kind::RESULT, 0, bytes)
    }

    /// Messages that leave, with their payloads one behind the other.
    pub(super) fn messages(&self, messages: &[SentMessage], payloads: &[u8]) -> Result<(), BoxError> {
        if let Some(Host { context, sent: Some(sent), .. }) = self.host {
            // SAFETY: the host wrote both fields and expects its own context back; what is sent outlives the call.
            let status = unsafe { sent(context, messages.as_ptr(), messages.len(), Bytes::of(payloads)) };
            return taken(status, payloads);
        }
        let mut start = 0;
        messages.iter().try_for_each(|SentMessage { port, end }| {
            let payload = &payloads[start..*end];
            start = *end;
            self.write(kind::MESSAGE, *port, payload)
        })
    }

    /// The state after a message. Answers whether the host wants more of them.
    pub(super) fn state(&self, state: &[u8]) -> Result<bool, BoxError> {
        // A host that asks for states takes them.
        let Some(Host { context, state: Some(take), .. }) = self.host else { return Ok(false) };
        // SAFETY: the host wrote both fields and expects its own context back; the state outlives the call.
        match unsafe { take(context, Bytes::of(state)) } {
            ENOUGH => Ok(false),
            status => taken(status, state).map(|()| true),
        }
    }

    /// Beside a failure: the handler had come back.
    pub(super) fn unrecorded(&self) {
        // A host that does not know of it has no use for it.
        let _ = self.write(kind::UNRECORDED, 0, &[]);
    }

    /// The attic as a migration left it.
    pub(super) fn attic(&self, bytes: &[u8]) -> Result<(), BoxError> {
        self.write(kind::ATTIC, 0, bytes)
    }

    fn fail(&self, failure: &Failure) {
        // A host that takes no more learns of the failure by the status alone.
        if let Ok(bytes) = to_bytes(failure) {
            let _ = self.write(kind::ERROR, 0, &bytes);
        }
    }

    fn write(&self, kind: u32, port: u32, bytes: &[u8]) -> Result<(), BoxError> {
        let Some(Host { context, write: Some(write), .. }) = self.host else { return Ok(()) };
        // SAFETY: the host wrote both fields and expects its own context back; the bytes outlive the call.
        taken(unsafe { write(context, kind, port, Bytes::of(bytes)) }, bytes)
    }
}

/// Whether the host has taken it.
fn taken(status: i32, bytes: &[u8]) -> Result<(), BoxError> {
    match status {
        OK => Ok(()),
        _ => Err(format!("the host does not take an answer of {} more bytes", bytes.len()).into()),
    }
}

/// An error and what caused it, in one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
