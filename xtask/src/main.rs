//! `cargo xtask`: what is done to this repository with a command, and is too long for a line of shell.

mod bench;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    // Cargo runs this program in the place of rustc when a command line is to be captured.
    if let Some(code) = bench::capture::stand_in() {
        return code;
    }
    let result = match Arguments::parse().command {
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
