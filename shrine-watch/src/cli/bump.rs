//! `cargo shrine bump`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};

use clap::Args;

use super::declared::{Crate, Found, find};
use super::output::{Answer, MessageFormat};
use super::project::{ProjectArguments, Survey};
use crate::bump::difference::{line, open_questions};
use crate::bump::source;
use crate::bump::{Now, diff, operations};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::release::lock;
use crate::release::version::{self, Level};

/// Raise the version of a widget, and write the hop that leads to it into the source.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct BumpArguments {
    /// The id of the widget, or the name of a nested type with a version.
    widget: String,
    #[command(flatten)]
    project: ProjectArguments,
    /// Raise the first part of the version.
    #[arg(long, group = "level")]
    major: bool,
    /// Raise the second part [default].
    #[arg(long, group = "level")]
    minor: bool,
    /// Raise the third part.
    #[arg(long, group = "level")]
    patch: bool,
    /// Raise it to this version.
    #[arg(long, value_name = "VERSION", group = "level")]
    to: Option<String>,
}

const EXIT_CODES: &str = "\
The hop is what differs from the released shape in shrine.lock. Whether a field was renamed is asked on a terminal;
elsewhere the line says `todo_rename(old => new)`, and `add(field = ..)` for a value that nobody knows: neither compiles
until it is decided.

Exit codes: 0 done or not needed, 2 usage, 4 no widgets, 94 bad configuration, 101 build failed, 103 load failed";

/// Runs the command.
pub(super) fn run(arguments: &BumpArguments) -> ExitCode {
    arguments.project.answer("bump", |survey| bump(arguments, survey))
}

fn bump(arguments: &BumpArguments, survey: &mut Survey) -> Result<Answer, Error> {
    let name = arguments.widget.as_str();
    let (crates, failure) = match survey.crates() {
        Ok(crates) => (crates.into_iter().map(Crate::of).collect(), None),
        // A field that is gone breaks the hops behind it until the new one is written.
        Err(error @ Error::BuildFailed { .. }) => {
            (survey.packages().iter().map(Crate::unbuilt).collect(), Some(error))
        }
        Err(error) => return Err(error),
    };
    let Found { of, path, text, place } = find(crates, name)?;
    let lock = lock::read(of.package.directory())?.unwrap_or_default();
    let head = place.version.as_str();
    let releases = lock.widgets.get(name).or_else(|| lock.states.get(name));
    let of_head = releases.and_then(|releases| releases.iter().find(|(version, _)| version.as_str() == head));
    let Some((_, released)) = of_head else {
        let text = match releases.is_some() {
            true => format!("{name} {head} is not released: edit it as it is, no bump is needed\n"),
            false => format!("nothing of {name} is released: edit it as it is, no bump is needed\n"),
        };
        return Ok(Answer::new(ExitCode::Success, text, "bumped", false).with("widget", name));
    };
    let shape = of.shape(name, head);
    let now = match (&shape, &place.fields) {
        (Some(shape), Some(_)) => Now::built(shape),
        (None, Some(fields)) => Now::Written(fields),
        (_, None) => {
            return Err(Error::Usage {
                reason: format!("`{name}` is an enum, and its hop is for you to write"),
                help: format!("raise its version and add `#[migrate(from = \"{head}\", ..)]` below it"),
            });
        }
    };
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let asks = is_terminal && arguments.project.answer.message_format == MessageFormat::Human;
    let operations = operations(released, &now, |old, new| asks.then(|| ask(old, new)).flatten());
    if operations.is_empty() && !arguments.is_explicit() {
        if let Some(failure) = failure {
            return Err(failure);
        }
        let text = format!("the fields of {name} are as they were released: no bump is needed\n");
        return Ok(Answer::new(ExitCode::Success, text, "bumped", false).with("widget", name));
    }
    let to = arguments.next(head)?;
    let line = line(head, &operations);
    let edited = source::edit(&text, &place, &to, &line);
    fs::write(&path, &edited).map_err(|error| Error::io(format!("write {}", path.display()), error))?;
    let shown = path.strip_prefix(of.package.directory()).unwrap_or(&path);
    let diff = diff::diff(&shown.display().to_string(), &text, &edited);
    let undecided = open_questions(&operations);
    let mut said = diff.clone();
    if let Some(failure) = failure {
        let _ = writeln!(said, "note: {failure}, so types were compared as they are written");
    }
    for question in &undecided {
        let _ = writeln!(said, "decide: {question}");
    }
    Ok(Answer::new(ExitCode::Success, said, "bumped", true)
        .with("widget", name)
        .with("from", head)
        .with("to", to)
        .with("line", line)
        .with("file", path)
        .with("undecided", undecided)
        .with("diff", diff))
}

impl BumpArguments {
    fn is_explicit(&self) -> bool {
        self.major || self.minor || self.patch || self.to.is_some()
    }

    fn next(&self, head: &str) -> Result<String, Error> {
        let level = match (self.major, self.minor, self.patch) {
            (true, ..) => Some(Level::Major),
            (_, true, _) => Some(Level::Minor),
            (_, _, true) => Some(Level::Patch),
            _ => None,
        };
        let higher = |to: &String| version::order(to) > version::order(head);
        let next = self.to.clone().or_else(|| version::next(head, level));
        next.filter(higher).ok_or_else(|| Error::Usage {
            reason: format!("`{}` is no version above {head}", self.to.as_deref().unwrap_or(head)),
            help: "write a semantic version, as `--to 2.0.0`".to_owned(),
        })
    }
}

/// Whether a field has only another name; nothing when nobody answers.
fn ask(old: &str, new: &str) -> Option<bool> {
    let mut answer = String::new();
    loop {
        eprint!("`{old}` is gone and `{new}` is new. [r]enamed, or [s]eparate: one removed, one added? ");
        io::stderr().flush().ok()?;
        answer.clear();
        if io::stdin().read_line(&mut answer).ok()? == 0 {
            return None;
        }
        match answer.trim() {
            "r" | "renamed" => return Some(true),
            "s" | "separate" => return Some(false),
            _ => {}
        }
    }
}
