//! `cargo shrine release`.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};
use shrine::state::lock::{Entry, Lock, ReleasedVersion};

use super::output::Answer;
use super::project::{ProjectArguments, Survey};
use crate::build::Package;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::release::{Finding, Release, lock, present, release};
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
    arguments.project.answer("release", run_release)
}

/// A crate with what goes into its lock.
struct Planned {
    package: Package,
    is_first: bool,
    release: Release,
}

fn run_release(survey: &mut Survey) -> Result<Answer, Error> {
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
    let planned = match planned {
        Ok(planned) => planned,
        Err(findings) => return Ok(refused(&findings)),
    };
    let (mut text, mut crates) = (String::new(), Vec::new());
    for Planned { package, is_first, release } in planned {
        if release.added.is_empty() && release.retired.is_empty() && !is_first {
            let _ = writeln!(text, "nothing to add to shrine.lock of {}", package.name);
        } else {
            lock::write(package.directory(), &release.lock)?;
            text.push_str(&told(&package, &release));
        }
        if is_first {
            notice(&package.library);
        }
        crates.push(described(&package, &release));
    }
    Ok(Answer::new(ExitCode::Success, text, "crates", crates))
}

/// What goes into the locks of all crates, or why nothing does.
fn plan(crates: Vec<Surveyed>) -> Result<Result<Vec<Planned>, Vec<Finding>>, Error> {
    let (mut planned, mut findings) = (Vec::new(), Vec::new());
    for Surveyed { package, widgets, .. } in crates {
        let known = lock::read(package.directory())?;
        let is_first = known.is_none();
        let known = known.unwrap_or_default();
        match present(&widgets).and_then(|present| release(&known, &present, &widgets)) {
            Ok(release) => planned.push(Planned { package, is_first, release }),
            Err(refused) => {
                findings.extend(refused.into_iter().map(|finding| finding.of(&package.name)));
            }
        }
    }
    Ok(if findings.is_empty() { Ok(planned) } else { Err(findings) })
}

fn refused(findings: &[Finding]) -> Answer {
    let text = findings.iter().fold(String::new(), |mut text, finding| {
        let _ = writeln!(text, "{finding}");
        text
    });
    let text = format!("{text}nothing was released\n");
    Answer::new(ExitCode::Refused, text, "findings", findings)
}

fn told(package: &Package, release: &Release) -> String {
    let mut text = String::new();
    for (name, version) in &release.added {
        let shape = entry(release, name, version).map(|entry| entry.shape.join(", ")).unwrap_or_default();
        let _ = writeln!(text, "released {name} {version}   {shape}");
    }
    for (name, version, names) in &release.retired {
        let _ = writeln!(text, "retired {} of {name} {version}", names.join(", "));
    }
    let _ = writeln!(text, "in {}", lock::path(package.directory()).display());
    text
}

fn described(package: &Package, release: &Release) -> Value {
    let added = |(name, version): &(String, ReleasedVersion)| {
        let entry = entry(release, name, version);
        json!({
            "widget": name,
            "version": version,
            "fingerprint": entry.map(|entry| format!("{:016x}", entry.fingerprint)),
            "shape": entry.map(|entry| &entry.shape),
            "retired": entry.map(|entry| &entry.retired),
        })
    };
    let retired = |(name, version, names): &(String, ReleasedVersion, Vec<String>)| json!({"widget": name, "version": version, "names": names});
    json!({
        "package": package.name,
        "lock": lock::path(package.directory()),
        "added": release.added.iter().map(added).collect::<Vec<_>>(),
        "retired": release.retired.iter().map(retired).collect::<Vec<_>>(),
    })
}

fn entry<'a>(release: &'a Release, name: &str, version: &ReleasedVersion) -> Option<&'a Entry> {
    let Lock { widgets, states, .. } = &release.lock;
    widgets.get(name).or_else(|| states.get(name))?.get(version)
}

/// Lets cargo look at the crate again: a file that was not there at the last build is none that it watches.
fn notice(library: &Path) {
    let touch = || File::options().append(true).open(library)?.set_modified(SystemTime::now());
    // Where it cannot be done, the next edit does it.
    drop(touch());
}
