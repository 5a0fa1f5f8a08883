//! Changes of a field's type that need no code.
//!
//! [`ConvertFrom`] is what `change(field: OldType)` without `up` asks for. Up is always lossless; down is exact or an
//! error, never a rounding.
//!
//! A container converts item by item, and an item that has not changed stays what it is: `(TodoV1, u32)` becomes
//! `(Todo, u32)`. Sets and heaps do not convert, because items that became equal would be lost, or ordered anew.

use std::any::Any;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZero, Wrapping};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::step::{Class, ClassContext, MigrateError, StepContext};
use super::value::Value;
use super::{State, from_bytes, to_bytes};

/// A lossless conversion from an older type, and the way back.
#[diagnostic::on_unimplemented(
    message = "`{Old}` does not become `{Self}` by itself",
    label = "this field changes from `{Old}` to `{Self}` and needs a converter",
    note = "write `change(field: {Old}, up = |old| ..)`, or `try_up = |old| ..` if it can fail"
)]
pub trait ConvertFrom<Old: 'static>: Sized + 'static {
    /// Whether `Old` is the type itself: only then may the functions be left out. `#[state]` says so for each type, and has
    /// no code to write that the crate of the type would have to compile.
    #[doc(hidden)]
    const IS_SAME: bool = false;

    /// The value in the new type.
    ///
    /// # Errors
    ///
    /// When an element is a versioned type whose step fails.
    fn convert(old: Old, _: &mut StepContext) -> Result<Self, MigrateError> {
        const { assert!(Self::IS_SAME, "an implementation of `ConvertFrom` needs the function `convert`") };
        same(old)
    }

    /// The value in the old type.
    ///
    /// # Errors
    ///
    /// When the value does not fit the old type exactly.
    fn revert(self, _: &mut StepContext) -> Result<Old, MigrateError> {
        const { assert!(Self::IS_SAME, "an implementation of `ConvertFrom` needs the function `revert`") };
        same(self)
    }

    /// What a value goes through that is converted and comes back.
    #[doc(hidden)]
    fn class(_: &mut ClassContext) -> Class {
        Class::Lossless
    }
}

/// The value as a type that is the same one.
fn same<A: 'static, B: 'static>(value: A) -> Result<B, MigrateError> {
    let mut value = Some(value);
    let same = (&mut value as &mut dyn Any).downcast_mut::<Option<B>>();
    same.and_then(Option::take).ok_or_else(|| {
        let names = (std::any::type_name::<A>(), std::any::type_name::<B>());
        MigrateError::new(format!("`{}` is not `{}`", names.0, names.1))
    })
}

macro_rules! widenings {
    ($($old:ident => $($new:ident)+;)*) => { $($(
        impl ConvertFrom<$old> for $new {
            fn convert(old: $old, _: &mut StepContext) -> Result<Self, MigrateError> {
                Ok(Self::from(old))
            }
            fn revert(self, _: &mut StepContext) -> Result<$old, MigrateError> {
                $old::try_from(self)
                    .map_err(|_| MigrateError::new(format!("{self} does not fit `{}`", stringify!($old))))
            }
        }
    )+)* };
}

widenings! {
    u8 => u16 u32 u64 u128 usize i16 i32 i64 i128 isize char;
    u16 => u32 u64 u128 usize i32 i64 i128;
    u32 => u64 u128 i64 i128;
    u64 => u128 i128;
    i8 => i16 i32 i64 i128 isize;
    i16 => i32 i64 i128 isize;
    i32 => i64 i128;
    i64 => i128;
}

macro_rules! casts {
    ($($old:ident => $($new:ident)+;)*) => { $($(
        impl ConvertFrom<$old> for $new {
            fn convert(old: $old, _: &mut StepContext) -> Result<Self, MigrateError> {
                Ok(old as Self)
            }
            fn revert(self, _: &mut StepContext) -> Result<$old, MigrateError> {
                let old = self as $old;
                match old as Self == self {
                    true => Ok(old),
                    false => Err(MigrateError::new(format!("{self} is not exact in `{}`", stringify!($old)))),
                }
            }
        }
    )+)* };
}

// `usize` is 64 bits in the encoding, whatever the machine.
casts! {
    u32 => usize;
    usize => u64 u128;
    u64 => usize;
    i32 => isize;
    isize => i64 i128;
    i64 => isize;
}

macro_rules! floats {
    ($($old:ident => $($new:ident)+;)*) => { $($(
        impl ConvertFrom<$old> for $new {
            fn convert(old: $old, _: &mut StepContext) -> Result<Self, MigrateError> {
                Ok(Self::from(old))
            }
            fn revert(self, _: &mut StepContext) -> Result<$old, MigrateError> {
                let old = self as $old;
                // By bits: NaN is itself, and -0 is no integer.
                match Self::from(old).to_bits() == self.to_bits() {
                    true => Ok(old),
                    false => Err(MigrateError::new(format!("{self} is not exact in `{}`", stringify!($old)))),
                }
            }
        }
    )+)* };
}

// Integers go to floats that hold each of them exactly.
floats! {
    u8 => f32 f64;
    i8 => f32 f64;
    u16 => f32 f64;
    i16 => f32 f64;
    u32 => f64;
    i32 => f64;
    f32 => f64;
}

/// What does not change. One implementation for each type, because one for all of them would overlap with those of
/// containers; `#[state]` writes a shorter one for the user's types.
macro_rules! same {
    ($($type:ty)*) => { $(
        impl ConvertFrom<$type> for $type {
            fn convert(old: $type, _: &mut StepContext) -> Result<Self, MigrateError> {
                Ok(old)
            }
            fn revert(self, _: &mut StepContext) -> Result<$type, MigrateError> {
                Ok(self)
            }
        }
    )* };
}

same! {
    () bool char String u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64
    NonZero<u8> NonZero<u16> NonZero<u32> NonZero<u64> NonZero<u128> NonZero<usize>
    NonZero<i8> NonZero<i16> NonZero<i32> NonZero<i64> NonZero<i128> NonZero<isize>
    Box<str> Cow<'static, str>
    Duration SystemTime PathBuf IpAddr Ipv4Addr Ipv6Addr SocketAddr Value
}

/// What does not convert item by item, but may stand beside something that does.
macro_rules! same_whole {
    ($([$T:ident $(, $hasher:ident)?] $type:ty;)*) => { $(
        impl<$T: 'static $(, $hasher: 'static)?> ConvertFrom<$type> for $type {
            fn convert(old: $type, _: &mut StepContext) -> Result<Self, MigrateError> {
                Ok(old)
            }
            fn revert(self, _: &mut StepContext) -> Result<$type, MigrateError> {
                Ok(self)
            }
        }
    )* };
}

same_whole! {
    [T] BTreeSet<T>;
    [T, S] HashSet<T, S>;
    [T] BinaryHeap<T>;
}

impl ConvertFrom<char> for String {
    fn convert(old: char, _: &mut StepContext) -> Result<Self, MigrateError> {
        Ok(Self::from(old))
    }
    fn revert(self, _: &mut StepContext) -> Result<char, MigrateError> {
        self.parse().map_err(|_| MigrateError::new(format!("{self:?} is not one character")))
    }
}

impl<Old: 'static, New: ConvertFrom<Old>> ConvertFrom<Box<Old>> for Box<New> {
    fn convert(old: Box<Old>, context: &mut StepContext) -> Result<Self, MigrateError> {
        New::convert(*old, context).map(Self::new)
    }
    fn revert(self, context: &mut StepContext) -> Result<Box<Old>, MigrateError> {
        (*self).revert(context).map(Box::new)
    }
    fn class(context: &mut ClassContext) -> Class {
        New::class(context)
    }
}

impl<Old: 'static, New: ConvertFrom<Old>> ConvertFrom<Box<[Old]>> for Box<[New]> {
    fn convert(old: Box<[Old]>, context: &mut StepContext) -> Result<Self, MigrateError> {
        each(old.into_vec(), context, New::convert).map(Self::from)
    }
    fn revert(self, context: &mut StepContext) -> Result<Box<[Old]>, MigrateError> {
        each(self.into_vec(), context, New::revert).map(Box::from)
    }
    fn class(context: &mut ClassContext) -> Class {
        New::class(context)
    }
}

impl<Old: 'static, New: ConvertFrom<Old>> ConvertFrom<Wrapping<Old>> for Wrapping<New> {
    fn convert(old: Wrapping<Old>, context: &mut StepContext) -> Result<Self, MigrateError> {
        New::convert(old.0, context).map(Self)
    }
    fn revert(self, context: &mut StepContext) -> Result<Wrapping<Old>, MigrateError> {
        self.0.revert(context).map(Wrapping)
    }
    fn class(context: &mut ClassContext) -> Class {
        New::class(context)
    }
}

impl<Old: 'static, New: ConvertFrom<Old>> ConvertFrom<Option<Old>> for Option<New> {
    fn convert(old: Option<Old>, context: &mut StepContext) -> Result<Self, MigrateError> {
        old.map(|old| New::convert(old, context)).transpose()
    }
    fn revert(self, context: &mut StepContext) -> Result<Option<Old>, MigrateError> {
        self.map(|new| new.revert(context)).transpose()
    }
    fn class(context: &mut ClassContext) -> Class {
        New::class(context)
    }
}

impl<Old: 'static, New: ConvertFrom<Old>, const N: usize> ConvertFrom<[Old; N]> for [New; N] {
    fn convert(old: [Old; N], context: &mut StepContext) -> Result<Self, MigrateError> {
        exactly(each(old.into(), context, New::convert)?)
    }
    fn revert(self, context: &mut StepContext) -> Result<[Old; N], MigrateError> {
        exactly(each(self.into(), context, New::revert)?)
    }
    fn class(context: &mut ClassContext) -> Class {
        New::class(context)
    }
}

fn exactly<T, const N: usize>(items: Vec<T>) -> Result<[T; N], MigrateError> {
    items
        .try_into()
        .map_err(|items: Vec<T>| MigrateError::new(format!("{} items instead of {N}", items.len())))
}

/// Converts a list item by item; errors and the attic see `[index]`.
fn each<A, B>(
    items: Vec<A>,
    context: &mut StepContext,
    convert: impl Fn(A, &mut StepContext) -> Result<B, MigrateError>,
) -> Result<Vec<B>, MigrateError> {
    let at = |(index, item)| {
        // Written out only for an error: lists are long.
        let converted = context.within(index, |context| convert(item, context));
        converted.map_err(|error| error.at(format!("[{index}]")))
    };
    items.into_iter().enumerate().map(at).collect()
}

/// Converts one level further in; errors and the attic see `step`.
fn inside<T>(
    step: String,
    context: &mut StepContext,
    convert: impl FnOnce(&mut StepContext) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    context.within(step.clone(), convert).map_err(|error| error.at(step))
}

/// The way to a value of a map: `[3]`, `["name"]`, or the bytes of a key that is neither.
fn step_to<K: State>(key: &K) -> String {
    let bytes = to_bytes(key).unwrap_or_default();
    from_bytes(&bytes).map_or_else(|_| format!("[{bytes:02x?}]"), |key| step_of(&key))
}

pub(crate) fn step_of(key: &Value) -> String {
    match key {
        Value::Str(text) => format!("[{text:?}]"),
        Value::Int(number) => format!("[{number}]"),
        Value::Uint(number) => format!("[{number}]"),
        Value::Bool(value) => format!("[{value}]"),
        key => format!("[{:02x?}]", to_bytes(key).unwrap_or_default()),
    }
}

macro_rules! lists {
    ($($list:ident)+) => { $(
        impl<Old: 'static, New: ConvertFrom<Old>> ConvertFrom<$list<Old>> for $list<New> {
            fn convert(old: $list<Old>, context: &mut StepContext) -> Result<Self, MigrateError> {
                each(old.into_iter().collect(), context, New::convert).map(Self::from_iter)
            }
            fn revert(self, context: &mut StepContext) -> Result<$list<Old>, MigrateError> {
                each(self.into_iter().collect(), context, New::revert).map($list::from_iter)
            }
            fn class(context: &mut ClassContext) -> Class {
                New::class(context)
            }
        }
    )+ };
}

lists! { Vec VecDeque LinkedList }

macro_rules! maps {
    ($($map:ident<K, V $(, $hasher:ident)?> where K: $($bound:ident)+;)*) => { $(
        impl<K: State $(+ $bound)+, Old: 'static, New: ConvertFrom<Old> $(, $hasher: BuildHasher + Default + 'static)?>
            ConvertFrom<$map<K, Old $(, $hasher)?>> for $map<K, New $(, $hasher)?>
        {
            fn convert(old: $map<K, Old $(, $hasher)?>, context: &mut StepContext) -> Result<Self, MigrateError> {
                let entry = |(key, old)| {
                    let step = step_to(&key);
                    Ok((key, inside(step, context, |context| New::convert(old, context))?))
                };
                old.into_iter().map(entry).collect()
            }
            fn revert(self, context: &mut StepContext) -> Result<$map<K, Old $(, $hasher)?>, MigrateError> {
                let entry = |(key, new): (K, New)| {
                    let step = step_to(&key);
                    Ok((key, inside(step, context, |context| new.revert(context))?))
                };
                self.into_iter().map(entry).collect()
            }
            fn class(context: &mut ClassContext) -> Class {
                New::class(context)
            }
        }
    )* };
}

maps! {
    BTreeMap<K, V> where K: Ord;
    HashMap<K, V, S> where K: Eq Hash;
}

macro_rules! tuples {
    ($($($Old:ident $New:ident $index:tt),+;)*) => { $(
        impl<$($Old: 'static, $New: ConvertFrom<$Old>),+> ConvertFrom<($($Old,)+)> for ($($New,)+) {
            fn convert(old: ($($Old,)+), context: &mut StepContext) -> Result<Self, MigrateError> {
                Ok(($(inside(stringify!($index).to_owned(), context, |context| $New::convert(old.$index, context))?,)+))
            }
            fn revert(self, context: &mut StepContext) -> Result<($($Old,)+), MigrateError> {
                Ok(($(inside(stringify!($index).to_owned(), context, |context| self.$index.revert(context))?,)+))
            }
            fn class(context: &mut ClassContext) -> Class {
                Class::Lossless$(.max($New::class(context)))+
            }
        }
    )* };
}

tuples! {
    A Z 0;
    A Z 0, B Y 1;
    A Z 0, B Y 1, C X 2;
    A Z 0, B Y 1, C X 2, D W 3;
    A Z 0, B Y 1, C X 2, D W 3, E V 4;
    A Z 0, B Y 1, C X 2, D W 3, E V 4, F U 5;
    A Z 0, B Y 1, C X 2, D W 3, E V 4, F U 5, G T 6;
    A Z 0, B Y 1, C X 2, D W 3, E V 4, F U 5, G T 6, H S 7;
    A Z 0, B Y 1, C X 2, D W 3, E V 4, F U 5, G T 6, H S 7, I R 8;
    A Z 0, B Y 1, C X 2, D W 3, E V 4, F U 5, G T 6, H S 7, I R 8, J Q 9;
    A Z 0, B Y 1, C X 2, D W 3, E V 4, F U 5, G T 6, H S 7, I R 8, J Q 9, K P 10;
    A Z 0, B Y 1, C X 2, D W 3, E V 4, F U 5, G T 6, H S 7, I R 8, J Q 9, K P 10, L O 11;
}

impl<A: 'static, B: 'static, T: ConvertFrom<A>, E: ConvertFrom<B>> ConvertFrom<Result<A, B>>
    for Result<T, E>
{
    fn convert(old: Result<A, B>, context: &mut StepContext) -> Result<Self, MigrateError> {
        Ok(match old {
            Ok(old) => Ok(inside("Ok".to_owned(), context, |context| T::convert(old, context))?),
            Err(old) => Err(inside("Err".to_owned(), context, |context| E::convert(old, context))?),
        })
    }
    fn revert(self, context: &mut StepContext) -> Result<Result<A, B>, MigrateError> {
        Ok(match self {
            Ok(new) => Ok(inside("Ok".to_owned(), context, |context| new.revert(context))?),
            Err(new) => Err(inside("Err".to_owned(), context, |context| new.revert(context))?),
        })
    }
    fn class(context: &mut ClassContext) -> Class {
        T::class(context).max(E::class(context))
    }
}

/// `T` becomes `Option<T>`. A function, because an implementation of [`ConvertFrom`] would overlap with that from
/// `Option` to `Option`; the macro calls it where the types read so.
#[doc(hidden)]
pub fn wrap<T>(old: T) -> Option<T> {
    Some(old)
}

#[doc(hidden)]
pub fn unwrap<T>(new: Option<T>) -> Result<T, MigrateError> {
    new.ok_or_else(|| MigrateError::new("the value is `None`, which the older version cannot hold"))
}
