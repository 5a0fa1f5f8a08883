//! The host's side of the boundary: libraries, widgets and instances as safe values.
//!
//! Everything unsafe that a host does with a library happens here, behind the one promise of [`Library::open`].

use std::ffi::c_void;
use std::fmt;
use std::mem::MaybeUninit;
use std::sync::Arc;

use super::{
    ABI_VERSION, Bytes, Description, Descriptor, FAILED, Failure, Host, Instance, MAGIC, OK, PANIC_UNWIND,
    PANICKED, Table, kind,
};
use crate::state::attic::Attic;
use crate::state::step::VersionInfo;
use crate::state::{from_bytes, to_bytes};
use crate::widget::{Behaviour, Interface, UpdateContext, Widget};

/// How many bytes one call may answer with.
pub const ANSWER_LIMIT: usize = 256 << 20;

/// The widgets of one build, ready to be put into a registry.
#[derive(Debug, Clone)]
pub struct Library {
    name: String,
    build_id: Option<Vec<u8>>,
    modules: Vec<Arc<Module>>,
}

impl Library {
    /// Reads the widgets of a library that was opened.
    ///
    /// `build_id` is what the file says of itself; an update is only believed when the code answers with the same.
    ///
    /// # Errors
    ///
    /// When a descriptor is of another ABI, aborts on panic, or cannot describe itself.
    ///
    /// # Safety
    ///
    /// Each pointer leads to at least 16 readable bytes and, if those begin with [`MAGIC`], to a [`Descriptor`] whose
    /// functions keep the contract of the [`abi`](super) module. All of it stays loaded until the process ends.
    pub unsafe fn open(
        name: &str,
        build_id: Option<Vec<u8>>,
        descriptors: &[*const Descriptor],
    ) -> Result<Self, LibraryError> {
        let open = |descriptor: &*const Descriptor| {
            // SAFETY: the caller's promise.
            unsafe { Module::open(*descriptor) }.map(Arc::new)
        };
        let modules = descriptors.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), build_id, modules })
    }

    /// A library without widgets yet, for widgets that are part of this program: they go through the same tables as
    /// loaded ones.
    #[must_use]
    pub fn in_process(name: &str) -> Self {
        Self { name: name.to_owned(), build_id: None, modules: Vec::new() }
    }

    /// Adds a widget of this program.
    ///
    /// # Errors
    ///
    /// When the program aborts on panic, or the widget's `Default` panics.
    pub fn with<W: Widget + Behaviour>(self) -> Result<Self, LibraryError> {
        self.with_as::<W>(W::ID)
    }

    /// Adds a widget of this program under another id, so that one program can hold several generations of it.
    ///
    /// # Errors
    ///
    /// As [`with`](Self::with).
    pub fn with_as<W: Widget + Behaviour>(mut self, id: &str) -> Result<Self, LibraryError> {
        let descriptor = Descriptor { id: Bytes::of(id.as_bytes()), ..Descriptor::of::<W>() };
        // SAFETY: built by this very crate, from code that is part of the program; the id is copied.
        self.modules.push(Arc::new(unsafe { Module::open(&raw const descriptor) }?));
        Ok(self)
    }

    /// The name of the crate; the same over its generations.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the file says it is.
    #[must_use]
    pub fn build_id(&self) -> Option<&[u8]> {
        self.build_id.as_deref()
    }

    /// Its widgets.
    #[must_use]
    pub fn modules(&self) -> &[Arc<Module>] {
        &self.modules
    }
}

/// The name of the library that statically linked widgets belong to.
pub const LINKED: &str = "(linked)";

/// Why a library is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LibraryError {
    /// The symbol leads to something else.
    NoDescriptor,
    /// Built with another revision of the boundary.
    OtherAbi {
        /// Its revision.
        found: u32,
    },
    /// The descriptor or its table is shorter than the first revision's.
    TooShort,
    /// A panic in it would end the program.
    AbortsOnPanic {
        /// The widget.
        widget: String,
    },
    /// It could not describe itself.
    Describe {
        /// The widget.
        widget: String,
        /// Why.
        reason: String,
    },
}

impl LibraryError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NoDescriptor | Self::TooShort => {
                "symbols that begin with `shrine_widget_` are reserved for `#[widget]`; rebuild the crate".to_owned()
            }
            Self::OtherAbi { .. } => "build the widget crate and the program that loads it with the same version of `shrine`; \
                 `cargo update -p shrine` and a restart usually bring them together"
                .to_owned(),
            Self::AbortsOnPanic { .. } => {
                "remove `panic = \"abort\"` from the profile in Cargo.toml: a panic must unwind so that it can be undone"
                    .to_owned()
            }
            Self::Describe { .. } => {
                "the `Default` of a widget or of a `#[state]` type in it runs when the library is loaded; it must not fail"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDescriptor => f.write_str("the library exports something that is no widget descriptor"),
            Self::TooShort => f.write_str("the widget descriptor is cut short"),
            Self::OtherAbi { found } => write!(
                f,
                "the library speaks revision {found} of the boundary, this program speaks revision {ABI_VERSION}"
            ),
            Self::AbortsOnPanic { widget } => {
                write!(
                    f,
                    "widget `{widget}` is built with `panic = \"abort\"`, which would end the whole program"
                )
            }
            Self::Describe { widget, reason } => {
                write!(f, "widget `{widget}` cannot describe itself: {reason}")
            }
        }
    }
}

impl std::error::Error for LibraryError {}

/// A widget as one build has it.
#[derive(Debug)]
pub struct Module {
    id: String,
    version: String,
    fingerprint: u64,
    description: Description,
    table: Table,
}

impl Module {
    /// Reads a descriptor.
    ///
    /// # Safety
    ///
    /// As [`Library::open`].
    unsafe fn open(descriptor: *const Descriptor) -> Result<Self, LibraryError> {
        /// The part of a descriptor that no revision changes.
        #[repr(C)]
        struct Head {
            magic: [u8; 8],
            abi_version: u32,
            size: u32,
        }
        // SAFETY: the caller promises 16 readable bytes.
        let head = unsafe { descriptor.cast::<Head>().read_unaligned() };
        if head.magic != MAGIC {
            return Err(LibraryError::NoDescriptor);
        }
        if head.abi_version != ABI_VERSION {
            return Err(LibraryError::OtherAbi { found: head.abi_version });
        }
        if (head.size as usize) < size_of::<Descriptor>() {
            return Err(LibraryError::TooShort);
        }
        // SAFETY: the magic says that a descriptor is here, and `size` that it is as long as ours.
        let descriptor = unsafe { descriptor.read_unaligned() };
        // SAFETY: written by `Descriptor::of`: text constants of the library.
        let [id, version] = [descriptor.id, descriptor.version].map(|text| unsafe { text_of(text) });
        if descriptor.panic_strategy != PANIC_UNWIND {
            return Err(LibraryError::AbortsOnPanic { widget: id });
        }
        // SAFETY: the table of a descriptor begins with its size.
        let table = unsafe { read_table(descriptor.table) };
        let fingerprint = descriptor.fingerprint;
        let description = describe(&table)
            .map_err(|error| LibraryError::Describe { widget: id.clone(), reason: error.to_string() })?;
        Ok(Self { id, version, fingerprint, description, table })
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

    fn handle(self: &Arc<Self>, instance: Instance) -> Result<Handle, CallError> {
        match instance.is_null() {
            true => {
                Err(CallError::Failed(Failure { message: "no instance was made".to_owned(), location: None }))
            }
            false => Ok(Handle { module: Arc::clone(self), instance, poisoned: false }),
        }
    }
}

/// An instance of a widget. Dropping it ends the instance.
#[derive(Debug)]
pub struct Handle {
    module: Arc<Module>,
    instance: Instance,
    poisoned: bool,
}

// SAFETY: `Widget` requires `Send`, and a handle is the only way to the instance.
unsafe impl Send for Handle {}

/// What a handler sent: output ports by index, with payloads.
pub type Sent = Vec<(u32, Vec<u8>)>;

impl Handle {
    /// The build that the instance belongs to.
    #[must_use]
    pub fn module(&self) -> &Arc<Module> {
        &self.module
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
        let encode = supported(self.module.table.encode, "encode")?;
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { encode(instance, host) }).map(|answer| answer.result)
    }

    /// Delivers a message.
    ///
    /// # Errors
    ///
    /// When the handler fails or panics.
    pub fn deliver(&mut self, port: u32, payload: &[u8]) -> Result<Sent, CallError> {
        let deliver = supported(self.module.table.deliver, "deliver")?;
        let payload = Bytes::of(payload);
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { deliver(instance, port, payload, host) })
            .map(|answer| answer.sent)
    }

    /// Runs a timer.
    ///
    /// # Errors
    ///
    /// When the handler fails or panics.
    pub fn tick(&mut self, timer: u32) -> Result<Sent, CallError> {
        let tick = supported(self.module.table.tick, "tick")?;
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { tick(instance, timer, host) }).map(|answer| answer.sent)
    }

    /// The view, if the widget has one.
    ///
    /// # Errors
    ///
    /// When it panics.
    pub fn view(&mut self) -> Result<Option<String>, CallError> {
        if !self.module.has_hook("view") {
            return Ok(None);
        }
        let view = supported(self.module.table.view, "view")?;
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
            Hook::BeforeUpdate => ("before_update", self.module.table.before_update),
            Hook::AfterUpdate => ("after_update", self.module.table.after_update),
            Hook::UpdateFailed => ("update_failed", self.module.table.update_failed),
        };
        if !self.module.has_hook(name) {
            return Ok(());
        }
        let entry = supported(entry, name)?;
        let context = to_bytes(context).map_err(CallError::unreadable)?;
        let context = Bytes::of(&context);
        // SAFETY: see `Handle::call`.
        self.call(|instance, host| unsafe { entry(instance, context, host) }).map(drop)
    }

    /// Calls an entry of the table on the instance.
    ///
    /// What callers rely on in their `unsafe`: the instance is live, not poisoned, and in no other call, since this
    /// takes `&mut self`; the host is valid during the call; the library keeps the contract of [`Library::open`].
    fn call(&mut self, entry: impl FnOnce(Instance, *const Host) -> i32) -> Result<Answer, CallError> {
        if self.poisoned {
            let message = "the instance has panicked".to_owned();
            return Err(CallError::Failed(Failure { message, location: None }));
        }
        let instance = self.instance;
        let result = call(|host| entry(instance, host));
        self.poisoned = matches!(result, Err(CallError::Panicked(_)));
        result
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(destroy) = self.module.table.destroy {
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
    fn unreadable(error: impl fmt::Display) -> Self {
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
struct Answer {
    result: Vec<u8>,
    sent: Sent,
    attic: Vec<u8>,
    error: Option<Vec<u8>>,
    taken: usize,
}

/// Calls with a fresh host and turns status and answer into a result.
fn call(entry: impl FnOnce(*const Host) -> i32) -> Result<Answer, CallError> {
    let mut answer = Answer::default();
    let context = (&raw mut answer).cast();
    let host = Host { size: size_of::<Host>(), context, write };
    let status = entry(&raw const host);
    let failure = || {
        let failure = answer.error.as_deref().and_then(|bytes| from_bytes(bytes).ok());
        failure.unwrap_or_else(|| Failure { message: format!("failed with status {status}"), location: None })
    };
    match status {
        OK => Ok(answer),
        PANICKED => Err(CallError::Panicked(failure())),
        _ => Err(CallError::Failed(failure())),
    }
}

unsafe extern "C" fn write(context: *mut c_void, kind: u32, port: u32, bytes: Bytes) -> i32 {
    // SAFETY: `call` put a pointer to its answer into the host, and waits until the library is done with it.
    let answer = unsafe { &mut *context.cast::<Answer>() };
    if bytes.len > ANSWER_LIMIT - answer.taken {
        return FAILED;
    }
    answer.taken += bytes.len;
    // SAFETY: the library's bytes are valid during this call.
    let bytes = unsafe { bytes.as_slice() }.to_vec();
    match kind {
        kind::RESULT => answer.result = bytes,
        kind::ERROR => answer.error = Some(bytes),
        kind::MESSAGE => answer.sent.push((port, bytes)),
        kind::ATTIC => answer.attic = bytes,
        // A newer library may say more; what this host does not know, it passes over.
        _ => {}
    }
    OK
}

fn describe(table: &Table) -> Result<Description, CallError> {
    let describe = supported(table.describe, "describe")?;
    // SAFETY: the contract of `Library::open`; the host is valid during the call.
    let answer = call(|host| unsafe { describe(host) })?;
    from_bytes(&answer.result).map_err(CallError::unreadable)
}

fn supported<F>(entry: Option<F>, name: &'static str) -> Result<F, CallError> {
    entry.ok_or(CallError::Unsupported(name))
}

/// # Safety
///
/// The bytes are text that stays as it is.
unsafe fn text_of(text: Bytes) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { text.as_slice() }).into_owned()
}

/// Copies the part of a table that both sides know; the rest reads as "unsupported".
///
/// # Safety
///
/// `table` leads to a table that begins with its size.
unsafe fn read_table(table: *const Table) -> Table {
    let mut copy = MaybeUninit::<Table>::zeroed();
    // SAFETY: the caller promises a size at the start and that many bytes; the copy is as long as our own table.
    unsafe {
        let size = table.cast::<usize>().read_unaligned().min(size_of::<Table>());
        std::ptr::copy_nonoverlapping(table.cast::<u8>(), copy.as_mut_ptr().cast(), size);
    }
    // SAFETY: every field of a table may be zero: a size of 0 and functions that are not there.
    unsafe { copy.assume_init() }
}
