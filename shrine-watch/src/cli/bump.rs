//! `cargo shrine bump`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use shrine::state::lock::nested;

use super::declared::{Crate, Found, find};
use super::output::{Answer, MessageFormat};
use super::project::{ProjectArguments, Survey};
use crate::bump::difference::options;
use crate::bump::plan::{Raised, Types, has_parts};
use crate::bump::source::{self, Target};
use crate::bump::{diff, known};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::release::lock;
use crate::release::version::{self, Level};

/// Raise the version of a widget, and write the hop that leads to it into the source.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct BumpArguments {
    /// The id of the widget, or the name of a nested type.
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
The hop is what differs from the released shape in shrine.lock. Nested types that have changed get a version and a hop of
their own. Whether a field or variant was renamed is asked on a terminal; elsewhere the line says `todo_rename(old => new)`,
and `..` stands for a value or converter that nobody knows: neither compiles until it is decided.

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
    let nested = of.nested();
    let declared: Vec<_> = nested.iter().map(|(_, _, place)| place).collect();
    let types = known(name, &declared, &place, &lock, of.shape(name).as_ref());
    let raised = types.changed_inside(name);
    let none = |text: String| Ok(Answer::new(ExitCode::Success, text, "bumped", false).with("widget", name));
    let Some(subject) = types.types.get(name).filter(|subject| subject.old.is_some()) else {
        let is_released = lock.widgets.contains_key(name) || lock.states.contains_key(name);
        let what = match (&place.version, is_released) {
            (Some(head), true) => format!("{name} {head} is not released"),
            _ => format!("nothing of {name} is released"),
        };
        let mut text = format!("{what}: edit it as it is, no bump is needed\n");
        for nested in raised.keys() {
            let _ = writeln!(
                text,
                "note: `{nested}` inside of it has changed since its release: `cargo shrine bump {nested}`"
            );
        }
        return none(text);
    };
    if !has_parts(subject) {
        return Err(Error::Usage {
            reason: format!("`{name}` has no named fields, and a hop names what has changed"),
            help:
                "give its fields names, or keep the former type under another name and convert it with `up`"
                    .to_owned(),
        });
    }
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let asks = is_terminal && arguments.project.answer.message_format == MessageFormat::Human;
    let plan = types.plan(name, &raised, &mut |of, old, new| asks.then(|| ask(of, old, new)).flatten());
    if plan.iter().all(|raised| raised.operations.is_empty()) && !arguments.is_explicit() {
        return match failure {
            Some(failure) => Err(failure),
            None => none(format!("{name} is as it was released: no bump is needed\n")),
        };
    }
    let head = subject.version.clone();
    let to = arguments.next(&head)?;
    let mut files = Files::default();
    files.know(&path, &text);
    let mut written = Vec::new();
    for Raised { name: of, from, to: next, operations } in &plan {
        let version = next.as_ref().unwrap_or(&to);
        let file = nested.iter().find(|(_, _, place)| place.name == *of && next.is_some());
        let (target, file) = match file {
            Some((path, text, _)) => {
                files.know(path, text);
                (Target::Nested(of), path)
            }
            None if lock.widgets.contains_key(name) => (Target::Widget(of), &path),
            None => (Target::Nested(of), &path),
        };
        let options = options(from, operations);
        files.edit(file, target, version, &options);
        written.push(json!({
            "name": of, "from": from, "to": version, "line": source::line(&options), "file": file,
        }));
    }
    files.write()?;
    let diff = files.diff(of.package.directory());
    let questions = |raised: &Raised| {
        let of = raised.to.as_ref().map_or_else(String::new, |_| format!("{}: ", raised.name));
        let questions = raised.operations.iter().filter_map(|operation| operation.question.as_ref());
        questions.map(|question| format!("{of}{question}")).collect::<Vec<_>>()
    };
    let undecided: Vec<_> = plan.iter().flat_map(questions).collect();
    let notes = notes(&types, &plan, &of, failure.as_ref());
    let mut said = diff.clone();
    for note in &notes {
        let _ = writeln!(said, "note: {note}");
    }
    for question in &undecided {
        let _ = writeln!(said, "decide: {question}");
    }
    let subject = written.pop().unwrap_or_default();
    Ok(Answer::new(ExitCode::Success, said, "bumped", true)
        .with("widget", name)
        .with("from", head)
        .with("to", to)
        .with("line", &subject["line"])
        .with("file", path)
        .with("nested", written)
        .with("undecided", undecided)
        .with("notes", notes)
        .with("diff", diff))
}

/// What else has to be done.
fn notes(types: &Types, plan: &[Raised], of: &Crate, failure: Option<&Error>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(failure) = failure {
        notes.push(format!("{failure}, so types were compared as they are written"));
    }
    let names: BTreeSet<_> = plan.iter().map(|raised| raised.name.as_str()).collect();
    let mut around: BTreeSet<String> = types.containing(&names).into_iter().map(str::to_owned).collect();
    let is_around = |id: &&str| {
        let shape = of.shape(id);
        shape.iter().flat_map(nested).any(|nested| names.contains(nested.name))
    };
    around.extend(of.widgets().filter(is_around).map(str::to_owned));
    for name in around.iter().filter(|name| !names.contains(name.as_str())) {
        let raised: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!(
            "`{name}` contains {}: if it was released, `cargo shrine bump {name}` writes its hop",
            raised.join(" or ")
        ));
    }
    notes
}

/// Sources with what becomes of them.
#[derive(Default)]
struct Files(BTreeMap<PathBuf, (String, String)>);

impl Files {
    fn know(&mut self, path: &Path, text: &str) {
        self.0.entry(path.to_owned()).or_insert_with(|| (text.to_owned(), text.to_owned()));
    }

    /// Edits one declaration. Places move with each edit, so it is looked for anew.
    fn edit(&mut self, path: &Path, target: Target<'_>, version: &str, options: &[String]) {
        let Some((_, text)) = self.0.get_mut(path) else { return };
        let places = source::find(text, target).unwrap_or_default();
        if let Some(place) = places.first() {
            *text = source::edit(text, place, version, options);
        }
    }

    fn write(&self) -> Result<(), Error> {
        for (path, (_, text)) in &self.0 {
            fs::write(path, text).map_err(|error| Error::io(format!("write {}", path.display()), error))?;
        }
        Ok(())
    }

    fn diff(&self, directory: &Path) -> String {
        let diff = |(path, (old, new)): (&PathBuf, &(String, String))| {
            let shown = path.strip_prefix(directory).unwrap_or(path);
            diff::diff(&shown.display().to_string(), old, new)
        };
        self.0.iter().map(diff).collect()
    }
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

/// Whether a field or variant has only another name; nothing when nobody answers.
fn ask(of: &str, old: &str, new: &str) -> Option<bool> {
    let mut answer = String::new();
    loop {
        eprint!(
            "{of}: `{old}` is gone and `{new}` is new. [r]enamed, or [s]eparate: one removed, one added? "
        );
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
