//! Why a library is linked the usual way.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a library has its dependencies in it, and is not linked to one that is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Plain {
    /// Sharing is turned off.
    Off,
    /// It depends on nothing that could be shared.
    Nothing,
    /// The shared library, or what is remembered for linking to it, is not there yet.
    NotYet,
    /// It is compiled with a flag that sharing does not go together with.
    Flag {
        /// The flag.
        flag: String,
    },
    /// A dependency is a dynamic library already.
    Dynamic {
        /// Its name.
        name: String,
    },
    /// A dependency sets the allocator.
    Allocator,
    /// A dependency gathers what other crates declare, in a section that each library has for itself.
    Gathered {
        /// The name of the section.
        section: String,
    },
    /// The shared library cannot be made.
    Unmade {
        /// What the compiler or the linker said.
        what: String,
    },
    /// It cannot be linked to the shared library.
    Unlinked {
        /// What the compiler or the linker said.
        what: String,
    },
}

impl Plain {
    /// The word for it in events.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Nothing => "nothing",
            Self::NotYet => "not_yet",
            Self::Flag { .. } => "flag",
            Self::Dynamic { .. } => "dynamic",
            Self::Allocator => "allocator",
            Self::Gathered { .. } => "gathered",
            Self::Unmade { .. } => "unmade",
            Self::Unlinked { .. } => "unlinked",
        }
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => write!(f, "sharing dependencies is turned off"),
            Self::Nothing => write!(f, "there are no external dependencies to share"),
            Self::NotYet => {
                write!(f, "it is not known yet how to link it to the shared library of dependencies")
            }
            Self::Flag { flag } => write!(f, "dependencies cannot be shared with `{flag}`"),
            Self::Dynamic { name } => write!(f, "the dependency `{name}` is a dynamic library already"),
            Self::Allocator => write!(f, "a dependency sets `#[global_allocator]`"),
            Self::Gathered { section } => {
                write!(f, "a dependency gathers what crates declare in the section `{section}`")
            }
            Self::Unmade { what } => write!(f, "the shared library of dependencies cannot be made: {what}"),
            Self::Unlinked { what } => {
                write!(f, "it cannot be linked to the shared library of dependencies: {what}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_in_events_is_that_of_the_messages() {
        let text = || "x".to_owned();
        let all = [
            Plain::Off,
            Plain::Nothing,
            Plain::NotYet,
            Plain::Flag { flag: text() },
            Plain::Dynamic { name: text() },
            Plain::Allocator,
            Plain::Gathered { section: text() },
            Plain::Unmade { what: text() },
            Plain::Unlinked { what: text() },
        ];
        for plain in all {
            assert_eq!(serde_json::to_value(&plain).unwrap()["kind"], plain.kind());
        }
    }
}
