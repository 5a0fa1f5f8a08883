//! `cargo shrine bump`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use shrine::state::lock::{Lock, nested};

use super::declared::{Crate, Declared, Found, Nested, find};
use super::output::{Answer, MessageFormat};
use super::project::{ProjectArguments, Survey};
use crate::bump::difference::options;
use crate::bump::plan::{Locks, Raised, Types, has_parts, names_in};
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
    let (crates, failure): (Vec<_>, _) = match survey.crates() {
        Ok(crates) => (crates.into_iter().map(Crate::of).collect(), None),
        // A field that is gone breaks the hops behind it until the new one is written.
        Err(error @ Error::BuildFailed { .. }) => {
            (survey.packages().iter().map(Crate::unbuilt).collect(), Some(error))
        }
        Err(error) => return Err(error),
    };
    let found = find(&crates, name)?;
    let own = lock::read(found.of.package.directory())?.unwrap_or_default();
    let Nested { types: nested, ambiguous } = found.of.nested();
    let declared: Vec<_> = nested.iter().map(|(_, _, place)| place).collect();
    let others = others(&crates, &found, &declared)?;
    let locks = Locks { own: &own, others: &others };
    let shape = found.of.shape(name).or_else(|| crates.iter().find_map(|of| of.shape(name)));
    let types = known(name, &declared, &found.place, &locks, shape.as_ref(), Arc::new(found.of.crates()));
    let raised = types.changed_inside(name);
    let none = |text: String| Ok(Answer::new(ExitCode::Success, text, "bumped", false).with("widget", name));
    let Some(subject) = types.types.get(name).filter(|subject| subject.old.is_some()) else {
        return none(not_released(name, &found, &locks, raised.keys()));
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
    let mut notes = notes(&types, &plan, &crates, failure.as_ref());
    notes.extend(undecidable(&types, &plan, &ambiguous));
    let diff = files.diff(found.of.package.directory(), survey.root());
    Ok(told(name, &plan, written, notes, &diff).with("file", &found.path))
}

/// The locks of the other crates, each with the names by which it means one of these types.
fn others(
    crates: &[Crate],
    found: &Found<'_>,
    declared: &[&Place],
) -> Result<Vec<(Lock, BTreeSet<String>)>, Error> {
    let is_same = |a: &Place, b: &Place| (&a.name, &a.home, &a.module) == (&b.name, &b.home, &b.module);
    let mut others = Vec::new();
    for of in crates.iter().filter(|of| of.package.directory() != found.of.package.directory()) {
        let Some(lock) = lock::read(of.package.directory())? else { continue };
        let theirs = of.nested().types.into_iter().map(|(_, _, place)| place);
        let same = theirs.filter(|place| declared.iter().any(|ours| is_same(ours, place)));
        others.push((lock, same.map(|place| place.name).collect()));
    }
    Ok(others)
}

/// Why a type that was not released needs no new version.
fn not_released<'a>(
    name: &str,
    found: &Found<'_>,
    locks: &Locks<'_>,
    changed: impl Iterator<Item = &'a String>,
) -> String {
    let what = match (&found.place.version, locks.know(name)) {
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
fn edit(plan: &[Raised], found: &Found<'_>, nested: &[Declared]) -> (Files, Vec<Value>) {
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
        let Raised { name, from, to, operations, .. } = raised;
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
fn notes(types: &Types, plan: &[Raised], crates: &[Crate], failure: Option<&Error>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(failure) = failure {
        notes.push(format!("{failure}, so types were compared as they are written"));
    }
    let to_export: BTreeSet<_> = plan.iter().flat_map(|raised| &raised.to_export).collect();
    for (name, older, module) in to_export {
        notes.push(format!("{module} has to export `{older}`, as it does `{name}`"));
    }
    let names: BTreeSet<_> = plan.iter().map(|raised| raised.name.as_str()).collect();
    let mut around: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (name, inside) in types.containing(&names) {
        around.entry(name.to_owned()).or_default().extend(inside);
    }
    for (of, id) in crates.iter().flat_map(|of| of.widgets().map(move |id| (of, id))) {
        let shape = of.shape(id);
        let nested = shape.iter().flat_map(nested);
        let inside: Vec<_> = nested.filter_map(|nested| names.get(nested.name).copied()).collect();
        if !inside.is_empty() {
            around.entry(id.to_owned()).or_default().extend(inside);
        }
    }
    for (name, inside) in around.iter().filter(|(name, _)| !names.contains(name.as_str())) {
        let raised: Vec<_> = inside.iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!(
            "`{name}` contains {}: if it was released, `cargo shrine bump {name}` writes its hop",
            raised.join(" and ")
        ));
    }
    notes
}

/// The types of which nobody knows whether they have changed, because several have their name.
fn undecidable(types: &Types, plan: &[Raised], ambiguous: &BTreeMap<String, Vec<PathBuf>>) -> Vec<String> {
    let known = plan.iter().filter_map(|raised| types.types.get(&raised.name));
    let mentioned: BTreeSet<_> = known.flat_map(|known| names_in(&known.spelt)).collect();
    let mentioned = ambiguous.iter().filter(|(name, _)| mentioned.contains(name.as_str()));
    let note = |(name, files): (&String, &Vec<PathBuf>)| {
        let named: BTreeSet<_> = files.iter().map(|file| file.display().to_string()).collect();
        format!(
            "`{name}` is declared {} times, in {}: if one of them has changed since its release, raise its version by hand",
            files.len(),
            named.into_iter().collect::<Vec<_>>().join(" and ")
        )
    };
    mentioned.map(note).collect()
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

    /// Paths are shown from the directory of the crate, or from the root of the workspace.
    fn diff(&self, directory: &Path, root: &Path) -> String {
        let base = if self.0.keys().all(|path| path.starts_with(directory)) { directory } else { root };
        let diff = |(path, (old, new)): (&PathBuf, &(String, String))| {
            let shown = path.strip_prefix(base).unwrap_or(path);
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
