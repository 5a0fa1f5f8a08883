//! `cargo shrine check`.

use std::fmt::Write as _;

use clap::Args;

use super::output::Answer;
use super::project::{ProjectArguments, Survey};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::golden;
use crate::release::git::{self, Before};
use crate::release::lock::{self, Lock};
use crate::release::{Checked, Finding, Severity, check as findings_of};
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

fn check(arguments: &CheckArguments, survey: &mut Survey) -> Result<Answer, Error> {
    // As the watcher builds: where a shape has changed, a finding says more than the compiler can.
    let crates = survey.crates()?;
    let (mut findings, mut notes, mut released) = (Vec::new(), Vec::new(), 0);
    for surveyed in &crates {
        let (lock, found) = check_crate(surveyed, arguments.against.as_deref(), &mut notes)?;
        released += lock.values().map(|versions| versions.len()).sum::<usize>();
        findings.extend(found);
    }
    let errors = findings.iter().filter(|finding: &&Finding| finding.severity == Severity::Error).count();
    let code = if errors == 0 { ExitCode::Success } else { ExitCode::Refused };
    let text = text(&findings, &notes, released, errors);
    Ok(Answer::new(code, text, "findings", &findings).with("notes", notes).with("released", released))
}

fn check_crate(
    Surveyed { package, widgets, .. }: &Surveyed,
    against: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<(Lock, Vec<Finding>), Error> {
    let directory = package.directory();
    let lock = lock::read(directory)?;
    if lock.is_none() {
        notes.push(format!("{} has released nothing: `cargo shrine release` begins with it", package.name));
    }
    let lock = lock.unwrap_or_default();
    let before = match git::before(directory, lock::FILE, against)? {
        Before::In { revision, text: Some(text) } => match lock::parse(&text) {
            Ok(before) => Some((revision, before)),
            Err(reason) => {
                notes.push(format!(
                    "shrine.lock of {} cannot be understood in {revision}: {reason}",
                    package.name
                ));
                None
            }
        },
        Before::In { .. } => None,
        Before::Unknown { reason } => {
            notes
                .push(format!("shrine.lock of {} was not compared with what it was: {reason}", package.name));
            None
        }
    };
    let found = findings_of(&Checked {
        widgets,
        lock: &lock,
        before: before.as_ref().map(|(revision, before)| (revision.as_str(), before)),
        has_golden: &|widget, version| golden::exists(directory, widget, version),
    });
    Ok((lock, found))
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
