//! Why a library is not taken.

use std::fmt;

use crate::abi::ABI_VERSION;

/// Why a library is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LibraryError {
    /// The symbol leads to something else.
    NoDescriptor,
    /// Built with another revision of the boundary.
    OtherAbi {
        /// Its revision.
        found: u32,
    },
    /// The descriptor or its table is shorter than the first revision's.
    TooShort,
    /// A panic in it would end the program.
    AbortsOnPanic {
        /// The widget or transform, as messages name it.
        what: String,
    },
    /// Two transforms of one name.
    TransformTwice {
        /// The name.
        name: String,
    },
    /// It could not describe itself.
    Describe {
        /// The widget or transform, as messages name it.
        what: String,
        /// Why.
        reason: String,
    },
}

impl LibraryError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NoDescriptor | Self::TooShort => {
                "symbols that begin with `shrine_widget_` and `shrine_transform_` are reserved for `#[widget]` and `#[transform]`; \
                 rebuild the crate".to_owned()
            }
            Self::OtherAbi { .. } => "build the widget crate and the program that loads it with the same version of `shrine`; \
                 `cargo update -p shrine` and a restart usually bring them together"
                .to_owned(),
            Self::AbortsOnPanic { .. } => {
                "remove `panic = \"abort\"` from the profile in Cargo.toml: a panic must unwind so that it can be undone"
                    .to_owned()
            }
            Self::TransformTwice { .. } => {
                "give one of them another name: `#[transform(name = \"..\")]`".to_owned()
            }
            Self::Describe { .. } => {
                "the `Default` of a widget or of a `#[state]` type in it runs when the library is loaded; it must not fail"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDescriptor => {
                f.write_str("the library exports something that is no descriptor of a widget or transform")
            }
            Self::TooShort => f.write_str("the descriptor is cut short"),
            Self::OtherAbi { found } => write!(
                f,
                "the library speaks revision {found} of the boundary, this program speaks revision {ABI_VERSION}"
            ),
            Self::AbortsOnPanic { what } => {
                write!(f, "{what} is built with `panic = \"abort\"`, which would end the whole program")
            }
            Self::TransformTwice { name } => write!(f, "there are two transforms called `{name}`"),
            Self::Describe { what, reason } => write!(f, "{what} cannot describe itself: {reason}"),
        }
    }
}

impl std::error::Error for LibraryError {}
