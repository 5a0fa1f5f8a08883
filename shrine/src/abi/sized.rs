//! Structs of C that grow at their ends, read from whoever has a shorter or longer one.

use std::mem::MaybeUninit;

use super::{Host, InboxTable, NestedCarry, PanicTable, Table, TransformTable};

/// A struct of C that begins with its size.
///
/// # Safety
///
/// It does, and zeroes are a value of it: a size of 0, and functions and pointers that are not there.
pub(super) unsafe trait Growing: Copy {}

// SAFETY: see the struct: a `usize` and functions that may be missing.
unsafe impl Growing for Table {}

// SAFETY: see the struct: a `usize` and functions that may be missing.
unsafe impl Growing for TransformTable {}

// SAFETY: see the struct: a `usize`, pointers, and functions that may be missing.
unsafe impl Growing for Host {}

// SAFETY: see the struct: a `usize`, a pointer, and functions that may be missing.
unsafe impl Growing for InboxTable {}

// SAFETY: see the struct: a `usize`, numbers, and bytes; of no bytes the pointer may be null.
unsafe impl Growing for NestedCarry {}

// SAFETY: see the struct: a `usize`, pointers, and functions that may be missing.
unsafe impl Growing for PanicTable {}

/// Copies the part that both sides know; the rest reads as "not there".
///
/// # Safety
///
/// `from` leads to a struct that begins with its size, and is that long.
pub(super) unsafe fn read<T: Growing>(from: *const T) -> T {
    // SAFETY: the caller promises a size at the start; with as many bytes as ours, all of it is there.
    unsafe {
        if from.cast::<usize>().read_unaligned() >= size_of::<T>() {
            // Known to the compiler, which is most of what a call costs here.
            return from.read_unaligned();
        }
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller promises a size at the start and that many bytes; the copy is as long as our own struct.
    unsafe {
        let size = from.cast::<usize>().read_unaligned().min(size_of::<T>());
        std::ptr::copy_nonoverlapping(from.cast::<u8>(), copy.as_mut_ptr().cast(), size);
    }
    // SAFETY: the promise of `Growing`.
    unsafe { copy.assume_init() }
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;

    use super::*;

    #[test]
    fn what_an_older_host_does_not_have_is_not_read() {
        /// As it was before there was an inbox; nothing behind it may be looked at.
        #[repr(C)]
        struct Older {
            size: usize,
            context: *mut c_void,
            write: Option<unsafe extern "C" fn(*mut c_void, u32, u32, crate::abi::Bytes) -> i32>,
        }
        let context = std::ptr::dangling_mut();
        // Allocated, so that a tool that watches memory sees a read behind its end.
        let older = Box::new(Older { size: size_of::<Older>(), context, write: None });
        // SAFETY: it begins with its size, and is that long.
        let host = unsafe { read(std::ptr::from_ref(&*older).cast::<Host>()) };
        assert_eq!((host.size, host.context), (size_of::<Older>(), context));
        assert!(host.write.is_none() && host.inbox.is_null());
    }
}
