//! What code the instances of a widget run: one place for all of them, so that all change it at once.

use std::fmt;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::alike::Alike;
use super::module::Module;

/// The code that all handles run that have [joined](super::Handle::join) it.
///
/// Invariant: an instance whose handle has joined was made by the module that is current, or by one that the current one
/// was proved to be [`Alike`] to.
pub struct Seat {
    /// The newest of a list.
    current: AtomicPtr<Link>,
}

/// A module, and those before it. None is freed before the seat is, so that references to them stay valid.
struct Link {
    module: Arc<Module>,
    before: *mut Link,
}

impl Seat {
    /// A seat that leads to that module.
    #[must_use]
    pub fn new(module: Arc<Module>) -> Arc<Self> {
        let link = Box::into_raw(Box::new(Link { module, before: ptr::null_mut() }));
        Arc::new(Self { current: AtomicPtr::new(link) })
    }

    /// The module that it leads to.
    #[must_use]
    pub fn module(&self) -> &Arc<Module> {
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: only what `Box::into_raw` gave is ever stored there, and nothing is freed while the seat is borrowed:
        // see `drop`.
        unsafe { &(*current).module }
    }

    /// Moves all instances of the seat to the newer code. False if they run other code than the proof is about.
    #[must_use]
    pub fn lead(&self, way: &Alike) -> bool {
        let before = self.current.load(Ordering::Acquire);
        // SAFETY: as in `module`.
        let from = unsafe { &(*before).module };
        if !Arc::ptr_eq(from, way.from()) {
            return false;
        }
        let link = Box::into_raw(Box::new(Link { module: Arc::clone(way.to()), before }));
        let stored = self.current.compare_exchange(before, link, Ordering::AcqRel, Ordering::Acquire);
        if stored.is_err() {
            // SAFETY: made above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(link) });
        }
        stored.is_ok()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut next = *self.current.get_mut();
        while !next.is_null() {
            // SAFETY: each link came from `Box::into_raw`, is in the list once, and nobody has a reference to the seat.
            let link = unsafe { Box::from_raw(next) };
            next = link.before;
        }
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("module", self.module()).finish()
    }
}
