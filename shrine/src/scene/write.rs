//! A scene becomes a text.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

use super::{Choice, Deadline, Scene, SceneConnection, SceneHistory, SceneInstance, UpdatePolicy, units};
use crate::registry::{Mode, Overflow, Policy, STREAM_CAPACITY};

/// How long a line with a state may become before each of its fields has a line.
const WIDTH: usize = 100;

impl Scene {
    /// The text of a `shrine.toml` that says the same; always the same text for the same scene. What is as it would be
    /// without being said is left out, and so are fields of states that are `null`, or lists with a `null`: TOML cannot say them.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        match self.instances.as_deref() {
            Some([]) => parts.push("[instances]\n".to_owned()),
            instances => parts.extend(instances.unwrap_or_default().iter().map(ToString::to_string)),
        }
        parts.extend(self.connections.iter().map(ToString::to_string));
        let mut policy = |header: String, policy: &UpdatePolicy| {
            let lines = entries(&policy.entries());
            if !lines.is_empty() {
                parts.push(format!("[{header}]\n{lines}"));
            }
        };
        policy("update".to_owned(), &self.update);
        for (id, of) in &self.widgets {
            policy(format!("widgets.{}", key(id)), of);
        }
        parts.join("\n")
    }
}

impl SceneInstance {
    /// The keys that are not as they would be without being said, with their values in TOML; the state apart.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let mut entries = Vec::new();
        if self.widget != self.id {
            entries.push(("widget", text(&self.widget)));
        }
        if self.history != SceneHistory::default() {
            entries.push(("history", self.history.to_toml()));
        }
        entries
    }

    /// The state on one line, if it has any.
    #[must_use]
    pub fn state_toml(&self) -> Option<String> {
        Some(inline(&self.state)).filter(|text| text != "{}")
    }
}

/// Prints its part of the file.
impl fmt::Display for SceneInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = key(&self.id);
        write!(f, "[instances.{id}]\n{}", entries(&self.entries()))?;
        let Some(state) = self.state_toml() else { return Ok(()) };
        if state.len() <= WIDTH {
            return writeln!(f, "state = {state}");
        }
        writeln!(f, "\n[instances.{id}.state]")?;
        for (name, value) in self.state.iter().filter(|(_, value)| can_be_said(value)) {
            writeln!(f, "{} = {}", key(name), literal(value))?;
        }
        Ok(())
    }
}

impl SceneHistory {
    fn to_toml(self) -> String {
        let (default, word) = (Self::default().limits, text(self.record.word()));
        if self.limits == default {
            return word;
        }
        let mut entries = Vec::new();
        if self.record != Policy::default() {
            entries.push(format!("record = {word}"));
        }
        if self.limits.entries != default.entries {
            entries.push(format!("entries = {}", self.limits.entries));
        }
        if self.limits.bytes != default.bytes {
            entries.push(format!("bytes = \"{}\"", units::show_bytes(self.limits.bytes)));
        }
        format!("{{ {} }}", entries.join(", "))
    }
}

impl SceneConnection {
    /// The keys that are not as they would be without being said, with their values in TOML.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let mut entries = vec![("from", text(&self.from)), ("to", text(&self.to))];
        match self.options.mode {
            Mode::Port => entries.push(("mode", text("port"))),
            Mode::Stream { capacity, overflow } => {
                if capacity != STREAM_CAPACITY {
                    entries.push(("capacity", capacity.to_string()));
                }
                if overflow != Overflow::default() {
                    entries.push(("overflow", text(overflow.word())));
                }
            }
        }
        entries.extend(self.options.transform.as_deref().map(|name| ("transform", text(name))));
        entries
    }
}

/// Prints its part of the file.
impl fmt::Display for SceneConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[[connections]]\n{}", entries(&self.entries()))
    }
}

impl UpdatePolicy {
    /// The keys that are said, with their values in TOML.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let mut entries = Vec::new();
        entries.extend(self.without_bump.map(|choice| ("without_bump", text(choice.word()))));
        entries.extend(self.accept.map(|choice| ("accept", text(choice.word()))));
        entries.extend(self.deadline.map(|deadline| match deadline {
            Deadline::After(time) => ("deadline", text(&units::show_duration(time))),
            Deadline::Never => ("deadline", text("none")),
        }));
        entries.extend(self.probation.map(|handlers| ("probation", handlers.to_string())));
        entries.extend(self.in_place.map(|in_place| ("in_place", in_place.to_string())));
        entries
    }
}

fn entries(entries: &[(&'static str, String)]) -> String {
    let mut lines = String::new();
    for (key, value) in entries {
        let _ = writeln!(lines, "{key} = {value}");
    }
    lines
}

/// A key, in quotes where it needs them.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { text(name) }
}

fn text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn inline(table: &Map<String, Value>) -> String {
    let entry = |(name, value): (&String, &Value)| format!("{} = {}", key(name), literal(value));
    let entries: Vec<_> = table.iter().filter(|(_, value)| can_be_said(value)).map(entry).collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// Whether TOML can say it: nothing stands for `null`, and only in a table can it be left out.
fn can_be_said(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().all(can_be_said),
        Value::Object(table) => table.values().all(|value| value.is_null() || can_be_said(value)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() => {
            toml::Value::from(number.as_f64().unwrap_or(f64::NAN)).to_string()
        }
        // TOML has 64 bits with a sign; state is read from text too.
        Value::Number(number) if number.as_i64().is_none() => text(&number.to_string()),
        Value::Number(number) => number.to_string(),
        Value::String(value) => text(value),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => inline(table),
        // Left out before: see `can_be_said`.
        Value::Null => String::new(),
    }
}
