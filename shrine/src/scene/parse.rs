//! A text becomes a scene.

use serde_json::{Map, Value};

use super::error::{SceneError, among, suggest};
use super::source::{self, Part, Path, Source, down};
use super::{
    Choice, Deadline, Scene, SceneConnection, SceneHistory, SceneInstance, UpdatePolicy, endpoint, units,
};
use crate::registry::Mode;

impl Scene {
    /// Reads the text of a `shrine.toml`.
    ///
    /// # Errors
    ///
    /// When the text is no TOML, or says what no scene can be; all mistakes at once.
    pub fn parse(text: &str) -> Result<Self, Vec<SceneError>> {
        let (table, source) = source::read(text)?;
        let mut parser = Parser { source: &source, errors: Vec::new() };
        let mut scene = parser.scene(&table);
        let mut errors = parser.errors;
        if errors.is_empty() {
            scene.source = source;
            return Ok(scene);
        }
        errors.sort_by_key(|error| (error.line, error.column));
        Err(errors)
    }
}

struct Parser<'a> {
    source: &'a Source,
    errors: Vec<SceneError>,
}

/// A table, and where it is.
type Table<'a> = (&'a Map<String, Value>, &'a [String]);

impl Parser<'_> {
    fn scene(&mut self, root: &Map<String, Value>) -> Scene {
        let top = Path::new();
        self.only((root, &top), &["instances", "connections", "update", "widgets"]);
        let mut scene = Scene::default();
        if let Some((table, path)) = self.child((root, &top), "instances") {
            let members = self.source.in_order(&path, table);
            scene.instances =
                Some(members.into_iter().map(|(id, value)| self.instance(id, value, &path)).collect());
        }
        if let Some(items) = root.get("connections") {
            let ids = scene
                .instances
                .as_ref()
                .map(|instances| instances.iter().map(|one| one.id.as_str()).collect());
            scene.connections = self.connections(items, &["connections".to_owned()], ids);
        }
        if let Some((table, path)) = self.child((root, &top), "update") {
            scene.update = self.policy((table, &path), true);
        }
        if let Some((table, path)) = self.child((root, &top), "widgets") {
            let members = table.keys().filter_map(|id| {
                let (table, path) = self.child((table, &path), id)?;
                Some((id.clone(), self.policy((table, &path), false)))
            });
            scene.widgets = members.collect();
        }
        scene
    }

    fn instance(&mut self, id: &str, value: &Value, path: &[String]) -> SceneInstance {
        let path = down(path, id);
        let mut instance = SceneInstance::new(id, id);
        if id.is_empty() || id.contains(char::is_whitespace) {
            let reason = format!("`{id}` is no name for an instance");
            self.error(
                &path,
                Part::Key,
                reason,
                "names of instances have at least one letter, and no blanks",
            );
        }
        let Some(table) = self.table(value, &path) else { return instance };
        self.only((table, &path), &["widget", "state", "history"]);
        if let Some(widget) = self.text((table, &path), "widget") {
            instance.widget = widget;
        }
        if let Some((state, _)) = self.child((table, &path), "state") {
            instance.state = state.clone();
        }
        if let Some(history) = table.get("history") {
            instance.history = self.history(history, &down(&path, "history"));
        }
        instance
    }

    /// A word, or a table with limits.
    fn history(&mut self, value: &Value, path: &[String]) -> SceneHistory {
        let mut history = SceneHistory::default();
        if value.is_string() {
            history.record = self.choice(value, path).unwrap_or_default();
            return history;
        }
        let Some(table) = value.as_object() else {
            let help = "write `\"message\"`, `\"update\"`, `\"manual\"`, or a table with `record`, `entries` and `bytes`";
            self.wrong(path, "a word or a table", help);
            return history;
        };
        self.only((table, path), &["record", "entries", "bytes"]);
        if let Some(record) = table.get("record") {
            history.record = self.choice(record, &down(path, "record")).unwrap_or_default();
        }
        if let Some(entries) = self.count((table, path), "entries") {
            history.limits.entries = entries;
        }
        if let Some(value) = table.get("bytes") {
            let path = down(path, "bytes");
            let bytes = match value {
                Value::String(text) => units::bytes(text),
                value => value.as_u64().and_then(|bytes| usize::try_from(bytes).ok()),
            };
            match bytes {
                Some(bytes @ 1..) => history.limits.bytes = bytes,
                _ => self.wrong(&path, "a size", "write a number of bytes, or a text as `\"4MiB\"`"),
            }
        }
        history
    }

    /// Their ends must be among `ids`, if the scene lists its instances.
    fn connections(
        &mut self,
        items: &Value,
        path: &[String],
        ids: Option<Vec<&str>>,
    ) -> Vec<SceneConnection> {
        let Some(items) = items.as_array() else {
            self.wrong(path, "a list of tables", "write each connection below a line `[[connections]]`");
            return Vec::new();
        };
        let mut connections: Vec<SceneConnection> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = down(path, &index.to_string());
            let Some(connection) = self.connection(item, &path) else { continue };
            for (key, end) in [("from", &connection.from), ("to", &connection.to)] {
                let (Some((instance, _)), Some(ids)) = (endpoint(end), &ids) else { continue };
                if !ids.contains(&instance) {
                    let reason = format!("there is no instance `{instance}` in the scene");
                    self.error(
                        &down(&path, key),
                        Part::Value,
                        reason,
                        suggest(instance, ids.iter().copied()),
                    );
                }
            }
            let is_same =
                |other: &SceneConnection| (&other.from, &other.to) == (&connection.from, &connection.to);
            if connections.iter().any(is_same) {
                let reason = format!("`{}` is connected to `{}` already", connection.from, connection.to);
                self.error(&down(&path, "to"), Part::Value, reason, "remove one of the two");
            }
            connections.push(connection);
        }
        connections
    }

    fn connection(&mut self, item: &Value, path: &[String]) -> Option<SceneConnection> {
        let table = self.table(item, path)?;
        self.only((table, path), &["from", "to", "mode", "capacity", "overflow", "transform"]);
        let from = self.endpoint((table, path), "from", "clicks.total");
        let to = self.endpoint((table, path), "to", "display.show");
        let mut connection = SceneConnection::new(&from.unwrap_or_default(), &to.unwrap_or_default());
        let mode = table.get("mode").and_then(|mode| self.choice(mode, &down(path, "mode")));
        let capacity = self.count((table, path), "capacity");
        let overflow = table.get("overflow").and_then(|word| self.choice(word, &down(path, "overflow")));
        if mode == Some(Delivery::Port) {
            for key in ["capacity", "overflow"].into_iter().filter(|key| table.contains_key(*key)) {
                let reason =
                    format!("a connection of mode \"port\" has no `{key}`: only the latest message waits");
                self.error(&down(path, key), Part::Key, reason, "remove it, or write `mode = \"stream\"`");
            }
            connection.options.mode = Mode::Port;
        } else if let Mode::Stream { capacity: default, overflow: usual } = Mode::default() {
            let (capacity, overflow) = (capacity.unwrap_or(default), overflow.unwrap_or(usual));
            connection.options.mode = Mode::Stream { capacity, overflow };
        }
        connection.options.transform = self.text((table, path), "transform");
        (!connection.from.is_empty() && !connection.to.is_empty()).then_some(connection)
    }

    fn endpoint(&mut self, (table, path): Table<'_>, key: &str, example: &str) -> Option<String> {
        if !table.contains_key(key) {
            let help = format!("add a line as `{key} = \"{example}\"`");
            self.error(path, Part::Value, format!("the connection has no `{key}`"), help);
            return None;
        }
        let text = self.text((table, path), key)?;
        if endpoint(&text).is_none() {
            let help = format!("write `instance.port`, as in `{example}`");
            self.error(&down(path, key), Part::Value, format!("`{text}` names no port"), help);
            return None;
        }
        Some(text)
    }

    fn policy(&mut self, (table, path): Table<'_>, is_general: bool) -> UpdatePolicy {
        let known = ["without_bump", "accept", "deadline", "probation", "in_place"];
        self.only((table, path), if is_general { &known } else { &known[..2] });
        let mut policy = UpdatePolicy::default();
        let word = |key: &str| Some((table.get(key)?, down(path, key)));
        policy.without_bump = word("without_bump").and_then(|(word, path)| self.choice(word, &path));
        policy.accept = word("accept").and_then(|(word, path)| self.choice(word, &path));
        if !is_general {
            return policy;
        }
        if let Some((value, path)) = word("deadline") {
            policy.deadline = match value.as_str() {
                Some("none") => Some(Deadline::Never),
                text => text.and_then(units::duration).filter(|time| !time.is_zero()).map(Deadline::After),
            };
            if policy.deadline.is_none() {
                self.wrong(&path, "a time", "write a text as `\"500ms\"`, `\"5s\"`, `\"2m\"`, or `\"none\"`");
            }
        }
        if let Some((value, path)) = word("probation") {
            policy.probation = value.as_u64().and_then(|handlers| usize::try_from(handlers).ok());
            if policy.probation.is_none() {
                self.wrong(&path, "a number of messages", "write `probation = 8`, or 0 to turn it off");
            }
        }
        if let Some((value, path)) = word("in_place") {
            policy.in_place = value.as_bool();
            if policy.in_place.is_none() {
                self.wrong(&path, "`true` or `false`", "write `in_place = false` to have states encoded");
            }
        }
        policy
    }

    /// A table that may be missing.
    fn child<'v>(&mut self, (table, path): Table<'v>, key: &str) -> Option<(&'v Map<String, Value>, Path)> {
        let path = down(path, key);
        let found = self.table(table.get(key)?, &path)?;
        Some((found, path))
    }

    fn table<'v>(&mut self, value: &'v Value, path: &[String]) -> Option<&'v Map<String, Value>> {
        let table = value.as_object();
        if table.is_none() {
            let name = path.last().map_or("", String::as_str);
            self.wrong(path, "a table", &format!("write `{name} = {{ .. }}`, or keys below a header"));
        }
        table
    }

    fn text(&mut self, (table, path): Table<'_>, key: &str) -> Option<String> {
        let text = table.get(key)?.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(&down(path, key), "a text", &format!("write `{key} = \"..\"`"));
        }
        text.map(str::to_owned)
    }

    fn count(&mut self, (table, path): Table<'_>, key: &str) -> Option<usize> {
        let value = table.get(key)?;
        let path = down(path, key);
        match value.as_u64().map(usize::try_from) {
            Some(Ok(0)) => self.error(&path, Part::Value, format!("`{key}` is 0"), "write at least 1"),
            Some(Ok(count)) => return Some(count),
            _ => self.wrong(&path, "a number from 1 on", &format!("write `{key} = 256`")),
        }
        None
    }

    fn choice<T: Choice>(&mut self, value: &Value, path: &[String]) -> Option<T> {
        let names: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        let Some(word) = value.as_str() else {
            self.wrong(path, "a word in quotes", &among(&names));
            return None;
        };
        let found = T::WORDS.iter().find(|(known, _)| *known == word).map(|(_, choice)| *choice);
        if found.is_none() {
            let key = path.last().map_or("", String::as_str);
            self.error(path, Part::Value, format!("`{key}` has no value \"{word}\""), among(&names));
        }
        found
    }

    /// Every key that is none of `known` is a mistake.
    fn only(&mut self, (table, path): Table<'_>, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            let reason = format!("there is no key `{key}` here");
            self.error(&down(path, key), Part::Key, reason, suggest(key, known.iter().copied()));
        }
    }

    fn wrong(&mut self, path: &[String], expected: &str, help: &str) {
        let written = self.source.written(path).lines().next().unwrap_or_default();
        let reason = match path.last() {
            Some(key) if written.is_empty() => format!("`{key}` must be {expected}"),
            Some(key) if key.parse::<usize>().is_err() => {
                format!("`{key}` must be {expected}, and is `{written}`")
            }
            _ => format!("this must be {expected}, and is `{written}`"),
        };
        self.error(path, Part::Value, reason, help.to_owned());
    }

    fn error(&mut self, path: &[String], part: Part, reason: String, help: impl Into<String>) {
        self.errors.push(self.source.error(path, part, reason, Some(help.into())));
    }
}

/// The two kinds of connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Stream,
    Port,
}

impl Choice for Delivery {
    const WORDS: &'static [(&'static str, Self)] = &[("stream", Self::Stream), ("port", Self::Port)];
}
