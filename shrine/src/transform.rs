//! What a named transform is: a function that connections put between two ports.

use crate::state::State;
use crate::state::codec::{Decoder, Encoder};
use crate::state::payload::Upgrades;
use crate::state::shape::{Shape, ShapeContext};
use crate::widget::{BoxError, PortInfo};

/// A function between two ports. `#[transform]` on a function `doubled` implements it for a type `doubled {}` beside it,
/// so that a program can link it: `Library::in_process("app").with_transform::<doubled>()`.
pub trait Transform: 'static {
    /// What connections call it.
    const NAME: &'static str;

    /// The messages that it takes.
    fn takes() -> PayloadInfo;

    /// The messages that it gives.
    fn gives() -> PayloadInfo;

    /// Adds the versioned types in what it takes.
    #[doc(hidden)]
    fn upgrades(_: &mut Upgrades) {}

    /// Reads a message and writes what becomes of it. Answers `false` if the message goes no further.
    ///
    /// # Errors
    ///
    /// When the bytes are not what it takes, or the function returns an error.
    fn apply(input: &mut Decoder<'_>, out: &mut Encoder) -> Result<bool, BoxError>;
}

/// The type of messages.
#[derive(Debug, Clone)]
pub struct PayloadInfo {
    /// Its fingerprint.
    pub fingerprint: u64,
    /// Its shape.
    pub shape: Shape,
}

impl From<&PortInfo> for PayloadInfo {
    fn from(port: &PortInfo) -> Self {
        Self { fingerprint: port.fingerprint, shape: port.shape.clone() }
    }
}

impl PayloadInfo {
    /// What is known about `T`.
    #[must_use]
    pub fn of<T: State>() -> Self {
        Self { fingerprint: T::FINGERPRINT, shape: T::shape(&mut ShapeContext::new()) }
    }
}

/// What a transform may fail with.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a transform fails with an error, not with `{Self}`",
    label = "`{Self}` does not become a `BoxError`",
    note = "return `Result<T, E>` with an `E` that implements `std::error::Error`, or `String`, or `BoxError`"
)]
pub trait Fails {
    fn fails(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> Fails for E {
    fn fails(self) -> BoxError {
        self.into()
    }
}

record! {
    PayloadInfo { fingerprint, shape }
}
