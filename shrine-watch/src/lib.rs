//! The tools around `shrine`: they watch a widget crate, build it when it changes, load what was built, and hand it to
//! a [`Registry`](shrine::registry::Registry) that runs on.
//!
//! | module | step of the story |
//! |---|---|
//! | `watch` | which files matter, and has their content changed? |
//! | `build` | cargo makes a library of it, or says why not |
//! | `load` | the file is checked, gets a place of its own, and is opened |
//! | `session` | what follows from all that: a state machine without effects |
//! | `run` | carries out what the session decides |
//! | `report` | tells people and programs |
//! | [`live`] | the same for a program that owns the registry: [`Live`] |
//! | `cli` | the same as a command: `cargo shrine` |

#![deny(unsafe_code)]

#[cfg(feature = "live")]
pub mod build;
#[cfg(feature = "cli")]
pub mod cli;
pub mod error;
pub mod exit;
pub mod live;
#[cfg(feature = "live")]
pub mod load;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "live")]
pub mod run;
#[cfg(feature = "live")]
pub mod session;
#[cfg(feature = "live")]
pub mod watch;

pub use error::Error;
pub use exit::ExitCode;
pub use live::Live;
