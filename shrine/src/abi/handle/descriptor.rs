//! Reading what a library exports, before any of its code has run.

use super::LibraryError;
use crate::abi::{ABI_VERSION, Bytes, Descriptor, MAGIC, TRANSFORM_MAGIC, TransformDescriptor};

/// A descriptor: a struct of C that begins with [`Head`].
///
/// # Safety
///
/// It does, and every bit pattern of that length is a value of it.
pub(super) unsafe trait Exported: Copy {
    const MAGIC: [u8; 8];
}

// SAFETY: see the struct; the fields of it are numbers and pointers.
unsafe impl Exported for Descriptor {
    const MAGIC: [u8; 8] = MAGIC;
}

// SAFETY: see the struct; the fields of it are numbers and pointers.
unsafe impl Exported for TransformDescriptor {
    const MAGIC: [u8; 8] = TRANSFORM_MAGIC;
}

/// The part of a descriptor that no revision changes.
#[repr(C)]
struct Head {
    magic: [u8; 8],
    abi_version: u32,
    size: u32,
}

/// Reads a descriptor, if one is there.
///
/// # Safety
///
/// The pointer leads to at least 16 readable bytes and, if those begin with the magic, to as many as they say.
pub(super) unsafe fn read<D: Exported>(descriptor: *const D) -> Result<D, LibraryError> {
    // SAFETY: the caller promises 16 readable bytes.
    let head = unsafe { descriptor.cast::<Head>().read_unaligned() };
    if head.magic != D::MAGIC {
        return Err(LibraryError::NoDescriptor);
    }
    if head.abi_version != ABI_VERSION {
        return Err(LibraryError::OtherAbi { found: head.abi_version });
    }
    if (head.size as usize) < size_of::<D>() {
        return Err(LibraryError::TooShort);
    }
    // SAFETY: the magic says that a descriptor is here, and `size` that it is as long as ours.
    Ok(unsafe { descriptor.read_unaligned() })
}

/// # Safety
///
/// The bytes are text that stays as it is.
pub(super) unsafe fn text_of(text: Bytes) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { text.as_slice() }).into_owned()
}
