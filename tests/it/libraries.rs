//! What a program says to a library that it cannot take.

use shrine::abi::handle::{CallError, Library, LibraryError, Room};
use shrine::abi::{ABI_VERSION, Descriptor, PANIC_ABORT};
use shrine::prelude::*;

#[widget(id = "plain", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Plain {
    n: u8,
}

#[widget]
impl Plain {}

/// A widget that cannot say what it is.
#[widget(id = "speechless", version = "1.0.0")]
#[derive(Debug, Clone, PartialEq)]
struct Speechless {
    n: u8,
}

impl Default for Speechless {
    fn default() -> Self {
        panic!("no default today")
    }
}

#[widget]
impl Speechless {}

/// Opens the descriptor of `Plain` after a change to it.
fn open(change: impl FnOnce(&mut Descriptor)) -> Result<Library, LibraryError> {
    let mut descriptor = Descriptor::of::<Plain>();
    change(&mut descriptor);
    // SAFETY: a real descriptor of this program, with other numbers in front.
    #[expect(unsafe_code, reason = "what is tested here is what happens at the boundary")]
    unsafe {
        Library::open("plain", None, &[&raw const descriptor], &[])
    }
}

#[test]
fn a_library_of_another_revision_is_refused() {
    let error = open(|descriptor| descriptor.abi_version = ABI_VERSION + 1).expect_err("another revision");
    assert!(
        matches!(error, LibraryError::OtherAbi { .. }) && error.help().contains("same version"),
        "{error}"
    );
}

#[test]
fn a_library_that_would_abort_is_refused() {
    let error = open(|descriptor| descriptor.panic_strategy = PANIC_ABORT).expect_err("aborts");
    assert!(error.to_string().contains("`plain`") && error.help().contains("panic = \"abort\""), "{error}");
}

#[test]
fn what_is_no_descriptor_is_refused() {
    let error = open(|descriptor| descriptor.magic[0] = b'X').expect_err("no descriptor");
    assert_eq!(error, LibraryError::NoDescriptor);
    let error = open(|descriptor| descriptor.size = 24).expect_err("cut short");
    assert_eq!(error, LibraryError::TooShort);
    let error = open(|descriptor| descriptor.table = std::ptr::null()).expect_err("no functions");
    assert_eq!(error, LibraryError::TooShort);
}

/// An error that cannot even be told.
#[derive(Debug)]
struct Mute;

impl std::fmt::Display for Mute {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Mute {}

#[widget(id = "failing", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
struct Failing {
    n: u8,
}

#[widget]
impl Failing {
    #[input]
    fn fail(&mut self, _how: u8) -> Result<(), Mute> {
        Err(Mute)
    }
}

#[test]
fn an_error_whose_text_panics_is_a_panic_of_the_handler() {
    let library = Library::in_process("failing").with::<Failing>().expect("opens");
    let mut handle = library.modules()[0].create().expect("creates");
    let error = handle.handle(0, [&[1][..]], &mut Room::default()).expect_err("fails");
    assert!(matches!(&error, CallError::Panicked(failure) if failure.message == "no words"), "{error}");
    assert!(handle.is_poisoned());
}

#[test]
fn a_default_that_panics_is_refused_and_named() {
    let error = Library::in_process("speechless").with::<Speechless>().expect_err("cannot describe itself");
    let text = error.to_string();
    assert!(
        text.contains("`speechless`") && text.contains("no default today") && text.contains("libraries.rs:"),
        "{text}"
    );
}
