//! Descriptions of state types that are independent of a build: names and kinds, nothing else.
//!
//! Two types with the same shape encode alike, whatever they are called and wherever they live. What is *not* part
//! of a shape: paths, type names, documentation, field order, newtype wrappers, `Box`. The names that a [`Shape`]
//! carries for structs and enums are for messages to people and take no part in comparisons or fingerprints.

#[doc(hidden)]
pub mod narrowed;

use std::any::TypeId;
use std::fmt;

pub use narrowed::{Narrowed, Narrowing};

use super::State;
use super::codec::{DecodeError, Decoder, Encoder};

/// A recursive description of a state type.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Shape {
    /// `()`.
    Unit,
    /// `bool`.
    Bool,
    /// `char`.
    Char,
    /// An integer of that many bits; `usize` and `isize` count as 64.
    Int {
        /// 8 to 128.
        bits: u8,
        /// `i*` or `u*`.
        signed: bool,
    },
    /// A float of 32 or 64 bits.
    Float {
        /// 32 or 64.
        bits: u8,
    },
    /// `String`, `Box<str>`, `PathBuf`.
    String,
    /// `Option<T>`.
    Option(Box<Self>),
    /// `Vec<T>`, `VecDeque<T>`, `Box<[T]>`.
    Seq(Box<Self>),
    /// `HashSet<T>`, `BTreeSet<T>`.
    Set(Box<Self>),
    /// `[T; N]`.
    Array {
        /// N.
        len: u64,
        /// T.
        item: Box<Self>,
    },
    /// `HashMap<K, V>`, `BTreeMap<K, V>`.
    Map {
        /// K.
        key: Box<Self>,
        /// V.
        value: Box<Self>,
    },
    /// Tuples and tuple structs of two or more fields.
    Tuple(Vec<Self>),
    /// A struct with named fields.
    Struct(StructShape),
    /// An enum.
    Enum(EnumShape),
    /// A foreign type under a named, versioned codec.
    Opaque(String),
    /// A [`Value`](super::value::Value): anything.
    Any,
    /// A struct or enum that encloses this place: 0 is the nearest.
    Recurse(u32),
    /// A shape of whose values only some are generated as fixtures: [`Shape::bare`] takes it off.
    Narrowed(Box<Narrowed>),
}

/// The shape of a struct.
#[derive(Debug, Clone)]
pub struct StructShape {
    /// The Rust name, for people.
    pub name: String,
    /// The declared version of a nested `#[state(version = "..")]` type; none is as good as 1.
    pub version: Option<String>,
    /// The fields, in the order in which they are encoded.
    pub fields: Vec<FieldShape>,
    /// The encoding of the type's own `Default`, where it has one.
    pub default: Option<Vec<u8>>,
}

/// A named field.
#[derive(Debug, Clone)]
pub struct FieldShape {
    /// Its name, without `r#`.
    pub name: String,
    /// Its type.
    pub shape: Shape,
}

/// The shape of an enum.
#[derive(Debug, Clone)]
pub struct EnumShape {
    /// The Rust name, for people.
    pub name: String,
    /// The declared version of a nested `#[state(version = "..")]` type.
    pub version: Option<String>,
    /// The variants.
    pub variants: Vec<VariantShape>,
    /// The encoding of the type's own `Default`, where it has one.
    pub default: Option<Vec<u8>>,
}

/// A variant of an enum.
#[derive(Debug, Clone)]
pub struct VariantShape {
    /// Its name.
    pub name: String,
    /// What it carries: `Unit`, a `Struct` without a name, a `Tuple`, or the one field of a newtype variant.
    pub payload: Shape,
}

impl Shape {
    /// The shape without what `#[fixture(..)]` says of it; parts inside keep theirs.
    #[must_use]
    pub fn bare(&self) -> &Self {
        match self {
            Self::Narrowed(narrowed) => narrowed.shape.bare(),
            shape => shape,
        }
    }

    /// Whether both describe the same type, names of types and defaults aside.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        match (self.bare(), other.bare()) {
            (Self::Unit, Self::Unit)
            | (Self::Bool, Self::Bool)
            | (Self::Char, Self::Char)
            | (Self::String, Self::String)
            | (Self::Any, Self::Any) => true,
            (Self::Int { bits, signed }, Self::Int { bits: b, signed: s }) => bits == b && signed == s,
            (Self::Float { bits }, Self::Float { bits: b }) => bits == b,
            (Self::Option(a), Self::Option(b))
            | (Self::Seq(a), Self::Seq(b))
            | (Self::Set(a), Self::Set(b)) => a.matches(b),
            (Self::Array { len, item }, Self::Array { len: l, item: i }) => len == l && item.matches(i),
            (Self::Map { key, value }, Self::Map { key: k, value: v }) => key.matches(k) && value.matches(v),
            (Self::Tuple(a), Self::Tuple(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.matches(b))
            }
            (Self::Struct(a), Self::Struct(b)) => {
                later(a.version.as_deref()) == later(b.version.as_deref())
                    && a.fields.len() == b.fields.len()
                    && a.fields.iter().all(|f| b.field(&f.name).is_some_and(|g| f.shape.matches(g)))
            }
            (Self::Enum(a), Self::Enum(b)) => {
                later(a.version.as_deref()) == later(b.version.as_deref())
                    && a.variants.len() == b.variants.len()
                    && a.variants.iter().all(|v| b.variant(&v.name).is_some_and(|w| v.payload.matches(w)))
            }
            (Self::Opaque(a), Self::Opaque(b)) => a == b,
            (Self::Recurse(a), Self::Recurse(b)) => a == b,
            _ => false,
        }
    }
}

impl Shape {
    /// The hash that [`State::FINGERPRINT`] is for a type of this shape.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        use fingerprint::{
            ANY, ARRAY, BOOL, CHAR, MAP, OPAQUE, OPTION, RECURSION, SEQ, SET, STRING, TUPLE, UNIT, mix, text,
        };
        match self {
            Self::Unit => UNIT,
            Self::Bool => BOOL,
            Self::Char => CHAR,
            Self::String => STRING,
            Self::Any => ANY,
            Self::Recurse(_) => RECURSION,
            Self::Int { bits, signed } => fingerprint::int(u32::from(*bits), *signed),
            Self::Float { bits } => fingerprint::float(u32::from(*bits)),
            Self::Option(item) => mix(OPTION, item.fingerprint()),
            Self::Seq(item) => mix(SEQ, item.fingerprint()),
            Self::Set(item) => mix(SET, item.fingerprint()),
            Self::Array { len, item } => mix(mix(ARRAY, *len), item.fingerprint()),
            Self::Map { key, value } => mix(mix(MAP, key.fingerprint()), value.fingerprint()),
            Self::Opaque(name) => mix(OPAQUE, text(name)),
            Self::Narrowed(narrowed) => narrowed.shape.fingerprint(),
            Self::Tuple(items) => {
                let members: Vec<_> =
                    (0..).zip(items).map(|(index, item)| (index, item.fingerprint())).collect();
                fingerprint::members(TUPLE, &members)
            }
            Self::Struct(StructShape { version, fields, .. }) => {
                let members = fields.iter().map(|field| (field.name.as_str(), field.shape.fingerprint()));
                named_members(fingerprint::STRUCT, members.collect(), version.as_deref())
            }
            Self::Enum(EnumShape { version, variants, .. }) => {
                let members =
                    variants.iter().map(|variant| (variant.name.as_str(), variant.payload.fingerprint()));
                named_members(fingerprint::ENUM, members.collect(), version.as_deref())
            }
        }
    }

    /// Whether the shape refers to a type around it: then it means something else elsewhere.
    pub(crate) fn is_recursive(&self) -> bool {
        match self.bare() {
            Self::Recurse(_) => true,
            Self::Option(item) | Self::Seq(item) | Self::Set(item) | Self::Array { item, .. } => {
                item.is_recursive()
            }
            Self::Map { key, value } => key.is_recursive() || value.is_recursive(),
            Self::Tuple(items) => items.iter().any(Self::is_recursive),
            Self::Struct(shape) => shape.fields.iter().any(|field| field.shape.is_recursive()),
            Self::Enum(shape) => shape.variants.iter().any(|variant| variant.payload.is_recursive()),
            _ => false,
        }
    }

    /// Whether a value of this shape can be encoded as nil.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        matches!(self.bare(), Self::Unit | Self::Option(_) | Self::Any | Self::Opaque(_))
    }
}

fn named_members(kind: u64, mut members: Vec<(&str, u64)>, version: Option<&str>) -> u64 {
    members.sort_unstable();
    let members: Vec<_> = members.into_iter().map(|(name, hash)| (fingerprint::text(name), hash)).collect();
    let hash = fingerprint::members(kind, &members);
    later(version).map_or(hash, |version| fingerprint::mix(hash, fingerprint::text(version)))
}

/// The version, if it is not the first: a type without a version is at version 1, so that it can be given one later.
fn later(version: Option<&str>) -> Option<&str> {
    version.filter(|version| *version != "1")
}

impl StructShape {
    /// The shape of the field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Shape> {
        self.fields.iter().find(|f| f.name == name).map(|f| f.shape.bare())
    }
}

impl EnumShape {
    /// The payload of the variant of that name.
    #[must_use]
    pub fn variant(&self, name: &str) -> Option<&Shape> {
        self.variants.iter().find(|v| v.name == name).map(|v| v.payload.bare())
    }
}

/// Prints the shape as the Rust type that a person would write.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("()"),
            Self::Bool => f.write_str("bool"),
            Self::Char => f.write_str("char"),
            Self::Int { bits, signed } => write!(f, "{}{bits}", if *signed { 'i' } else { 'u' }),
            Self::Float { bits } => write!(f, "f{bits}"),
            Self::String => f.write_str("String"),
            Self::Option(item) => write!(f, "Option<{item}>"),
            Self::Seq(item) => write!(f, "Vec<{item}>"),
            Self::Set(item) => write!(f, "BTreeSet<{item}>"),
            Self::Array { len, item } => write!(f, "[{item}; {len}]"),
            Self::Map { key, value } => write!(f, "BTreeMap<{key}, {value}>"),
            Self::Tuple(items) => {
                f.write_str("(")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::Struct(StructShape { name, .. }) | Self::Enum(EnumShape { name, .. }) => f.write_str(name),
            Self::Opaque(name) => write!(f, "opaque {name}"),
            Self::Any => f.write_str("Value"),
            Self::Recurse(_) => f.write_str("Self"),
            Self::Narrowed(narrowed) => narrowed.shape.fmt(f),
        }
    }
}

/// How shapes cross the boundary: `[kind, ..]`.
impl State for Shape {
    const FINGERPRINT: u64 = fingerprint::ANY;
    fn shape(_: &mut ShapeContext) -> Shape {
        Shape::Any
    }

    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Unit => (0_u8,).encode(out),
            Self::Bool => (1_u8,).encode(out),
            Self::Char => (2_u8,).encode(out),
            Self::String => (3_u8,).encode(out),
            Self::Any => (4_u8,).encode(out),
            Self::Int { bits, signed } => (5_u8, *bits, *signed).encode(out),
            Self::Float { bits } => (6_u8, *bits).encode(out),
            Self::Option(item) => encode_items(out, 7, [item.as_ref()]),
            Self::Seq(item) => encode_items(out, 8, [item.as_ref()]),
            Self::Set(item) => encode_items(out, 9, [item.as_ref()]),
            Self::Map { key, value } => encode_items(out, 10, [key.as_ref(), value]),
            Self::Tuple(items) => encode_items(out, 11, items),
            Self::Array { len, item } => out.array(3, |out| {
                out.uint(12);
                out.uint(*len);
                item.encode(out);
            }),
            Self::Struct(shape) => encode_items(out, 13, [shape]),
            Self::Enum(shape) => encode_items(out, 14, [shape]),
            Self::Opaque(name) => encode_items(out, 15, [name]),
            Self::Recurse(levels) => (16_u8, *levels).encode(out),
            // It holds functions of this process.
            Self::Narrowed(narrowed) => narrowed.shape.encode(out),
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = input.array()?;
        input.nested(|input| {
            let kind: u8 = input.int()?;
            let boxed = |input: &mut Decoder<'_>| Shape::decode(input).map(Box::new);
            Ok(match (kind, len) {
                (0, 1) => Self::Unit,
                (1, 1) => Self::Bool,
                (2, 1) => Self::Char,
                (3, 1) => Self::String,
                (4, 1) => Self::Any,
                (5, 3) => Self::Int { bits: input.int()?, signed: input.bool()? },
                (6, 2) => Self::Float { bits: input.int()? },
                (7, 2) => Self::Option(boxed(input)?),
                (8, 2) => Self::Seq(boxed(input)?),
                (9, 2) => Self::Set(boxed(input)?),
                (10, 3) => Self::Map { key: boxed(input)?, value: boxed(input)? },
                (11, len) => Self::Tuple((1..len).map(|_| Self::decode(input)).collect::<Result<_, _>>()?),
                (12, 3) => Self::Array { len: input.int()?, item: boxed(input)? },
                (13, 2) => Self::Struct(State::decode(input)?),
                (14, 2) => Self::Enum(State::decode(input)?),
                (15, 2) => Self::Opaque(State::decode(input)?),
                (16, 2) => Self::Recurse(input.int()?),
                (kind, len) => return Err(input.error(format!("no shape has kind {kind} and {len} parts"))),
            })
        })
    }
}

fn encode_items<'a, T: State>(
    out: &mut Encoder,
    kind: u64,
    items: impl IntoIterator<Item = &'a T, IntoIter: ExactSizeIterator>,
) {
    let items = items.into_iter();
    out.array(1 + items.len(), |out| {
        out.uint(kind);
        items.for_each(|item| item.encode(out));
    });
}

record! {
    StructShape { name, version, fields, default }
    FieldShape { name, shape }
    EnumShape { name, version, variants, default }
    VariantShape { name, payload }
}

/// Carried along while a shape is built; recognises types that contain themselves.
#[derive(Debug, Default)]
pub struct ShapeContext {
    enclosing: Vec<TypeId>,
}

impl ShapeContext {
    /// A context for the outermost type.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Describes the struct or enum `T` with `build`, or refers back to it if it is being described already.
    pub fn named<T: 'static>(&mut self, build: impl FnOnce(&mut Self) -> Shape) -> Shape {
        self.of(TypeId::of::<T>(), build)
    }

    /// The same for the type of that id.
    pub(super) fn of(&mut self, id: TypeId, build: impl FnOnce(&mut Self) -> Shape) -> Shape {
        if let Some(levels) = self.enclosing.iter().rev().position(|enclosing| *enclosing == id) {
            return Shape::Recurse(u32::try_from(levels).unwrap_or(u32::MAX));
        }
        self.enclosing.push(id);
        let shape = build(self);
        self.enclosing.pop();
        shape
    }
}

/// Stands for the enclosing type where a recursive type's fingerprint reaches itself.
///
/// A constant cannot depend on itself, so `#[state]` replaces the type's own name by this one when it computes the
/// fingerprints of its fields.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recursion {}

impl State for Recursion {
    const FINGERPRINT: u64 = fingerprint::RECURSION;
    fn shape(_: &mut ShapeContext) -> Shape {
        Shape::Recurse(0)
    }
    fn encode(&self, _: &mut Encoder) {
        match *self {}
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Err(input.error("a recursion marker is never a value"))
    }
}

/// The arithmetic of fingerprints. Constant functions, so that a fingerprint is an associated constant per type.
///
/// Field and variant names arrive already hashed (by the macros, with [`text`](fingerprint::text)): hashing bytes in
/// the constant evaluator costs seconds on a crate of sixty widgets.
#[doc(hidden)]
pub mod fingerprint {
    pub const UNIT: u64 = leaf(1);
    pub const BOOL: u64 = leaf(2);
    pub const CHAR: u64 = leaf(3);
    pub const STRING: u64 = leaf(4);
    pub const ANY: u64 = leaf(5);
    pub const RECURSION: u64 = leaf(6);

    pub const OPTION: u64 = leaf(16);
    pub const SEQ: u64 = leaf(17);
    pub const SET: u64 = leaf(18);
    pub const ARRAY: u64 = leaf(19);
    pub const MAP: u64 = leaf(20);
    pub const TUPLE: u64 = leaf(21);
    pub const STRUCT: u64 = leaf(22);
    pub const ENUM: u64 = leaf(23);
    pub const OPAQUE: u64 = leaf(24);

    pub const fn int(bits: u32, signed: bool) -> u64 {
        mix(leaf(32), (bits as u64) << 1 | signed as u64)
    }

    pub const fn float(bits: u32) -> u64 {
        mix(leaf(33), bits as u64)
    }

    /// Folds `(hash of name, fingerprint)` pairs, which the macros give sorted by name.
    pub const fn members(kind: u64, members: &[(u64, u64)]) -> u64 {
        let mut hash = begin(kind, members.len());
        let mut index = 0;
        while index < members.len() {
            hash = member(hash, members[index].0, members[index].1);
            index += 1;
        }
        hash
    }

    /// Before the first of so many members.
    pub const fn begin(kind: u64, members: usize) -> u64 {
        mix(kind, members as u64)
    }

    /// One more member: the hash of its name, and its fingerprint.
    pub const fn member(hash: u64, name: u64, fingerprint: u64) -> u64 {
        mix(mix(hash, name), fingerprint)
    }

    /// FNV-1a of 64 bits (Fowler, Noll and Vo).
    pub const fn text(text: &str) -> u64 {
        let bytes = text.as_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325;
        let mut index = 0;
        while index < bytes.len() {
            hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            index += 1;
        }
        hash
    }

    /// Combines two hashes, order-sensitive, with the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    pub const fn mix(a: u64, b: u64) -> u64 {
        let mut hash = a.rotate_left(23) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ hash >> 31
    }

    const fn leaf(tag: u64) -> u64 {
        mix(0x5348_5249_4e45_0001, tag)
    }
}
