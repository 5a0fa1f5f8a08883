//! Hashes of names, computed here so that the constant evaluator of the user's crate need not.

/// FNV-1a of 64 bits (Fowler, Noll and Vo). Invariant: equal to `shrine::state::shape::fingerprint::text`.
pub(crate) fn text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_published_vectors_of_fnv_1a_hold() {
        assert_eq!(text(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(text("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(text("foobar"), 0x8594_4171_f739_67e8);
    }
}
