//! One library of all that widget crates depend on and that is not edited, so that linking a widget crate takes the same
//! time whatever it depends on.
//!
//! Two files make that work with a compiler that has no option for it. The *shared library* is a Rust dylib that does
//! nothing but name the external crates: linking it puts all of them into it. A *facade* is a crate by the name of
//! `shrine` that passes on all of the real one and names the shared library. A crate is linked to the shared library by
//! being compiled against the facade in place of `shrine`: the compiler then finds a dylib among what the crate is made
//! of, and takes each crate that is in it from there. `shrine` itself stays in each generation, because it answers for
//! the image that it is in.
//!
//! Nothing of cargo's is written to. The files are found by what went into them ([`Recipe::key`]), lie in a directory
//! that is put into its place whole, and are never written again.

mod choice;
mod facade;
mod make;
mod plain;
mod sharing;

#[cfg(test)]
mod tests;

use choice::{Recipe, choose};
use make::Shelf;

/// How the file names of shared libraries begin.
pub(crate) const SHARED_PREFIX: &str = "libshrine_deps-";

pub(super) use choice::Tip;
pub(super) use facade::{Linked, strip_notes};
pub(super) use make::linkers_words;
pub use plain::Plain;
pub(super) use sharing::{Sharing, Trial};
