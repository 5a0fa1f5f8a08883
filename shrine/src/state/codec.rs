//! MessagePack with field names: the encoding of state and messages.
//!
//! | Rust | MessagePack |
//! |---|---|
//! | integers up to 64 bits | int |
//! | wider integers that do not fit in 64 bits | ext 1 (`i128`) or ext 2 (`u128`), 16 bytes, big-endian |
//! | floats | float 32, float 64: every bit is kept |
//! | `String`, `char` | str |
//! | `Vec<u8>` | bin |
//! | `Option<T>` | nil or `T`; `[T]` when `T` itself can be nil |
//! | sequences, sets, arrays, tuples | array (sets sorted by their encoding) |
//! | maps | map, sorted by the encoding of the key, so that equal states have equal bytes |
//! | structs | map from field name to value |
//! | enums | str for a variant without payload, else a map of one entry |
//!
//! Decoding is strict (an unknown, missing or repeated field is an error) and safe on any input: memory is bounded
//! by the input's length and nesting by [`MAX_DEPTH`].

use std::convert::Infallible;
use std::fmt;

use rmp::Marker;
use rmp::decode::{RmpRead, bytes::Bytes};
use rmp::encode::{ByteBuf, ValueWriteError};

use super::State;
use super::described::Described;

/// How deep values may be nested. Deeper ones are refused in both directions, because reading them could overflow
/// the stack.
pub const MAX_DEPTH: u32 = 256;

pub(crate) const EXT_I128: i8 = 1;
pub(crate) const EXT_U128: i8 = 2;

/// Writes values.
#[derive(Debug, Default)]
pub struct Encoder {
    out: ByteBuf,
    depth: u32,
    too_deep: bool,
    /// Why what was written cannot be used, if a value could not be written.
    failed: Option<String>,
}

impl Encoder {
    /// An encoder without output yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An encoder that writes into a buffer, in place of what is in it.
    pub(crate) fn reusing(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { out: ByteBuf::from_vec(buffer), ..Self::default() }
    }

    /// Begins anew, in the room that there is.
    pub(crate) fn restart(&mut self) {
        self.out.as_mut_vec().clear();
        (self.depth, self.too_deep, self.failed) = (0, false, None);
    }

    /// Takes the bytes written out, whether they can be used or not.
    pub(crate) fn take_written(&mut self) -> Vec<u8> {
        std::mem::take(self.out.as_mut_vec())
    }

    /// Whether what was written can be used: why not, [`check`](Self::check) tells.
    pub(crate) fn is_sound(&self) -> bool {
        !self.too_deep && self.failed.is_none()
    }

    /// What was written so far.
    pub(crate) fn written(&self) -> &[u8] {
        self.out.as_slice()
    }

    /// An encoder that writes behind what is in a buffer.
    pub(crate) fn onto(buffer: Vec<u8>) -> Self {
        Self { out: ByteBuf::from_vec(buffer), ..Self::default() }
    }

    /// The bytes written.
    ///
    /// # Errors
    ///
    /// When a value was nested deeper than [`MAX_DEPTH`], or a foreign one could not be written.
    pub fn finish(self) -> Result<Vec<u8>, DecodeError> {
        self.check()?;
        Ok(self.into_written())
    }

    /// Whether what was written can be used: as [`finish`](Self::finish).
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        match &self.failed {
            Some(reason) => Err(DecodeError::new(reason.as_str())),
            None if self.too_deep => Err(DecodeError::new(format!("nested deeper than {MAX_DEPTH} levels"))),
            None => Ok(()),
        }
    }

    /// The bytes written, whether they can be used or not.
    pub(crate) fn into_written(self) -> Vec<u8> {
        self.out.into_vec()
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.out.as_slice().len()
    }

    /// Writes nil.
    pub fn nil(&mut self) {
        let Ok(()) = rmp::encode::write_nil(&mut self.out);
    }

    /// Writes a truth value.
    pub fn bool(&mut self, value: bool) {
        let Ok(()) = rmp::encode::write_bool(&mut self.out, value);
    }

    /// Writes a signed integer in its shortest form.
    pub fn int(&mut self, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            return self.uint(value);
        }
        sure(rmp::encode::write_sint(&mut self.out, value));
    }

    /// Writes an unsigned integer in its shortest form.
    pub fn uint(&mut self, value: u64) {
        let out = self.out.as_mut_vec();
        // What states are full of; as `rmp` writes it, at once.
        if let Ok(small) = u8::try_from(value) {
            return if small <= 0x7f { out.push(small) } else { out.extend_from_slice(&[0xcc, small]) };
        }
        if let Ok(small) = u16::try_from(value) {
            let [a, b] = small.to_be_bytes();
            return out.extend_from_slice(&[0xcd, a, b]);
        }
        if let Ok(small) = u32::try_from(value) {
            let [a, b, c, d] = small.to_be_bytes();
            return out.extend_from_slice(&[0xce, a, b, c, d]);
        }
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        out.extend_from_slice(&[0xcf, a, b, c, d, e, f, g, h]);
    }

    /// Writes a wide signed integer.
    pub fn int128(&mut self, value: i128) {
        if let Ok(small) = i64::try_from(value) {
            self.int(small);
        } else if let Ok(small) = u64::try_from(value) {
            self.uint(small);
        } else {
            self.ext(EXT_I128, &value.to_be_bytes());
        }
    }

    /// Writes a wide unsigned integer.
    pub fn uint128(&mut self, value: u128) {
        match i128::try_from(value) {
            Ok(value) => self.int128(value),
            Err(_) => self.ext(EXT_U128, &value.to_be_bytes()),
        }
    }

    /// Writes a float of 32 bits.
    pub fn f32(&mut self, value: f32) {
        sure(rmp::encode::write_f32(&mut self.out, value));
    }

    /// Writes a float of 64 bits.
    pub fn f64(&mut self, value: f64) {
        sure(rmp::encode::write_f64(&mut self.out, value));
    }

    /// Writes text.
    pub fn str(&mut self, text: &str) {
        if let Ok(len @ 0..=0x1f) = u8::try_from(text.len()) {
            let out = self.out.as_mut_vec();
            out.reserve(1 + text.len());
            out.push(0xa0 | len);
            return out.extend_from_slice(text.as_bytes());
        }
        sure(rmp::encode::write_str(&mut self.out, text));
    }

    /// Writes a block of bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        sure(rmp::encode::write_bin(&mut self.out, bytes));
    }

    /// Writes `len` items.
    pub fn sequence<'a, T: State>(&mut self, len: usize, items: impl Iterator<Item = &'a T>) {
        self.array(len, |out| items.for_each(|item| item.encode(out)));
    }

    /// Writes the header of an array of `len` items, then the items with `write`.
    pub fn array(&mut self, len: usize, write: impl FnOnce(&mut Self)) {
        match u8::try_from(len) {
            Ok(len @ 0..=0x0f) => self.out.as_mut_vec().push(0x90 | len),
            _ => {
                sure(rmp::encode::write_array_len(&mut self.out, length(len)));
            }
        }
        self.nested(write);
    }

    /// Writes the header of a map of `len` entries, then the keys and values in turn with `write`.
    pub fn map(&mut self, len: usize, write: impl FnOnce(&mut Self)) {
        match u8::try_from(len) {
            Ok(len @ 0..=0x0f) => self.out.as_mut_vec().push(0x80 | len),
            _ => {
                sure(rmp::encode::write_map_len(&mut self.out, length(len)));
            }
        }
        self.nested(write);
    }

    /// Writes the header of an array of `len` items, which the caller writes next, and [`leave`](Self::leave)s then.
    /// Answers false where it would be too deep: then nothing is to be written.
    #[doc(hidden)]
    #[must_use]
    pub fn enter_array(&mut self, len: usize) -> bool {
        sure(rmp::encode::write_array_len(&mut self.out, length(len)));
        self.descend()
    }

    /// The same for a map of `len` entries.
    #[doc(hidden)]
    #[must_use]
    pub fn enter_map(&mut self, len: usize) -> bool {
        sure(rmp::encode::write_map_len(&mut self.out, length(len)));
        self.descend()
    }

    /// The same for what an enum variant carries.
    #[doc(hidden)]
    #[must_use]
    pub fn enter_variant(&mut self, name: &str) -> bool {
        let entered = self.enter_map(1);
        if entered {
            self.str(name);
        }
        entered
    }

    /// All items of what was entered last are written.
    #[doc(hidden)]
    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Writes the name of a field, whose value is to follow.
    #[doc(hidden)]
    #[inline]
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.str(name);
        self
    }

    /// Writes a struct field or a map entry with a text key.
    pub fn field<T: State>(&mut self, name: &str, value: &T) {
        self.str(name);
        value.encode(self);
    }

    /// Writes an enum variant that carries something.
    pub fn variant(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.map(1, |out| {
            out.str(name);
            write(out);
        });
    }

    /// Appends a value that something else has written, if it is one that a [`Decoder`] reads.
    #[cfg(feature = "serde")]
    pub(crate) fn foreign(&mut self, bytes: &[u8]) {
        let mut written = Decoder { rest: bytes, depth: self.depth };
        match written.skip().and_then(|()| written.finish()) {
            Ok(()) => self.append_encoded(bytes),
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// Notes that a value could not be written.
    #[cfg(feature = "serde")]
    pub(crate) fn fail(&mut self, reason: String) {
        self.failed.get_or_insert(reason);
    }

    /// Appends what another encoder has written.
    pub(crate) fn append_encoded(&mut self, encoded: &[u8]) {
        self.out.as_mut_vec().extend_from_slice(encoded);
    }

    /// Writes entries whose order has no meaning: sorted by their encoding, so that equal values have equal bytes.
    pub(crate) fn sorted(
        &mut self,
        len: usize,
        map: bool,
        mut write: impl FnMut(&mut dyn FnMut(&dyn Fn(&mut Self))),
    ) {
        let mut entries = Vec::with_capacity(len);
        let depth = self.depth + 1;
        let mut too_deep = false;
        let mut failed = None;
        write(&mut |entry| {
            let mut out = Self { depth, ..Self::default() };
            entry(&mut out);
            too_deep |= out.too_deep;
            failed = failed.take().or(out.failed);
            entries.push(out.out.into_vec());
        });
        entries.sort_unstable();
        self.too_deep |= too_deep;
        self.failed = self.failed.take().or(failed);
        let append = |out: &mut Self| entries.iter().for_each(|entry| out.append_encoded(entry));
        if map { self.map(len, append) } else { self.array(len, append) }
    }

    fn ext(&mut self, kind: i8, bytes: &[u8; 16]) {
        sure(rmp::encode::write_ext_meta(&mut self.out, 16, kind));
        self.append_encoded(bytes);
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self)) {
        if self.descend() {
            write(self);
            self.leave();
        }
    }

    #[inline]
    fn descend(&mut self) -> bool {
        let fits = self.depth < MAX_DEPTH;
        if fits {
            self.depth += 1;
        } else {
            self.too_deep = true;
        }
        fits
    }
}

/// Writing into memory cannot fail; the type says so, and this hands the proof to the compiler.
fn sure<T>(result: Result<T, ValueWriteError<Infallible>>) {
    match result {
        Ok(_) => {}
        Err(ValueWriteError::InvalidMarkerWrite(never) | ValueWriteError::InvalidDataWrite(never)) => {
            match never {}
        }
    }
}

/// MessagePack counts with 32 bits. A longer collection does not fit in the state of a widget.
fn length(len: usize) -> u32 {
    u32::try_from(len).expect("a collection in a widget's state holds at most u32::MAX items")
}

/// How many of `len` items of `size` bytes room is made for, before any of them was read.
pub(super) fn likely(len: u32, size: usize) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX).min(4096 / size.max(1))
}

/// A place that a value is read into, without its type.
#[doc(hidden)]
pub trait Fill {
    /// Reads the value.
    ///
    /// # Errors
    ///
    /// When the next value is something else.
    fn fill(&mut self, input: &mut Decoder<'_>) -> Result<(), DecodeError>;
}

impl<T: State> Fill for Option<T> {
    fn fill(&mut self, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
        match T::decode(input) {
            Ok(value) => {
                *self = Some(value);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// What was read into a place. [`Decoder::fields`] has filled it, or has failed.
#[doc(hidden)]
#[inline(always)]
pub fn filled<T>(slot: Option<T>) -> T {
    match slot {
        Some(value) => value,
        None => unfilled(),
    }
}

#[cold]
fn unfilled() -> ! {
    unreachable!("a struct was read without one of its fields")
}

/// Reads values.
#[derive(Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
    depth: u32,
}

/// The fields of a struct that were read; up to 64 of them without a heap.
struct Seen {
    few: u64,
    many: Vec<bool>,
}

impl Seen {
    fn of(fields: usize) -> Self {
        Self { few: 0, many: if fields > 64 { vec![false; fields] } else { Vec::new() } }
    }

    /// Notes a field; answers whether it was noted before.
    fn again(&mut self, index: usize) -> bool {
        if let Some(seen) = self.many.get_mut(index) {
            return std::mem::replace(seen, true);
        }
        let bit = 1 << index;
        let again = self.few & bit != 0;
        self.few |= bit;
        again
    }
}

/// What the next value in the input is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// nil
    Nil,
    /// A truth value.
    Bool(bool),
    /// A signed or small unsigned integer.
    Int(i128),
    /// An unsigned integer beyond `i128`.
    Uint(u128),
    /// A float of 32 bits.
    F32(f32),
    /// A float of 64 bits.
    F64(f64),
    /// Text.
    Str(&'a str),
    /// A block of bytes.
    Bytes(&'a [u8]),
    /// The header of an array: so many values follow.
    Array(u32),
    /// The header of a map: so many keys and values follow.
    Map(u32),
}

impl Token<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Uint(_) => "an integer",
            Self::F32(_) => "a 32-bit float",
            Self::F64(_) => "a 64-bit float",
            Self::Str(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
        }
    }
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    ///
    /// When bytes are left over.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error(format!("{left} bytes are left over"))),
        }
    }

    /// An error at the current place.
    pub fn error(&self, message: impl Into<String>) -> DecodeError {
        DecodeError::new(message)
    }

    /// Whether the next value is nil; consumes it if so.
    ///
    /// # Errors
    ///
    /// At the end of the input.
    #[inline]
    pub fn take_nil(&mut self) -> Result<bool, DecodeError> {
        let nil = self.peek_byte()? == Marker::Null.to_u8();
        if nil {
            self.rest = &self.rest[1..];
        }
        Ok(nil)
    }

    /// Whether the next value is text.
    ///
    /// # Errors
    ///
    /// At the end of the input.
    #[inline]
    pub fn at_str(&self) -> Result<bool, DecodeError> {
        Ok(matches!(
            Marker::from_u8(self.peek_byte()?),
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32
        ))
    }

    /// Reads the next value, or the header of it.
    ///
    /// # Errors
    ///
    /// When the input is cut off or no MessagePack.
    pub fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        let marker = Marker::from_u8(self.peek_byte()?);
        self.rest = &self.rest[1..];
        Ok(match marker {
            Marker::Null => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::FixPos(value) => Token::Int(value.into()),
            Marker::FixNeg(value) => Token::Int(value.into()),
            Marker::U8 => Token::Int(self.number(Bytes::read_data_u8)?.into()),
            Marker::U16 => Token::Int(self.number(Bytes::read_data_u16)?.into()),
            Marker::U32 => Token::Int(self.number(Bytes::read_data_u32)?.into()),
            Marker::U64 => Token::Int(self.number(Bytes::read_data_u64)?.into()),
            Marker::I8 => Token::Int(self.number(Bytes::read_data_i8)?.into()),
            Marker::I16 => Token::Int(self.number(Bytes::read_data_i16)?.into()),
            Marker::I32 => Token::Int(self.number(Bytes::read_data_i32)?.into()),
            Marker::I64 => Token::Int(self.number(Bytes::read_data_i64)?.into()),
            Marker::F32 => Token::F32(self.number(Bytes::read_data_f32)?),
            Marker::F64 => Token::F64(self.number(Bytes::read_data_f64)?),
            Marker::FixStr(len) => self.text(len.into())?,
            Marker::Str8 => self.prefixed(Bytes::read_data_u8, Self::text)?,
            Marker::Str16 => self.prefixed(Bytes::read_data_u16, Self::text)?,
            Marker::Str32 => self.prefixed(Bytes::read_data_u32, Self::text)?,
            Marker::Bin8 => self.prefixed(Bytes::read_data_u8, Self::block)?,
            Marker::Bin16 => self.prefixed(Bytes::read_data_u16, Self::block)?,
            Marker::Bin32 => self.prefixed(Bytes::read_data_u32, Self::block)?,
            Marker::FixArray(len) => Token::Array(len.into()),
            Marker::Array16 => Token::Array(self.number(Bytes::read_data_u16)?.into()),
            Marker::Array32 => Token::Array(self.number(Bytes::read_data_u32)?),
            Marker::FixMap(len) => Token::Map(len.into()),
            Marker::Map16 => Token::Map(self.number(Bytes::read_data_u16)?.into()),
            Marker::Map32 => Token::Map(self.number(Bytes::read_data_u32)?),
            Marker::FixExt16 => self.wide_integer()?,
            marker => return Err(self.error(format!("{marker:?} has no place in a state"))),
        })
    }

    /// Reads a truth value.
    ///
    /// # Errors
    ///
    /// When the next value is something else.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.token()? {
            Token::Bool(value) => Ok(value),
            other => Err(self.expected("a bool", other)),
        }
    }

    /// Reads an integer.
    ///
    /// # Errors
    ///
    /// When the next value is something else, or does not fit `T`.
    #[inline]
    pub fn int<T: TryFrom<i64> + TryFrom<i128> + TryFrom<u128>>(&mut self) -> Result<T, DecodeError> {
        if let Some((small, width)) = self.small_int()
            && let Ok(value) = T::try_from(small)
        {
            self.rest = &self.rest[width..];
            return Ok(value);
        }
        self.any_int()
    }

    /// The integers that states are full of, and how many bytes they take; anything else is left to
    /// [`any_int`](Self::any_int).
    #[inline]
    fn small_int(&self) -> Option<(i64, usize)> {
        Some(match *self.rest {
            [byte @ 0..=0x7f, ..] => (byte.into(), 1),
            [byte @ 0xe0..=0xff, ..] => (byte.cast_signed().into(), 1),
            [0xcc, a, ..] => (a.into(), 2),
            [0xcd, a, b, ..] => (u16::from_be_bytes([a, b]).into(), 3),
            [0xce, a, b, c, d, ..] => (u32::from_be_bytes([a, b, c, d]).into(), 5),
            [0xd0, a, ..] => (a.cast_signed().into(), 2),
            [0xd1, a, b, ..] => (i16::from_be_bytes([a, b]).into(), 3),
            [0xd2, a, b, c, d, ..] => (i32::from_be_bytes([a, b, c, d]).into(), 5),
            [0xd3, a, b, c, d, e, f, g, h, ..] => (i64::from_be_bytes([a, b, c, d, e, f, g, h]), 9),
            _ => return None,
        })
    }

    fn any_int<T: TryFrom<i128> + TryFrom<u128>>(&mut self) -> Result<T, DecodeError> {
        let token = self.token()?;
        let (value, text) = match token {
            Token::Int(value) => (T::try_from(value).ok(), value.to_string()),
            Token::Uint(value) => (T::try_from(value).ok(), value.to_string()),
            other => return Err(self.expected("an integer", other)),
        };
        value.ok_or_else(|| self.error(format!("{text} does not fit `{}`", std::any::type_name::<T>())))
    }

    /// Reads a float of 32 bits.
    ///
    /// # Errors
    ///
    /// When the next value is something else.
    pub fn f32(&mut self) -> Result<f32, DecodeError> {
        match self.token()? {
            Token::F32(value) => Ok(value),
            other => Err(self.expected("a 32-bit float", other)),
        }
    }

    /// Reads a float of 64 bits.
    ///
    /// # Errors
    ///
    /// When the next value is something else.
    #[inline]
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        if let [0xcb, a, b, c, d, e, f, g, h, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(f64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]));
        }
        match self.token()? {
            Token::F64(value) => Ok(value),
            other => Err(self.expected("a 64-bit float", other)),
        }
    }

    /// Reads text.
    ///
    /// # Errors
    ///
    /// When the next value is something else, or no UTF-8.
    #[inline]
    pub fn str(&mut self) -> Result<&'a str, DecodeError> {
        if let [marker @ 0xa0..=0xbf, rest @ ..] = self.rest
            && let Some((text, rest)) = rest.split_at_checked(usize::from(marker & 0x1f))
            && let Ok(text) = std::str::from_utf8(text)
        {
            self.rest = rest;
            return Ok(text);
        }
        match self.token()? {
            Token::Str(text) => Ok(text),
            other => Err(self.expected("text", other)),
        }
    }

    /// Reads a block of bytes, or an array of small integers.
    ///
    /// # Errors
    ///
    /// When the next value is something else.
    pub fn bytes(&mut self) -> Result<Vec<u8>, DecodeError> {
        match self.token()? {
            Token::Bytes(bytes) => Ok(bytes.to_vec()),
            Token::Array(len) => (0..len).map(|_| self.int()).collect(),
            other => Err(self.expected("bytes", other)),
        }
    }

    /// Reads nil.
    ///
    /// # Errors
    ///
    /// When the next value is something else.
    pub fn nil(&mut self) -> Result<(), DecodeError> {
        match self.token()? {
            Token::Nil => Ok(()),
            other => Err(self.expected("nil", other)),
        }
    }

    /// Reads an array, calling `item` once for each item.
    ///
    /// # Errors
    ///
    /// When the next value is no array, or `item` fails.
    #[inline]
    pub fn sequence(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let len = self.array()?;
        self.nested(|input| {
            (0..len).try_for_each(|index| item(input).map_err(|e| e.at(format!("[{index}]"))))
        })
    }

    /// Reads an array of exactly `expected` items with `read`.
    ///
    /// # Errors
    ///
    /// When the next value is no array of that length, or `read` fails.
    #[inline]
    pub fn tuple<T>(
        &mut self,
        expected: usize,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.enter_tuple(expected)?;
        let result = read(self);
        self.leave();
        result
    }

    /// The header of an array of exactly `expected` items, which the caller reads next, and [`leave`](Self::leave)s then.
    #[inline]
    pub(super) fn enter_tuple(&mut self, expected: usize) -> Result<(), DecodeError> {
        let len = self.array()?;
        if usize::try_from(len) != Ok(expected) {
            return Err(self.miscounted(expected, len));
        }
        self.descend()
    }

    /// Reads a map, calling `entry` once for each entry, at its key.
    ///
    /// # Errors
    ///
    /// When the next value is no map, or `entry` fails.
    pub fn entries(
        &mut self,
        mut entry: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let len = self.map()?;
        self.nested(|input| (0..len).try_for_each(|_| entry(input)))
    }

    /// Reads a struct: calls `field` with the index of each name, in the order of the input, at its value. Afterwards
    /// every name was there exactly once.
    ///
    /// # Errors
    ///
    /// When the next value is no map, a field is unknown, missing or repeated, or `field` fails.
    pub fn structure(
        &mut self,
        names: &[&str],
        field: &mut dyn FnMut(usize, &mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.members(names.len(), |index| names.get(index).copied(), field)
    }

    /// Reads a struct into the places of its fields, which have the names that were written down of their type. Afterwards
    /// each of them is filled.
    ///
    /// # Errors
    ///
    /// As [`structure`](Self::structure).
    #[doc(hidden)]
    pub fn fields(&mut self, of: &Described, slots: &mut [&mut dyn Fill]) -> Result<(), DecodeError> {
        self.members(slots.len(), of.field_names(), |index, input| slots[index].fill(input))
    }

    /// The same for a variant with those fields.
    ///
    /// # Errors
    ///
    /// As [`structure`](Self::structure).
    #[doc(hidden)]
    pub fn variant_fields(&mut self, names: &[&str], slots: &mut [&mut dyn Fill]) -> Result<(), DecodeError> {
        self.members(names.len(), |index| names.get(index).copied(), |index, input| slots[index].fill(input))
    }

    fn members<'n>(
        &mut self,
        count: usize,
        name: impl Fn(usize) -> Option<&'n str>,
        mut field: impl FnMut(usize, &mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let len = self.map()?;
        let mut seen = Seen::of(count);
        let called = |index| name(index).unwrap_or_default();
        self.nested(|input| {
            for position in 0..len {
                let usual = usize::try_from(position)
                    .ok()
                    .filter(|at| name(*at).is_some_and(|name| input.take_name(name)));
                let index = match usual {
                    Some(at) => at,
                    None => input.name_among(count, &name)?,
                };
                if seen.again(index) {
                    return Err(input.error(format!("field `{}` is there twice", called(index))));
                }
                field(index, input).map_err(|e| e.at(called(index)))?;
            }
            Ok(())
        })?;
        // None of them is there twice, so none is missing if there are as many.
        if usize::try_from(len) == Ok(count) {
            return Ok(());
        }
        match (0..count).find(|index| !seen.again(*index)) {
            None => Ok(()),
            Some(index) => Err(self.error(format!("field `{}` is missing", called(index)))),
        }
    }

    /// Whether the next value is that short text; consumes it if so. Equal to text, the bytes are UTF-8.
    #[inline]
    fn take_name(&mut self, name: &str) -> bool {
        if let [marker @ 0xa0..=0xbf, rest @ ..] = self.rest
            && usize::from(marker & 0x1f) == name.len()
            && let Some(rest) = rest.strip_prefix(name.as_bytes())
        {
            self.rest = rest;
            return true;
        }
        false
    }

    /// Reads the name of a field that is not where it is written.
    fn name_among<'n>(
        &mut self,
        count: usize,
        name: &impl Fn(usize) -> Option<&'n str>,
    ) -> Result<usize, DecodeError> {
        let key = self.str()?;
        let index = (0..count).position(|index| name(index) == Some(key));
        index.ok_or_else(|| self.error(format!("unknown field `{key}`")))
    }

    /// Reads an enum: calls `variant` with the index of the name and whether a payload follows.
    ///
    /// # Errors
    ///
    /// When the next value is no variant, its name is unknown, or `variant` fails.
    pub fn variant<T>(
        &mut self,
        names: &[&str],
        variant: &mut dyn FnMut(usize, bool, &mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let payload = !self.at_str()?;
        if payload {
            let len = self.map()?;
            if len != 1 {
                return Err(self.error(format!("expected one variant, found {len}")));
            }
        }
        let name = self.str()?;
        let index = names.iter().position(|known| *known == name);
        let index = index.ok_or_else(|| self.error(format!("unknown variant `{name}`")))?;
        self.nested(|input| variant(index, payload, input)).map_err(|e| e.at(name))
    }

    /// Reads one value of any kind and gives its bytes.
    pub(crate) fn raw(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.rest;
        self.skip()?;
        Ok(&start[..start.len() - self.rest.len()])
    }

    /// The length of the next array.
    #[inline]
    pub(crate) fn array(&mut self) -> Result<u32, DecodeError> {
        if let [marker @ 0x90..=0x9f, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u32::from(marker & 0x0f));
        }
        match self.token()? {
            Token::Array(len) => Ok(len),
            other => Err(self.expected("an array", other)),
        }
    }

    /// The length of the next array, whose items the caller reads next, and [`leave`](Self::leave)s then.
    #[inline]
    pub(super) fn enter_array(&mut self) -> Result<u32, DecodeError> {
        let len = self.array()?;
        self.descend()?;
        Ok(len)
    }

    /// All items of what was entered last are read.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Begins to read one level deeper.
    #[inline]
    pub(super) fn descend(&mut self) -> Result<(), DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    /// Runs `read` one level deeper.
    #[inline]
    pub(crate) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.descend()?;
        let result = read(self);
        self.leave();
        result
    }

    fn skip(&mut self) -> Result<(), DecodeError> {
        let values = match self.token()? {
            Token::Array(len) => u64::from(len),
            Token::Map(len) => 2 * u64::from(len),
            _ => 0,
        };
        self.nested(|input| (0..values).try_for_each(|_| input.skip()))
    }

    #[inline]
    fn map(&mut self) -> Result<u32, DecodeError> {
        if let [marker @ 0x80..=0x8f, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u32::from(marker & 0x0f));
        }
        match self.token()? {
            Token::Map(len) => Ok(len),
            other => Err(self.expected("a map", other)),
        }
    }

    fn expected(&self, wanted: &str, found: Token<'_>) -> DecodeError {
        self.error(format!("expected {wanted}, found {}", found.kind()))
    }

    #[cold]
    fn miscounted(&self, expected: usize, found: u32) -> DecodeError {
        self.error(format!("expected {expected} items, found {found}"))
    }

    #[cold]
    fn too_deep(&self) -> DecodeError {
        self.error(format!("nested deeper than {MAX_DEPTH} levels"))
    }

    #[inline]
    fn peek_byte(&self) -> Result<u8, DecodeError> {
        self.rest.first().copied().ok_or_else(|| self.cut_off())
    }

    fn cut_off(&self) -> DecodeError {
        self.error("the bytes end too early")
    }

    fn number<T, E>(&mut self, read: impl FnOnce(&mut Bytes<'a>) -> Result<T, E>) -> Result<T, DecodeError> {
        let mut bytes = Bytes::new(self.rest);
        let value = read(&mut bytes).map_err(|_| self.cut_off())?;
        self.rest = bytes.remaining_slice();
        Ok(value)
    }

    fn prefixed<L: Into<u32>, E>(
        &mut self,
        length: impl FnOnce(&mut Bytes<'a>) -> Result<L, E>,
        read: impl FnOnce(&mut Self, u32) -> Result<Token<'a>, DecodeError>,
    ) -> Result<Token<'a>, DecodeError> {
        let len = self.number(length)?.into();
        read(self, len)
    }

    fn text(&mut self, len: u32) -> Result<Token<'a>, DecodeError> {
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map(Token::Str).map_err(|_| self.error("text is not UTF-8"))
    }

    fn block(&mut self, len: u32) -> Result<Token<'a>, DecodeError> {
        self.take(len).map(Token::Bytes)
    }

    fn wide_integer(&mut self) -> Result<Token<'a>, DecodeError> {
        let kind = self.number(Bytes::read_data_i8)?;
        let bytes = self.take(16)?;
        let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| self.cut_off())?;
        match kind {
            EXT_I128 => Ok(Token::Int(i128::from_be_bytes(bytes))),
            EXT_U128 => Ok(Token::Uint(u128::from_be_bytes(bytes))),
            other => Err(self.error(format!("unknown extension type {other}"))),
        }
    }

    fn take(&mut self, len: u32) -> Result<&'a [u8], DecodeError> {
        let len = usize::try_from(len).map_err(|_| self.cut_off())?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.cut_off())?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Bytes that are not the state they were read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Problem>);

/// Boxed: the happy path hands around a pointer instead of two vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    path: Vec<String>,
    message: String,
}

impl DecodeError {
    /// An error at the place where reading stopped.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Problem { path: Vec::new(), message: message.into() }))
    }

    /// Where it is, from the outside in: fields, variants, `[index]`.
    pub fn path(&self) -> impl Iterator<Item = &str> {
        self.0.path.iter().rev().map(String::as_str)
    }

    /// The same error, seen from the list around the item of that index.
    pub(super) fn at_index(self, index: u32) -> Self {
        self.at(format!("[{index}]"))
    }

    /// The same error, seen from the value around it: `step` is a field, a variant or `[index]`.
    #[must_use]
    pub fn at(mut self, step: impl Into<String>) -> Self {
        self.0.path.push(step.into());
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.path.iter().rev().enumerate() {
            let dot = if index == 0 || step.starts_with('[') { "" } else { "." };
            write!(f, "{dot}{step}")?;
        }
        write!(f, "{}{}", if self.0.path.is_empty() { "" } else { ": " }, self.0.message)
    }
}

impl std::error::Error for DecodeError {}
