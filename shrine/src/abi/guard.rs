//! Nothing unwinds out of a library.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::{Bytes, FAILED, Failure, Host, OK, PANICKED, inbox, kind, sized};
use crate::inbox::Inbox;
use crate::state::to_bytes;
use crate::widget::BoxError;

thread_local! {
    /// How many guards are open on this thread: only panics under one are ours to report.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// The panic that is unwinding towards a guard.
    static CAUGHT: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Runs `call` and turns what becomes of it into a status. Errors and panics are written to the host.
///
/// # Safety
///
/// `host` is null or points to a [`Host`] that is valid during the call.
pub(super) unsafe fn guarded(host: *const Host, call: impl FnOnce(&Reply) -> Result<(), BoxError>) -> i32 {
    capture_panics();
    // SAFETY: the caller's promise.
    let reply = unsafe { Reply::to(host) };
    GUARDS.set(GUARDS.get() + 1);
    // The text of an error, and dropping it, is the widget's code as well.
    let call = || call(&reply).map_err(|error| chain_of(error.as_ref()));
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDS.set(GUARDS.get() - 1);
    match result {
        Ok(Ok(())) => OK,
        Ok(Err(message)) => {
            reply.fail(&Failure { message, location: None });
            FAILED
        }
        Err(payload) => {
            // A payload whose `Drop` panics would unwind out of here, so it is left where it is.
            std::mem::forget(payload);
            let caught = CAUGHT.take();
            reply.fail(&caught.unwrap_or_else(|| Failure { message: "panicked".to_owned(), location: None }));
            PANICKED
        }
    }
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
    unsafe fn to(host: *const Host) -> Self {
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

    /// A message that leaves through a port.
    pub(super) fn message(&self, port: u32, payload: &[u8]) -> Result<(), BoxError> {
        self.write(kind::MESSAGE, port, payload)
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
        match unsafe { write(context, kind, port, Bytes::of(bytes)) } {
            OK => Ok(()),
            _ => Err(format!("the host does not take an answer of {} more bytes", bytes.len()).into()),
        }
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

/// Notes message and place of panics under a guard instead of printing them; the host reports them.
///
/// Libraries that share one std share its hook, so each wraps the one it finds: a panic passes from the newest to the
/// library whose guard is open on this thread, or out to the first hook.
fn capture_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let outer = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // A thread that is ending has no thread-locals any more, and no guard either.
            if GUARDS.try_with(Cell::get).unwrap_or(0) == 0 {
                return outer(info);
            }
            let message = info.payload_as_str().unwrap_or("panicked with a value that is no text").to_owned();
            let location = info.location().map(ToString::to_string);
            CAUGHT.set(Some(Failure { message, location }));
        }));
    });
}
