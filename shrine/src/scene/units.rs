//! Amounts as people write them.

use std::time::Duration;

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

/// A time: `500ms`, `5s`, `2m`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, factor) = [("ms", 1), ("s", 1_000), ("m", 60_000)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    let number: u64 = number.trim().parse().ok()?;
    number.checked_mul(factor).map(Duration::from_millis)
}

/// The same time in the largest unit that shows it whole.
pub(super) fn show_duration(time: Duration) -> String {
    match u64::try_from(time.as_millis()).unwrap_or(u64::MAX) {
        0 => "0s".to_owned(),
        time if time.is_multiple_of(60_000) => format!("{}m", time / 60_000),
        time if time.is_multiple_of(1_000) => format!("{}s", time / 1_000),
        time => format!("{time}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_shown() {
        for size in [0, 1, 999, 1_000, 1 << 10, 4 << 20, 3 << 30, 5_000_000] {
            assert_eq!(bytes(&show_bytes(size)), Some(size), "{}", show_bytes(size));
        }
        for time in [0, 1, 999, 1_000, 60_000, 90_000] {
            let time = Duration::from_millis(time);
            assert_eq!(duration(&show_duration(time)), Some(time));
        }
        for text in ["", "5", "s", "-1s", "1.5s", "99999999999999999999m"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!((bytes("64 KiB"), bytes("512")), (Some(65_536), Some(512)));
        for text in ["", "KiB", "-1B", "1.5MiB", "12 parsecs", "99999999999GiB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
