//! `cargo shrine doctor`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::output::{Answer, AnswerArguments};
use crate::build::CargoOptions;
use crate::doctor::{Facts, Finding, Severity, gather};
use crate::exit::ExitCode;

/// Look for what keeps widgets from being built, loaded and watched well here, and say what to do about it.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DoctorArguments {
    /// A widget crate, a workspace of them, or a directory of one; where there is none, only the machine is looked at
    /// [default: the one here].
    path: Option<PathBuf>,
    #[command(flatten)]
    answer: AnswerArguments,
    #[command(flatten)]
    cargo: CargoOptions,
}

const EXIT_CODES: &str = "\
It looks at the toolchain, the linker, wrappers, flags and profiles, the target directory, what can be watched, the versions of
shrine, shrine.toml and shrine.lock, and builds a library of one function as widgets are built. It changes nothing.

Exit codes: 0 no errors, 2 usage, 100 errors were found";

/// Runs the command.
pub(super) fn run(arguments: &DoctorArguments) -> ExitCode {
    let DoctorArguments { path, answer, cargo } = arguments;
    answer.say("doctor", || {
        let mut human = answer.progress();
        let facts = gather::facts(path.as_deref(), cargo, &mut |line| human.progress(line));
        human.end_live_line();
        let findings = facts.findings();
        let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
        let code = if has_errors { ExitCode::Refused } else { ExitCode::Success };
        Ok(Answer::new(code, text(&facts, &findings), "findings", &findings).with("facts", &facts))
    })
}

fn text(facts: &Facts, findings: &[Finding]) -> String {
    let mut text = String::new();
    for line in facts.summary() {
        let _ = writeln!(text, "   ok: {line}");
    }
    for finding in findings {
        let _ = writeln!(text, "{finding}");
    }
    let count = |severity, what: &str| {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        format!("{number} {what}{}", if number == 1 { "" } else { "s" })
    };
    let (errors, warnings) = (count(Severity::Error, "error"), count(Severity::Warning, "warning"));
    let _ = writeln!(text, "{errors}, {warnings}, {}", count(Severity::Note, "note"));
    text
}
