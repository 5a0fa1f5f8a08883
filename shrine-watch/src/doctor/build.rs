//! Findings about how widgets are built: wrappers, flags, the profile, the trial and the linker.

use super::Severity::{Error, Note, Warning};
use super::{Facts, Finding, Findings, Kind, Setting, Trial, Wrapper};

pub(super) fn all(facts: &Facts, findings: &mut Vec<Finding>) {
    wrappers(facts, findings);
    machine(facts, findings);
    flags(facts, findings);
    profile(facts, findings);
    trial(facts, findings);
}

fn wrappers(facts: &Facts, findings: &mut Vec<Finding>) {
    for Wrapper { setting: Setting { value, from }, exists, workspace } in &facts.build.wrappers {
        if !exists {
            let what = format!("there is no program `{value}`, and {from} puts it in front of the compiler");
            let help = format!("install it, or take it out of {from}");
            findings.add(Error, Kind::Wrapper, what, "cargo can build nothing without it", help);
            continue;
        }
        let what = format!("`{value}` runs in front of the compiler ({from})");
        let name = value.rsplit('/').next().unwrap_or(value);
        let (why, help) = if name.starts_with("sccache") {
            (
                "builds go through it; it keeps neither what is compiled incrementally nor what is linked, so the crate \
                 that is edited gains nothing and waits for it",
                format!(
                    "start `{from}=\"\" cargo shrine watch` where it is set in the environment, if edits seem slow"
                ),
            )
        } else if *workspace {
            (
                "each build of a crate of the workspace goes through it, and takes as long as it does",
                format!("take it out of {from} if edits seem slow"),
            )
        } else {
            (
                "each build goes through it, and takes as long as it does",
                format!("take it out of {from} if edits seem slow"),
            )
        };
        let help =
            if from.starts_with('`') { format!("take it out of {from} if edits seem slow") } else { help };
        findings.add(Note, Kind::Wrapper, what, why, help);
    }
}

fn machine(facts: &Facts, findings: &mut Vec<Finding>) {
    let host = &facts.toolchain.rustc.host;
    if let Some(Setting { value, from }) = &facts.build.machine
        && !host.is_empty()
        && value != host
    {
        let what = format!("{from} builds for `{value}`, and this is `{host}`");
        let why = "widgets are loaded into a program of this machine";
        let help = format!("set CARGO_BUILD_TARGET={host} where you watch, or take it out of {from}");
        findings.add(Error, Kind::Flags, what, why, help);
    }
}

fn flags(facts: &Facts, findings: &mut Vec<Finding>) {
    for Setting { value, from } in &facts.build.flags {
        let what = format!("`{value}` in {from}");
        let without = format!("take it out of {from} where you watch");
        let (name, argument) = value.split_once('=').unwrap_or((value, ""));
        let (severity, why) = match (name, argument) {
            ("-C panic", "abort") => {
                (Error, "a panic in a widget would end the whole program, so it is refused")
            }
            ("-C prefer-dynamic", "no" | "n" | "off" | "false") => {
                (Error, "each library would have its own std, so it is refused")
            }
            ("-C target-feature", features) if features.contains("+crt-static") => {
                (Error, "libraries that are loaded cannot have the C library in them")
            }
            ("-C lto", value) if !matches!(value, "off" | "no" | "n" | "false") => {
                (Error, "the compiler refuses it together with a shared std")
            }
            ("-C link-arg" | "-C link-args", arguments) if arguments.contains("--build-id=none") => {
                (Error, "without a build id new code cannot prove that it is what runs")
            }
            ("-D warnings", "") => (
                Warning,
                "an unused variable ends a build, so that what you have just written does not go live",
            ),
            ("-C codegen-units", "1") => (Warning, ONE_UNIT),
            ("-C opt-level", level) if level != "0" => (Warning, OPTIMISED),
            ("-C debuginfo", "2" | "full") | ("-g", "") => (Warning, FULL_DEBUG),
            ("-C instrument-coverage", value) if value != "off" => {
                (Warning, "code that counts what it runs takes longer to build and to run")
            }
            ("-Z sanitizer", _) => (Warning, "the program that loads the library is built without it"),
            _ => continue,
        };
        findings.add(severity, Kind::Flags, what, why, without);
    }
}

const ONE_UNIT: &str =
    "the crate is one unit for the compiler: each edit generates the code of all of it again";
const OPTIMISED: &str = "each edit is optimised before it runs";
const FULL_DEBUG: &str = "the data for a debugger takes a large part of the time of each link";

fn profile(facts: &Facts, findings: &mut Vec<Finding>) {
    let build = &facts.build;
    for (name, Setting { value, from }) in &build.settings {
        let (severity, why) = match (name.as_str(), value.as_str()) {
            ("panic", "abort") => {
                (Error, "a panic in a widget would end the whole program, so it is refused")
            }
            ("lto", "true" | "fat" | "thin") => {
                (Error, "the compiler refuses it together with a shared std, which widgets need")
            }
            ("codegen-units", "1") => (Warning, ONE_UNIT),
            ("debug", "2" | "true" | "full") => (Warning, FULL_DEBUG),
            ("opt-level", level) if level != "0" => (Note, OPTIMISED),
            ("strip", "true" | "symbols") => {
                (Note, "backtraces of panics in widgets have no names and lines")
            }
            ("split-debuginfo", "packed") => {
                (Note, "a program packs the data for a debugger after each link")
            }
            _ => continue,
        };
        let what = format!("`{name} = {value}` in the profile `{}` ({from})", build.profile);
        let help = match name.as_str() {
            "opt-level" => {
                "if that is for what the crate is made of, `[profile.dev.package.\"*\"]` is the place"
                    .to_owned()
            }
            _ => {
                "set it in [profile.release], or in a profile of its own, and not where you watch".to_owned()
            }
        };
        findings.add(severity, Kind::Profile, what, why, help);
    }
}

fn trial(facts: &Facts, findings: &mut Vec<Finding>) {
    let is_explained = findings.iter().any(|finding| finding.severity == Error);
    match &facts.build.trial {
        None => {}
        // What is wrong was said already, and this is what follows.
        Some(Trial::Failed { .. } | Trial::Unloadable { .. }) if is_explained => {}
        Some(Trial::Failed { said }) => {
            let is_linker = said.contains("linker `") || said.contains("linking with `");
            let kind = if is_linker { Kind::Linker } else { Kind::Build };
            let what = format!("a library of one function cannot be built:\n{}", said.trim_end());
            let help = if is_linker {
                "install the linker: `cc` comes with gcc or clang (`apt install build-essential`, `dnf install gcc`); or \
                 change `linker` and `-fuse-ld` in cargo's configuration"
            } else {
                "build any crate here with `cargo build` to see whether it is cargo's configuration"
            };
            findings.add(Error, kind, what, "widgets are built in the same way", help.to_owned());
        }
        Some(Trial::Unloadable { reason, help }) => {
            let what = format!("a library of one function was built, but could not be loaded: {reason}");
            findings.add(Error, Kind::Build, what, "widgets are built in the same way", help.clone());
        }
        Some(Trial::Good { linker, std }) => {
            if let Some(own) = facts.toolchain.shared_std.as_ref().filter(|own| *own != std) {
                let what = format!("libraries need {std}, and {own} is what they will find");
                let why = "the compiler that cargo runs is another one than `rustc` here";
                let help = "look at RUSTC, RUSTC_WRAPPER and `build.rustc` in cargo's configuration";
                findings.add(Error, Kind::Toolchain, what, why, help.to_owned());
            }
            slow_linker(facts, linker.as_deref(), findings);
        }
    }
}

fn slow_linker(facts: &Facts, linker: Option<&str>, findings: &mut Vec<Finding>) {
    let is_fast = linker.is_some_and(|name| name.contains("LLD") || name.contains("mold"));
    let faster =
        ["mold", "lld"].into_iter().find(|name| facts.build.linkers.iter().any(|found| found == name));
    if let Some(faster) = faster.filter(|_| !is_fast) {
        let what = format!("{} links, and {faster} is installed", linker.unwrap_or("GNU ld"));
        let why = "each edit ends with a link, and the larger the library, the more of the time it takes";
        let help = format!(
            "let it link: `rustflags = [\"-C\", \"link-arg=-fuse-ld={faster}\"]` below \
             `[target.{}]` in .cargo/config.toml",
            facts.toolchain.rustc.host
        );
        findings.add(Note, Kind::Linker, what, why, help);
    }
}

pub(super) fn summary(facts: &Facts) -> Vec<String> {
    match &facts.build.trial {
        Some(Trial::Good { linker, .. }) => {
            let linker = linker.as_deref().unwrap_or("a linker that does not sign its work, as GNU ld");
            vec![format!("a library of one function was built and checked; {linker} linked it")]
        }
        _ => Vec::new(),
    }
}
