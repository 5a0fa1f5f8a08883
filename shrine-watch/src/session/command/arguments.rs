//! The words after the name of a command.

use serde_json::Value;

use super::{Mistake, Wire};
use crate::golden;

/// What is left of a line.
pub(super) struct Arguments<'a> {
    pub(super) line: &'a str,
    /// The name of the command.
    pub(super) name: &'a str,
    /// The arguments that it takes, for people.
    pub(super) usage: &'a str,
    pub(super) rest: &'a str,
}

impl Arguments<'_> {
    pub(super) fn maybe_word(&mut self) -> Option<String> {
        let (word, rest) = self.rest.split_once(char::is_whitespace).unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        (!word.is_empty()).then(|| word.to_owned())
    }

    /// A word; `what` is how people call it.
    pub(super) fn word(&mut self, what: &str) -> Result<String, Mistake> {
        self.maybe_word().ok_or_else(|| self.usage(format!("`{}` needs {what}", self.name)))
    }

    /// An instance, which may be left out, and a word.
    pub(super) fn instance_and(&mut self, what: &str) -> Result<(Option<String>, String), Mistake> {
        let first = self.word(what)?;
        Ok(match self.maybe_word() {
            Some(second) => (Some(first), second),
            None => (None, first),
        })
    }

    pub(super) fn number(&self, word: &str) -> Result<u64, Mistake> {
        word.parse().map_err(|_| self.usage(format!("`{word}` is no number")))
    }

    /// Whether the word is there.
    pub(super) fn flag(&mut self, flag: &str) -> Result<bool, Mistake> {
        match self.maybe_word() {
            None => Ok(false),
            Some(word) if word == flag => Ok(true),
            Some(word) => Err(self.usage(format!("`{}` does not take `{word}`", self.name))),
        }
    }

    /// The name of a file, without a folder.
    pub(super) fn maybe_file_name(&mut self) -> Result<Option<String>, Mistake> {
        let name = self.maybe_word();
        match name {
            Some(name) if !golden::is_name(&name) => {
                let help = "use letters, digits, `-`, `_` and `.`, as in `after-a-day`";
                Err(self.mistake(format!("`{name}` cannot be the name of a file"), help.to_owned()))
            }
            name => Ok(name),
        }
    }

    /// All the rest, as JSON.
    pub(super) fn maybe_json(&mut self) -> Result<Option<Value>, Mistake> {
        let text = std::mem::take(&mut self.rest);
        if text.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(text).map(Some).map_err(|reason| {
            let help = "text needs quotes, as in `\"hello\"`; a struct is written `{\"field\": 1}`";
            self.mistake(format!("`{text}` is not JSON: {reason}"), help.to_owned())
        })
    }

    pub(super) fn json(&mut self) -> Result<Value, Mistake> {
        let value = self.maybe_json()?;
        value.ok_or_else(|| self.usage(format!("`{}` needs a value", self.name)))
    }

    /// Two ports, and how they are connected.
    pub(super) fn wire(&mut self, needs_options: bool) -> Result<Wire, Mistake> {
        let (source, target) = (self.word("an output port")?, self.word("an input port")?);
        let options = self.maybe_json()?;
        if options.is_none() && needs_options {
            return Err(self.usage(format!("`{}` needs options", self.name)));
        }
        Wire::new(source, target, options)
            .map_err(|reason| self.mistake(reason, format!("write them as in `{}`", super::wire::EXAMPLE)))
    }

    /// Nothing is left.
    pub(super) fn end(&self) -> Result<(), Mistake> {
        match (self.rest, self.usage) {
            ("", _) => Ok(()),
            (_, "") => Err(self.usage(format!("`{}` takes no arguments", self.name))),
            (_, "[INSTANCE]") => Err(self.usage(format!("`{}` takes one instance", self.name))),
            (rest, _) => Err(self.usage(format!("`{rest}` is too much"))),
        }
    }

    fn usage(&self, reason: String) -> Mistake {
        let usage = format!("{} {}", self.name, self.usage);
        self.mistake(reason, format!("write `{}`", usage.trim()))
    }

    fn mistake(&self, reason: String, help: String) -> Mistake {
        Mistake { line: self.line.to_owned(), reason, help: Some(help) }
    }
}
