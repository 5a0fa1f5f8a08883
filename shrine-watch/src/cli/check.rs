//! `cargo shrine check`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use shrine::state::lock::{FILE, Lock};

use super::declared::Crate;
use super::output::Answer;
use super::project::{ProjectArguments, Survey};
use crate::build::Package;
use crate::bump::source::Target;
use crate::bump::versions;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::golden;
use crate::release::git::{self, Before};
use crate::release::{Checked, Finding, Other, Severity, check as findings_of, check_source, lock};
use crate::survey::Surveyed;

/// Check that what was released can still be updated to what the widgets are now.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct CheckArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Compare shrine.lock with that of this git revision [default: where the branch left the default branch].
    #[arg(long, value_name = "REV")]
    against: Option<String>,
}

const EXIT_CODES: &str = "\
Every version in shrine.lock must reach the head with the shape that it was released with, and no entry may change or go.

Exit codes: 0 it holds, 2 usage, 4 no widgets, 94 bad configuration, 100 it does not hold, 101 build failed,
103 load failed";

/// Runs the command.
pub(super) fn run(arguments: &CheckArguments) -> ExitCode {
    arguments.project.answer("check", |survey| check(arguments, survey))
}

/// What is said about the crates.
#[derive(Default)]
struct Said {
    findings: Vec<Finding>,
    notes: Vec<String>,
    /// How many versions are in the locks.
    released: usize,
}

fn check(arguments: &CheckArguments, survey: &mut Survey) -> Result<Answer, Error> {
    let against = arguments.against.as_deref();
    let mut said = Said::default();
    // As the watcher builds: where a shape has changed, a finding says more than the compiler can.
    match survey.crates() {
        Ok(crates) => said.built(survey.packages(), crates, against)?,
        // What was released of widgets that are gone is in the locks all the same.
        Err(error @ Error::NothingToWatch { .. }) => {
            said.built(survey.packages(), Vec::new(), against)?;
            if said.findings.is_empty() {
                return Err(error);
            }
        }
        Err(error @ Error::BuildFailed { .. }) => {
            for package in survey.packages() {
                let (lock, _) = said.locks(package, against, true)?;
                let findings = in_source(&Crate::unbuilt(package), &lock);
                said.findings.extend(findings.into_iter().map(|finding| finding.of(&package.name)));
            }
            if said.findings.is_empty() {
                return Err(error);
            }
            said.notes.push(format!("{error}: what the compiler refuses was looked for in the source alone"));
        }
        Err(error) => return Err(error),
    }
    let Said { findings, notes, released } = said;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let code = if errors == 0 { ExitCode::Success } else { ExitCode::Refused };
    let text = text(&findings, &notes, released, errors);
    Ok(Answer::new(code, text, "findings", &findings).with("notes", notes).with("released", released))
}

impl Said {
    /// What is wrong with crates that were built. Those without widgets may have had some.
    fn built(
        &mut self,
        packages: &[Package],
        mut crates: Vec<Surveyed>,
        against: Option<&str>,
    ) -> Result<(), Error> {
        let mut known = Vec::new();
        for package in packages {
            let place = crates.iter().position(|surveyed| surveyed.package.id == package.id);
            let widgets = place.map(|place| crates.remove(place).widgets).unwrap_or_default();
            let (lock, before) = self.locks(package, against, !widgets.is_empty())?;
            known.push((package, widgets, lock, before));
        }
        for (index, (package, widgets, lock, before)) in known.iter().enumerate() {
            let others = known.iter().enumerate().filter(|(other, _)| *other != index);
            let others = others.map(|(_, (package, widgets, lock, _))| Other {
                package: &package.name,
                widgets,
                lock,
            });
            self.findings.extend(findings_of(&Checked {
                package: &package.name,
                file: &shown(&lock::path(package.directory())),
                widgets,
                lock,
                before: before.as_ref().map(|(revision, before)| (revision.as_str(), before)),
                others: &others.collect::<Vec<_>>(),
                has_golden: &|widget, version| golden::exists(package.directory(), widget, version),
            }));
        }
        Ok(())
    }

    /// The lock of a crate, and that of the revision that it is compared with.
    fn locks(
        &mut self,
        package: &Package,
        against: Option<&str>,
        has_widgets: bool,
    ) -> Result<(Lock, Option<(String, Lock)>), Error> {
        let (directory, name) = (package.directory(), &package.name);
        let lock = lock::read(directory)?;
        if lock.is_none() && has_widgets {
            self.notes.push(format!("{name} has released nothing: `cargo shrine release` begins with it"));
        }
        let lock = lock.unwrap_or_default();
        self.released += lock.widgets.values().chain(lock.states.values()).map(BTreeMap::len).sum::<usize>();
        let is_former = |text: &str| {
            Lock::parse(text)
                .is_ok_and(|former| former.widgets.keys().any(|id| lock.widgets.contains_key(id)))
        };
        let before = match git::before(directory, name, FILE, against, &is_former)? {
            Before::In { revision, text: Some(text) } => match Lock::parse(&text) {
                Ok(before) => Some((revision, before)),
                Err(error) => {
                    self.notes.push(format!("{FILE} of {name} cannot be understood in {revision}: {error}"));
                    None
                }
            },
            Before::In { revision, text: None } => {
                if !lock.widgets.is_empty() || !lock.states.is_empty() {
                    self.notes.push(format!("{FILE} of {name} is not in {revision}: all of it is new"));
                }
                None
            }
            Before::Unknown { .. } if lock.widgets.is_empty() && !has_widgets => None,
            Before::Unknown { reason } => {
                self.notes.push(format!("{FILE} of {name} was not compared with what it was: {reason}"));
                None
            }
        };
        Ok((lock, before))
    }
}

/// A file as it is named from where the command runs.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let within = here.ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    within.unwrap_or_else(|| path.to_owned()).display().to_string()
}

/// What the source of a crate tells that does not compile.
fn in_source(of: &Crate, lock: &Lock) -> Vec<Finding> {
    let mut findings = Vec::new();
    let nested = of.nested().types;
    let versions = versions(nested.iter().map(|(_, _, place)| place));
    let widgets = lock.widgets.iter().map(|(id, releases)| (Target::Widget(id), id, releases));
    let states = lock.states.iter().map(|(name, releases)| (Target::Nested(name), name, releases));
    for (target, name, releases) in states.chain(widgets) {
        if let [(_, _, place)] = &of.declarations(target)[..] {
            findings.extend(check_source(name, place, releases, &versions));
        }
    }
    findings
}

fn text(findings: &[Finding], notes: &[String], released: usize, errors: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(text, "{finding}");
    }
    for note in notes {
        let _ = writeln!(text, "note: {note}");
    }
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let warnings = findings.len() - errors;
    let _ = writeln!(
        text,
        "{} checked: {}, {}",
        count(released, "released version"),
        count(errors, "error"),
        count(warnings, "warning")
    );
    text
}
