//! Two texts side by side, as `diff -u` shows them.

use std::fmt::Write as _;
use std::ops::Range;

/// How many lines around a change are shown.
const CONTEXT: usize = 2;

/// A place where lines of the old text became other lines.
#[derive(Debug, Clone)]
struct Change {
    old: Range<usize>,
    new: Range<usize>,
}

/// What differs. Meant for texts of which one was made from the other by edits.
#[must_use]
pub fn diff(path: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let changes = changes(&old, &new);
    let mut text = format!("--- {path}\n+++ {path}\n");
    let mut rest = &changes[..];
    while let Some(first) = rest.first() {
        // Changes whose surroundings touch are shown in one piece.
        let near = |pair: &[Change]| pair[1].old.start - pair[0].old.end <= 2 * CONTEXT;
        let (hunk, others) = rest.split_at(1 + rest.windows(2).take_while(|pair| near(pair)).count());
        rest = others;
        let last = hunk.last().unwrap_or(first);
        let before = first.old.start.min(CONTEXT);
        let after = (old.len() - last.old.end).min(CONTEXT);
        let (start, new_start) = (first.old.start - before, first.new.start - before);
        let _ = writeln!(
            text,
            "@@ -{},{} +{},{} @@",
            start + 1,
            last.old.end + after - start,
            new_start + 1,
            last.new.end + after - new_start
        );
        let mut at = start;
        for change in hunk {
            lines(&mut text, ' ', &old[at..change.old.start]);
            lines(&mut text, '-', &old[change.old.clone()]);
            lines(&mut text, '+', &new[change.new.clone()]);
            at = change.old.end;
        }
        lines(&mut text, ' ', &old[at..at + after]);
    }
    text
}

fn lines(text: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(text, "{mark}{line}");
    }
}

/// Goes through both texts, and where they differ on to the nearest lines that are the same again.
fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let (mut changes, mut a, mut b) = (Vec::new(), 0, 0);
    while a < old.len() || b < new.len() {
        if old.get(a) == new.get(b) {
            (a, b) = (a + 1, b + 1);
            continue;
        }
        let left = (old.len() - a) + (new.len() - b);
        let meets = |(i, j): &(usize, usize)| {
            let (old, new) = (old.get(a + i..), new.get(b + j..));
            old.zip(new).is_some_and(|(old, new)| old.first() == new.first())
        };
        let pairs = (1..=left).flat_map(|far| (0..=far).map(move |i| (i, far - i)));
        let (i, j) = pairs.into_iter().find(meets).unwrap_or((old.len() - a, new.len() - b));
        changes.push(Change { old: a..a + i, new: b..b + j });
        (a, b) = (a + i, b + j);
    }
    changes
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
        assert_eq!(diff("a", "x\n", "x\n"), "--- a\n+++ a\n");
    }

    #[test]
    fn what_is_far_apart_is_shown_apart() {
        let old: Vec<String> = (0..20).map(|line| line.to_string()).collect();
        let mut new = old.clone();
        new[3] = "three".to_owned();
        new.insert(15, "more".to_owned());
        let expected = "--- a\n+++ a\n@@ -2,5 +2,5 @@\n 1\n 2\n-3\n+three\n 4\n 5\n\
                        @@ -14,4 +14,5 @@\n 13\n 14\n+more\n 15\n 16\n";
        assert_eq!(diff("a", &old.join("\n"), &new.join("\n")), expected);
    }
}
