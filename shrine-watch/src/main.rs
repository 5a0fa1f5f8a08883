//! `cargo shrine`: see `cargo shrine help`.

#![deny(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    shrine_watch::cli::main(std::env::args_os()).into()
}
