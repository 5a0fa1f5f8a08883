//! The host's side of the boundary: libraries, widgets, transforms and instances as safe values.
//!
//! Everything unsafe that a host does with a library happens here, behind the one promise of [`Library::open`].

mod alike;
mod call;
mod descriptor;
mod error;
mod instance;
mod module;
mod payload;
mod post;
mod seat;
mod sent;
mod transform;

use std::sync::Arc;

pub use alike::Alike;
pub use call::{ANSWER_LIMIT, CallError, Room};
pub use error::LibraryError;
pub use instance::{Handle, Hook, RUN};
pub use module::Module;
pub use payload::{Payload, Piece};
pub use post::{Post, PostError};
pub use seat::Seat;
pub use sent::{Sent, States};
pub use transform::Transform;

use super::{Bytes, Descriptor, TransformDescriptor};
use crate::widget::{Behaviour, Widget};
use alike::Origin;

/// The widgets and transforms of one build, ready to be put into a registry.
#[derive(Debug, Clone)]
pub struct Library {
    name: String,
    build_id: Option<Vec<u8>>,
    modules: Vec<Arc<Module>>,
    transforms: Vec<Arc<Transform>>,
}

impl Library {
    /// Reads the widgets and transforms of a library that was opened.
    ///
    /// `build_id` is what the file says of itself; an update is only believed when the code answers with the same.
    ///
    /// # Errors
    ///
    /// When a descriptor is of another ABI, aborts on panic, or cannot describe itself, or two transforms have one name.
    ///
    /// # Safety
    ///
    /// Each pointer leads to at least 16 readable bytes and, if those begin with [`MAGIC`](super::MAGIC) or
    /// [`TRANSFORM_MAGIC`](super::TRANSFORM_MAGIC), to a [`Descriptor`] or [`TransformDescriptor`] whose functions keep the contract of the [`abi`](super) module. All of it stays loaded until the process ends.
    pub unsafe fn open(
        name: &str,
        build_id: Option<Vec<u8>>,
        widgets: &[*const Descriptor],
        transforms: &[*const TransformDescriptor],
    ) -> Result<Self, LibraryError> {
        let open = |descriptor: &*const Descriptor| {
            // SAFETY: the caller's promise.
            unsafe { Module::open(*descriptor, None) }.map(Arc::new)
        };
        let modules = widgets.iter().map(open).collect::<Result<_, _>>()?;
        let mut library = Self { name: name.to_owned(), build_id, modules, transforms: Vec::new() };
        for descriptor in transforms {
            // SAFETY: the caller's promise.
            library.add(unsafe { Transform::open(*descriptor) }?)?;
        }
        Ok(library)
    }

    /// Says what the library was built with: the same text for libraries of which instances may be moved to each other as
    /// they lie in memory, if nothing else [speaks against it](Alike). Without it, states are always encoded.
    ///
    /// # Safety
    ///
    /// Libraries with the same text were compiled by the same compiler, which orders fields in its usual way and not at
    /// random, and all their code allocates from the same allocator.
    #[must_use]
    pub unsafe fn of_toolchain(mut self, toolchain: &str) -> Self {
        // One that is in use already stays as it is.
        for module in self.modules.iter_mut().filter_map(Arc::get_mut) {
            module.origin = Some(Origin::Toolchain(toolchain.to_owned()));
        }
        self
    }

    /// A library without widgets yet, for widgets that are part of this program: they go through the same tables as
    /// loaded ones.
    #[must_use]
    pub fn in_process(name: &str) -> Self {
        Self { name: name.to_owned(), build_id: None, modules: Vec::new(), transforms: Vec::new() }
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
        self.modules.push(Arc::new(unsafe { Module::open(&raw const descriptor, Some(Origin::Program)) }?));
        Ok(self)
    }

    /// Adds a transform of this program. `#[transform] fn doubled(..)` is the type `doubled` here.
    ///
    /// # Errors
    ///
    /// When the program aborts on panic, or there is a transform of that name.
    pub fn with_transform<T: crate::transform::Transform>(mut self) -> Result<Self, LibraryError> {
        let descriptor = TransformDescriptor::of::<T>();
        // SAFETY: built by this very crate, from code that is part of the program; the name is copied.
        self.add(unsafe { Transform::open(&raw const descriptor) }?)?;
        Ok(self)
    }

    fn add(&mut self, transform: Transform) -> Result<(), LibraryError> {
        if self.transforms.iter().any(|known| known.name() == transform.name()) {
            return Err(LibraryError::TransformTwice { name: transform.name().to_owned() });
        }
        self.transforms.push(Arc::new(transform));
        Ok(())
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

    /// Its transforms.
    #[must_use]
    pub fn transforms(&self) -> &[Arc<Transform>] {
        &self.transforms
    }
}

/// The name of the library that statically linked widgets belong to.
pub const LINKED: &str = "(linked)";
