//! How libraries are linked in a moment, whatever they depend on.
//!
//! Most of what a widget crate is linked from is not edited: what it depends on, `shrine` among it. That is linked once,
//! into one *shared library* ([`shelf`]), and each generation is linked to it. The compiler is told nothing of this. It
//! calls a script of ours in place of the linker ([`script`]), which puts the shared library in the place of the static
//! ones that are in it, calls the linker itself and not through a compiler driver ([`driver`]), and gives it small libraries
//! that stand for large ones ([`stub`]). Where rustc calls the linker in any other way than it was seen to, or where linking
//! so fails, the script does what rustc has asked for, and the way is looked for again after the build.
//!
//! Nothing of cargo's is written to. Shared libraries are found by what went into them ([`Recipe::key`]), lie in
//! directories that are put into their places whole, and are never written again.

mod driver;
mod line;
mod plain;
mod recipe;
mod script;
mod sharing;
mod shelf;
mod stub;

#[cfg(test)]
mod tests;

/// How the file names of shared libraries begin.
pub(crate) const SHARED_PREFIX: &str = "libshrine_deps-";

pub use plain::Plain;
#[cfg(doc)]
use recipe::Recipe;
pub(super) use sharing::{Sharing, Trial};
pub(super) use shelf::linkers_words;
