//! What went wrong, in words for whoever runs the benchmark.

use std::fmt::{self, Display, Formatter};

/// What could not be done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    what: String,
    /// The last lines of what the program in question said.
    output: Vec<String>,
}

impl Failure {
    /// A failure in one sentence.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), output: Vec::new() }
    }

    /// The same, with what a program said before; only its last lines are kept.
    pub(crate) fn with_output(mut self, lines: &[String]) -> Self {
        const KEPT: usize = 20;
        self.output = lines[lines.len().saturating_sub(KEPT)..].to_vec();
        self
    }

    /// The same, as the reason for another.
    pub(crate) fn context(self, what: impl Display) -> Self {
        Self { what: format!("{what}: {}", self.what), output: self.output }
    }

    /// In one line, for a table: what it is, and the line of the output that tells most.
    pub(crate) fn line(&self) -> String {
        let is_error = |line: &&String| line.trim_start().starts_with("error");
        let told = self.output.iter().find(is_error).or(self.output.last());
        let told = told.map(|line| format!(" ({})", line.trim())).unwrap_or_default();
        format!("{}{told}", self.what.trim()).replace('\n', " ").replace('|', "\\|")
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)?;
        self.output.iter().try_for_each(|line| write!(formatter, "\n    {line}"))
    }
}

impl std::error::Error for Failure {}

/// What was tried when the system said no.
pub(crate) trait Context<T> {
    /// Says what was tried.
    fn context(self, what: impl Display) -> Result<T, Failure>;
}

impl<T> Context<T> for std::io::Result<T> {
    fn context(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("cannot {what}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_a_table_has_the_error_and_no_bars() {
        let lines = ["warning: a".to_owned(), "error: a | b".to_owned(), "more".to_owned()];
        let failure = Failure::new("cargo failed").with_output(&lines).context("dx");
        assert_eq!(failure.line(), "dx: cargo failed (error: a \\| b)");
        assert_eq!(failure.to_string(), "dx: cargo failed\n    warning: a\n    error: a | b\n    more");
    }
}
