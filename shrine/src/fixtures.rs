//! States to try migrations on, and the laws that migrations keep (feature `fixtures`, for tests).
//!
//! Fixtures are made from a [`Shape`] alone, so every version has them, also those whose type is long gone:
//!
//! | function | gives |
//! |---|---|
//! | [`boundary`] | the values at which code breaks: 0, -1, the ends of each width, NaN, empty, one and many, each variant |
//! | [`random`] | any value, the same one for the same seed |
//! | [`simpler`] | the next simpler values, to find the smallest one that shows a mistake |
//! | [`fixture`] | the first boundary value as its Rust type, to begin a test with |
//!
//! `#[fixture(..)]` on a field says what all of them have there: see [`state`](macro@crate::state).
//!
//! [`migration_tests!`](crate::migration_tests) writes the tests of a type; [`Laws`] is what they call.
//!
//! ```
//! use shrine::prelude::*;
//!
//! #[state(version = "2")]
//! #[migrate(from = "1", change(count: i32))]
//! struct Tally {
//!     count: i64,
//! }
//!
//! let report = shrine::fixtures::check::<Tally>();
//! assert!(report.is_kept(), "{report}");
//! ```
//!
//! # The values that a shape admits and its type does not
//!
//! A `NonZero` has the shape of its integer, an `IpAddr` that of text. A fixture with such a place gets a value there
//! that the type takes: a usual one, or that of the type's `Default`; an item without any leaves its list. What still
//! is no state of its version is dropped, and the laws fail when that happens to more than nine of ten.

mod boundary;
mod differences;
mod fit;
mod goldens;
mod laws;
mod locked;
mod migrated;
mod narrow;
mod outline;
mod panics;
mod random;
mod report;
mod simpler;
#[cfg(feature = "proptest")]
mod strategy;
mod tests_of;
mod trouble;

pub use boundary::boundary;
pub use goldens::Golden;
pub use laws::{Laws, check};
pub use migrated::{Migrated, MigrationReport, migrate_from};
pub use random::random;
pub use report::{Failure, Law, Report};
pub use simpler::simpler;
#[cfg(feature = "proptest")]
pub use strategy::{ShapeStrategy, ShapeTree, strategy};
#[doc(hidden)]
pub use tests_of::{Named, Unnamed};

use crate::State;
use crate::state::shape::Shape;
use crate::state::{from_bytes, shape_of, to_bytes};

/// The simplest boundary value of a type, to begin a test with: `Counter { title: "Ada".into(), ..fixture() }`.
///
/// # Panics
///
/// When no generated value is one of the type, as for a foreign type under a codec of its own.
#[must_use]
pub fn fixture<T: State>() -> T {
    let shape: Shape = shape_of::<T>();
    let read = |bytes: &[u8]| from_bytes::<T>(bytes).and_then(|value| to_bytes(&value));
    let fitting = boundary(&shape).into_iter().find_map(|value| fit::fit(value, &shape, &read).ok());
    let state = fitting.and_then(|bytes| from_bytes(&bytes).ok());
    state.unwrap_or_else(|| panic!("no generated value is a `{}`", std::any::type_name::<T>()))
}
