//! What `#[fixture(..)]` says of a field: which of the values that its shape admits are generated.
//!
//! It goes along with the shape as far as this process and takes no part in it: not in comparisons, fingerprints, or
//! what crosses the boundary.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::num::NonZero;
use std::path::PathBuf;

use super::Shape;
use crate::state::codec::Encoder;
use crate::state::from_bytes;
#[cfg(feature = "fixtures")]
use crate::state::to_bytes;
use crate::state::value::Value;

/// A shape, and which of its values are generated.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Narrowed {
    /// The shape; a state may have any value of it.
    pub shape: Shape,
    /// The values that are generated.
    pub to: Narrowing,
}

/// Which values are generated.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Narrowing {
    /// Numbers or characters, both ends included.
    Range {
        /// The least.
        from: Value,
        /// The greatest.
        to: Value,
    },
    /// Texts of so many characters, and collections of so many items.
    Len {
        /// The least.
        from: u64,
        /// The greatest, if there is one.
        to: Option<u64>,
    },
    /// These values.
    OneOf(fn() -> Vec<Option<Value>>),
    /// What the function makes of a number; the same of the same.
    MadeBy(fn(u64) -> Option<Value>),
}

/// A type with an order that a range can be of: numbers and `char`, and what holds them one by one. `range` is about each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no ranges",
    label = "`range` is for numbers and `char`, also in options, lists, sets and arrays",
    note = "name the values with `#[fixture(values(..))]`, or a function that makes them with `#[fixture(with = path)]`"
)]
pub trait Ranged {
    /// What the ends of a range are.
    type Number: Number;
}

/// A type with a length: texts and collections, and options of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no length",
    label = "`len` is for texts, lists, sets and maps, also in options",
    note = "name the values with `#[fixture(values(..))]`, or a function that makes them with `#[fixture(with = path)]`"
)]
pub trait Measured {}

/// A type that text becomes.
#[diagnostic::on_unimplemented(
    message = "text is no value of `{Self}`",
    label = "text stands for `String`, `Box<str>`, `PathBuf` and options of them",
    note = "write a value as you would assign it to the field"
)]
pub trait Text {
    /// The value that the text stands for.
    fn text(text: &str) -> Self;
}

/// A number or character.
pub trait Number: Copy {
    /// The least of the type; of floats the least that is finite.
    const LEAST: Self;
    /// The greatest.
    const GREATEST: Self;
    /// The next smaller one.
    #[must_use]
    fn before(self) -> Self;
    /// As it is encoded.
    fn value(self) -> Value;
}

/// Narrows each number in the shape of `T`.
#[must_use]
pub fn in_range<T: Ranged>(
    shape: Shape,
    from: Option<T::Number>,
    to: Option<T::Number>,
    inclusive: bool,
) -> Shape {
    let to = to.map_or(T::Number::GREATEST, |to| if inclusive { to } else { to.before() });
    let to = Narrowing::Range { from: from.unwrap_or(T::Number::LEAST).value(), to: to.value() };
    each_number(shape, &to)
}

fn each_number(shape: Shape, to: &Narrowing) -> Shape {
    match shape {
        Shape::Option(item) => Shape::Option(Box::new(each_number(*item, to))),
        Shape::Seq(item) => Shape::Seq(Box::new(each_number(*item, to))),
        Shape::Set(item) => Shape::Set(Box::new(each_number(*item, to))),
        Shape::Array { len, item } => Shape::Array { len, item: Box::new(each_number(*item, to)) },
        number => narrowed(number, to.clone()),
    }
}

/// Narrows the length of a text or a collection.
#[must_use]
pub fn of_len<T: Measured>(shape: Shape, from: Option<usize>, to: Option<usize>, inclusive: bool) -> Shape {
    let to = to.map(|to| if inclusive { to } else { to.saturating_sub(1) });
    measured(shape, Narrowing::Len { from: from.unwrap_or(0) as u64, to: to.map(|to| to as u64) })
}

fn measured(shape: Shape, to: Narrowing) -> Shape {
    match shape {
        Shape::Option(item) => Shape::Option(Box::new(measured(*item, to))),
        shape => narrowed(shape, to),
    }
}

/// Narrows a shape to some values.
#[must_use]
pub fn one_of(shape: Shape, values: fn() -> Vec<Option<Value>>) -> Shape {
    narrowed(shape, Narrowing::OneOf(values))
}

/// Narrows a shape to what a function makes.
#[must_use]
pub fn made_by(shape: Shape, make: fn(u64) -> Option<Value>) -> Shape {
    narrowed(shape, Narrowing::MadeBy(make))
}

/// A value as it is encoded; none if it cannot be.
pub fn encoded(write: impl FnOnce(&mut Encoder)) -> Option<Value> {
    let mut out = Encoder::new();
    write(&mut out);
    from_bytes(&out.finish().ok()?).ok()
}

fn narrowed(shape: Shape, to: Narrowing) -> Shape {
    Shape::Narrowed(Box::new(Narrowed { shape, to }))
}

macro_rules! integers {
    ($($type:ty)*) => { $(
        impl Number for $type {
            const LEAST: Self = Self::MIN;
            const GREATEST: Self = Self::MAX;
            fn before(self) -> Self {
                self.saturating_sub(1)
            }
            fn value(self) -> Value {
                // Only of `u128` some are greater than that.
                match i128::try_from(self) {
                    Ok(number) => Value::Int(number),
                    Err(_) => Value::Uint(self as u128),
                }
            }
        }
        impl Ranged for $type {
            type Number = Self;
        }
        impl Ranged for NonZero<$type> {
            type Number = $type;
        }
    )* };
}

integers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

macro_rules! floats {
    ($($type:ident $variant:ident)*) => { $(
        impl Number for $type {
            const LEAST: Self = Self::MIN;
            const GREATEST: Self = Self::MAX;
            fn before(self) -> Self {
                self.next_down()
            }
            fn value(self) -> Value {
                Value::$variant(self)
            }
        }
        impl Ranged for $type {
            type Number = Self;
        }
    )* };
}

floats! { f32 F32 f64 F64 }

impl Number for char {
    const LEAST: Self = Self::MIN;
    const GREATEST: Self = Self::MAX;
    fn before(self) -> Self {
        ('\0'..self).next_back().unwrap_or('\0')
    }
    fn value(self) -> Value {
        Value::Str(self.into())
    }
}

impl Ranged for char {
    type Number = Self;
}

macro_rules! containers {
    ($($type:ty)*) => { $(
        impl<T: Ranged> Ranged for $type {
            type Number = T::Number;
        }
    )* };
}

containers! { Option<T> Box<T> Box<[T]> Vec<T> VecDeque<T> LinkedList<T> BinaryHeap<T> BTreeSet<T> }

impl<T: Ranged, S> Ranged for HashSet<T, S> {
    type Number = T::Number;
}

impl<T: Ranged, const N: usize> Ranged for [T; N] {
    type Number = T::Number;
}

impl Measured for String {}
impl Measured for Box<str> {}
impl Measured for PathBuf {}
impl Measured for Cow<'static, str> {}
impl<T> Measured for Vec<T> {}
impl<T> Measured for VecDeque<T> {}
impl<T> Measured for LinkedList<T> {}
impl<T> Measured for BinaryHeap<T> {}
impl<T> Measured for Box<[T]> {}
impl<T> Measured for BTreeSet<T> {}
impl<T, S> Measured for HashSet<T, S> {}
impl<K, V> Measured for BTreeMap<K, V> {}
impl<K, V, S> Measured for HashMap<K, V, S> {}
impl<T: Measured> Measured for Option<T> {}
impl<T: Measured> Measured for Box<T> {}

impl Text for String {
    fn text(text: &str) -> Self {
        text.to_owned()
    }
}

impl Text for Box<str> {
    fn text(text: &str) -> Self {
        text.into()
    }
}

impl Text for Cow<'static, str> {
    fn text(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Text for PathBuf {
    fn text(text: &str) -> Self {
        text.into()
    }
}

impl<T: Text> Text for Option<T> {
    fn text(text: &str) -> Self {
        Some(T::text(text))
    }
}

impl<T: Text> Text for Box<T> {
    fn text(text: &str) -> Self {
        Self::new(T::text(text))
    }
}

impl Narrowing {
    /// Whether a value is one of those that are generated. Of what a function makes only that function knows.
    #[cfg(feature = "fixtures")]
    pub(crate) fn admits(&self, value: &Value) -> bool {
        match self {
            Self::Range { from, to } => at_most(from, value) && at_most(value, to),
            Self::Len { from, to } => {
                let len = len_of(value);
                len.is_some_and(|len| *from <= len && to.is_none_or(|to| len <= to))
            }
            Self::OneOf(values) => values().iter().flatten().any(|known| to_bytes(known) == to_bytes(value)),
            Self::MadeBy(_) => false,
        }
    }
}

#[cfg(feature = "fixtures")]
fn at_most(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a <= b,
        (Value::Uint(a), Value::Uint(b)) => a <= b,
        // Only what no `i128` can hold is there as `Uint`.
        (Value::Int(_), Value::Uint(_)) => true,
        (Value::F32(a), Value::F32(b)) => a <= b,
        (Value::F64(a), Value::F64(b)) => a <= b,
        (Value::Str(a), Value::Str(b)) => a <= b,
        _ => false,
    }
}

/// How many characters or items; a set counts each once.
#[cfg(feature = "fixtures")]
fn len_of(value: &Value) -> Option<u64> {
    let len = match value {
        Value::Str(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Seq(items) => items.len(),
        Value::Map(entries) => entries.len(),
        _ => return None,
    };
    Some(len as u64)
}
