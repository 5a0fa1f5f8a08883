//! Medians, spreads and ratios. Nothing is left out as an outlier.

/// The values of many rounds, described.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) p5: f64,
    pub(crate) median: f64,
    pub(crate) p95: f64,
}

impl Spread {
    /// `None` without any value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |fraction| quantile(&values, fraction);
        Some(Self { count: values.len(), p5: at(0.05)?, median: at(0.5)?, p95: at(0.95)? })
    }
}

/// The ratios of values of the same round, where both have one.
pub(crate) fn ratios(values: &[f64], to: &[f64]) -> Vec<f64> {
    values.iter().zip(to).map(|(value, to)| value / to).collect()
}

/// Between the two nearest values, in proportion.
fn quantile(sorted: &[f64], fraction: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = fraction * last as f64;
    let below = place.floor();
    let (low, high) = (sorted[below as usize], sorted[(place.ceil() as usize).min(last)]);
    Some(low + (high - low) * (place - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_nearest_values() {
        let spread = Spread::of((0..=100).rev().map(f64::from)).unwrap();
        assert_eq!(spread, Spread { count: 101, p5: 5.0, median: 50.0, p95: 95.0 });
        let spread = Spread::of([4.0, 1.0]).unwrap();
        assert_eq!((spread.count, spread.median), (2, 2.5));
        assert!((spread.p5 - 1.15).abs() < 1e-9 && (spread.p95 - 3.85).abs() < 1e-9);
        assert_eq!(Spread::of([7.0]), Some(Spread { count: 1, p5: 7.0, median: 7.0, p95: 7.0 }));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn outliers_count() {
        let spread = Spread::of([1.0, 1.0, 1.0, 1.0, 100.0]).unwrap();
        assert_eq!(spread.median, 1.0);
        assert!(spread.p95 > 50.0);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        assert_eq!(ratios(&[10.0, 30.0, 50.0], &[5.0, 10.0]), [2.0, 3.0]);
    }
}
