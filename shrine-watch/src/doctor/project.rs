//! Findings about the project: what cargo sees, the versions of `shrine` that meet, and its files.

use super::Severity::{Error, Note, Warning};
use super::{Facts, Finding, Findings, Found, Kind, Lock, Problem, ShrinePackage};

pub(super) fn all(facts: &Facts, findings: &mut Vec<Finding>) {
    found(facts, findings);
    versions(facts, findings);
    files(facts, findings);
}

fn found(facts: &Facts, findings: &mut Vec<Finding>) {
    let is_explained =
        findings.iter().any(|finding| finding.kind == Kind::Wrapper && finding.severity == Error);
    let (severity, Problem { reason, help }) = match &facts.project.found {
        Found::Crates(_) => return,
        // Cargo asks the compiler before it looks at a project.
        Found::Broken(_) if is_explained => return,
        Found::Nothing(problem) => (Note, problem),
        Found::Broken(problem) => (Error, problem),
    };
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    let why = match severity {
        Note => "only the machine was looked at",
        _ => "cargo can tell nothing about the project until that is mended, so it was not looked at further",
    };
    findings.add(severity, Kind::Project, reason.to_owned(), why, help.clone());
}

fn versions(facts: &Facts, findings: &mut Vec<Finding>) {
    let shrines = &facts.project.shrines;
    for shrine in shrines {
        let ShrinePackage { version, source, users, .. } = shrine;
        let of = if users.is_empty() { String::new() } else { format!(" of {}", list(users)) };
        let Some(abi) = shrine.abi else {
            let what = format!("the `shrine` {version}{of} is another crate of that name ({source})");
            let why = "it has no widgets";
            let help = "depend on this one by path or by git: `shrine = { path = \"..\" }`".to_owned();
            findings.add(Error, Kind::Versions, what, why, help);
            continue;
        };
        if abi != facts.abi {
            let what = format!(
                "`shrine` {version}{of} has revision {abi} of the boundary, and `cargo shrine` {} understands {}",
                facts.version, facts.abi
            );
            let why = "libraries of it are refused when they are loaded";
            let help = format!(
                "install the `cargo-shrine` of the same version: `cargo install --path shrine-watch` in the clone at `{source}`"
            );
            findings.add(Error, Kind::Versions, what, why, help);
        } else if *version != facts.version {
            let what = format!("`shrine` is {version}{of}, and `cargo shrine` is {}", facts.version);
            let why = "they understand each other; what one of them has gained, the other does not know";
            let help = "take both from one revision of the repository".to_owned();
            findings.add(Note, Kind::Versions, what, why, help);
        }
        if let Some(macros) = shrine.macros.as_ref().filter(|macros| *macros != version) {
            let what = format!("`shrine` is {version}, and its macros, `shrine-macros`, are {macros}");
            let why = "what the macros write calls functions that the other version may not have";
            let help = "run `cargo update -p shrine-macros`, and take [patch] sections for one of them away"
                .to_owned();
            findings.add(Error, Kind::Versions, what, why, help);
        }
        if let (Some(needed), Some(rustc)) = (&shrine.rust_version, &facts.toolchain.rustc.release)
            && numbers(rustc) < numbers(needed)
        {
            let what = format!("`shrine` {version} needs rustc {needed}, and {rustc} runs");
            let help = "run `rustup update`, or raise the version in the rust-toolchain file".to_owned();
            findings.add(Error, Kind::Versions, what, "cargo refuses to build it", help);
        }
    }
    let ours: Vec<String> = shrines
        .iter()
        .filter(|shrine| shrine.abi.is_some())
        .map(|shrine| format!("{} ({})", shrine.version, shrine.source))
        .collect();
    if ours.len() > 1 {
        let what = format!("{} packages called `shrine` are in the graph: {}", ours.len(), ours.join(", "));
        let why = "their traits are different traits: a state type of one is none for the other, and each is compiled";
        let help = "let all crates name the same one, best as `shrine.workspace = true`; `cargo tree -i shrine` shows who \
                    names which";
        findings.add(Warning, Kind::Versions, what, why, help.to_owned());
    }
}

/// `[1, 95, 0]` of `1.95.0-nightly`.
fn numbers(version: &str) -> Vec<u64> {
    let number = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts: Vec<u64> = number.split('.').map_while(|part| part.parse().ok()).collect();
    parts.resize(3, 0);
    parts
}

fn list(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn files(facts: &Facts, findings: &mut Vec<Finding>) {
    for Problem { reason, help } in &facts.project.scene {
        let why = "a scene with a mistake is not applied in any part, and a watch does not begin with it";
        findings.add(Error, Kind::Scene, reason.clone(), why, help.clone());
    }
    for Lock { path, problem, is_ignored } in &facts.project.locks {
        if let Some(Problem { reason, help }) = problem {
            let why = "what was released cannot be held to it, and `release`, `check` and `bump` end here";
            findings.add(Error, Kind::Lock, reason.clone(), why, help.clone());
        }
        if *is_ignored {
            let what = format!("git leaves `{}` out", path.display());
            let why =
                "what was released is known to this clone alone, and `check` has nothing to compare with";
            let help = "take it out of .gitignore, and commit it".to_owned();
            findings.add(Warning, Kind::Git, what, why, help);
        }
    }
    if facts.project.target_is_ignored == Some(false) {
        let target = facts.target.as_ref().map(|place| place.path.display().to_string()).unwrap_or_default();
        let what = format!("git does not leave `{target}` out");
        let why = "what is built shows up as new files, and `git clean` or `git stash -u` takes it away";
        let help = "add `/target` to .gitignore".to_owned();
        findings.add(Note, Kind::Git, what, why, help);
    }
}

pub(super) fn summary(facts: &Facts) -> Vec<String> {
    let Found::Crates(names) = &facts.project.found else { return Vec::new() };
    let shrines: Vec<_> = facts.project.shrines.iter().map(|shrine| shrine.version.as_str()).collect();
    let with =
        if shrines.is_empty() { String::new() } else { format!(", with shrine {}", shrines.join(" and ")) };
    match names.len() {
        0 => Vec::new(),
        1 => vec![format!("one widget crate, {}{with}", names.concat())],
        count => vec![format!("{count} widget crates: {}{with}", names.join(", "))],
    }
}
