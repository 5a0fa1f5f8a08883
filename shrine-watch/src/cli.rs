//! The command `cargo shrine`.

pub mod bump;
pub mod capture;
pub mod check;
mod declared;
pub mod doctor;
pub mod history;
pub mod new;
mod output;
mod project;
pub mod release;
pub mod scene;
mod signals;
pub mod watch;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

use crate::exit::ExitCode;

/// Runs the command with the arguments of the process.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = without_cargos_own(arguments.into_iter().collect());
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command: Some(CommandLine::Watch(arguments)) }) => watch::run(arguments),
        Ok(Arguments { command: Some(CommandLine::New(arguments)) }) => new::run(&arguments),
        Ok(Arguments { command: Some(CommandLine::Bump(arguments)) }) => bump::run(&arguments),
        Ok(Arguments { command: Some(CommandLine::Capture(arguments)) }) => capture::run(&arguments),
        Ok(Arguments { command: Some(CommandLine::Check(arguments)) }) => check::run(&arguments),
        Ok(Arguments { command: Some(CommandLine::Doctor(arguments)) }) => doctor::run(&arguments),
        Ok(Arguments { command: Some(CommandLine::Release(arguments)) }) => release::run(&arguments),
        Ok(Arguments { command: Some(CommandLine::Scene(arguments)) }) => scene::run(&arguments),
        Ok(Arguments { command: Some(CommandLine::History(arguments)) }) => history::run(arguments),
        Ok(Arguments { command: None }) => {
            // Somebody who does not know what to write gets what there is; a closed terminal is no reason to fail.
            drop(Arguments::command().print_help());
            ExitCode::Success
        }
        Err(error) => {
            drop(error.print());
            if error.use_stderr() { ExitCode::Usage } else { ExitCode::Success }
        }
    }
}

/// Hot module replacement for Rust that keeps state and connections.
#[derive(Debug, Parser)]
#[command(name = "cargo shrine", bin_name = "cargo shrine", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<CommandLine>,
}

#[derive(Debug, Subcommand)]
enum CommandLine {
    Watch(watch::WatchArguments),
    New(new::NewArguments),
    Bump(bump::BumpArguments),
    Capture(capture::CaptureArguments),
    Check(check::CheckArguments),
    Doctor(doctor::DoctorArguments),
    History(history::HistoryArguments),
    Release(release::ReleaseArguments),
    Scene(scene::SceneArguments),
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 unexpected, 2 usage, 4 nothing to watch or to talk to, 94 bad configuration, 100 refused, 101 build failed,
103 load failed, 130 interrupted";

/// Cargo calls `cargo-shrine shrine watch` for `cargo shrine watch`.
fn without_cargos_own(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_some_and(|argument| argument == "shrine") {
        arguments.remove(1);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn cargo_and_people_may_both_call_it() {
        for arguments in [&["cargo-shrine", "shrine", "watch", "x"][..], &["cargo-shrine", "watch", "x"]] {
            let arguments = without_cargos_own(arguments.iter().map(OsString::from).collect());
            assert!(matches!(
                Arguments::try_parse_from(arguments).unwrap().command,
                Some(CommandLine::Watch(_))
            ));
        }
    }

    #[test]
    fn mistakes_are_of_usage() {
        assert_eq!(main(["cargo-shrine", "wach"].map(OsString::from)), ExitCode::Usage);
        assert_eq!(
            main(["cargo-shrine", "watch", "--release", "--profile", "x"].map(OsString::from)),
            ExitCode::Usage
        );
    }
}
