//! A widget as one build has it.

use std::sync::{Arc, OnceLock};

use super::LibraryError;
use super::alike::{Facts, Origin};
use super::call::{CallError, call, supported};
use super::descriptor::{read, text_of};
use super::instance::Handle;
use crate::abi::{
    Bytes, Description, Descriptor, Failure, Instance, NestedCarry, PANIC_UNWIND, Table, sized,
};
use crate::state::attic::Attic;
use crate::state::nested::NestedChain;
use crate::state::shape::Shape;
use crate::state::step::VersionInfo;
use crate::state::{from_bytes, to_bytes};
use crate::widget::Interface;

/// A widget as one build has it.
#[derive(Debug)]
pub struct Module {
    id: String,
    version: String,
    fingerprint: u64,
    description: Description,
    /// Asked for when a state is reconciled.
    nested: OnceLock<Result<Vec<NestedChain>, CallError>>,
    /// The version of this crate that it was built with.
    shrine: String,
    /// Where its code comes from, as far as that is proved.
    pub(super) origin: Option<Origin>,
    /// How its state lies in memory, or why that is not told; once it was asked.
    layout: OnceLock<Result<String, String>>,
    pub(super) table: Table,
}

impl Module {
    /// Reads a descriptor.
    ///
    /// # Safety
    ///
    /// As [`Library::open`](super::Library::open), and for an origin as
    /// [`Library::of_toolchain`](super::Library::of_toolchain); code is part of this program if it says so.
    pub(super) unsafe fn open(
        descriptor: *const Descriptor,
        origin: Option<Origin>,
    ) -> Result<Self, LibraryError> {
        // SAFETY: the caller's promise.
        let descriptor = unsafe { read(descriptor) }?;
        // SAFETY: written by `Descriptor::of`: text constants of the library.
        let [id, version, shrine] = [descriptor.id, descriptor.version, descriptor.shrine_version]
            .map(|text| unsafe { text_of(text) });
        if descriptor.panic_strategy != PANIC_UNWIND {
            return Err(LibraryError::AbortsOnPanic { what: format!("widget `{id}`") });
        }
        if descriptor.table.is_null() {
            return Err(LibraryError::TooShort);
        }
        // SAFETY: the table of a descriptor begins with its size.
        let table = unsafe { sized::read(descriptor.table) };
        let fingerprint = descriptor.fingerprint;
        let description = describe(&table).map_err(|error| LibraryError::Describe {
            what: format!("widget `{id}`"),
            reason: error.to_string(),
        })?;
        let (nested, layout) = (OnceLock::new(), OnceLock::new());
        Ok(Self { id, version, fingerprint, description, nested, shrine, origin, layout, table })
    }

    /// The widget's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version of its state.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The fingerprint of its state.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The versions that lead to it, its own first.
    #[must_use]
    pub fn versions(&self) -> &[VersionInfo] {
        &self.description.versions
    }

    /// Its ports, timers and hooks.
    #[must_use]
    pub fn interface(&self) -> &Interface {
        &self.description.interface
    }

    /// Whether it has that hook.
    #[must_use]
    pub fn has_hook(&self, hook: &str) -> bool {
        self.description.interface.hooks.iter().any(|known| known == hook)
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

    /// What decides whether instances can be moved to or from it as they lie in memory.
    pub(super) fn facts(&self) -> Facts<'_> {
        let layout = self.layout.get_or_init(|| layout(&self.table).map_err(|error| error.to_string()));
        Facts {
            origin: self.origin.as_ref(),
            shrine: &self.shrine,
            version: &self.version,
            fingerprint: self.fingerprint,
            layout: layout.as_deref().map_err(String::as_str),
        }
    }

    /// Makes an instance from the widget's `Default`.
    ///
    /// # Errors
    ///
    /// When that panics.
    pub fn create(self: &Arc<Self>) -> Result<Handle, CallError> {
        let create = supported(self.table.create, "create")?;
        let mut instance = std::ptr::null_mut();
        // SAFETY: the contract of `Library::open`; `instance` takes the one write.
        call(|host| unsafe { create(host, &raw mut instance) })?;
        self.handle(instance)
    }

    /// Makes an instance from the state of any version of the chain.
    ///
    /// # Errors
    ///
    /// When the bytes are not that state, or a migration fails or panics.
    pub fn decode(
        self: &Arc<Self>,
        version: &str,
        state: &[u8],
        attic: &Attic,
    ) -> Result<(Handle, Attic), CallError> {
        let decode = supported(self.table.decode, "decode")?;
        let attic_bytes = to_bytes(attic).map_err(CallError::unreadable)?;
        let (version, state, attic) =
            (Bytes::of(version.as_bytes()), Bytes::of(state), Bytes::of(&attic_bytes));
        let mut instance = std::ptr::null_mut();
        // SAFETY: the contract of `Library::open`; all arguments outlive the call.
        let answer = call(|host| unsafe { decode(version, state, attic, host, &raw mut instance) })?;
        let handle = self.handle(instance)?;
        Ok((handle, from_bytes(&answer.attic).map_err(CallError::unreadable)?))
    }

    /// Carries a state of this version down to an older one.
    ///
    /// # Errors
    ///
    /// When a step down fails or panics.
    pub fn step_down(
        &self,
        version: &str,
        state: &[u8],
        attic: &Attic,
    ) -> Result<(Vec<u8>, Attic), CallError> {
        let step_down = supported(self.table.step_down, "step_down")?;
        let attic_bytes = to_bytes(attic).map_err(CallError::unreadable)?;
        let (version, state, attic) =
            (Bytes::of(version.as_bytes()), Bytes::of(state), Bytes::of(&attic_bytes));
        // SAFETY: the contract of `Library::open`; all arguments outlive the call.
        let answer = call(|host| unsafe { step_down(version, state, attic, host) })?;
        Ok((answer.result, from_bytes(&answer.attic).map_err(CallError::unreadable)?))
    }

    /// The chains of the versioned types inside of the state.
    ///
    /// # Errors
    ///
    /// When the library is too old to know them, or the call fails.
    pub fn nested(&self) -> Result<&[NestedChain], CallError> {
        let chains = self.nested.get_or_init(|| {
            let nested = supported(self.table.nested, "nested")?;
            // SAFETY: the contract of `Library::open`; the host is valid during the call.
            let answer = call(|host| unsafe { nested(host) })?;
            from_bytes(&answer.result).map_err(CallError::unreadable)
        });
        chains.as_deref().map_err(Clone::clone)
    }

    /// Carries a value of a versioned type inside of the state to the newest version of its chain, or `back` from there:
    /// the index of the chain in [`nested`](Self::nested), the older version, the value, what the attic has below its
    /// place, and the place.
    ///
    /// # Errors
    ///
    /// When a step fails or panics.
    pub fn carry_nested(
        &self,
        chain: usize,
        back: bool,
        version: &str,
        value: &[u8],
        attic: &Attic,
        path: &str,
    ) -> Result<(Vec<u8>, Attic), CallError> {
        let entry = supported(self.table.carry_nested, "carry_nested")?;
        let attic = to_bytes(attic).map_err(CallError::unreadable)?;
        let asked = NestedCarry {
            size: size_of::<NestedCarry>(),
            chain: u32::try_from(chain).map_err(CallError::unreadable)?,
            back: back.into(),
            version: Bytes::of(version.as_bytes()),
            value: Bytes::of(value),
            attic: Bytes::of(&attic),
            path: Bytes::of(path.as_bytes()),
        };
        // SAFETY: the contract of `Library::open`; what is asked and its bytes outlive the call.
        let answer = call(|host| unsafe { entry(&raw const asked, host) })?;
        Ok((answer.result, from_bytes(&answer.attic).map_err(CallError::unreadable)?))
    }

    /// Whether every message of that shape can be converted to what the input port of that index takes.
    ///
    /// # Errors
    ///
    /// The reason, when some message could not: "`unit`: ..", to follow "`a.out` sends `T`, but `b.in` takes `U`: ".
    pub fn converts(&self, port: u32, from: &Shape) -> Result<(), String> {
        let entry = supported(self.table.converts, "converts").map_err(|error| error.to_string())?;
        let from = to_bytes(from).map_err(|error| error.to_string())?;
        let from = Bytes::of(&from);
        // SAFETY: the contract of `Library::open`; host and shape are valid during the call.
        let answer = call(|host| unsafe { entry(port, from, host) }).map_err(|error| error.to_string())?;
        match answer.result.as_slice() {
            [] => Ok(()),
            reason => Err(String::from_utf8_lossy(reason).into_owned()),
        }
    }

    /// Converts a message of that shape to what the input port of that index takes.
    ///
    /// # Errors
    ///
    /// When the shape does not convert, the bytes are not of it, or a hop of `#[migrate]` fails or panics.
    pub fn convert(&self, port: u32, from: &Shape, payload: &[u8]) -> Result<Vec<u8>, CallError> {
        let entry = supported(self.table.convert, "convert")?;
        let from = to_bytes(from).map_err(CallError::unreadable)?;
        let (from, payload) = (Bytes::of(&from), Bytes::of(payload));
        // SAFETY: the contract of `Library::open`; all arguments outlive the call.
        call(|host| unsafe { entry(port, from, payload, host) }).map(|answer| answer.result)
    }

    fn handle(self: &Arc<Self>, instance: Instance) -> Result<Handle, CallError> {
        match instance.is_null() {
            true => {
                Err(CallError::Failed(Failure { message: "no instance was made".to_owned(), location: None }))
            }
            false => Ok(Handle::new(Arc::clone(self), instance)),
        }
    }
}

fn describe(table: &Table) -> Result<Description, CallError> {
    let describe = supported(table.describe, "describe")?;
    // SAFETY: the contract of `Library::open`; the host is valid during the call.
    let answer = call(|host| unsafe { describe(host) })?;
    from_bytes(&answer.result).map_err(CallError::unreadable)
}

fn layout(table: &Table) -> Result<String, CallError> {
    let layout = supported(table.layout, "layout")?;
    // SAFETY: the contract of `Library::open`; the host is valid during the call.
    let answer = call(|host| unsafe { layout(host) })?;
    String::from_utf8(answer.result).map_err(CallError::unreadable)
}
