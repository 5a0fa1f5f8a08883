//! Changes of a field's type that need no code.
//!
//! [`ConvertFrom`] is what `change(field: OldType)` without `up` asks for. Up is always lossless; down is exact or an
//! error, never a rounding.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};

use super::step::{MigrateError, StepContext};

/// A lossless conversion from an older type, and the way back.
#[diagnostic::on_unimplemented(
    message = "`{Old}` does not become `{Self}` by itself",
    label = "this field changes from `{Old}` to `{Self}` and needs a converter",
    note = "write `change(field: {Old}, up = |old| ..)`, or `try_up = |old| ..` if it can fail"
)]
pub trait ConvertFrom<Old>: Sized {
    /// The value in the new type.
    ///
    /// # Errors
    ///
    /// When an element is a versioned type whose step fails.
    fn convert(old: Old, context: &mut StepContext) -> Result<Self, MigrateError>;

    /// The value in the old type.
    ///
    /// # Errors
    ///
    /// When the value does not fit the old type exactly.
    fn revert(self, context: &mut StepContext) -> Result<Old, MigrateError>;
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

impl ConvertFrom<char> for String {
    fn convert(old: char, _: &mut StepContext) -> Result<Self, MigrateError> {
        Ok(Self::from(old))
    }
    fn revert(self, _: &mut StepContext) -> Result<char, MigrateError> {
        self.parse().map_err(|_| MigrateError::new(format!("{self:?} is not one character")))
    }
}

impl<Old, New: ConvertFrom<Old>> ConvertFrom<Box<Old>> for Box<New> {
    fn convert(old: Box<Old>, context: &mut StepContext) -> Result<Self, MigrateError> {
        New::convert(*old, context).map(Self::new)
    }
    fn revert(self, context: &mut StepContext) -> Result<Box<Old>, MigrateError> {
        (*self).revert(context).map(Box::new)
    }
}

impl<Old, New: ConvertFrom<Old>> ConvertFrom<Option<Old>> for Option<New> {
    fn convert(old: Option<Old>, context: &mut StepContext) -> Result<Self, MigrateError> {
        old.map(|old| New::convert(old, context)).transpose()
    }
    fn revert(self, context: &mut StepContext) -> Result<Option<Old>, MigrateError> {
        self.map(|new| new.revert(context)).transpose()
    }
}

impl<Old, New: ConvertFrom<Old>, const N: usize> ConvertFrom<[Old; N]> for [New; N] {
    fn convert(old: [Old; N], context: &mut StepContext) -> Result<Self, MigrateError> {
        exactly(each(old.into(), context, New::convert)?)
    }
    fn revert(self, context: &mut StepContext) -> Result<[Old; N], MigrateError> {
        exactly(each(self.into(), context, New::revert)?)
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
        let step = format!("[{index}]");
        context.within(step.clone(), |context| convert(item, context)).map_err(|error| error.at(step))
    };
    items.into_iter().enumerate().map(at).collect()
}

macro_rules! lists {
    ($($list:ident)+) => { $(
        impl<Old, New: ConvertFrom<Old>> ConvertFrom<$list<Old>> for $list<New> {
            fn convert(old: $list<Old>, context: &mut StepContext) -> Result<Self, MigrateError> {
                each(old.into(), context, New::convert).map(Self::from)
            }
            fn revert(self, context: &mut StepContext) -> Result<$list<Old>, MigrateError> {
                each(self.into(), context, New::revert).map($list::from)
            }
        }
    )+ };
}

lists! { Vec VecDeque }

macro_rules! maps {
    ($($map:ident<K, V $(, $hasher:ident)?> where K: $($bound:ident)+;)*) => { $(
        impl<K: $($bound +)+, Old, New: ConvertFrom<Old> $(, $hasher: BuildHasher + Default)?>
            ConvertFrom<$map<K, Old $(, $hasher)?>> for $map<K, New $(, $hasher)?>
        {
            fn convert(old: $map<K, Old $(, $hasher)?>, context: &mut StepContext) -> Result<Self, MigrateError> {
                old.into_iter().map(|(key, old)| Ok((key, New::convert(old, context)?))).collect()
            }
            fn revert(self, context: &mut StepContext) -> Result<$map<K, Old $(, $hasher)?>, MigrateError> {
                self.into_iter().map(|(key, new)| Ok((key, new.revert(context)?))).collect()
            }
        }
    )* };
}

maps! {
    BTreeMap<K, V> where K: Ord;
    HashMap<K, V, S> where K: Eq Hash;
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
