//! Amounts as people write them.

/// The units of sizes, the largest first.
const UNITS: [(&str, usize); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A number of bytes: `64KiB`, `1 MB`, `512`.
pub(super) fn bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    let number: usize = number.trim().replace('_', "").parse().ok()?;
    number.checked_mul(factor)
}

/// The same number of bytes in the largest unit that shows it whole.
pub(super) fn show_bytes(bytes: usize) -> String {
    let whole = |(_, factor): &&(&str, usize)| bytes > 0 && bytes.is_multiple_of(*factor);
    let (unit, factor) = UNITS.iter().find(whole).copied().unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_shown() {
        for size in [0, 1, 999, 1_000, 1 << 10, 4 << 20, 3 << 30, 5_000_000] {
            assert_eq!(bytes(&show_bytes(size)), Some(size), "{}", show_bytes(size));
        }
        assert_eq!((bytes("64 KiB"), bytes("512")), (Some(65_536), Some(512)));
        for text in ["", "KiB", "-1B", "1.5MiB", "12 parsecs", "99999999999GiB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
