//! Reads periods such as `250ms` or `1.5s`.

/// Nanoseconds in each unit.
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The period in nanoseconds, or why the text is none.
pub(crate) fn nanoseconds(text: &str) -> Result<u64, &'static str> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = UNITS.iter().find(|(name, _)| *name == unit.trim());
    let (_, unit) = unit.ok_or("it ends with a unit: `us`, `ms`, `s`, `m` or `h`")?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().map_err(|_| "it begins with a number")?;
    if fraction.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return Err("it begins with a number");
    }
    let tenths: u64 = fraction.parse().map_err(|_| "it begins with a number")?;
    let parts = u128::from(tenths) * u128::from(*unit) / 10_u128.pow(fraction.len() as u32);
    let total = u128::from(whole) * u128::from(*unit) + parts;
    match u64::try_from(total) {
        Ok(0) => Err("a timer without a pause would never let go"),
        Ok(total) => Ok(total),
        Err(_) => Err("it is longer than 584 years"),
    }
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn every_unit_is_read() {
        assert_eq!(nanoseconds("100us"), Ok(100_000));
        assert_eq!(nanoseconds("250ms"), Ok(250_000_000));
        assert_eq!(nanoseconds("1s"), Ok(1_000_000_000));
        assert_eq!(nanoseconds("1.5s"), Ok(1_500_000_000));
        assert_eq!(nanoseconds("2m"), Ok(120_000_000_000));
        assert_eq!(nanoseconds("1h"), Ok(3_600_000_000_000));
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["", "1", "s", "0s", "0.0ms", "-1s", "1 fortnight", "1.s", "1.2.3s", "99999999999999h"] {
            assert!(nanoseconds(text).is_err(), "{text}");
        }
    }
}
