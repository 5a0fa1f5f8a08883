//! A mistake in a scene, and the place where it is.

use std::fmt::{self, Write as _};
use std::ops::Range;

use super::FILE;
use crate::words::nearest;

/// A mistake in the text of a scene.
///
/// Printed, it shows the place in the manner of the compiler; what to do instead is in `help`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SceneError {
    /// What is wrong.
    pub reason: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub column: usize,
    /// The text of the line.
    pub text: String,
    /// How many characters of the line it is about; at least 1.
    pub length: usize,
}

impl SceneError {
    pub(super) fn at(text: &str, place: Range<usize>, reason: String, help: Option<String>) -> Self {
        let floor = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (floor(place.start), floor(place.end));
        let before = &text[..start];
        let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[begin..].find('\n').map_or(text.len(), |newline| begin + newline);
        let line_text = text[begin..line_end].trim_end_matches('\r');
        let end = end.clamp(start, line_end.max(start));
        Self {
            reason: reason.trim().replace('\n', "; "),
            help,
            line: before.matches('\n').count() + 1,
            column: text[begin..start].chars().count() + 1,
            text: line_text.to_owned(),
            length: text[start..end].trim_end().chars().count().max(1),
        }
    }

    /// The same in a file of another name.
    #[must_use]
    pub fn render(&self, file: &str) -> String {
        let Self { reason, line, column, text, length, .. } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        // What a terminal shows wider than one column is as wide in the line of carets.
        let indent: String =
            text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let mut out = format!("{reason}\n{margin}--> {file}:{line}:{column}\n{margin} |\n");
        let _ = write!(out, "{number} | {text}\n{margin} | {indent}{}", "^".repeat(*length));
        out
    }
}

impl fmt::Display for SceneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(FILE))
    }
}

impl std::error::Error for SceneError {}

/// ``did you mean `x`?`` if a name is near, else all names there are.
pub(super) fn suggest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match nearest(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => among(&names),
    }
}

/// ``there are `a`, `b` ``, or that there are none.
pub(super) fn among(names: &[&str]) -> String {
    match names {
        [] => "there are none".to_owned(),
        [only] => format!("there is only `{only}`"),
        names => format!(
            "there are {}",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}
