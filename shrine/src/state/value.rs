//! State whose Rust type is not at hand.
//!
//! The host keeps no Rust type of any widget: when it has to look into a state (to reconcile it by name, to print it,
//! to read it from JSON), it does so through [`Value`]. Widgets may use it for data that no Rust type describes.

use super::State;
use super::codec::{DecodeError, Decoder, Encoder, Token};
use super::shape::{Shape, ShapeContext, fingerprint};

/// Any value that the codec can carry.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// nil
    #[default]
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// An unsigned integer beyond `i128`.
    Uint(u128),
    /// A float of 32 bits.
    F32(f32),
    /// A float of 64 bits.
    F64(f64),
    /// Text, and enum variants without payload.
    Str(String),
    /// A block of bytes.
    Bytes(Vec<u8>),
    /// Sequences, sets and tuples.
    Seq(Vec<Self>),
    /// Structs, maps, and enum variants with a payload.
    Map(Vec<(Self, Self)>),
}

impl Value {
    /// The entry with that text as its key.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => {
                entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The entry with that text as its key, to change it.
    #[must_use]
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Map(entries) => {
                entries.iter_mut().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

impl State for Value {
    const FINGERPRINT: u64 = fingerprint::ANY;
    const NULLABLE: bool = true;

    fn shape(_: &mut ShapeContext) -> Shape {
        Shape::Any
    }

    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Nil => out.nil(),
            Self::Bool(value) => out.bool(*value),
            Self::Int(value) => out.int128(*value),
            Self::Uint(value) => out.uint128(*value),
            Self::F32(value) => out.f32(*value),
            Self::F64(value) => out.f64(*value),
            Self::Str(text) => out.str(text),
            Self::Bytes(bytes) => out.bytes(bytes),
            Self::Seq(items) => out.sequence(items.len(), items.iter()),
            Self::Map(entries) => out.map(entries.len(), |out| {
                for (key, value) in entries {
                    key.encode(out);
                    value.encode(out);
                }
            }),
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(match input.token()? {
            Token::Nil => Self::Nil,
            Token::Bool(value) => Self::Bool(value),
            Token::Int(value) => Self::Int(value),
            Token::Uint(value) => Self::Uint(value),
            Token::F32(value) => Self::F32(value),
            Token::F64(value) => Self::F64(value),
            Token::Str(text) => Self::Str(text.to_owned()),
            Token::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Token::Array(len) => Self::Seq(input.nested(|input| {
                let mut items = Vec::new();
                for _ in 0..len {
                    items.push(Self::decode(input)?);
                }
                Ok(items)
            })?),
            Token::Map(len) => Self::Map(input.nested(|input| {
                let mut entries = Vec::new();
                for _ in 0..len {
                    entries.push((Self::decode(input)?, Self::decode(input)?));
                }
                Ok(entries)
            })?),
        })
    }
}
