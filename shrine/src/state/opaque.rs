//! Foreign types, under a named and versioned codec.
//!
//! `#[state(opaque = "uuid@1")]` on a field admits a type that only implements serde's traits. Its shape is the name
//! alone: what the type looks like inside is the business of the crate that it comes from, and when that changes how the
//! type is encoded, the name gets another version, and a `#[migrate]` with it.
//!
//! A value is written as serde describes it to a format for people (an `Uuid` as its text), with field names, as plain
//! MessagePack: [`Value`](super::value::Value), the tools and JSON can read it. What MessagePack has only as an extension
//! is refused. Two equal values should be written alike: a `HashMap` inside a foreign type is not sorted.

use super::codec::{DecodeError, Decoder, Encoder, Fill};

/// A type that `#[state(opaque = "..")]` admits: with the feature `serde` one that serde can write and read, else none.
#[cfg_attr(
    feature = "serde",
    diagnostic::on_unimplemented(
        message = "`{Self}` cannot be opaque state: serde cannot write and read it",
        label = "does not implement both `serde::Serialize` and `serde::de::DeserializeOwned`",
        note = "derive them if it is yours; else look for a feature `serde` in the crate that it comes from"
    )
)]
#[cfg_attr(
    not(feature = "serde"),
    diagnostic::on_unimplemented(
        message = "`#[state(opaque = \"..\")]` needs the feature `serde` of shrine",
        label = "a foreign type",
        note = "write `features = [\"serde\"]` at `shrine` in `Cargo.toml`"
    )
)]
pub trait Foreign: Sized + 'static {
    /// Appends the value.
    fn write(&self, out: &mut Encoder);

    /// Reads what [`Foreign::write`] of the same codec wrote.
    ///
    /// # Errors
    ///
    /// When it is something else.
    fn read(input: &mut Decoder<'_>) -> Result<Self, DecodeError>;

    /// The place of a field of this type while a struct is read.
    #[doc(hidden)]
    #[inline(always)]
    fn slot(slot: &mut ForeignSlot<Self>) -> &mut dyn Fill {
        slot
    }
}

/// The place of a field of a foreign type.
#[doc(hidden)]
#[derive(Debug)]
pub struct ForeignSlot<T>(pub Option<T>);

impl<T: Foreign> Fill for ForeignSlot<T> {
    fn fill(&mut self, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
        self.0 = Some(T::read(input)?);
        Ok(())
    }
}

#[cfg(feature = "serde")]
#[diagnostic::do_not_recommend]
impl<T: serde::Serialize + serde::de::DeserializeOwned + 'static> Foreign for T {
    fn write(&self, out: &mut Encoder) {
        let mut bytes = Vec::new();
        let mut writer = rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_human_readable();
        match self.serialize(&mut writer) {
            Ok(()) => out.foreign(&bytes),
            Err(error) => out.fail(format!("`{}`: {error}", std::any::type_name::<Self>())),
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let bytes = input.raw()?;
        let mut reader = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
        Self::deserialize(&mut reader).map_err(|error| input.error(error.to_string()))
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use std::collections::BTreeMap;

    use super::super::from_bytes;
    use super::super::value::Value;
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    enum Foreigner {
        Unit,
        Named { at: Option<u8>, items: BTreeMap<String, Vec<i64>> },
    }

    fn written<T: Foreign>(value: &T) -> Result<Vec<u8>, DecodeError> {
        let mut out = Encoder::new();
        value.write(&mut out);
        out.finish()
    }

    #[test]
    fn a_foreign_value_comes_back_and_reads_as_a_value() {
        let named = Foreigner::Named { at: None, items: [("a".to_owned(), vec![1, -2])].into() };
        for value in [Foreigner::Unit, named] {
            let bytes = written(&value).expect("written");
            assert_eq!(Foreigner::read(&mut Decoder::new(&bytes)).as_ref(), Ok(&value));
            let shown: Value = from_bytes(&bytes).expect("plain MessagePack");
            assert!(shown.as_str() == Some("Unit") || shown.get("Named").is_some(), "{shown:?}");
        }
    }

    #[test]
    fn what_serde_cannot_write_is_an_error_and_no_loss() {
        struct Fails;
        impl serde::Serialize for Fails {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("as asked"))
            }
        }
        impl<'de> serde::Deserialize<'de> for Fails {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Err(serde::de::Error::custom("as asked"))
            }
        }
        let error = written(&Fails).expect_err("it fails").to_string();
        assert!(error.contains("as asked"), "{error}");
    }
}
