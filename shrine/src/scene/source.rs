//! The text of a scene as plain values, and the place of each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::error::SceneError;

/// The keys that lead to a value; a number stands for an item of a list.
pub(super) type Path = Vec<String>;

/// A text, and where what is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    text: Arc<str>,
    keys: BTreeMap<Path, Range<usize>>,
    values: BTreeMap<Path, Range<usize>>,
}

/// Which part of `key = value` an error points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Value,
}

/// Reads a text.
///
/// # Errors
///
/// When it is no TOML; all places at which it is none.
pub(super) fn read(text: &str) -> Result<(Map<String, Value>, Source), Vec<SceneError>> {
    let mut source = Source { text: text.into(), ..Source::default() };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let error = |error: &toml::de::Error| {
            let place = error.span().unwrap_or(text.len()..text.len());
            SceneError::at(text, place, error.message().to_owned(), None)
        };
        let mut errors: Vec<SceneError> = errors.iter().map(error).collect();
        errors.sort_by_key(|error| (error.line, error.column));
        // What follows on the same line follows from the first.
        errors.dedup_by_key(|error| error.line);
        return Err(errors);
    }
    let map = source.table(table.get_ref(), &mut Path::new());
    Ok((map, source))
}

impl Source {
    /// An error about a key or a value; where neither is written, about the nearest thing around it.
    pub(super) fn error(
        &self,
        path: &[String],
        part: Part,
        reason: impl Into<String>,
        help: impl Into<Option<String>>,
    ) -> SceneError {
        SceneError::at(&self.text, self.place(path, part), reason.into(), help.into())
    }

    /// How a value is written, or nothing where it is not.
    pub(super) fn written(&self, path: &[String]) -> &str {
        self.values.get(path).and_then(|place| self.text.get(place.clone())).unwrap_or_default()
    }

    /// The keys of a table in the order of the text.
    pub(super) fn in_order<'a>(
        &self,
        path: &[String],
        table: &'a Map<String, Value>,
    ) -> Vec<(&'a String, &'a Value)> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| self.keys.get(&down(path, key)).map(|place| place.start));
        entries
    }

    fn place(&self, path: &[String], part: Part) -> Range<usize> {
        let exact = match part {
            Part::Key => self.keys.get(path).or_else(|| self.values.get(path)),
            Part::Value => self.values.get(path).or_else(|| self.keys.get(path)),
        };
        match (exact, path.split_last()) {
            (Some(place), _) => place.clone(),
            (None, Some((_, above))) => self.place(above, Part::Key),
            (None, None) => 0..0,
        }
    }

    fn table(&mut self, table: &DeTable<'_>, path: &mut Path) -> Map<String, Value> {
        let mut map = Map::new();
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.keys.insert(path.clone(), key.span());
            let value = self.value(value, path);
            map.insert(path.pop().unwrap_or_default(), value);
        }
        map
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, path: &mut Path) -> Value {
        self.values.insert(path.clone(), value.span());
        match value.get_ref() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Boolean(value) => Value::from(*value),
            DeValue::Datetime(time) => Value::from(time.to_string()),
            DeValue::Integer(number) => integer(number),
            DeValue::Float(number) => float(number.as_str()),
            DeValue::Table(table) => Value::Object(self.table(table, path)),
            DeValue::Array(items) => {
                let item = |(index, item): (usize, &Spanned<DeValue<'_>>)| {
                    path.push(index.to_string());
                    let value = self.value(item, path);
                    path.pop();
                    value
                };
                Value::Array(items.iter().enumerate().map(item).collect())
            }
        }
    }
}

/// The path of a member.
pub(super) fn down(path: &[String], key: &str) -> Path {
    path.iter().cloned().chain([key.to_owned()]).collect()
}

/// As state is read from JSON: what does not fit in 64 bits is text.
fn integer(number: &DeInteger<'_>) -> Value {
    let digits = number.as_str().replace('_', "");
    let value = i128::from_str_radix(&digits, number.radix());
    match value.map(|value| (i64::try_from(value), u64::try_from(value), value)) {
        Ok((Ok(value), ..)) => Value::from(value),
        Ok((_, Ok(value), _)) => Value::from(value),
        Ok((_, _, value)) => Value::from(value.to_string()),
        Err(_) => Value::from(digits),
    }
}

/// As state is read from JSON: what is no finite number is text.
fn float(text: &str) -> Value {
    let value: f64 = text.replace('_', "").parse().unwrap_or(f64::NAN);
    Number::from_f64(value).map_or_else(|| Value::from(value.to_string()), Value::Number)
}
