//! Reads the file.
//!
//! ```toml
//! format = 1
//!
//! [widget.counter."0.9.0"]
//! fingerprint = "d7a04485f3ae3328"
//! shape = ["count: i64", "title: String"]
//! retired = ["title"]
//!
//! [state.Item."1"]
//! fingerprint = "00c2a4b1f0d9e871"
//! shape = ["text: String"]
//! ```
//!
//! Invariant: the same as `shrine::state::lock`, which the tools write it with.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::version::{Form, parse};

/// The format that this version of the macros knows.
const FORMAT: &str = "1";

/// Which table of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By its id.
    Widget,
    /// A type with `#[state(version = "..")]`, by its name.
    State,
}

/// A version that was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) text: String,
    pub(crate) version: semver::Version,
    pub(crate) fingerprint: u64,
    /// A line for each field or variant: `count: i64`.
    pub(crate) shape: Vec<String>,
    /// The names among them that went away in a later version.
    pub(crate) retired: Vec<String>,
}

/// The releases of a widget or type, newest first, or why the file cannot be read.
pub(super) fn releases(text: &str, kind: Kind, name: &str) -> Result<Vec<Release>, String> {
    let file = DeTable::parse(text).map_err(|error| located(text, error.span(), error.message()))?;
    let file = file.get_ref();
    known(text, file, &["format", "widget", "state"])?;
    match file.get("format").map(|format| format.get_ref()) {
        Some(DeValue::Integer(format)) if format.as_str() == FORMAT => {}
        None if file.is_empty() => {}
        Some(DeValue::Integer(format)) => {
            return Err(format!(
                "its format is {}, and this version of shrine knows {FORMAT}",
                format.as_str()
            ));
        }
        _ => return Err(format!("it does not begin with `format = {FORMAT}`")),
    }
    let (key, form) = match kind {
        Kind::Widget => ("widget", Form::Semver),
        Kind::State => ("state", Form::Short),
    };
    let Some(named) = file.get(key) else { return Ok(Vec::new()) };
    let named = table(text, named, key)?;
    let Some(versions) = named.get(name) else { return Ok(Vec::new()) };
    let versions = table(text, versions, name)?;
    let release =
        |(version, entry): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| one(text, version, entry, form);
    let mut releases = versions.iter().map(release).collect::<Result<Vec<_>, _>>()?;
    releases.sort_by(|a, b| b.version.cmp(&a.version));
    Ok(releases)
}

fn one(
    text: &str,
    version: &toml::Spanned<toml::de::DeString<'_>>,
    entry: &toml::Spanned<DeValue<'_>>,
    form: Form,
) -> Result<Release, String> {
    let name: &str = version.get_ref();
    let at = |what: String| located(text, Some(version.span()), &what);
    let parsed = parse(name, form).map_err(|reason| at(format!("`{name}` is not a version: {reason}")))?;
    let entry = table(text, entry, name)?;
    known(text, entry, &["fingerprint", "shape", "retired"])?;
    let fingerprint = entry.get("fingerprint").and_then(|value| value.get_ref().as_str());
    let fingerprint = fingerprint.filter(|digits| digits.len() == 16);
    let fingerprint = fingerprint.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    Ok(Release {
        text: name.to_owned(),
        version: parsed,
        fingerprint: fingerprint
            .ok_or_else(|| at(format!("version {name} has no `fingerprint` of 16 hexadecimal digits")))?,
        shape: lines(text, entry, "shape")?,
        retired: lines(text, entry, "retired")?,
    })
}

fn lines(text: &str, entry: &DeTable<'_>, key: &str) -> Result<Vec<String>, String> {
    let Some(value) = entry.get(key) else { return Ok(Vec::new()) };
    let lines = value.get_ref().as_array().and_then(|items| {
        items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    lines.ok_or_else(|| located(text, Some(value.span()), &format!("`{key}` is a list of texts")))
}

fn table<'a, 'i>(
    text: &str,
    value: &'a toml::Spanned<DeValue<'i>>,
    name: &str,
) -> Result<&'a DeTable<'i>, String> {
    value
        .get_ref()
        .as_table()
        .ok_or_else(|| located(text, Some(value.span()), &format!("`{name}` is no table")))
}

fn known(text: &str, table: &DeTable<'_>, known: &[&str]) -> Result<(), String> {
    let unknown = table.iter().find(|(key, _)| !known.contains(&key.get_ref().as_ref()));
    match unknown {
        Some((key, _)) => Err(located(text, Some(key.span()), &format!("`{}` is not known", key.get_ref()))),
        None => Ok(()),
    }
}

/// The message with the line that it is about.
fn located(text: &str, span: Option<Range<usize>>, message: &str) -> String {
    let before = span.and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
format = 1

[widget.counter."0.9.0"]
fingerprint = "d7a04485f3ae3328"
shape = ["count: i64", "title: String"]
retired = ["title"]

[widget.counter."0.10.0"]
fingerprint = "0000000000000001"
shape = ["count: i64"]

[state.Item."1"]
fingerprint = "0000000000000002"
shape = []
"#;

    #[test]
    fn releases_are_read_newest_first() {
        let releases = releases(LOCK, Kind::Widget, "counter").unwrap();
        let texts: Vec<_> = releases.iter().map(|release| release.text.as_str()).collect();
        assert_eq!(texts, ["0.10.0", "0.9.0"]);
        assert_eq!(releases[1].fingerprint, 0xd7a0_4485_f3ae_3328);
        assert_eq!(releases[1].shape, ["count: i64", "title: String"]);
        assert_eq!(releases[1].retired, ["title"]);
    }

    #[test]
    fn widgets_and_types_are_apart() {
        assert_eq!(releases(LOCK, Kind::State, "Item").unwrap().len(), 1);
        assert_eq!(releases(LOCK, Kind::Widget, "Item").unwrap(), []);
        assert_eq!(releases("", Kind::Widget, "counter").unwrap(), []);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let reason = |text: &str| releases(text, Kind::Widget, "counter").unwrap_err();
        assert!(reason("format = ").starts_with("line 1: "), "{}", reason("format = "));
        assert_eq!(reason("[widget]"), "it does not begin with `format = 1`");
        assert_eq!(reason("format = 2"), "its format is 2, and this version of shrine knows 1");
        assert_eq!(reason("format = 1\nwidgets = 1"), "line 2: `widgets` is not known");
        assert_eq!(reason("format = 1\nwidget = 1"), "line 2: `widget` is no table");
        let entry = |entry: &str| reason(&format!("format = 1\n[widget.counter.{entry}"));
        assert_eq!(
            entry("\"1\"]"),
            "line 2: `1` is not a version: unexpected end of input while parsing major version number"
        );
        assert_eq!(
            entry("\"1.0.0\"]"),
            "line 2: version 1.0.0 has no `fingerprint` of 16 hexadecimal digits"
        );
        let sound = "\"1.0.0\"]\nfingerprint = \"0000000000000001\"\n";
        assert_eq!(entry(&format!("{sound}shape = 1")), "line 4: `shape` is a list of texts");
    }
}
