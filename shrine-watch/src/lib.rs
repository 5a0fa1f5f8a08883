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
//! | `doctor` | what on a machine or in a project is in the way |
//! | `door` | commands from other processes |
//! | `golden` | states that tests keep |
//! | `scene` | a scene, written into a file that has one |
//! | `report` | tells people and programs |
//! | `survey` | builds and loads a project once, to ask its widgets |
//! | `release` | what was released stays as it was |
//! | `bump` | raises the version of a widget in its source |
//! | `chain` | what the hops of a widget do, and which way back they have |
//! | [`live`] | the same for a program that owns the registry: [`Live`] |
//! | `cli` | the same as a command: `cargo shrine` |

#![deny(unsafe_code)]

#[cfg(feature = "live")]
pub mod build;
#[cfg(feature = "cli")]
pub mod bump;
#[cfg(feature = "cli")]
pub mod chain;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod doctor;
#[cfg(feature = "cli")]
pub mod door;
pub mod error;
pub mod exit;
#[cfg(feature = "live")]
pub mod golden;
pub mod live;
#[cfg(feature = "live")]
pub mod load;
#[cfg(feature = "live")]
mod own;
#[cfg(feature = "cli")]
pub mod release;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "live")]
pub mod run;
#[cfg(feature = "cli")]
pub mod scene;
#[cfg(feature = "live")]
pub mod session;
#[cfg(feature = "cli")]
pub mod survey;
#[cfg(feature = "live")]
pub mod watch;

pub use error::Error;
pub use exit::ExitCode;
pub use live::{Live, LiveOptions};
