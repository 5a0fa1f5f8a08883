//! What the commands have in common that they say.

use std::fs::File;
use std::io::{self, IsTerminal, Stderr, Write};
use std::os::fd::AsFd;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::exit::ExitCode;
use crate::report::{Human, Style};

/// The version of the JSON form of answers.
const ANSWER_VERSION: u32 = 1;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum MessageFormat {
    /// Text for people.
    #[default]
    Human,
    /// JSON for programs.
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl Colour {
    /// Whether standard error gets colours.
    pub(super) fn on_stderr(self) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => io::stderr().is_terminal() && !is_set("NO_COLOR"),
        }
    }
}

/// How a command that ends by itself says what it has found.
#[derive(Debug, Args)]
pub(super) struct AnswerArguments {
    /// What is written to standard output: text, or one JSON object.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub(super) message_format: MessageFormat,
    /// Whether what the compiler says has colours.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub(super) color: Colour,
}

/// What a command that ends by itself has found.
pub(super) struct Answer {
    /// What the process ends with.
    pub(super) code: ExitCode,
    /// For people: whole lines.
    pub(super) text: String,
    /// For programs: the fields beside `v`, `command` and `code`.
    pub(super) fields: Map<String, Value>,
}

impl Answer {
    /// An answer whose JSON has one field.
    pub(super) fn new(code: ExitCode, text: String, name: &str, value: impl Serialize) -> Self {
        let answer = Self { code, text, fields: Map::new() };
        answer.with(name, value)
    }

    /// The same with one more field.
    pub(super) fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.fields.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }
}

impl AnswerArguments {
    /// Does the work of a command, and says what it has found, or why it could not be done.
    pub(super) fn say(&self, command: &str, work: impl FnOnce() -> Result<Answer, Error>) -> ExitCode {
        let mut stdout = match claim_stdout() {
            Ok(stdout) => stdout,
            Err(error) => {
                eprintln!("error: cannot write to standard output: {error}");
                return ExitCode::Unexpected;
            }
        };
        let is_json = self.message_format == MessageFormat::Json;
        let (code, text, fields) = match work() {
            Ok(Answer { code, text, fields }) => (code, text, fields),
            Err(error) => {
                say_error(&error, !is_json);
                let said = json!({"reason": error.to_string(), "help": error.help()});
                (error.exit_code(), String::new(), Map::from_iter([("error".to_owned(), said)]))
            }
        };
        let text = if is_json {
            let mut line = Map::new();
            line.insert("v".to_owned(), json!(ANSWER_VERSION));
            line.insert("command".to_owned(), json!(command));
            line.insert("code".to_owned(), json!(code.code()));
            line.extend(fields);
            format!("{}\n", Value::Object(line))
        } else {
            text
        };
        // A reader that is gone, as behind `| head`, has read what it wanted.
        let _ = stdout.write_all(text.as_bytes());
        code
    }

    /// Who is told on standard error what cargo does meanwhile.
    pub(super) fn progress(&self) -> Human<Stderr> {
        let live = io::stderr().is_terminal() && self.message_format == MessageFormat::Human;
        Human::new(io::stderr(), Style { colour: self.color.on_stderr(), live, ..Style::default() })
    }
}

/// Takes standard output for what this program says. A widget that prints does so to standard error from now on: its
/// line would be no JSON.
pub(super) fn claim_stdout() -> io::Result<File> {
    let ours = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(File::from(ours))
}

fn say_error(error: &Error, with_reason: bool) {
    if let Error::BuildFailed { rendered, .. } = error {
        eprint!("{rendered}");
    }
    if with_reason {
        eprintln!("error: {error}");
        if let Some(help) = error.help() {
            eprintln!("help: {help}");
        }
    }
}
