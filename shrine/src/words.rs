//! Which of the known words was meant.

/// The word that is nearest, if one is near enough to be what was meant.
///
/// ```
/// use shrine::words::nearest;
///
/// assert_eq!(nearest("coutner", ["clock", "counter"]), Some("counter"));
/// assert_eq!(nearest("launch", ["clock", "counter"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, nearest) = known.into_iter().map(|known| (distance(word, known), known)).min()?;
    (distance <= 2 && distance < nearest.chars().count()).then_some(nearest)
}

/// How many letters must be changed, added, removed or swapped with their neighbour to make one word the other.
#[must_use]
pub fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let changed = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
                    let swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
                    let swapped = if swapped { rows[i - 2][j - 2] + 1 } else { usize::MAX };
                    changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(swapped)
                }
            };
        }
    }
    rows[one.len()][other.len()]
}
