//! Two texts side by side, as `diff -u` shows them.

use std::fmt::Write as _;

/// How many lines around a change are shown.
const CONTEXT: usize = 2;

/// What differs, in one piece from the first line to the last that is not the same.
#[must_use]
pub fn diff(path: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let shorter = old.len().min(new.len()) - same;
    let same_end =
        old.iter().rev().zip(new.iter().rev()).take(shorter).take_while(|(old, new)| old == new).count();
    let start = same.saturating_sub(CONTEXT);
    let (old_end, new_end) = (old.len() - same_end, new.len() - same_end);
    let after = same_end.min(CONTEXT);
    let mut text = format!(
        "--- {path}\n+++ {path}\n@@ -{},{} +{},{} @@\n",
        start + 1,
        old_end + after - start,
        start + 1,
        new_end + after - start
    );
    let parts = [
        (' ', &old[start..same]),
        ('-', &old[same..old_end]),
        ('+', &new[same..new_end]),
        (' ', &old[old_end..old_end + after]),
    ];
    for (mark, lines) in parts {
        for line in lines {
            let _ = writeln!(text, "{mark}{line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_around_the_change_are_shown() {
        let old = "1\n2\n3\n4\n5\n6\n";
        let new = "1\n2\n3\nfour\nmore\n5\n6\n";
        let expected = "--- a\n+++ a\n@@ -2,5 +2,6 @@\n 2\n 3\n-4\n+four\n+more\n 5\n 6\n";
        assert_eq!(diff("a", old, new), expected);
        assert_eq!(diff("a", "x\n", "x\nx\n"), "--- a\n+++ a\n@@ -1,1 +1,2 @@\n x\n+x\n");
    }
}
