//! Encoded messages.

use std::fmt;
use std::ops::Deref;

/// How many bytes a message may have that needs no room of its own. Together with their number and what it is, as
/// large as the pointer and length of a longer one.
const SHORT: usize = 22;

/// A message in its encoding.
#[derive(Clone)]
pub struct Payload(Kept);

#[derive(Clone)]
enum Kept {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Kept::Short { len, bytes } => &bytes[..usize::from(*len).min(SHORT)],
            Kept::Long(bytes) => bytes,
        }
    }
}

/// An encoded message with whatever is behind it in memory.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// From the beginning of the message on.
    rest: &'a [u8],
    len: usize,
}

impl<'a> Piece<'a> {
    /// The first bytes of `rest`.
    pub(super) fn of(rest: &'a [u8], len: usize) -> Self {
        Self { rest, len: len.min(rest.len()) }
    }

    /// The message.
    #[must_use]
    pub fn message(self) -> &'a [u8] {
        &self.rest[..self.len]
    }

    /// Hands a copy over. `put` is there twice in what is compiled: so a short one is written to its place, and to no other before.
    #[inline]
    pub fn put(self, put: impl FnOnce(Payload)) {
        match (u8::try_from(self.len), self.rest.first_chunk()) {
            // A copy of a known length is no call; what is behind the message is not looked at.
            (Ok(len), Some(bytes)) if self.len <= SHORT => put(Payload(Kept::Short { len, bytes: *bytes })),
            _ => put(self.message().into()),
        }
    }
}

impl From<&[u8]> for Payload {
    fn from(message: &[u8]) -> Self {
        match u8::try_from(message.len()) {
            Ok(len) if message.len() <= SHORT => {
                let mut bytes = [0; SHORT];
                bytes[..message.len()].copy_from_slice(message);
                Self(Kept::Short { len, bytes })
            }
            _ => Self(Kept::Long(message.into())),
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(message: Vec<u8>) -> Self {
        if message.len() <= SHORT { message.as_slice().into() } else { Self(Kept::Long(message.into())) }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_it_was_however_long() {
        assert_eq!(size_of::<Payload>(), 24);
        for len in [0, 1, SHORT - 1, SHORT, SHORT + 1, 255, 256, 70_000] {
            let message: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let (copied, moved) = (Payload::from(&message[..]), Payload::from(message.clone()));
            assert_eq!((&*copied, &copied), (&message[..], &moved));
            let longer = [&message[..], &[7; SHORT]].concat();
            for rest in [&longer[..], &message] {
                Piece::of(rest, len).put(|payload| assert_eq!(payload, copied));
            }
        }
    }
}
