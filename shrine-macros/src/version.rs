//! Versions: semver for widgets, with parts left out for nested types.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::LitStr;

use crate::errors::Errors;
use crate::names;

/// How strictly a version is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `1.2.3` or `1.2.3-rc.1`.
    Semver,
    /// `1`, `1.2` too.
    Short,
}

/// A version as it was written, and what it means.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) text: LitStr,
    pub(crate) parsed: semver::Version,
    known: bool,
}

impl Version {
    /// Reads a version, or reports why it is none.
    pub(crate) fn read(text: &LitStr, form: Form, errors: &Errors) -> Option<Self> {
        match parse(&text.value(), form) {
            Ok(parsed) => Some(Self { text: text.clone(), parsed, known: true }),
            Err(reason) => {
                let example =
                    if form == Form::Semver { "`1.0.0` or `1.0.0-rc.1`" } else { "`1`, `1.2` or `1.2.3`" };
                errors.report(
                    text,
                    format!("`{}` is not a version: {reason}", text.value()),
                    format!("write it as {example}"),
                );
                None
            }
        }
    }

    /// Stands in for a version that is missing or wrong, so that what depends on it is still generated.
    pub(crate) fn unknown() -> Self {
        Self {
            text: LitStr::new("0.0.0", Span::call_site()),
            parsed: semver::Version::new(0, 0, 0),
            known: false,
        }
    }

    /// How messages call it.
    pub(crate) fn shown(&self) -> String {
        if self.known { format!("version {}", self.text.value()) } else { "the newest version".to_owned() }
    }

    /// Whether it was read, and not made up by [`Version::unknown`].
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// The shortest text of this version: the same for `2`, `2.0` and `2.0.0`.
    pub(crate) fn canonical(&self) -> String {
        let semver::Version { major, minor, patch, ref pre, .. } = self.parsed;
        match (minor, patch, pre.is_empty()) {
            (0, 0, true) => format!("{major}"),
            (_, 0, true) => format!("{major}.{minor}"),
            _ => self.parsed.to_string(),
        }
    }

    /// The name of `ident` at this version: `CounterV0_9_0`. Located at the version in the attribute, but spoken by
    /// the macro: lints on the user's naming do not see it.
    pub(crate) fn name_of(&self, ident: &Ident) -> Ident {
        let suffix = self.text.value().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let span = Span::call_site().located_at(self.text.span());
        format_ident!("{}V{}", names::plain(ident), suffix, span = span)
    }
}

/// Reads a version, or says why it is none.
pub(crate) fn parse(text: &str, form: Form) -> Result<semver::Version, String> {
    let parts = text.split(['-', '+']).next().unwrap_or_default().split('.').count();
    let padded = match (form, parts) {
        (Form::Short, 1 | 2) if !text.contains(['-', '+']) => format!("{text}{}", ".0".repeat(3 - parts)),
        _ => text.to_owned(),
    };
    let version = semver::Version::parse(&padded).map_err(|error| error.to_string())?;
    if version.build.is_empty() { Ok(version) } else { Err("build metadata has no order".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, form: Form) -> Option<Version> {
        parse(text, form).ok().map(|parsed| Version {
            text: LitStr::new(text, Span::call_site()),
            parsed,
            known: true,
        })
    }

    #[test]
    fn widgets_need_all_three_parts_and_nested_types_do_not() {
        assert!(read("1.0", Form::Semver).is_none());
        assert!(read("1.0.0-rc.1", Form::Semver).is_some());
        assert!(read("1.0.0+linux", Form::Semver).is_none());
        assert_eq!(read("1", Form::Short).unwrap().parsed, semver::Version::new(1, 0, 0));
        assert!(read("", Form::Short).is_none());
    }

    #[test]
    fn equal_versions_have_one_canonical_text() {
        for text in ["2", "2.0", "2.0.0"] {
            assert_eq!(read(text, Form::Short).unwrap().canonical(), "2");
        }
        assert_eq!(read("2.1", Form::Short).unwrap().canonical(), "2.1");
    }

    #[test]
    fn older_types_are_named_for_their_version() {
        let version = read("1.0.0-rc.1", Form::Semver).unwrap();
        assert_eq!(version.name_of(&format_ident!("Counter")), "CounterV1_0_0_rc_1");
    }
}
