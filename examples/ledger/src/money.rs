//! What amounts are counted in.

use shrine::prelude::*;

/// A currency.
#[state]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currency {
    /// Its code, as `EUR`.
    pub code: String,
    /// How many digits its cents have.
    #[fixture(range(0..=3))]
    pub digits: u8,
}

impl Default for Currency {
    fn default() -> Self {
        Self::of("EUR")
    }
}

impl Currency {
    /// The currency of that code.
    #[must_use]
    pub fn of(code: &str) -> Self {
        let digits = match code {
            "JPY" | "KRW" => 0,
            "KWD" | "TND" => 3,
            _ => 2,
        };
        Self { code: code.to_owned(), digits }
    }

    /// An amount in cents, for people.
    #[must_use]
    pub fn format(&self, cents: i128) -> String {
        let digits = usize::from(self.digits);
        let sign = if cents < 0 { "-" } else { "" };
        let text = format!("{:0>width$}", cents.unsigned_abs(), width = digits + 1);
        let (whole, part) = text.split_at(text.len() - digits);
        let dot = if digits > 0 { "." } else { "" };
        format!("{sign}{whole}{dot}{part} {}", self.code)
    }
}

/// An amount in cents. Once it was a float.
pub(crate) fn cents(units: f32) -> i64 {
    (f64::from(units) * 100.0).round() as i64
}

/// The float that it once was.
pub(crate) fn units(cents: i64) -> f32 {
    (cents as f64 / 100.0) as f32
}
