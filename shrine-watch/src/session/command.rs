//! The commands that a session takes, one a line.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shrine::event::Event;

use crate::golden;

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Show the state of an instance, or of all.
    State(Option<String>),
    /// Show the view of an instance, or of all.
    View(Option<String>),
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
    /// Keep the state of an instance as a golden, perhaps of that name.
    Capture(String, Option<String>),
    /// Show the connections.
    Connections,
    /// Show the scene as it runs, perhaps with the states as they are.
    Scene {
        /// With the states.
        states: bool,
    },
    /// Apply the update that waits.
    Accept,
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
const COMMANDS: [(&str, &str, &str, &str); 17] = [
    ("state", "s", "[INSTANCE]", "show the state"),
    ("view", "v", "[INSTANCE]", "show the view"),
    ("send", "", "INSTANCE.PORT [JSON]", "send a message"),
    ("set", "", "INSTANCE JSON", "replace the state"),
    ("undo", "u", "[INSTANCE]", "take back the last change of the state"),
    ("redo", "U", "[INSTANCE]", "take back the last undo"),
    ("history", "", "[INSTANCE]", "show the past states"),
    ("capture", "", "INSTANCE [NAME]", "keep the state in shrine-fixtures, for tests"),
    ("connections", "c", "", "show the connections"),
    ("scene", "S", "[states]", "show what runs as a shrine.toml"),
    ("accept", "a", "", "apply the update that waits"),
    ("errors", "e", "", "show again what the compiler said"),
    ("reload", "r", "", "build now"),
    ("pause", "p", "", "do not build when files change"),
    ("resume", "P", "", "build again when files change"),
    ("help", "h", "", "show this"),
    ("quit", "q", "", "end"),
];

/// The commands, for people.
#[must_use]
pub fn help() -> String {
    let line = |(name, letter, arguments, what): &(&str, &str, &str, &str)| {
        let usage = format!("{name} {arguments}");
        format!("  {letter:1}  {usage:28} {what}\n")
    };
    let lines: String = COMMANDS.iter().map(line).collect();
    format!("{lines}  An INSTANCE may be left out where there is only one.\n")
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
    let rest = rest.trim();
    if word.is_empty() {
        return Ok(None);
    }
    let known =
        COMMANDS.iter().find(|(name, letter, ..)| *name == word || (*letter == word && !letter.is_empty()));
    let Some((name, _, arguments, _)) = known else {
        return Err(error(line, format!("there is no command `{word}`"), Some(suggest(word))));
    };
    let usage = || Some(format!("write `{}`", format!("{name} {arguments}").trim()));
    if arguments.is_empty() && !rest.is_empty() {
        return Err(error(line, format!("`{name}` takes no arguments"), usage()));
    }
    let (target, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let text = text.trim();
    let takes_more = matches!(*name, "send" | "set" | "capture");
    if takes_more && target.is_empty() {
        return Err(error(line, format!("`{name}` needs a target"), usage()));
    }
    if *name == "capture" && !text.is_empty() && !golden::is_name(text) {
        let help = "use letters, digits, `-`, `_` and `.`, as in `after-a-day`".to_owned();
        return Err(error(line, format!("`{text}` cannot be the name of a file"), Some(help)));
    }
    if *name == "scene" && !["", "states"].contains(&rest) {
        return Err(error(line, format!("`scene` does not take `{rest}`"), usage()));
    }
    if !takes_more && !text.is_empty() {
        return Err(error(line, format!("`{name}` takes one instance"), usage()));
    }
    let value = || match text {
        "" if *name == "set" => Err(error(line, "`set` needs a value".to_owned(), usage())),
        "" => Ok(Value::Null),
        text => serde_json::from_str(text).map_err(|reason| {
            let help =
                "text needs quotes, as in `\"hello\"`; a struct is written `{\"field\": 1}`".to_owned();
            error(line, format!("`{text}` is not JSON: {reason}"), Some(help))
        }),
    };
    let instance = || (!target.is_empty()).then(|| target.to_owned());
    Ok(Some(match *name {
        "state" => Command::State(instance()),
        "view" => Command::View(instance()),
        "send" => Command::Send(target.to_owned(), value()?),
        "set" => Command::Set(target.to_owned(), value()?),
        "undo" => Command::Undo(instance()),
        "redo" => Command::Redo(instance()),
        "history" => Command::History(instance()),
        "capture" => Command::Capture(target.to_owned(), (!text.is_empty()).then(|| text.to_owned())),
        "connections" => Command::Connections,
        "scene" => Command::Scene { states: !target.is_empty() },
        "accept" => Command::Accept,
        "errors" => Command::Errors,
        "reload" => Command::Reload,
        "pause" => Command::Pause,
        "resume" => Command::Resume,
        "quit" => Command::Quit,
        _ => Command::Help,
    }))
}

fn error(line: &str, reason: String, help: Option<String>) -> Mistake {
    Mistake { line: line.to_owned(), reason, help }
}

fn suggest(word: &str) -> String {
    let nearest = COMMANDS.iter().map(|(name, ..)| (distance(word, name), *name)).min();
    match nearest {
        Some((distance, name)) if distance <= 2 && distance < name.len() => format!("did you mean `{name}`?"),
        _ => {
            let names: Vec<_> = COMMANDS.iter().map(|(name, ..)| *name).collect();
            format!("the commands are {}", names.join(", "))
        }
    }
}

/// How many letters must be changed, added or removed to make one word the other.
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.chars().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |f: &mut fmt::Formatter<'_>, name: &str, instance: Option<&str>| match instance {
            Some(instance) => write!(f, "{name} {instance}"),
            None => f.write_str(name),
        };
        match self {
            Self::State(instance) => with(f, "state", instance.as_deref()),
            Self::View(instance) => with(f, "view", instance.as_deref()),
            Self::Undo(instance) => with(f, "undo", instance.as_deref()),
            Self::Redo(instance) => with(f, "redo", instance.as_deref()),
            Self::History(instance) => with(f, "history", instance.as_deref()),
            Self::Send(target, value) => write!(f, "send {target} {value}"),
            Self::Set(target, value) => write!(f, "set {target} {value}"),
            Self::Capture(instance, None) => write!(f, "capture {instance}"),
            Self::Capture(instance, Some(name)) => write!(f, "capture {instance} {name}"),
            Self::Connections => f.write_str("connections"),
            Self::Scene { states } => f.write_str(if *states { "scene states" } else { "scene" }),
            Self::Accept => f.write_str("accept"),
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
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(line: &str) -> Command {
        parse(line).unwrap().unwrap()
    }

    fn refused(line: &str) -> (String, String) {
        match parse(line) {
            Err(Mistake { reason, help, .. }) => (reason, help.unwrap_or_default()),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_command_of_the_table_is_understood_by_name_and_letter() {
        for (name, letter, arguments, _) in COMMANDS {
            let rest = match arguments {
                _ if arguments.contains("JSON") => "a.b 1",
                "INSTANCE [NAME]" => "a b",
                _ => "",
            };
            let by_name = parsed(&format!("{name} {rest}"));
            assert_eq!(by_name.to_string(), format!("{name} {rest}").trim());
            if !letter.is_empty() {
                assert_eq!(parsed(&format!("{letter} {rest}")), by_name);
            }
        }
    }

    #[test]
    fn a_message_is_json_and_null_without_it() {
        assert_eq!(parsed("send counter.add 5"), Command::Send("counter.add".into(), json!(5)));
        assert_eq!(
            parsed("  send  counter.add   {\"a\": [1, 2]} "),
            Command::Send("counter.add".into(), json!({"a": [1, 2]}))
        );
        assert_eq!(parsed("send counter.reset"), Command::Send("counter.reset".into(), Value::Null));
    }

    #[test]
    fn an_instance_may_be_named() {
        assert_eq!(parsed("state"), Command::State(None));
        assert_eq!(parsed("s counter"), Command::State(Some("counter".into())));
    }

    #[test]
    fn empty_lines_are_nothing() {
        assert_eq!(parse("  "), Ok(None));
    }

    #[test]
    fn mistakes_are_answered_with_what_to_write() {
        assert_eq!(refused("stat counter").1, "did you mean `state`?");
        assert!(refused("launch").1.starts_with("the commands are state, view"));
        assert_eq!(refused("quit now").1, "write `quit`");
        assert_eq!(refused("send").1, "write `send INSTANCE.PORT [JSON]`");
        assert_eq!(refused("set counter").0, "`set` needs a value");
        assert!(refused("send a.b hello").0.starts_with("`hello` is not JSON"));
        assert_eq!(refused("capture").1, "write `capture INSTANCE [NAME]`");
        assert_eq!(refused("capture a ../b").0, "`../b` cannot be the name of a file");
        assert_eq!(parsed("scene states"), Command::Scene { states: true });
        assert_eq!(refused("scene here").1, "write `scene [states]`");
        assert_eq!(refused("state a b").0, "`state` takes one instance");
    }
}
