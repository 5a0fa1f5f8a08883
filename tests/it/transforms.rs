//! Named transforms, through the same functions that a loaded library has.

use shrine::abi::handle::{CallError, Library, LibraryError};
use shrine::prelude::*;
use shrine::state::{from_bytes, to_bytes};

#[transform]
fn doubled(n: i64) -> i64 {
    n * 2
}

/// By a pattern, and under another name.
#[transform(name = "to-celsius")]
pub(crate) fn to_celsius((station, fahrenheit): (String, f64)) -> (String, f64) {
    (station, (fahrenheit - 32.0) / 1.8)
}

#[transform]
fn parsed(text: String) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

#[transform(filter)]
fn odd(n: i64) -> Option<i64> {
    (n % 2 == 1).then_some(n)
}

#[transform(filter)]
fn number(text: String) -> Result<Option<i64>, BoxError> {
    if text.is_empty() { Ok(None) } else { Ok(Some(text.parse()?)) }
}

#[transform]
fn first(items: Vec<i64>) -> Option<i64> {
    items.first().copied()
}

#[transform]
fn divided(n: i64) -> i64 {
    100 / n
}

fn library() -> Library {
    let library = Library::in_process("transforms").with_transform::<doubled>();
    let library = library.and_then(Library::with_transform::<to_celsius>);
    let library = library.and_then(Library::with_transform::<parsed>);
    let library = library.and_then(Library::with_transform::<odd>);
    let library = library.and_then(Library::with_transform::<number>);
    let library = library.and_then(Library::with_transform::<first>);
    library.and_then(Library::with_transform::<divided>).expect("a library")
}

fn call<A: shrine::State, B: shrine::State>(name: &str, message: A) -> Result<Option<B>, CallError> {
    let library = library();
    let transform = library.transforms().iter().find(|transform| transform.name() == name).expect("there");
    let answer = transform.call(&to_bytes(&message).expect("encodes"))?;
    Ok(answer.map(|bytes| from_bytes(&bytes).expect("decodes")))
}

#[test]
fn a_message_becomes_another() {
    assert_eq!(call("doubled", 21_i64), Ok(Some(42_i64)));
    assert_eq!(call("to-celsius", ("Rome".to_owned(), 212.0)), Ok(Some(("Rome".to_owned(), 100.0))));
    assert_eq!(doubled(4), 8, "the function stays what it is");
}

#[test]
fn a_filter_lets_only_some_through_and_an_option_is_a_message() {
    assert_eq!(call("odd", 3_i64), Ok(Some(3_i64)));
    assert_eq!(call::<_, i64>("odd", 4_i64), Ok(None));
    assert_eq!(call("first", Vec::<i64>::new()), Ok(Some(None::<i64>)));
    assert_eq!(call("number", "7".to_owned()), Ok(Some(7_i64)));
    assert_eq!(call::<_, i64>("number", String::new()), Ok(None));
}

#[test]
fn an_error_and_a_panic_come_back_and_do_no_harm() {
    let error = call::<_, i64>("parsed", "x".to_owned()).expect_err("no number");
    assert_eq!(error.to_string(), "invalid digit found in string");
    let error = call::<_, i64>("divided", 0_i64).expect_err("panics");
    assert!(
        matches!(error, CallError::Panicked(_)) && error.to_string().contains("transforms.rs:"),
        "{error}"
    );
    assert_eq!(call("divided", 5_i64), Ok(Some(20_i64)));
    let error = call::<_, i64>("doubled", "text".to_owned()).expect_err("another type");
    assert!(matches!(error, CallError::Failed(_)), "{error}");
}

#[test]
fn a_transform_tells_its_types() {
    let library = library();
    let types: Vec<_> = library
        .transforms()
        .iter()
        .map(|known| format!("{}: {} -> {}", known.name(), known.takes().shape, known.gives().shape))
        .collect();
    let expected = [
        "doubled: i64 -> i64",
        "to-celsius: (String, f64) -> (String, f64)",
        "parsed: String -> i64",
        "odd: i64 -> i64",
        "number: String -> i64",
        "first: Vec<i64> -> Option<i64>",
        "divided: i64 -> i64",
    ];
    assert_eq!(types, expected);
    assert_eq!(library.transforms()[0].takes().fingerprint, <i64 as shrine::State>::FINGERPRINT);
    assert!(library.modules().is_empty());
    assert!(library.transforms()[0].alive().is_ok());
}

#[test]
fn two_transforms_of_one_name_are_refused() {
    // Two exported symbols of one name do not compile, so the second comes under the type of the first.
    let error = library().with_transform::<doubled>().expect_err("twice");
    assert_eq!(error, LibraryError::TransformTwice { name: "doubled".to_owned() });
    assert!(error.help().contains("name = "), "{}", error.help());
}
