//! [`State`] for the types of `std` that own plain data.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZero, Wrapping};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rmp::Marker;

use super::State;
use super::codec::{DecodeError, Decoder, Encoder};
use super::described::{Holder, Part};
use super::layout::Layout;
use super::payload::Upgrades;
use super::shape::{EnumShape, FieldShape, Shape, ShapeContext, StructShape, VariantShape, fingerprint};

impl State for () {
    const FINGERPRINT: u64 = fingerprint::UNIT;
    const NULLABLE: bool = true;
    fn shape(_: &mut ShapeContext) -> Shape {
        Shape::Unit
    }
    fn layout(layout: &mut Layout) {
        layout.leaf::<Self>("()");
    }
    fn encode(&self, out: &mut Encoder) {
        out.nil();
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.nil()
    }
}

impl State for bool {
    const FINGERPRINT: u64 = fingerprint::BOOL;
    fn shape(_: &mut ShapeContext) -> Shape {
        Shape::Bool
    }
    fn layout(layout: &mut Layout) {
        layout.leaf::<Self>("bool");
    }
    fn encode(&self, out: &mut Encoder) {
        out.bool(*self);
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.bool()
    }
}

impl State for char {
    const FINGERPRINT: u64 = fingerprint::CHAR;
    fn shape(_: &mut ShapeContext) -> Shape {
        Shape::Char
    }
    fn layout(layout: &mut Layout) {
        layout.leaf::<Self>("char");
    }
    fn encode(&self, out: &mut Encoder) {
        out.str(self.encode_utf8(&mut [0; 4]));
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let text = input.str()?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => Ok(char),
            _ => Err(input.error(format!("expected one character, found {text:?}"))),
        }
    }
}

macro_rules! integers {
    ($($int:ident: $bits:literal, $signed:literal, $write:ident as $wide:ident $(, $bulk:tt)?;)*) => { $(
        impl State for $int {
            const FINGERPRINT: u64 = fingerprint::int($bits, $signed);
            fn shape(_: &mut ShapeContext) -> Shape {
                Shape::Int { bits: $bits, signed: $signed }
            }
            fn layout(layout: &mut Layout) {
                layout.leaf::<Self>(stringify!($int));
            }
            fn encode(&self, out: &mut Encoder) {
                out.$write(*self as $wide);
            }
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                input.int()
            }
            $(integers!(@$bulk);)?
        }

        impl State for NonZero<$int> {
            const FINGERPRINT: u64 = $int::FINGERPRINT;
            fn shape(context: &mut ShapeContext) -> Shape {
                $int::shape(context)
            }
            fn layout(layout: &mut Layout) {
                layout.made_of::<Self>("NonZero", &[$int::layout]);
            }
            fn encode(&self, out: &mut Encoder) {
                self.get().encode(out);
            }
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                Self::new($int::decode(input)?).ok_or_else(|| input.error("expected a number other than 0"))
            }
        }
    )* };
    (@blocks) => {
        fn encode_slice(items: &[Self], out: &mut Encoder) {
            out.bytes(items);
        }
        fn decode_vec(input: &mut Decoder<'_>) -> Result<Vec<Self>, DecodeError> {
            input.bytes()
        }
    };
}

integers! {
    i8: 8, true, int as i64;
    i16: 16, true, int as i64;
    i32: 32, true, int as i64;
    i64: 64, true, int as i64;
    isize: 64, true, int as i64;
    i128: 128, true, int128 as i128;
    u8: 8, false, uint as u64, blocks;
    u16: 16, false, uint as u64;
    u32: 32, false, uint as u64;
    u64: 64, false, uint as u64;
    usize: 64, false, uint as u64;
    u128: 128, false, uint128 as u128;
}

macro_rules! floats {
    ($($float:ident: $bits:literal;)*) => { $(
        impl State for $float {
            const FINGERPRINT: u64 = fingerprint::float($bits);
            fn shape(_: &mut ShapeContext) -> Shape {
                Shape::Float { bits: $bits }
            }
            fn layout(layout: &mut Layout) {
                layout.leaf::<Self>(stringify!($float));
            }
            fn encode(&self, out: &mut Encoder) {
                out.$float(*self);
            }
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                input.$float()
            }
        }
    )* };
}

floats! {
    f32: 32;
    f64: 64;
}

/// Implements [`State`] for a type that looks and is encoded like another one.
macro_rules! alike {
    ($([$($T:ident $(: $bound:path)?)?] $type:ty as $like:ty, $to:expr, $from:expr, $layout:expr $(, $part:expr)?;)*) => { $(
        impl<$($T: State $(+ $bound)?)?> State for $type {
            const FINGERPRINT: u64 = <$like as State>::FINGERPRINT;
            const NULLABLE: bool = <$like as State>::NULLABLE;
            $(const UNPRINTED: Part = $part;)?
            fn shape(context: &mut ShapeContext) -> Shape {
                <$like as State>::shape(context)
            }
            fn upgrades(found: &mut Upgrades) {
                <$like as State>::upgrades(found);
            }
            fn layout(layout: &mut Layout) {
                let describe: fn(&mut Layout) = $layout;
                describe(layout);
            }
            fn encode(&self, out: &mut Encoder) {
                let encode: fn(&Self, &mut Encoder) = $to;
                encode(self, out);
            }
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                let convert: fn($like, &Decoder<'_>) -> Result<Self, DecodeError> = $from;
                let like = <$like as State>::decode(input)?;
                convert(like, input)
            }
        }
    )* };
}

alike! {
    [] Cow<'static, str> as String, |text, out| out.str(text), |text, _| Ok(text.into()),
        // What it borrows is in a library, and those are never unloaded.
        |layout| layout.leaf::<Self>("Cow<str>");
    [] Box<str> as String, |text, out| out.str(text), |text, _| Ok(text.into()),
        |layout| layout.leaf::<Self>("Box<str>");
    [] PathBuf as String, |path, out| out.str(&path.to_string_lossy()), |text, _| Ok(text.into()),
        |layout| layout.unknown("a path in it may be more than its encoding");
    [T] Box<T> as T, |boxed, out| T::encode(boxed, out), |value, _| Ok(Self::new(value)),
        |layout| layout.made_of::<Self>("Box", &[T::layout]),
        Part::holding::<Self>(Holder::Alike, "Box", &[T::UNPRINTED]);
    [T] Box<[T]> as Vec<T>, |items, out| T::encode_slice(items, out), |items, _| Ok(items.into()),
        |layout| layout.made_of::<Self>("Box<[]>", &[T::layout]),
        Part::holding::<Self>(Holder::Seq, "Box<[]>", &[T::UNPRINTED]);
    [T] Wrapping<T> as T, |wrapping, out| wrapping.0.encode(out), |value, _| Ok(Self(value)),
        |layout| layout.made_of::<Self>("Wrapping", &[T::layout]);
    [T] VecDeque<T> as Vec<T>, |items, out| out.sequence(items.len(), items.iter()), |items, _| Ok(items.into()),
        |layout| layout.made_of::<Self>("VecDeque", &[T::layout]),
        Part::holding::<Self>(Holder::Seq, "VecDeque", &[T::UNPRINTED]);
    [T] LinkedList<T> as Vec<T>, |items, out| out.sequence(items.len(), items.iter()),
        |items, _| Ok(items.into_iter().collect()),
        |layout| layout.made_of::<Self>("LinkedList", &[T::layout]);
    [T: Ord] BinaryHeap<T> as Vec<T>,
        |items, out| out.sorted(items.len(), false, |entry| items.iter().for_each(|item| entry(&|out| item.encode(out)))),
        |items, _| Ok(items.into()),
        |layout| layout.keyed::<Self>("BinaryHeap", T::layout, &[]);
    [] Ipv4Addr as String, |address, out| out.str(&address.to_string()), parsed,
        |layout| layout.leaf::<Self>("Ipv4Addr");
    [] Ipv6Addr as String, |address, out| out.str(&address.to_string()), parsed,
        |layout| layout.leaf::<Self>("Ipv6Addr");
    [] IpAddr as String, |address, out| out.str(&address.to_string()), parsed,
        |layout| layout.leaf::<Self>("IpAddr");
    [] SocketAddr as String, |address, out| out.str(&address.to_string()), parsed,
        |layout| layout.leaf::<Self>("SocketAddr");
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that the macro calls")]
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    text: String,
    at: &Decoder<'_>,
) -> Result<T, DecodeError> {
    text.parse().map_err(|error| at.error(format!("{text:?}: {error}")))
}

impl State for String {
    const FINGERPRINT: u64 = fingerprint::STRING;
    fn shape(_: &mut ShapeContext) -> Shape {
        Shape::String
    }
    fn layout(layout: &mut Layout) {
        layout.leaf::<Self>("String");
    }
    fn encode(&self, out: &mut Encoder) {
        out.str(self);
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.str().map(Self::from)
    }
}

impl<T: State> State for Option<T> {
    const FINGERPRINT: u64 = fingerprint::mix(fingerprint::OPTION, T::FINGERPRINT);
    const NULLABLE: bool = true;
    const UNPRINTED: Part = Part::holding::<Self>(Holder::Option, "Option", &[T::UNPRINTED]);
    fn shape(context: &mut ShapeContext) -> Shape {
        Shape::Option(Box::new(T::shape(context)))
    }
    fn upgrades(found: &mut Upgrades) {
        T::upgrades(found);
    }
    fn layout(layout: &mut Layout) {
        layout.made_of::<Self>("Option", &[T::layout]);
    }
    fn encode(&self, out: &mut Encoder) {
        match self {
            None => out.nil(),
            Some(value) if T::NULLABLE => {
                if out.enter_array(1) {
                    value.encode(out);
                    out.leave();
                }
            }
            Some(value) => value.encode(out),
        }
    }
    // Without closures and `?`, which are compiled anew for each `T`.
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match input.take_nil() {
            Ok(true) => return Ok(None),
            Ok(false) => {}
            Err(error) => return Err(error),
        }
        let entered = if T::NULLABLE { input.enter_tuple(1) } else { input.descend() };
        match entered {
            Ok(()) => {}
            Err(error) => return Err(error),
        }
        let value = T::decode(input);
        input.leave();
        match value {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error),
        }
    }
}

impl<T: State> State for Vec<T> {
    const FINGERPRINT: u64 = fingerprint::mix(fingerprint::SEQ, T::FINGERPRINT);
    const UNPRINTED: Part = Part::holding::<Self>(Holder::Seq, "Vec", &[T::UNPRINTED]);
    fn shape(context: &mut ShapeContext) -> Shape {
        Shape::Seq(Box::new(T::shape(context)))
    }
    fn upgrades(found: &mut Upgrades) {
        T::upgrades(found);
    }
    fn layout(layout: &mut Layout) {
        layout.made_of::<Self>("Vec", &[T::layout]);
    }
    fn encode(&self, out: &mut Encoder) {
        T::encode_slice(self, out);
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        T::decode_vec(input)
    }
}

impl<T: State, const N: usize> State for [T; N] {
    const FINGERPRINT: u64 = fingerprint::mix(fingerprint::mix(fingerprint::ARRAY, N as u64), T::FINGERPRINT);
    const UNPRINTED: Part = Part::holding::<Self>(Holder::Array(N as u64), "[]", &[T::UNPRINTED]);
    fn shape(context: &mut ShapeContext) -> Shape {
        Shape::Array { len: N as u64, item: Box::new(T::shape(context)) }
    }
    fn upgrades(found: &mut Upgrades) {
        T::upgrades(found);
    }
    fn layout(layout: &mut Layout) {
        layout.made_of::<Self>("[]", &[T::layout]);
    }
    fn encode(&self, out: &mut Encoder) {
        T::encode_slice(self, out);
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let items = T::decode_vec(input)?;
        let len = items.len();
        items.try_into().map_err(|_| input.error(format!("expected {N} items, found {len}")))
    }
}

/// A hasher of another build may hash otherwise, except for that of std.
fn hashes_as_std<S: 'static>(layout: &mut Layout) {
    if TypeId::of::<S>() != TypeId::of::<RandomState>() {
        layout.unknown("a map or set in it has a hasher of its own");
    }
}

macro_rules! sets {
    ($($set:ident<T $(, $hasher:ident)?> where T: $($bound:ident)+;)*) => { $(
        impl<T: State $(+ $bound)+ $(, $hasher: BuildHasher + Default + 'static)?> State for $set<T $(, $hasher)?> {
            const FINGERPRINT: u64 = fingerprint::mix(fingerprint::SET, T::FINGERPRINT);
            fn shape(context: &mut ShapeContext) -> Shape {
                Shape::Set(Box::new(T::shape(context)))
            }
            fn upgrades(found: &mut Upgrades) {
                T::upgrades(found);
            }
            fn layout(layout: &mut Layout) {
                $(hashes_as_std::<$hasher>(layout);)?
                layout.keyed::<Self>(stringify!($set), T::layout, &[]);
            }
            fn encode(&self, out: &mut Encoder) {
                out.sorted(self.len(), false, |entry| self.iter().for_each(|item| entry(&|out| item.encode(out))));
            }
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                let mut items = Self::default();
                input.sequence(|input| {
                    if items.insert(T::decode(input)?) { Ok(()) } else { Err(input.error("an item is there twice")) }
                })?;
                Ok(items)
            }
        }
    )* };
}

sets! {
    BTreeSet<T> where T: Ord;
    HashSet<T, S> where T: Eq Hash;
}

macro_rules! maps {
    ($($map:ident<K, V $(, $hasher:ident)?> where K: $($bound:ident)+;)*) => { $(
        impl<K: State $(+ $bound)+, V: State $(, $hasher: BuildHasher + Default + 'static)?> State
            for $map<K, V $(, $hasher)?>
        {
            const FINGERPRINT: u64 = fingerprint::mix(fingerprint::mix(fingerprint::MAP, K::FINGERPRINT), V::FINGERPRINT);
            fn shape(context: &mut ShapeContext) -> Shape {
                Shape::Map { key: Box::new(K::shape(context)), value: Box::new(V::shape(context)) }
            }
            fn upgrades(found: &mut Upgrades) {
                K::upgrades(found);
                V::upgrades(found);
            }
            fn layout(layout: &mut Layout) {
                $(hashes_as_std::<$hasher>(layout);)?
                layout.keyed::<Self>(stringify!($map), K::layout, &[V::layout]);
            }
            fn encode(&self, out: &mut Encoder) {
                out.sorted(self.len(), true, |entry| {
                    self.iter().for_each(|(key, value)| entry(&|out| {
                        key.encode(out);
                        value.encode(out);
                    }));
                });
            }
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                let mut items = Self::default();
                input.entries(|input| {
                    let key = K::decode(input).map_err(|e| e.at("[key]"))?;
                    let value = V::decode(input).map_err(|e| e.at("[value]"))?;
                    match items.insert(key, value) {
                        None => Ok(()),
                        Some(_) => Err(input.error("a key is there twice")),
                    }
                })?;
                Ok(items)
            }
        }
    )* };
}

maps! {
    BTreeMap<K, V> where K: Ord;
    HashMap<K, V, S> where K: Eq Hash;
}

macro_rules! tuples {
    ($($len:literal: $($T:ident $index:tt),+;)*) => { $(
        impl<$($T: State),+> State for ($($T,)+) {
            const FINGERPRINT: u64 = fingerprint::members(fingerprint::TUPLE, &[$(($index, $T::FINGERPRINT)),+]);
            const UNPRINTED: Part = Part::holding::<Self>(Holder::Tuple, "()", &[$($T::UNPRINTED),+]);
            fn shape(context: &mut ShapeContext) -> Shape {
                Shape::Tuple(vec![$($T::shape(context)),+])
            }
            fn upgrades(found: &mut Upgrades) {
                $($T::upgrades(found);)+
            }
            fn layout(layout: &mut Layout) {
                layout.made_of::<Self>("()", &[$($T::layout),+]);
            }
            fn encode(&self, out: &mut Encoder) {
                out.array($len, |out| { $(self.$index.encode(out);)+ });
            }
            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                input.tuple($len, |input| Ok(($($T::decode(input).map_err(|e| e.at(stringify!($index)))?,)+)))
            }
        }
    )* };
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}

/// Seconds and nanoseconds, as a struct.
impl State for Duration {
    const FINGERPRINT: u64 = fingerprint::members(
        fingerprint::STRUCT,
        &[(fingerprint::text("nanos"), u32::FINGERPRINT), (fingerprint::text("secs"), u64::FINGERPRINT)],
    );
    fn shape(context: &mut ShapeContext) -> Shape {
        Shape::Struct(StructShape {
            name: "Duration".to_owned(),
            version: None,
            fields: vec![
                FieldShape { name: "secs".to_owned(), shape: u64::shape(context) },
                FieldShape { name: "nanos".to_owned(), shape: u32::shape(context) },
            ],
            default: super::to_bytes(&Self::ZERO).ok(),
        })
    }
    fn layout(layout: &mut Layout) {
        layout.leaf::<Self>("Duration");
    }
    fn encode(&self, out: &mut Encoder) {
        out.map(2, |out| {
            out.field("secs", &self.as_secs());
            out.field("nanos", &self.subsec_nanos());
        });
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (mut secs, mut nanos) = (0, 0);
        input.structure(&["secs", "nanos"], &mut |index, input| {
            if index == 0 {
                secs = input.int()?;
            } else {
                nanos = input.int()?;
            }
            Ok(())
        })?;
        if nanos >= 1_000_000_000 {
            return Err(input.error(format!("{nanos} nanoseconds are a second or more")));
        }
        Ok(Self::new(secs, nanos))
    }
}

/// The time since the Unix epoch, as nanoseconds.
impl State for SystemTime {
    const FINGERPRINT: u64 = i128::FINGERPRINT;
    fn shape(context: &mut ShapeContext) -> Shape {
        i128::shape(context)
    }
    fn layout(layout: &mut Layout) {
        layout.leaf::<Self>("SystemTime");
    }
    fn encode(&self, out: &mut Encoder) {
        let nanos = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        out.int128(match self.duration_since(Self::UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        });
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let nanos: i128 = input.int()?;
        let secs = u64::try_from(nanos.unsigned_abs() / 1_000_000_000).ok();
        let rest = (nanos.unsigned_abs() % 1_000_000_000) as u32;
        let distance = secs.map(|secs| Duration::new(secs, rest));
        let time = distance.and_then(|distance| match nanos >= 0 {
            true => Self::UNIX_EPOCH.checked_add(distance),
            false => Self::UNIX_EPOCH.checked_sub(distance),
        });
        time.ok_or_else(|| input.error(format!("{nanos} ns is no point in time")))
    }
}

impl<T: State, E: State> State for Result<T, E> {
    const FINGERPRINT: u64 = fingerprint::members(
        fingerprint::ENUM,
        &[(fingerprint::text("Err"), E::FINGERPRINT), (fingerprint::text("Ok"), T::FINGERPRINT)],
    );
    fn shape(context: &mut ShapeContext) -> Shape {
        context.named::<Self>(|context| {
            let (ok, err) = (T::shape(context), E::shape(context));
            Shape::Enum(EnumShape {
                name: format!("Result<{ok}, {err}>"),
                version: None,
                variants: vec![
                    VariantShape { name: "Ok".to_owned(), payload: ok },
                    VariantShape { name: "Err".to_owned(), payload: err },
                ],
                default: None,
            })
        })
    }
    fn upgrades(found: &mut Upgrades) {
        T::upgrades(found);
        E::upgrades(found);
    }
    fn layout(layout: &mut Layout) {
        layout.made_of::<Self>("Result", &[T::layout, E::layout]);
    }
    fn encode(&self, out: &mut Encoder) {
        match self {
            Ok(value) => encode_payload("Ok", value, out),
            Err(error) => encode_payload("Err", error, out),
        }
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.variant(&["Ok", "Err"], &mut |index, payload, input| match index {
            0 => decode_payload(payload, input).map(Ok),
            _ => decode_payload(payload, input).map(Err),
        })
    }
}

/// A payload without content is left out, as everywhere: `Ok(())` is encoded like a variant `Ok`.
fn encode_payload<T: State>(name: &str, value: &T, out: &mut Encoder) {
    if T::FINGERPRINT == fingerprint::UNIT {
        out.str(name);
    } else {
        out.variant(name, |out| value.encode(out));
    }
}

fn decode_payload<T: State>(payload: bool, input: &mut Decoder<'_>) -> Result<T, DecodeError> {
    match (payload, T::FINGERPRINT == fingerprint::UNIT) {
        (true, _) => T::decode(input),
        (false, true) => T::decode(&mut Decoder::new(&[Marker::Null.to_u8()])),
        (false, false) => Err(input.error("expected a payload")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{from_bytes, to_bytes};
    use super::*;

    fn round_trip<T: State + PartialEq + std::fmt::Debug>(value: T) -> Vec<u8> {
        let bytes = to_bytes(&value).expect("encodes");
        assert_eq!(from_bytes::<T>(&bytes).expect("decodes"), value);
        bytes
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        round_trip((i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN, isize::MIN));
        round_trip((u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX, usize::MAX));
        round_trip((i128::from(u64::MAX), i128::from(u64::MAX) + 1, u128::from(u64::MAX) + 1));
        round_trip((f32::MIN_POSITIVE, f64::INFINITY, -0.0_f64));
        round_trip((true, 'é', "漢🦀\0".to_owned(), ()));
        round_trip(vec![Some(1_u8), None]);
        round_trip([vec![1_u8, 2, 255], vec![]]);
        round_trip(HashMap::from([(3_u32, vec!["x".to_owned()]), (1, vec![])]));
        round_trip(BTreeSet::from(["b".to_owned(), "a".to_owned()]));
        round_trip(Duration::new(5, 999_999_999));
        round_trip(SystemTime::UNIX_EPOCH - Duration::from_millis(1500));
        round_trip::<Result<u8, String>>(Err("no".to_owned()));
        round_trip::<Result<u8, ()>>(Err(()));
        round_trip(PathBuf::from("a/b"));
        round_trip(SocketAddr::from(([127, 0, 0, 1], 80)));
    }

    #[test]
    fn nested_options_stay_apart() {
        for value in [None, Some(None), Some(Some(None)), Some(Some(Some(())))] {
            round_trip::<Option<Option<Option<()>>>>(value);
        }
    }

    #[test]
    fn not_a_number_keeps_its_bits() {
        let odd = f64::from_bits(0x7ff8_dead_beef_0001);
        let bytes = to_bytes(&odd).expect("encodes");
        assert_eq!(from_bytes::<f64>(&bytes).expect("decodes").to_bits(), odd.to_bits());
    }

    #[test]
    fn equal_maps_have_equal_bytes() {
        let forward: HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
        let backward: HashMap<u32, u32> = (0..100).rev().map(|n| (n, n)).collect();
        assert_eq!(to_bytes(&forward), to_bytes(&backward));
    }

    #[test]
    fn other_readers_of_messagepack_understand_it() {
        let bytes = to_bytes(&BTreeMap::from([("n".to_owned(), vec![1_i64, -70_000])])).expect("encodes");
        let read: BTreeMap<String, Vec<i64>> = rmp_serde::from_slice(&bytes).expect("plain MessagePack");
        assert_eq!(read["n"], [1, -70_000]);
    }

    #[test]
    fn a_length_that_the_input_cannot_hold_costs_no_memory() {
        let error = from_bytes::<Vec<u64>>(&[0xdd, 0xff, 0xff, 0xff, 0xff]).expect_err("cut off");
        assert_eq!(error.to_string(), "[0]: the bytes end too early");
    }

    #[test]
    fn what_does_not_fit_is_an_error_with_a_path() {
        let bytes = to_bytes(&vec![(1_i64, 300_i64)]).expect("encodes");
        let error = from_bytes::<Vec<(u8, u8)>>(&bytes).expect_err("300 is no u8");
        assert_eq!(error.to_string(), "[0].1: 300 does not fit `u8`");
    }
}
