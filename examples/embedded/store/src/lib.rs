//! The widgets of the key-value server: a [`Store`] that answers requests, and behind it a [`Meter`] that counts them.
//!
//! This crate is linked into the server. With `cargo run -p embedded --features live`, an edit here is taken in while
//! clients are connected: add a command to `Store::answer`, save, and type it in a session that was open before.

mod meter;

use std::collections::BTreeMap;

use shrine::prelude::*;

pub use meter::Meter;

/// A line that a client has sent.
#[state]
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Whose it is.
    pub client: u64,
    /// The line, without its end.
    pub line: String,
}

/// What the store has to say to a request.
#[state]
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Who has asked.
    pub client: u64,
    /// The command, in capitals.
    pub command: String,
    /// The answer; none if the meter knows it.
    pub text: Option<String>,
}

/// What a client is told.
#[state]
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Who is told.
    pub client: u64,
    /// One line or several.
    pub text: String,
    /// Whether the connection ends with it.
    pub last: bool,
}

/// Keys and their values.
#[widget(id = "store", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Store {
    /// All of them.
    pub entries: BTreeMap<String, String>,
}

#[widget]
impl Store {
    /// Answers a request.
    #[input]
    fn request(&mut self, request: Request, answer: &mut Output<Answer>) {
        let (command, rest) = split(&request.line);
        let command = command.to_ascii_uppercase();
        let text = match command.as_str() {
            "STATS" => None,
            command => Some(self.answer(command, rest).unwrap_or_else(|error| format!("ERR {error}"))),
        };
        answer.send(Answer { client: request.client, command, text });
    }

    #[view]
    fn view(&self) -> String {
        format!("{} keys", self.entries.len())
    }
}

impl Store {
    /// What a command does; an error is told to the client.
    fn answer(&mut self, command: &str, rest: &str) -> Result<String, String> {
        match (command, split(rest)) {
            ("SET", (key, value)) if !key.is_empty() => {
                self.entries.insert(key.to_owned(), value.to_owned());
                Ok("OK".to_owned())
            }
            ("GET", (key, "")) if !key.is_empty() => {
                self.entries.get(key).cloned().ok_or_else(|| format!("there is no {key}"))
            }
            ("DEL", (key, "")) if !key.is_empty() => {
                self.entries.remove(key).map(|_| "OK".to_owned()).ok_or_else(|| format!("there is no {key}"))
            }
            ("INCR", (key, "")) if !key.is_empty() => self.increment(key),
            ("QUIT", _) => Ok("BYE".to_owned()),
            ("KEYS", ("", _)) => Ok(self.entries.keys().cloned().collect::<Vec<_>>().join(" ")),
            _ => Err("SET key value, GET key, DEL key, INCR key, KEYS, STATS, QUIT".to_owned()),
        }
    }

    fn increment(&mut self, key: &str) -> Result<String, String> {
        let value = self.entries.get(key).map_or("0", String::as_str);
        let number: i64 = value.parse().map_err(|_| format!("{key} is {value}, and no number"))?;
        let next = number.checked_add(1).ok_or_else(|| format!("{key} is the largest number"))?.to_string();
        self.entries.insert(key.to_owned(), next.clone());
        Ok(next)
    }
}

/// The first word, and what is behind it.
fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim_start()))
}
