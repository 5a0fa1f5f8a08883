//! What a widget remembers: how it is described, encoded, versioned and carried from one version to the next.
//!
//! | module | question it answers |
//! |---|---|
//! | [`shape`] | what does this type look like, independent of where it is defined? |
//! | [`codec`] | how does a value become bytes, and bytes a value? |
//! | [`value`] | how do I hold state whose Rust type I do not have? |
//! | [`step`] | how does one version become the next, and how does it go back? |
//! | [`convert`] | which changes of a field's type need no code? |
//! | [`opaque`] | how does a foreign type take part? |
//! | [`attic`] | where do values wait that the current code has no field for? |
//! | [`nested`] | which version of a type inside of a state leads to which? |
//! | [`payload`] | does a message of another shape fit, and what becomes of it? |
//! | `plan`, `reconcile`, `touched` | (feature `host`) what does an update do with an instance's state? |
//! | `lock` | (feature `host`) which shapes were released and may not change any more? |
//! | `json` | (feature `host`) how do people read and write state? |

pub mod attic;
pub mod codec;
pub mod convert;
#[doc(hidden)]
pub mod described;
#[cfg(feature = "host")]
pub mod json;
#[doc(hidden)]
pub mod layout;
#[cfg(feature = "host")]
pub mod lock;
pub mod nested;
pub mod opaque;
pub mod payload;
#[cfg(feature = "host")]
pub mod plan;
#[cfg(feature = "host")]
pub mod reconcile;
pub mod shape;
mod std_types;
pub mod step;
#[cfg(feature = "host")]
pub mod touched;
pub mod value;

use std::cell::Cell;

use codec::{DecodeError, Decoder, Encoder, Fill};
use described::{Described, Part};
use layout::Layout;
use payload::Upgrades;
use shape::{Shape, ShapeContext};

/// A type that can be part of a widget's state or travel in a message.
///
/// `#[widget]` and `#[state]` implement it for your types; this crate implements it for the types of `std` that
/// own plain data. Implementing it by hand is possible and rarely needed.
///
/// The encoding is MessagePack with field names: self-describing, exact for floats, bytes and non-string keys.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a widget's state or of a message",
    label = "has no `Shape`: nothing describes it independently of this build",
    note = "put `#[state]` on it if it is yours; mark the field `#[state(transient)]` if it can be rebuilt by `Default`",
    note = "a type of another crate with serde's traits is admitted by `#[state(opaque = \"name@1\")]`, with the feature `serde` of shrine"
)]
pub trait State: Sized + 'static {
    /// A stable hash of the shape: of names and kinds, not of paths, documentation or field order.
    const FINGERPRINT: u64;

    /// Whether some value of this type is encoded as `nil`, so that an `Option` around it needs a wrapper.
    const NULLABLE: bool = false;

    /// Describes the type. `context` recognises a type that contains itself.
    fn shape(context: &mut ShapeContext) -> Shape;

    /// Appends the encoding of `self`.
    fn encode(&self, out: &mut Encoder);

    /// Reads one value that [`State::encode`] of the same shape wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are cut off, malformed, nested too deep, or of another shape. The error names the path.
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError>;

    /// What `#[state]` or `#[widget]` has written down of the type.
    #[doc(hidden)]
    const TYPE: Described = Described::by_hand::<Self>();

    /// What a field of this type is made of, but for its fingerprint.
    #[doc(hidden)]
    const UNPRINTED: Part = Part::unprinted::<Self>();

    /// What a field of this type is made of.
    #[doc(hidden)]
    const PART: Part = Self::UNPRINTED.printed(Self::FINGERPRINT);

    /// Adds the versioned types that values of this type contain, so that messages of older versions can be read.
    #[doc(hidden)]
    fn upgrades(found: &mut Upgrades) {
        found.inside(&Self::TYPE);
    }

    /// Describes how values of this type lie in memory, for builds to compare; see [`layout`].
    #[doc(hidden)]
    fn layout(layout: &mut Layout) {
        Self::TYPE.layout(layout);
    }

    /// Appends a run of items; `u8` overrides it to write one block of bytes.
    #[doc(hidden)]
    fn encode_slice(items: &[Self], out: &mut Encoder) {
        if out.enter_array(items.len()) {
            let mut rest = items;
            while let [item, after @ ..] = rest {
                item.encode(out);
                rest = after;
            }
            out.leave();
        }
    }

    /// Reads a run of items; `u8` overrides it to read one block of bytes.
    #[doc(hidden)]
    #[expect(clippy::question_mark, reason = "`?` is more functions, which are compiled anew for each type")]
    fn decode_vec(input: &mut Decoder<'_>) -> Result<Vec<Self>, DecodeError> {
        let len = match input.enter_array() {
            Ok(len) => len,
            Err(error) => return Err(error),
        };
        // What the header claims is not believed beyond a page or so: memory follows the bytes that are there.
        let mut items = Vec::with_capacity(codec::likely(len, size_of::<Self>()));
        let mut index = 0;
        while index < len {
            match Self::decode(input) {
                Ok(item) => items.push(item),
                Err(error) => {
                    input.leave();
                    return Err(error.at_index(index));
                }
            }
            index += 1;
        }
        input.leave();
        Ok(items)
    }

    /// The place of a field of this type while a struct is read.
    #[doc(hidden)]
    #[inline(always)]
    fn slot(slot: &mut Option<Self>) -> &mut dyn Fill {
        slot
    }
}

/// Encodes a value into fresh bytes.
///
/// # Errors
///
/// When the value is nested deeper than [`codec::MAX_DEPTH`]: it could be written, but never read again.
pub fn to_bytes<T: State>(value: &T) -> Result<Vec<u8>, DecodeError> {
    let mut out = Encoder::new();
    value.encode(&mut out);
    out.finish()
}

/// Lends what `write` writes for as long as `read` runs, in a buffer that the thread keeps.
///
/// # Errors
///
/// As [`to_bytes`].
pub(crate) fn with_written<R>(
    write: &mut dyn FnMut(&mut Encoder),
    read: impl FnOnce(&[u8]) -> R,
) -> Result<R, DecodeError> {
    with_buffer(|buffer| {
        let mut out = Encoder::reusing(std::mem::take(buffer));
        write(&mut out);
        *buffer = out.finish()?;
        Ok(read(buffer))
    })
}

/// Lends a buffer that the thread keeps.
pub(crate) fn with_buffer<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    /// A buffer that has become larger is not kept.
    const KEPT: usize = 1 << 20;
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut buffer = BUFFER.take();
    let result = work(&mut buffer);
    if buffer.capacity() <= KEPT {
        BUFFER.set(buffer);
    }
    result
}

/// Decodes a value that fills `bytes` exactly.
///
/// # Errors
///
/// As [`State::decode`], and when bytes are left over.
pub fn from_bytes<T: State>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut input = Decoder::new(bytes);
    let value = T::decode(&mut input)?;
    input.finish()?;
    Ok(value)
}

/// The value of a type that has only one, like `()`.
#[doc(hidden)]
pub fn nothing<T: State>() -> Result<T, DecodeError> {
    let mut out = Encoder::new();
    out.nil();
    from_bytes(&out.finish()?)
}

/// The shape of a type.
#[must_use]
pub fn shape_of<T: State>() -> Shape {
    T::shape(&mut ShapeContext::new())
}
