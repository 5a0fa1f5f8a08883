//! The boundary between a program and the widgets it loads: C, versioned, and nothing else.
//!
//! A library of widgets and the program that runs it are built apart, perhaps by different compilers. What they share
//! is this module: one static [`Descriptor`] for each widget, which points to one [`Table`] of functions, and one static
//! [`TransformDescriptor`] with a [`TransformTable`] for each transform. Integers,
//! pointers and lengths cross; no Rust type, `bool`, enum, allocator or `TypeId` does.
//!
//! - Whoever allocates, frees. A function that answers with bytes writes them to the [`Host`] that it was given, which
//!   copies them; the bytes are the caller's only during that call.
//! - A library speaks to its host through the [`Host`] of a call, and only during that call. The one exception is an
//!   [`InboxTable`], whose functions may be called from any thread at any time by who holds a reference to its context.
//! - No panic crosses. Every entry catches what unwinds and answers [`PANICKED`]; message and place go to the host as
//!   an error. After that only `destroy` may be called on the instance.
//! - Descriptors, tables and [`Host`] grow only at their ends and begin with what says how long they are. A
//!   reader copies `min(their size, my size)` into zeroed memory: what is not there reads as "unsupported".
//!
//! # Revisions
//!
//! | ABI | date | what |
//! |---|---|---|
//! | 1 | 2026-11 | `alive, describe, create, destroy, encode, decode, step_down, before_update, after_update, update_failed, deliver, tick, view` |
//! | 1 | 2026-11 | transforms: `alive, describe, call` |
//! | 1 | 2026-11 | `converts, convert`, for widgets and transforms |
//! | 1 | 2026-11 | `Host::inbox` with `post, retain, release`; `started, stopped` |
//! | 1 | 2026-11 | `nested, carry_nested` |
//! | 1 | 2026-11 | `Host::panics` with `guards, take, renew` |
//! | 1 | 2026-11 | `layout` |
//! | 1 | 2026-11 | `handle`, with `UNRECORDED` and `ENOUGH`; `Host::sent`, `Host::state` |

mod calls;
mod convert;
mod guard;
#[cfg(feature = "host")]
pub mod handle;
mod image;
pub(crate) mod inbox;
mod panics;
mod sized;
mod table;
mod transform;

use std::ffi::c_void;

pub use panics::{Noted, PanicCell, PanicTable};

use crate::state::State;
use crate::transform::{PayloadInfo, Transform};
use crate::widget::{Behaviour, Widget};

/// The first bytes of every descriptor.
pub const MAGIC: [u8; 8] = *b"SHRINE\r\n";

/// The revision of this module. Another one is refused.
pub const ABI_VERSION: u32 = 1;

/// What the symbol of every descriptor begins with; the widget's id follows.
pub const SYMBOL_PREFIX: &str = "shrine_widget_";

/// The first bytes of the descriptor of a transform.
pub const TRANSFORM_MAGIC: [u8; 8] = *b"SHRINT\r\n";

/// What the symbol of the descriptor of a transform begins with; its name follows.
pub const TRANSFORM_PREFIX: &str = "shrine_transform_";

/// The call did what it was asked to.
pub const OK: i32 = 0;
/// The call failed; an error was written to the host.
pub const FAILED: i32 = 1;
/// The widget panicked; an error was written to the host, and the instance is poisoned.
pub const PANICKED: i32 = 2;
/// What [`Host::state`] answers when it wants no more after this one: then [`Table::handle`] comes back.
pub const ENOUGH: i32 = 3;

/// The library unwinds on panic.
pub const PANIC_UNWIND: u32 = 1;
/// The library aborts on panic, which would take the program with it.
pub const PANIC_ABORT: u32 = 2;

/// How this crate was built.
const PANIC_STRATEGY: u32 = if cfg!(panic = "unwind") { PANIC_UNWIND } else { PANIC_ABORT };

/// What [`Host::write`] is given.
pub mod kind {
    /// The answer of a call.
    pub const RESULT: u32 = 0;
    /// Why a call failed: a [`Failure`](super::Failure).
    pub const ERROR: u32 = 1;
    /// A message that leaves through the output port of that index.
    pub const MESSAGE: u32 = 2;
    /// The attic as a migration left it.
    pub const ATTIC: u32 = 3;
    /// Nothing, beside the status of a call that failed: the handler had come back, and its state could not be encoded.
    pub const UNRECORDED: u32 = 4;
}

/// Statuses of [`InboxTable::post`] beside [`OK`]. A reader takes others as [`CLOSED`](post::CLOSED).
pub mod post {
    /// The instance is gone.
    pub const CLOSED: i32 = 1;
    /// It has no such input port now.
    pub const UNKNOWN_PORT: i32 = 2;
    /// The port takes another type now.
    pub const OTHER_TYPE: i32 = 3;
    /// Too many messages wait.
    pub const FULL: i32 = 4;
}

/// Borrowed bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    /// The first of them; never null.
    pub start: *const u8,
    /// How many.
    pub len: usize,
}

impl Bytes {
    /// Borrows a slice without its lifetime.
    #[must_use]
    pub const fn of(bytes: &[u8]) -> Self {
        Self { start: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    ///
    /// `start` points to `len` initialised bytes that stay as they are for `'a`. Of no bytes, it may point anywhere.
    pub(crate) unsafe fn as_slice<'a>(self) -> &'a [u8] {
        if self.len == 0 {
            // What is written in another language may have null there, which no slice may begin at.
            return &[];
        }
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

/// What a library says about one of its widgets, before any of its code has run.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Descriptor {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`ABI_VERSION`].
    pub abi_version: u32,
    /// The size of this struct in bytes.
    pub size: u32,
    /// [`PANIC_UNWIND`] or [`PANIC_ABORT`].
    pub panic_strategy: u32,
    /// Zero.
    pub reserved: u32,
    /// [`Widget::ID`], UTF-8.
    pub id: Bytes,
    /// The version of the state, UTF-8.
    pub version: Bytes,
    /// The fingerprint of the state.
    pub fingerprint: u64,
    /// The version of `shrine` that the library was built with, UTF-8.
    pub shrine_version: Bytes,
    /// The functions.
    pub table: *const Table,
}

// SAFETY: a descriptor is never written to after it was made, and its pointers lead to constants.
unsafe impl Sync for Descriptor {}

impl Descriptor {
    /// The descriptor of `W`, built with this crate.
    #[must_use]
    pub const fn of<W: Widget + Behaviour>() -> Self {
        Self {
            magic: MAGIC,
            abi_version: ABI_VERSION,
            size: size_of::<Self>() as u32,
            panic_strategy: PANIC_STRATEGY,
            reserved: 0,
            id: Bytes::of(W::ID.as_bytes()),
            version: Bytes::of(W::VERSION.as_bytes()),
            fingerprint: <W as State>::FINGERPRINT,
            shrine_version: Bytes::of(env!("CARGO_PKG_VERSION").as_bytes()),
            table: table::of::<W>(),
        }
    }
}

/// What a library says about one of its transforms.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct TransformDescriptor {
    /// [`TRANSFORM_MAGIC`].
    pub magic: [u8; 8],
    /// [`ABI_VERSION`].
    pub abi_version: u32,
    /// The size of this struct in bytes.
    pub size: u32,
    /// [`PANIC_UNWIND`] or [`PANIC_ABORT`].
    pub panic_strategy: u32,
    /// Zero.
    pub reserved: u32,
    /// [`Transform::NAME`], UTF-8.
    pub name: Bytes,
    /// The version of `shrine` that the library was built with, UTF-8.
    pub shrine_version: Bytes,
    /// The functions.
    pub table: *const TransformTable,
}

// SAFETY: a descriptor is never written to after it was made, and its pointers lead to constants.
unsafe impl Sync for TransformDescriptor {}

impl TransformDescriptor {
    /// The descriptor of `T`, built with this crate.
    #[must_use]
    pub const fn of<T: Transform>() -> Self {
        Self {
            magic: TRANSFORM_MAGIC,
            abi_version: ABI_VERSION,
            size: size_of::<Self>() as u32,
            panic_strategy: PANIC_STRATEGY,
            reserved: 0,
            name: Bytes::of(T::NAME.as_bytes()),
            shrine_version: Bytes::of(env!("CARGO_PKG_VERSION").as_bytes()),
            table: transform::of::<T>(),
        }
    }
}

/// The functions of a transform. They may be called from several threads at once.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct TransformTable {
    /// The size of this struct in bytes.
    pub size: usize,
    /// As [`Table::alive`].
    pub alive: Option<unsafe extern "C" fn(*const Host) -> i32>,
    /// Answers with a [`TransformDescription`].
    pub describe: Option<unsafe extern "C" fn(*const Host) -> i32>,
    /// Takes a message and answers with the one to pass on, or with nothing.
    pub call: Option<unsafe extern "C" fn(Bytes, *const Host) -> i32>,
    /// As [`Table::converts`], for the messages that it takes.
    pub converts: Option<unsafe extern "C" fn(Bytes, *const Host) -> i32>,
    /// As [`Table::convert`], for the messages that it takes.
    pub convert: Option<unsafe extern "C" fn(Bytes, Bytes, *const Host) -> i32>,
}

/// An instance, as its host sees it.
pub type Instance = *mut c_void;

/// The functions of a widget. All answer with a status; all but `destroy` write to the host.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The size of this struct in bytes.
    pub size: usize,
    /// Answers from inside with the build id of the image that this code is in: 0 bytes if it has none.
    pub alive: Option<unsafe extern "C" fn(*const Host) -> i32>,
    /// Answers with a [`Description`].
    pub describe: Option<unsafe extern "C" fn(*const Host) -> i32>,
    /// Makes an instance from the widget's `Default`.
    pub create: Option<unsafe extern "C" fn(*const Host, *mut Instance) -> i32>,
    /// Ends an instance.
    pub destroy: Option<unsafe extern "C" fn(Instance) -> i32>,
    /// Answers with the encoded state.
    pub encode: Option<unsafe extern "C" fn(Instance, *const Host) -> i32>,
    /// Makes an instance from the state of any version that the chain knows: version, state, attic. Answers with the
    /// attic that the migration left.
    pub decode: Option<unsafe extern "C" fn(Bytes, Bytes, Bytes, *const Host, *mut Instance) -> i32>,
    /// Answers with the state of an older version: target version, state of this version, attic.
    pub step_down: Option<unsafe extern "C" fn(Bytes, Bytes, Bytes, *const Host) -> i32>,
    /// Runs the hook; the bytes are an [`UpdateContext`](crate::UpdateContext).
    pub before_update: Option<unsafe extern "C" fn(Instance, Bytes, *const Host) -> i32>,
    /// Runs the hook.
    pub after_update: Option<unsafe extern "C" fn(Instance, Bytes, *const Host) -> i32>,
    /// Runs the hook.
    pub update_failed: Option<unsafe extern "C" fn(Instance, Bytes, *const Host) -> i32>,
    /// Handles a message: index of the port, payload. Sent messages are written to the host.
    pub deliver: Option<unsafe extern "C" fn(Instance, u32, Bytes, *const Host) -> i32>,
    /// Runs a timer: its index.
    pub tick: Option<unsafe extern "C" fn(Instance, u32, *const Host) -> i32>,
    /// Answers with the view as text, or with nothing.
    pub view: Option<unsafe extern "C" fn(Instance, *const Host) -> i32>,
    /// Whether messages of another shape can be taken: index of the port, shape. Answers with the reason if not.
    pub converts: Option<unsafe extern "C" fn(u32, Bytes, *const Host) -> i32>,
    /// Answers with a message of another shape as the port takes it: index of the port, shape, payload.
    pub convert: Option<unsafe extern "C" fn(u32, Bytes, Bytes, *const Host) -> i32>,
    /// Runs the hook.
    pub started: Option<unsafe extern "C" fn(Instance, *const Host) -> i32>,
    /// Runs the hook.
    pub stopped: Option<unsafe extern "C" fn(Instance, *const Host) -> i32>,
    /// Answers with the chains of the versioned types inside of the state, as a list of
    /// [`NestedChain`](crate::state::nested::NestedChain).
    pub nested: Option<unsafe extern "C" fn(*const Host) -> i32>,
    /// Carries a value of such a type: the [`NestedCarry`]. Answers with the value and with its part of the attic.
    pub carry_nested: Option<unsafe extern "C" fn(*const NestedCarry, *const Host) -> i32>,
    /// Answers with how the state lies in memory, UTF-8, for comparison with that of another build; fails with the reason
    /// when that cannot be told.
    pub layout: Option<unsafe extern "C" fn(*const Host) -> i32>,
    /// Handles the messages of one port in turn: its index, the payloads, how many. After each the state is written to the
    /// host. Comes back early after a message that sent anything, so that what follows from that has its turn, and when
    /// the host wants no more.
    pub handle: Option<unsafe extern "C" fn(Instance, u32, *const Bytes, usize, *const Host) -> i32>,
}

/// What [`Table::carry_nested`] is asked.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct NestedCarry {
    /// The size of this struct in bytes.
    pub size: usize,
    /// The index of the chain in the answer of [`Table::nested`].
    pub chain: u32,
    /// 0 from an older version to the newest of the chain, 1 back from that to an older one.
    pub back: u32,
    /// The older version, UTF-8.
    pub version: Bytes,
    /// The value.
    pub value: Bytes,
    /// What the attic has below its place.
    pub attic: Bytes,
    /// Its place in the state, UTF-8.
    pub path: Bytes,
}

/// Where a call's answers go, and what the host offers meanwhile. Owned, and bounded, by the host.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Host {
    /// The size of this struct in bytes.
    pub size: usize,
    /// Handed back to `write`.
    pub context: *mut c_void,
    /// Takes bytes of a [`kind`]; the second number is the port of a message. Answers [`OK`], or [`FAILED`] when the
    /// host takes no more.
    pub write: Option<unsafe extern "C" fn(*mut c_void, u32, u32, Bytes) -> i32>,
    /// The inbox of the instance that the call is for; null if there is none. The table is valid during the call.
    pub inbox: *const InboxTable,
    /// Where libraries that share a std find the panic hook of the first of them; null if the host has no such place.
    pub panics: *const PanicCell,
    /// Takes all messages that a handler sent, as [`write`](Self::write) would take one after the other: what they are,
    /// how many, and the payloads one behind the other.
    pub sent: Option<unsafe extern "C" fn(*mut c_void, *const SentMessage, usize, Bytes) -> i32>,
    /// Takes the encoded state after a message of [`Table::handle`]. Answers as [`write`](Self::write), or [`ENOUGH`].
    pub state: Option<unsafe extern "C" fn(*mut c_void, Bytes) -> i32>,
}

/// A message that a handler sent.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentMessage {
    /// The index of the output port.
    pub port: u32,
    /// Where its payload ends; it begins where that of the message before ends, the first at 0.
    pub end: usize,
}

/// The way from a widget's own threads to its input ports. The context is counted: it is valid during the call that
/// brought it, and for as long as a reference is held. The functions are valid for ever, and may be called from any
/// thread at any time, from several at once.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct InboxTable {
    /// The size of this struct in bytes.
    pub size: usize,
    /// Handed back to the functions.
    pub context: *const c_void,
    /// Takes a message: name of the port, fingerprint of its type, payload. Both bytes are copied during the call.
    /// Answers [`OK`] or a status of [`post`].
    pub post: Option<unsafe extern "C" fn(*const c_void, Bytes, u64, Bytes) -> i32>,
    /// One more reference.
    pub retain: Option<unsafe extern "C" fn(*const c_void)>,
    /// One reference less.
    pub release: Option<unsafe extern "C" fn(*const c_void)>,
}

/// What `describe` answers.
#[derive(Debug, Clone)]
pub struct Description {
    /// The versions that lead to this code, its own first.
    pub versions: Vec<crate::state::step::VersionInfo>,
    /// Ports, timers, hooks.
    pub interface: crate::widget::Interface,
}

/// What `describe` of a transform answers.
#[derive(Debug, Clone)]
pub struct TransformDescription {
    /// The messages that it takes.
    pub takes: PayloadInfo,
    /// The messages that it gives.
    pub gives: PayloadInfo,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error, or what was panicked with.
    pub message: String,
    /// Where it panicked: `file:line:column`.
    pub location: Option<String>,
}

record! {
    Description { versions, interface }
    TransformDescription { takes, gives }
    Failure { message, location }
}
