//! `cargo shrine bump`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use shrine::abi::handle::Module;
use shrine::state::shape::Shape;

use super::output::{Answer, MessageFormat};
use super::project::{ProjectArguments, Survey};
use crate::build::Package;
use crate::bump::difference::{line, open_questions};
use crate::bump::source::{self, Place, Target};
use crate::bump::{Now, diff, operations};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::release::lock;
use crate::release::outline;
use crate::release::version::{self, Level};
use crate::survey::Surveyed;

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

/// A crate that may declare the widget.
struct Crate {
    package: Package,
    /// Its source files.
    sources: BTreeSet<PathBuf>,
    /// Its widgets, if it compiles.
    widgets: Vec<Arc<Module>>,
}

/// The declaration.
struct Found {
    of: Crate,
    path: PathBuf,
    text: String,
    place: Place,
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
    let Some(released) = lock.get(name).and_then(|versions| versions.get(head)) else {
        let text = match lock.contains_key(name) {
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

impl Crate {
    fn of(Surveyed { package, sources, widgets }: Surveyed) -> Self {
        let is_source = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
        Self { package, sources: sources.into_iter().filter(is_source).collect(), widgets }
    }

    /// A crate of which nothing but its files is known.
    fn unbuilt(package: &Package) -> Self {
        let mut sources = BTreeSet::new();
        collect(package.library.parent().unwrap_or(package.directory()), &mut sources);
        Self { package: package.clone(), sources, widgets: Vec::new() }
    }

    /// The shape of a version, as the code says.
    fn shape(&self, name: &str, version: &str) -> Option<Shape> {
        if let Some(module) = self.widgets.iter().find(|module| module.id() == name) {
            let head = module.versions().first().filter(|info| info.version == version)?;
            return Some(head.shape.clone());
        }
        let all = self.widgets.iter().flat_map(|module| module.versions());
        let mut nested = all.flat_map(|info| outline::nested(&info.shape));
        nested.find(|nested| nested.name == name && nested.version == version).map(|nested| nested.shape.clone())
    }
}

/// The source files below a directory.
fn collect(directory: &Path, sources: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(path);
        }
    }
}

/// The one declaration of the widget or the nested type.
fn find(crates: Vec<Crate>, name: &str) -> Result<Found, Error> {
    let mut found = Vec::new();
    for (index, of) in crates.iter().enumerate() {
        for path in &of.sources {
            // A file that is no Rust or not there is the compiler's business.
            let Ok(text) = fs::read_to_string(path) else { continue };
            for target in [Target::Widget(name), Target::Nested(name)] {
                let places = source::find(&text, target).unwrap_or_default();
                found.extend(places.into_iter().map(|place| (index, path.clone(), text.clone(), place)));
            }
        }
    }
    let usage = |reason: String, help: String| Err(Error::Usage { reason, help });
    if found.len() > 1 {
        let files: Vec<_> = found.iter().map(|(_, path, ..)| path.display().to_string()).collect();
        return usage(
            format!("`{name}` is declared {} times", files.len()),
            format!("raise the version by hand, in {}", files.join(" and ")),
        );
    }
    let Some((index, path, text, place)) = found.pop() else {
        let ids = crates.iter().flat_map(|of| &of.widgets).map(|module| format!("`{}`", module.id()));
        let ids: Vec<_> = ids.collect();
        let known = if ids.is_empty() { String::new() } else { format!("; there is {}", ids.join(", ")) };
        return usage(
            format!("no source file declares `{name}`"),
            format!("name the `id` of a `#[widget]`, or a type with `#[state(version = \"..\")]`{known}"),
        );
    };
    match crates.into_iter().nth(index) {
        Some(of) => Ok(Found { of, path, text, place }),
        None => usage(format!("no crate declares `{name}`"), String::new()),
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
