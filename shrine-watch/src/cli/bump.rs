//! `cargo shrine bump`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use shrine::state::lock::{Lock, nested};

use super::declared::{Crate, Found, find};
use super::output::{Answer, MessageFormat};
use super::project::{ProjectArguments, Survey};
use crate::bump::difference::options;
use crate::bump::plan::{Raised, Types, has_parts};
use crate::bump::source::{self, Place, Target};
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
    let found = find(crates, name)?;
    let lock = lock::read(found.of.package.directory())?.unwrap_or_default();
    let nested = found.of.nested();
    let declared: Vec<_> = nested.iter().map(|(_, _, place)| place).collect();
    let types = known(name, &declared, &found.place, &lock, found.of.shape(name).as_ref());
    let raised = types.changed_inside(name);
    let none = |text: String| Ok(Answer::new(ExitCode::Success, text, "bumped", false).with("widget", name));
    let Some(subject) = types.types.get(name).filter(|subject| subject.old.is_some()) else {
        return none(not_released(name, &found, &lock, raised.keys()));
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
    let mut plan = types.plan(name, &raised, &mut |of, old, new| asks.then(|| ask(of, old, new)).flatten());
    if plan.iter().all(|raised| raised.operations.is_empty()) && !arguments.is_explicit() {
        return match failure {
            Some(failure) => Err(failure),
            None => none(format!("{name} is as it was released: no bump is needed\n")),
        };
    }
    let to = arguments.next(&subject.version)?;
    if let Some(last) = plan.last_mut() {
        last.to.clone_from(&to);
    }
    let (files, written) = edit(&plan, &found, &nested);
    files.write()?;
    let notes = notes(&types, &plan, &found.of, failure.as_ref());
    Ok(told(name, &plan, written, notes, &files.diff(found.of.package.directory())).with("file", &found.path))
}

/// Why a type that was not released needs no new version.
fn not_released<'a>(
    name: &str,
    found: &Found,
    lock: &Lock,
    changed: impl Iterator<Item = &'a String>,
) -> String {
    let is_released = lock.widgets.contains_key(name) || lock.states.contains_key(name);
    let what = match (&found.place.version, is_released) {
        (Some(head), true) => format!("{name} {head} is not released"),
        _ => format!("nothing of {name} is released"),
    };
    let mut text = format!("{what}: edit it as it is, no bump is needed\n");
    for nested in changed {
        let _ = writeln!(
            text,
            "note: `{nested}` inside of it has changed since its release: `cargo shrine bump {nested}`"
        );
    }
    text
}

/// Writes each hop into its source, and describes them for programs.
fn edit(plan: &[Raised], found: &Found, nested: &[(PathBuf, String, Place)]) -> (Files, Vec<Value>) {
    let mut files = Files::default();
    files.know(&found.path, &found.text);
    let mut written = Vec::new();
    let (inside, subject) = plan.split_at(plan.len().saturating_sub(1));
    let inside = inside.iter().filter_map(|raised| {
        let (path, text, _) = nested.iter().find(|(_, _, place)| place.name == raised.name)?;
        Some((raised, path, text, Target::Nested(&raised.name)))
    });
    let subject = subject.iter().map(|raised| {
        let target = match found.place.name == raised.name {
            true => Target::Nested(&raised.name),
            false => Target::Widget(&raised.name),
        };
        (raised, &found.path, &found.text, target)
    });
    for (raised, path, text, target) in inside.chain(subject) {
        let Raised { name, from, to, operations } = raised;
        let options = options(from, operations);
        files.know(path, text);
        files.edit(path, target, to, &options);
        let line = source::line(&options);
        written.push(json!({"name": name, "from": from, "to": to, "line": line, "file": path}));
    }
    (files, written)
}

/// What was done, and what is left to do.
fn told(name: &str, plan: &[Raised], mut written: Vec<Value>, notes: Vec<String>, diff: &str) -> Answer {
    let questions = |raised: &Raised| {
        let of = if raised.name == name { String::new() } else { format!("{}: ", raised.name) };
        let questions = raised.operations.iter().filter_map(|operation| operation.question.as_ref());
        questions.map(|question| format!("{of}{question}")).collect::<Vec<_>>()
    };
    let undecided: Vec<_> = plan.iter().flat_map(questions).collect();
    let mut said = diff.to_owned();
    for note in &notes {
        let _ = writeln!(said, "note: {note}");
    }
    for question in &undecided {
        let _ = writeln!(said, "decide: {question}");
    }
    let subject = written.pop().unwrap_or_default();
    Answer::new(ExitCode::Success, said, "bumped", true)
        .with("widget", name)
        .with("from", &subject["from"])
        .with("to", &subject["to"])
        .with("line", &subject["line"])
        .with("nested", written)
        .with("undecided", undecided)
        .with("notes", notes)
        .with("diff", diff)
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
