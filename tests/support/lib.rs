//! Real crates in temporary folders, and the real binary that watches them.
//!
//! All projects build into one shared target directory, so that dependencies are compiled once. Two projects of one
//! package name would overwrite each other's library there: every project of a test has a name of its own.

mod answer;
pub mod hostile;
mod project;
mod watch;
mod workspace;

pub use answer::{Answer, ask, ask_json, ask_with};
pub use project::{Project, repository};
pub use watch::{DEADLINE, Watch, binary, finish, shared_target, without_cargos_own, without_json};
pub use workspace::Workspace;
