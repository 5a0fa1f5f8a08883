//! Opens the libraries that builds make: checks the file, gives it a place of its own, and asks the dynamic loader.
//!
//! Libraries are never closed. Code that may have threads, thread-locals or destructors cannot be unloaded safely, and
//! an open generation costs little, because std is shared.

#![expect(unsafe_code, reason = "opening a library runs code that this compiler has never seen")]

pub mod check;
mod files;

use std::collections::{BTreeSet, HashMap};
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::os::unix::{Library as OpenLibrary, RTLD_LOCAL, RTLD_NOW};
use shrine::abi::handle::Library;
use shrine::abi::{Descriptor, TransformDescriptor};

use crate::build::{Package, SHARED_PREFIX};
use check::{Checked, Toolchain};
use files::Files;

/// Why a library is not taken. The code that runs runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadError {
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub help: String,
    /// Whether there is nothing wrong with the library but that it has no widgets.
    pub no_widgets: bool,
}

impl LoadError {
    /// There is nothing wrong with a library but that it has no widgets.
    fn no_widgets() -> Self {
        let help =
            "put `#[widget(id = \"..\", version = \"..\")]` on a struct, and `#[widget]` on its `impl` block";
        Self { no_widgets: true, ..Self::new("there are no widgets in the library", help) }
    }

    pub(crate) fn new(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self { reason: reason.into(), help: help.into(), no_widgets: false }
    }
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for LoadError {}

/// Opens one generation after the other.
#[derive(Debug)]
pub struct Loader {
    files: Files,
    /// The widgets in each library that was looked at last, by what cargo knows its crate by.
    found: HashMap<String, BTreeSet<String>>,
    /// The files that were opened where they are.
    opened: BTreeSet<PathBuf>,
}

impl Loader {
    /// A loader that keeps its files below `target_directory`, and forgets those of processes that have ended.
    #[must_use]
    pub fn new(target_directory: &Path) -> Self {
        Self { files: Files::new(target_directory), found: HashMap::new(), opened: BTreeSet::new() }
    }

    /// Opens what was built of a package. Widgets of the crates that it is made of are in its library too; if such a
    /// crate was loaded before, they are left to it.
    ///
    /// A file that `is_final` is opened where it is: nobody writes to it any more, and its path is no other library's.
    /// Others are copied first.
    ///
    /// # Errors
    ///
    /// When the file is no complete library of widgets, was built by another compiler than those before it, or the
    /// dynamic loader refuses it.
    pub fn load(&mut self, package: &Package, artifact: &Path, is_final: bool) -> Result<Library, LoadError> {
        let unreadable =
            |error| LoadError::new(format!("cannot read {}: {error}", artifact.display()), "build again");
        let bytes = std::fs::read(artifact).map_err(unreadable)?;
        self.found.remove(&package.id);
        let mut checked = check::check(&bytes)?;
        let found: BTreeSet<String> = checked.widgets.iter().chain(&checked.transforms).cloned().collect();
        let is_anothers = |symbol: &String| {
            let of = |id: &String| self.found.get(id).is_some_and(|found| found.contains(symbol));
            package.dependencies.iter().any(of)
        };
        checked.widgets.retain(|symbol| !is_anothers(symbol));
        checked.transforms.retain(|symbol| !is_anothers(symbol));
        self.found.insert(package.id.clone(), found);
        if checked.widgets.is_empty() && checked.transforms.is_empty() {
            return Err(LoadError::no_widgets());
        }
        check_toolchain(&checked.toolchain)?;
        // The dynamic loader answers with what it has open already when it is asked for a path again.
        let path = if is_final && self.opened.insert(artifact.to_owned()) {
            artifact.to_owned()
        } else {
            self.files.store(artifact, &bytes, &checked.build_id)?
        };
        let (widgets, transforms) = open(&path, &checked)?;
        // SAFETY: `check` saw that each symbol names data of at least the size of a descriptor, within the file. That
        // its functions keep the contract is what `shrine`'s macros generate; a symbol with the reserved prefix that
        // was written by hand is taken at its word. `open` never closes the library.
        let library =
            unsafe { Library::open(&package.name, Some(checked.build_id.clone()), &widgets, &transforms) };
        remember_toolchain(checked.toolchain);
        let library = library.map(|library| match &checked.origin {
            // SAFETY: libraries of one origin are by one released compiler, which orders fields in its usual way, and
            // take their allocator from the same shared libraries: see `check`.
            Some(origin) => unsafe { library.of_toolchain(origin) },
            None => library,
        });
        library.map_err(|error| LoadError::new(error.to_string(), error.help()))
    }
}

/// The addresses of the descriptors of a library.
type Descriptors = (Vec<*const Descriptor>, Vec<*const TransformDescriptor>);

/// Opens a checked file and answers with the addresses of its descriptors.
fn open(path: &PathBuf, checked: &Checked) -> Result<Descriptors, LoadError> {
    let refused = |error: libloading::Error| {
        // Which library or symbol is missing is in the cause.
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        let help = if why.contains(SHARED_PREFIX) {
            "save again: what is gone is made anew, and until then libraries are linked without it; what runs is kept"
        } else {
            "check that every library and symbol it names is there; what runs is kept"
        };
        LoadError::new(format!("the dynamic loader refuses the library: {why}"), help)
    };
    // SAFETY: opening runs the library's initialisers. They are those of the crates that the user builds into it, and
    // running that code is what was asked for. The file is complete, was checked, and nobody writes to it.
    let library = unsafe { OpenLibrary::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(refused)?;
    let widgets = addresses(&library, &checked.widgets);
    let transforms = addresses(&library, &checked.transforms);
    std::mem::forget(library);
    Ok((widgets.map_err(refused)?, transforms.map_err(refused)?))
}

/// Where the symbols are in the process.
fn addresses<D>(library: &OpenLibrary, symbols: &[String]) -> Result<Vec<*const D>, libloading::Error> {
    let address = |symbol: &String| {
        let symbol = CString::new(symbol.as_str()).unwrap_or_default();
        // SAFETY: the symbol is data, see `check`, so a pointer to it is what it is; nothing is read here.
        unsafe { library.get::<*const D>(symbol.as_bytes_with_nul()) }.map(|found| *found)
    };
    symbols.iter().map(address).collect()
}

/// The toolchain of the libraries that this process has loaded: all are linked to one std.
fn running_toolchain() -> &'static Mutex<Option<Toolchain>> {
    static RUNNING: OnceLock<Mutex<Option<Toolchain>>> = OnceLock::new();
    RUNNING.get_or_init(Mutex::default)
}

fn check_toolchain(toolchain: &Toolchain) -> Result<(), LoadError> {
    match &*running_toolchain().lock().unwrap_or_else(PoisonError::into_inner) {
        Some(running) => running.check_same(toolchain),
        None => Ok(()),
    }
}

fn remember_toolchain(toolchain: Toolchain) {
    running_toolchain().lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(toolchain);
}
