//! A transform as one build has it.

use super::LibraryError;
use super::call::{CallError, call, supported};
use super::descriptor::{read, text_of};
use crate::abi::{Bytes, PANIC_UNWIND, TransformDescription, TransformDescriptor, TransformTable, sized};
use crate::state::shape::Shape;
use crate::state::{from_bytes, to_bytes};
use crate::transform::PayloadInfo;

/// A named transform as one build has it.
#[derive(Debug)]
pub struct Transform {
    name: String,
    description: TransformDescription,
    table: TransformTable,
}

impl Transform {
    /// Reads a descriptor.
    ///
    /// # Safety
    ///
    /// As [`Library::open`](super::Library::open).
    pub(super) unsafe fn open(descriptor: *const TransformDescriptor) -> Result<Self, LibraryError> {
        // SAFETY: the caller's promise.
        let descriptor = unsafe { read(descriptor) }?;
        // SAFETY: written by `TransformDescriptor::of`: a text constant of the library.
        let name = unsafe { text_of(descriptor.name) };
        let label = format!("transform `{name}`");
        if descriptor.panic_strategy != PANIC_UNWIND {
            return Err(LibraryError::AbortsOnPanic { what: label });
        }
        if descriptor.table.is_null() {
            return Err(LibraryError::TooShort);
        }
        // SAFETY: the table of a descriptor begins with its size.
        let table = unsafe { sized::read(descriptor.table) };
        let description = describe(&table)
            .map_err(|error| LibraryError::Describe { what: label, reason: error.to_string() })?;
        Ok(Self { name, description, table })
    }

    /// What connections call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The messages that it takes.
    #[must_use]
    pub fn takes(&self) -> &PayloadInfo {
        &self.description.takes
    }

    /// The messages that it gives.
    #[must_use]
    pub fn gives(&self) -> &PayloadInfo {
        &self.description.gives
    }

    /// Turns an encoded message into the one to pass on; `None` if it goes no further. May be called from several threads
    /// at once.
    ///
    /// # Errors
    ///
    /// When the bytes are not what it takes, or the function fails or panics. Unlike an instance, a transform has no state
    /// that a panic could damage: it may be called again.
    pub fn call(&self, payload: &[u8]) -> Result<Option<Vec<u8>>, CallError> {
        let entry = supported(self.table.call, "call")?;
        let payload = Bytes::of(payload);
        // SAFETY: the contract of `Library::open`; host and payload are valid during the call.
        let answer = call(|host| unsafe { entry(payload, host) })?;
        Ok(Some(answer.result).filter(|message| !message.is_empty()))
    }

    /// Whether every message of that shape can be converted to what the transform takes.
    ///
    /// # Errors
    ///
    /// The reason, when some message could not: "`unit`: ..", to follow "`a.out` sends `T`, but `b.in` takes `U`: ".
    pub fn converts(&self, from: &Shape) -> Result<(), String> {
        let entry = supported(self.table.converts, "converts").map_err(|error| error.to_string())?;
        let from = to_bytes(from).map_err(|error| error.to_string())?;
        let from = Bytes::of(&from);
        // SAFETY: the contract of `Library::open`; host and shape are valid during the call.
        let answer = call(|host| unsafe { entry(from, host) }).map_err(|error| error.to_string())?;
        match answer.result.as_slice() {
            [] => Ok(()),
            reason => Err(String::from_utf8_lossy(reason).into_owned()),
        }
    }

    /// Converts a message of that shape to what the transform takes.
    ///
    /// # Errors
    ///
    /// When the shape does not convert, the bytes are not of it, or a hop of `#[migrate]` fails or panics.
    pub fn convert(&self, from: &Shape, payload: &[u8]) -> Result<Vec<u8>, CallError> {
        let entry = supported(self.table.convert, "convert")?;
        let from = to_bytes(from).map_err(CallError::unreadable)?;
        let (from, payload) = (Bytes::of(&from), Bytes::of(payload));
        // SAFETY: the contract of `Library::open`; all arguments outlive the call.
        call(|host| unsafe { entry(from, payload, host) }).map(|answer| answer.result)
    }

    /// Asks the code which build it is.
    ///
    /// # Errors
    ///
    /// When the call fails.
    pub fn alive(&self) -> Result<Vec<u8>, CallError> {
        let alive = supported(self.table.alive, "alive")?;
        // SAFETY: the contract of `Library::open`; the host is valid during the call.
        call(|host| unsafe { alive(host) }).map(|answer| answer.result)
    }
}

fn describe(table: &TransformTable) -> Result<TransformDescription, CallError> {
    let describe = supported(table.describe, "describe")?;
    // SAFETY: the contract of `Library::open`; the host is valid during the call.
    let answer = call(|host| unsafe { describe(host) })?;
    from_bytes(&answer.result).map_err(CallError::unreadable)
}
