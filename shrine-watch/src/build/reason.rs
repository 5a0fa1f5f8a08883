//! How a library was made, and why that way.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Linking;

/// How a library was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Way {
    /// Nothing that it is made of has changed since it was made.
    Fresh,
    /// By calling rustc as cargo had called it, for these crates.
    Replay {
        /// The crates that were compiled.
        crates: Vec<String>,
        /// How the library was linked, if that was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<Linking>,
    },
    /// By cargo.
    Cargo {
        /// Why cargo was asked.
        reason: Reason,
    },
}

impl Way {
    /// The word for it in events.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Replay { .. } => "replay",
            Self::Cargo { .. } => "cargo",
        }
    }
}

/// Why cargo was asked to build, and not rustc called as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Replay is turned off.
    Off,
    /// The build is one as for a release.
    Release,
    /// It is not known how cargo calls rustc for the package: it has not been built, or its last build by cargo failed.
    NotCaptured {
        /// The package.
        package: String,
    },
    /// The calls of rustc cannot be noted.
    NoWrapper {
        /// Why.
        why: String,
    },
    /// It was noted in another environment.
    OtherEnvironment {
        /// The package.
        package: String,
    },
    /// A file that says how to build has changed.
    HowToBuild {
        /// The file.
        path: PathBuf,
    },
    /// The project may have another structure than before.
    Project,
    /// A file has changed of which something is made that only cargo can make: a build script reads it, or it is part of a
    /// package that is no member of the workspace.
    OtherInput {
        /// The file or directory.
        path: PathBuf,
    },
    /// A crate has changed that is run to build others: it has macros, or build scripts use it.
    Tool {
        /// Its package.
        package: String,
    },
    /// Rustc failed in a way that cargo may know how to mend.
    Failed {
        /// The package.
        package: String,
        /// What it said.
        what: String,
    },
}

impl Reason {
    /// The word for it in events.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Release => "release",
            Self::NotCaptured { .. } => "not_captured",
            Self::NoWrapper { .. } => "no_wrapper",
            Self::OtherEnvironment { .. } => "other_environment",
            Self::HowToBuild { .. } => "how_to_build",
            Self::Project => "project",
            Self::OtherInput { .. } => "other_input",
            Self::Tool { .. } => "tool",
            Self::Failed { .. } => "failed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => write!(f, "replay is turned off"),
            Self::Release => write!(f, "it is built as for a release"),
            Self::NotCaptured { package } => {
                write!(f, "it is not known yet how cargo calls rustc for `{package}`")
            }
            Self::NoWrapper { why } => write!(f, "the calls of rustc cannot be noted: {why}"),
            Self::OtherEnvironment { package } => {
                write!(f, "the call of rustc for `{package}` was noted in another environment")
            }
            Self::HowToBuild { path } => write!(f, "`{}` says how to build, and has changed", path.display()),
            Self::Project => write!(f, "the project may have another structure"),
            Self::OtherInput { path } => write!(
                f,
                "`{}` has changed, and what is made of it is cargo's: a build script, or a package outside of the workspace",
                path.display()
            ),
            Self::Tool { package } => {
                write!(f, "`{package}` has changed, which runs while others are compiled")
            }
            Self::Failed { package, what } => {
                write!(f, "rustc, called for `{package}` as before, failed: {what}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_in_events_is_that_of_the_messages() {
        let package = || "a".to_owned();
        let reasons = [
            Reason::Off,
            Reason::Release,
            Reason::NotCaptured { package: package() },
            Reason::NoWrapper { why: String::new() },
            Reason::OtherEnvironment { package: package() },
            Reason::HowToBuild { path: "Cargo.toml".into() },
            Reason::Project,
            Reason::OtherInput { path: "data".into() },
            Reason::Tool { package: package() },
            Reason::Failed { package: package(), what: String::new() },
        ];
        for reason in reasons {
            assert_eq!(serde_json::to_value(&reason).unwrap()["kind"], reason.kind());
        }
    }
}
