//! The commands that a session takes, one a line.

mod arguments;
mod wire;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shrine::event::Event;
use shrine::words::nearest;

use arguments::Arguments;
pub use wire::Wire;

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Show the state of an instance, or of all.
    State(Option<String>),
    /// Show the view of an instance, or of all.
    View(Option<String>),
    /// Show what there is to know about an instance.
    Instance(Option<String>),
    /// Send a message to `instance.port`.
    Send(String, Value),
    /// Replace the state of an instance.
    Set(String, Value),
    /// Take back the last change of an instance's state.
    Undo(Option<String>),
    /// Take back the last undo.
    Redo(Option<String>),
    /// Show the past states of an instance.
    History(Option<String>),
    /// Go to an entry of the history of an instance.
    Jump(Option<String>, u64),
    /// Name the state of an instance.
    Checkpoint(Option<String>, String),
    /// Go to a state of an instance that was named.
    Restore(Option<String>, String),
    /// Keep the state of an instance as a golden, perhaps of that name.
    Capture(String, Option<String>),
    /// Make an instance, of the widget of its name or another.
    Create(String, Option<String>),
    /// End an instance.
    Remove(String),
    /// Show the connections.
    Connections,
    /// Connect two ports.
    Connect(Wire),
    /// Give a connection other options.
    Reconnect(Wire),
    /// Take a connection away.
    Disconnect(String, String),
    /// Show the transforms.
    Transforms,
    /// Report the messages of an output port.
    Watch(String),
    /// Report them only when nothing is connected to it.
    Unwatch(String),
    /// Show the scene as it runs, perhaps with the states as they are.
    Scene {
        /// With the states.
        states: bool,
    },
    /// Show what the update that waits would do.
    Plan,
    /// Apply the update that waits.
    Accept,
    /// Forget the update that waits.
    Decline,
    /// Show what is remembered of what has happened, from that place on.
    Events(u64),
    /// Show what the compiler said last.
    Errors,
    /// Build now.
    Reload,
    /// Do not build when files change.
    Pause,
    /// Build again when files change.
    Resume,
    /// Show the commands.
    Help,
    /// End.
    Quit,
}

/// Name, letter, arguments, and what it does. The help is made of it.
const COMMANDS: [(&str, &str, &str, &str); 32] = [
    ("state", "s", "[INSTANCE]", "show the state"),
    ("view", "v", "[INSTANCE]", "show the view"),
    ("instance", "i", "[INSTANCE]", "show its code, updates and connections"),
    ("send", "", "INSTANCE.PORT [JSON]", "send a message"),
    ("set", "", "INSTANCE JSON", "replace the state"),
    ("undo", "u", "[INSTANCE]", "take back the last change of the state"),
    ("redo", "U", "[INSTANCE]", "take back the last undo"),
    ("history", "y", "[INSTANCE]", "show the past states"),
    ("jump", "j", "[INSTANCE] INDEX", "go to one of them"),
    ("checkpoint", "k", "[INSTANCE] NAME", "name the state"),
    ("restore", "K", "[INSTANCE] NAME", "go to a state that was named"),
    ("capture", "", "INSTANCE [NAME]", "keep the state in shrine-fixtures, for tests"),
    ("create", "n", "INSTANCE [WIDGET]", "make an instance"),
    ("remove", "x", "INSTANCE", "end an instance"),
    ("connections", "c", "", "show the connections"),
    ("connect", "C", "A.OUT B.IN [JSON]", "connect two ports"),
    ("reconnect", "", "A.OUT B.IN JSON", "give a connection other options"),
    ("disconnect", "D", "A.OUT B.IN", "take a connection away"),
    ("transforms", "t", "", "show the transforms"),
    ("watch", "w", "INSTANCE.PORT", "report what leaves a connected port"),
    ("unwatch", "W", "INSTANCE.PORT", "do not report it any more"),
    ("scene", "S", "[states]", "show what runs as a shrine.toml"),
    ("plan", "l", "", "show what the update that waits would do"),
    ("accept", "a", "", "apply the update that waits"),
    ("decline", "d", "", "forget the update that waits"),
    ("events", "E", "[SEQ]", "show what has happened since then"),
    ("errors", "e", "", "show again what the compiler said"),
    ("reload", "r", "", "build now"),
    ("pause", "p", "", "do not build when files change"),
    ("resume", "P", "", "build again when files change"),
    ("help", "h", "", "show this"),
    ("quit", "q", "", "end"),
];

/// Other names of commands.
const ALIASES: [(&str, &str); 1] = [("discard", "decline")];

/// The commands, for people.
#[must_use]
pub fn help() -> String {
    let line = |(name, letter, arguments, what): &(&str, &str, &str, &str)| {
        let usage = format!("{name} {arguments}");
        format!("  {letter:1}  {usage:28} {what}\n")
    };
    let lines: String = COMMANDS.iter().map(line).collect();
    let options = wire::EXAMPLE;
    format!(
        "{lines}  [INSTANCE] may be left out where there is only one. Options of a connection:\n  {options}\n"
    )
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// The line.
    pub line: String,
    /// What is wrong.
    pub reason: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl From<Mistake> for Event {
    fn from(Mistake { line, reason, help }: Mistake) -> Self {
        Self::Error { command: line, reason, help }
    }
}

/// Reads a line; nothing on an empty one.
///
/// # Errors
///
/// When it is no command.
pub fn parse(line: &str) -> Result<Option<Command>, Mistake> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if word.is_empty() {
        return Ok(None);
    }
    let full = ALIASES.iter().find(|(alias, _)| *alias == word).map_or(word, |(_, name)| name);
    let known =
        COMMANDS.iter().find(|(name, letter, ..)| *name == full || (*letter == full && !letter.is_empty()));
    let Some((name, _, usage, _)) = known else {
        let reason = format!("there is no command `{word}`");
        return Err(Mistake { line: line.to_owned(), reason, help: Some(suggest(word)) });
    };
    let mut rest = Arguments { line, name, usage, rest: rest.trim() };
    let command = command(name, &mut rest)?;
    rest.end()?;
    Ok(Some(command))
}

fn command(name: &str, rest: &mut Arguments<'_>) -> Result<Command, Mistake> {
    Ok(match name {
        "state" => Command::State(rest.maybe_word()),
        "view" => Command::View(rest.maybe_word()),
        "instance" => Command::Instance(rest.maybe_word()),
        "send" => Command::Send(rest.word("a target")?, rest.maybe_json()?.unwrap_or_default()),
        "set" => Command::Set(rest.word("a target")?, rest.json()?),
        "undo" => Command::Undo(rest.maybe_word()),
        "redo" => Command::Redo(rest.maybe_word()),
        "history" => Command::History(rest.maybe_word()),
        "jump" => {
            let (instance, index) = rest.instance_and("the index of a state")?;
            Command::Jump(instance, rest.number(&index)?)
        }
        "checkpoint" => {
            let (instance, name) = rest.instance_and("a name")?;
            Command::Checkpoint(instance, name)
        }
        "restore" => {
            let (instance, name) = rest.instance_and("the name of a checkpoint")?;
            Command::Restore(instance, name)
        }
        "capture" => Command::Capture(rest.word("a target")?, rest.maybe_file_name()?),
        "create" => Command::Create(rest.word("the name of an instance")?, rest.maybe_word()),
        "remove" => Command::Remove(rest.word("an instance")?),
        "connections" => Command::Connections,
        "connect" => Command::Connect(rest.wire(false)?),
        "reconnect" => Command::Reconnect(rest.wire(true)?),
        "disconnect" => Command::Disconnect(rest.word("an output port")?, rest.word("an input port")?),
        "transforms" => Command::Transforms,
        "watch" => Command::Watch(rest.word("an output port")?),
        "unwatch" => Command::Unwatch(rest.word("an output port")?),
        "scene" => Command::Scene { states: rest.flag("states")? },
        "plan" => Command::Plan,
        "accept" => Command::Accept,
        "decline" => Command::Decline,
        "events" => Command::Events(match rest.maybe_word() {
            Some(seq) => rest.number(&seq)?,
            None => 0,
        }),
        "errors" => Command::Errors,
        "reload" => Command::Reload,
        "pause" => Command::Pause,
        "resume" => Command::Resume,
        "quit" => Command::Quit,
        _ => Command::Help,
    })
}

fn suggest(word: &str) -> String {
    let names = COMMANDS.iter().map(|(name, ..)| *name);
    match nearest(word, names.clone().chain(ALIASES.iter().map(|(alias, _)| *alias))) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the commands are {}", names.collect::<Vec<_>>().join(", ")),
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let maybe = |word: &Option<String>| word.as_ref().map_or_else(String::new, |word| format!(" {word}"));
        match self {
            Self::State(instance) => write!(f, "state{}", maybe(instance)),
            Self::View(instance) => write!(f, "view{}", maybe(instance)),
            Self::Instance(instance) => write!(f, "instance{}", maybe(instance)),
            Self::Undo(instance) => write!(f, "undo{}", maybe(instance)),
            Self::Redo(instance) => write!(f, "redo{}", maybe(instance)),
            Self::History(instance) => write!(f, "history{}", maybe(instance)),
            Self::Jump(instance, index) => write!(f, "jump{} {index}", maybe(instance)),
            Self::Checkpoint(instance, name) => write!(f, "checkpoint{} {name}", maybe(instance)),
            Self::Restore(instance, name) => write!(f, "restore{} {name}", maybe(instance)),
            Self::Send(target, value) => write!(f, "send {target} {value}"),
            Self::Set(target, value) => write!(f, "set {target} {value}"),
            Self::Capture(instance, name) => write!(f, "capture {instance}{}", maybe(name)),
            Self::Create(instance, widget) => write!(f, "create {instance}{}", maybe(widget)),
            Self::Remove(instance) => write!(f, "remove {instance}"),
            Self::Connections => f.write_str("connections"),
            Self::Connect(wire) => write!(f, "connect {wire}"),
            Self::Reconnect(wire) => write!(f, "reconnect {wire}"),
            Self::Disconnect(source, target) => write!(f, "disconnect {source} {target}"),
            Self::Transforms => f.write_str("transforms"),
            Self::Watch(port) => write!(f, "watch {port}"),
            Self::Unwatch(port) => write!(f, "unwatch {port}"),
            Self::Scene { states } => f.write_str(if *states { "scene states" } else { "scene" }),
            Self::Plan => f.write_str("plan"),
            Self::Accept => f.write_str("accept"),
            Self::Decline => f.write_str("decline"),
            Self::Events(0) => f.write_str("events"),
            Self::Events(seq) => write!(f, "events {seq}"),
            Self::Errors => f.write_str("errors"),
            Self::Reload => f.write_str("reload"),
            Self::Pause => f.write_str("pause"),
            Self::Resume => f.write_str("resume"),
            Self::Help => f.write_str("help"),
            Self::Quit => f.write_str("quit"),
        }
    }
}

#[cfg(test)]
mod tests;
