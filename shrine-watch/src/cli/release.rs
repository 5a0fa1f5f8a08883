//! `cargo shrine release`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use super::output::Answer;
use super::project::{ProjectArguments, Survey};
use crate::build::Package;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::release::lock::{self, Lock};
use crate::release::{Addition, Finding, additions, present};
use crate::survey::Surveyed;

/// Write what the widgets are now into shrine.lock: from then on the compiler holds them to it.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ReleaseArguments {
    #[command(flatten)]
    project: ProjectArguments,
}

const EXIT_CODES: &str = "\
Commit shrine.lock with the release. What is in it is never written over.

Exit codes: 0 done, 2 usage, 4 no widgets, 94 bad configuration, 100 a released version has another shape,
101 build failed, 103 load failed";

/// Runs the command.
pub(super) fn run(arguments: &ReleaseArguments) -> ExitCode {
    arguments.project.answer("release", release)
}

/// A crate with its lock and what goes into it.
struct Release {
    package: Package,
    lock: Option<Lock>,
    added: Vec<Addition>,
}

fn release(survey: &mut Survey) -> Result<Answer, Error> {
    let planned = match survey.crates_with_locked_shapes() {
        Ok(crates) => plan(crates)?,
        // Where the compiler refuses a changed shape, the findings say more than it can.
        Err(error @ Error::BuildFailed { .. }) => match survey.crates().ok().map(plan) {
            Some(Ok(Err(findings))) => Err(findings),
            Some(Err(error)) => return Err(error),
            _ => return Err(error),
        },
        Err(error) => return Err(error),
    };
    let releases = match planned {
        Ok(releases) => releases,
        Err(findings) => return Ok(refused(&findings)),
    };
    let mut text = String::new();
    let mut crates = Vec::new();
    for Release { package, lock, added } in releases {
        crates.push(described(&package, &added));
        if added.is_empty() {
            let _ = writeln!(text, "nothing to add to shrine.lock of {}", package.name);
            continue;
        }
        for Addition { widget, version, entry } in &added {
            let _ = writeln!(text, "released {widget} {version}   {}", entry.shape.join(", "));
        }
        let is_new = lock.is_none();
        let mut lock = lock.unwrap_or_default();
        for Addition { widget, version, entry } in added {
            lock.entry(widget).or_default().insert(version, entry);
        }
        let path = package.directory().join(lock::FILE);
        replace(&path, &lock::print(&lock))
            .map_err(|error| Error::io(format!("write {}", path.display()), error))?;
        if is_new {
            notice(&package.library);
        }
        let _ = writeln!(text, "in {}", path.display());
    }
    Ok(Answer::new(ExitCode::Success, text, "crates", crates))
}

/// What goes into the locks of all crates, or why nothing does.
fn plan(crates: Vec<Surveyed>) -> Result<Result<Vec<Release>, Vec<Finding>>, Error> {
    let (mut releases, mut findings) = (Vec::new(), Vec::new());
    for Surveyed { package, widgets, .. } in crates {
        let lock = lock::read(package.directory())?;
        let known = lock.clone().unwrap_or_default();
        match present(&widgets).and_then(|present| additions(&known, &present, &widgets)) {
            Ok(added) => releases.push(Release { package, lock, added }),
            Err(refused) => findings.extend(refused),
        }
    }
    Ok(if findings.is_empty() { Ok(releases) } else { Err(findings) })
}

fn refused(findings: &[Finding]) -> Answer {
    let text = findings.iter().fold(String::new(), |mut text, finding| {
        let _ = writeln!(text, "{finding}");
        text
    });
    let text = format!("{text}nothing was released\n");
    Answer::new(ExitCode::Refused, text, "findings", findings)
}

fn described(package: &Package, added: &[Addition]) -> Value {
    let addition = |Addition { widget, version, entry }: &Addition| {
        json!({
            "widget": widget,
            "version": version,
            "fingerprint": format!("{:016x}", entry.fingerprint),
            "shape": entry.shape,
            "retired": entry.retired,
        })
    };
    json!({
        "package": package.name,
        "lock": package.directory().join(lock::FILE),
        "added": added.iter().map(addition).collect::<Vec<_>>(),
    })
}

/// Writes a file so that nobody ever sees half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("lock.{}", std::process::id()));
    fs::write(&beside, text)?;
    fs::rename(&beside, path).inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Lets cargo look at the crate again: a file that was not there at the last build is none that it watches.
fn notice(library: &Path) {
    let touch = || File::options().append(true).open(library)?.set_modified(SystemTime::now());
    // Where it cannot be done, the next edit does it.
    drop(touch());
}
