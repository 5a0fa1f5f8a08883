//! Follows a build: what cargo says becomes diagnostics and a verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};
use cargo_metadata::{CompilerMessage, Message};

use super::scripts::Run;
use super::{Artifact, Cancel, Package, Verdict, dep_info};

/// What came of a build.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) verdict: Verdict,
    /// The packages that have errors: their names by what cargo knows them by.
    pub(super) failed: BTreeMap<String, String>,
    /// What cargo says of the library.
    pub(super) library: Option<Library>,
    /// The warnings, each with the file that the crate begins with which has it.
    pub(super) warned: Vec<(PathBuf, String)>,
    /// The build scripts that the library is made by.
    pub(super) scripts: Vec<Run>,
}

/// What cargo says of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Library {
    /// The file.
    path: String,
    /// The name of its crate.
    pub(super) crate_name: String,
    /// Whether it was there already, and is still good.
    pub(super) fresh: bool,
}

/// Runs `command`, the build of `package`, to its end. `diagnostic` is told of which package the compiler says what, and
/// answers whether that is new.
pub(super) fn follow(
    command: Command,
    package: &Package,
    cancel: &Cancel,
    diagnostic: &dyn Fn(&str, &str) -> bool,
    progress: &(dyn Fn(&str) + Sync),
) -> io::Result<Followed> {
    let Some(mut running) = cancel.spawn(command)? else {
        let verdict = Verdict::failed("the build was cancelled\n".to_owned());
        return Ok(Followed::without_library(verdict));
    };
    let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
    let mut tally = Tally::default();
    let said = std::thread::scope(|scope| {
        let errors = scope.spawn(|| stderr.map_or_else(String::new, |pipe| read_progress(pipe, progress)));
        for message in stdout.into_iter().flat_map(|pipe| Message::parse_stream(BufReader::new(pipe))) {
            tally.take(&message?, package, diagnostic);
        }
        errors.join().map_err(|_| io::Error::other("a thread panicked"))
    })?;
    let status = running.wait()?;
    let (failed, library) = (tally.failed.clone(), tally.library.clone());
    let (warned, scripts) = (std::mem::take(&mut tally.warned), std::mem::take(&mut tally.scripts));
    let verdict = tally.verdict(package, status.success(), &said);
    Ok(Followed { verdict, failed, library, warned, scripts })
}

impl Followed {
    /// A build of which there is nothing but a verdict.
    pub(super) fn without_library(verdict: Verdict) -> Self {
        Self { verdict, failed: BTreeMap::new(), library: None, warned: Vec::new(), scripts: Vec::new() }
    }
}

/// Cargo's own lines: those about progress are passed on, the others are kept.
fn read_progress(pipe: impl Read, progress: &dyn Fn(&str)) -> String {
    let mut said = String::new();
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        if is_progress(&text) {
            progress(text.trim());
        } else {
            said.push_str(&text);
        }
        line.clear();
    }
    said
}

/// Cargo aligns its verbs to the right of column 12: `   Compiling serde v1.0.0`.
fn is_progress(line: &str) -> bool {
    let verb = line.trim_start();
    let indent = line.len() - verb.len();
    let length = verb.find(' ').unwrap_or(verb.len());
    indent > 0 && indent + length == 12 && verb.starts_with(|first: char| first.is_ascii_uppercase())
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    errors: usize,
    warnings: usize,
    rendered: String,
    library: Option<Library>,
    aborts_on_panic: bool,
    failed: BTreeMap<String, String>,
    /// The warnings, each with the file that the crate begins with which has it, new or not.
    pub(super) warned: Vec<(PathBuf, String)>,
    scripts: Vec<Run>,
}

impl Tally {
    fn take(&mut self, message: &Message, package: &Package, diagnostic: &dyn Fn(&str, &str) -> bool) {
        match message {
            Message::CompilerMessage(CompilerMessage { package_id, target, message, .. }) => {
                let id = &package_id.repr;
                self.warn(message, target.src_path.as_std_path());
                self.take_diagnostic(message, id, name_of(id), diagnostic);
            }
            Message::CompilerArtifact(artifact) if artifact.package_id.repr == package.id => {
                let is_library = |file: &&String| file.ends_with(std::env::consts::DLL_SUFFIX);
                let files: Vec<String> = artifact.filenames.iter().map(ToString::to_string).collect();
                if let Some(path) = files.into_iter().find(|file| is_library(&file)) {
                    let crate_name = artifact.target.name.replace('-', "_");
                    self.library = Some(Library { path, crate_name, fresh: artifact.fresh });
                }
            }
            Message::BuildScriptExecuted(script) => {
                let name = name_of(&script.package_id.repr).to_owned();
                self.scripts.push((name, script.out_dir.clone().into()));
            }
            _ => {}
        }
    }

    /// Keeps a warning about the crate that begins with that file.
    pub(super) fn warn(&mut self, message: &Diagnostic, root: &Path) {
        if message.level == DiagnosticLevel::Warning && !is_summary(&message.message) {
            self.warned.extend(message.rendered.iter().map(|text| (root.to_owned(), text.clone())));
        }
    }

    /// Takes what the compiler says of the package that is known by `package` and has the name `name`.
    pub(super) fn take_diagnostic(
        &mut self,
        message: &Diagnostic,
        package: &str,
        name: &str,
        diagnostic: &dyn Fn(&str, &str) -> bool,
    ) {
        // It ends in a refusal, which says more.
        let aborts_on_panic =
            message.message.contains("is not compiled with this crate's panic strategy `abort`");
        self.aborts_on_panic |= aborts_on_panic;
        if is_summary(&message.message) || aborts_on_panic {
            return;
        }
        let is_error = matches!(message.level, DiagnosticLevel::Error | DiagnosticLevel::Ice);
        if is_error {
            self.failed.insert(package.to_owned(), name.to_owned());
        }
        if message.rendered.as_ref().is_some_and(|rendered| !diagnostic(name, rendered)) {
            return;
        }
        self.errors += usize::from(is_error);
        self.warnings += usize::from(message.level == DiagnosticLevel::Warning);
        self.rendered.push_str(message.rendered.as_deref().unwrap_or_default());
    }

    /// What is to be said in place of the errors, if they are of a kind that nobody can understand.
    fn refusal(&self) -> Option<Verdict> {
        self.aborts_on_panic.then(|| Verdict::Refused {
            reason: "the crate is built with `panic = \"abort\"`: a panic in it would end the whole program".to_owned(),
            help: "remove `panic = \"abort\"` from the profile in Cargo.toml that `cargo shrine` builds with; it can \
                   stay in [profile.release]"
                .to_owned(),
        })
    }

    /// What came of something in which these packages have errors.
    pub(super) fn verdict_of(broken: impl Iterator<Item = (String, Self)>) -> Verdict {
        let (mut all, mut packages) = (Self::default(), BTreeSet::new());
        for (package, tally) in broken {
            all.errors += tally.errors;
            all.warnings += tally.warnings;
            all.rendered.push_str(&tally.rendered);
            all.aborts_on_panic |= tally.aborts_on_panic;
            packages.insert(package);
        }
        let Self { errors, warnings, rendered, .. } = &all;
        let failed = Verdict::Failed {
            errors: (*errors).max(1),
            warnings: *warnings,
            rendered: rendered.clone(),
            packages,
        };
        all.refusal().unwrap_or(failed)
    }

    fn verdict(self, package: &Package, success: bool, said: &str) -> Verdict {
        if let Some(refusal) = self.refusal() {
            return refusal;
        }
        match self.library {
            Some(library) if success => {
                let path = Path::new(&library.path);
                let rules = std::fs::read_to_string(path.with_extension("d")).unwrap_or_default();
                let inputs = dep_info::inputs(&rules);
                Verdict::Built(Artifact::at(path, inputs, self.warnings))
            }
            None if success => Verdict::failed("cargo built no dynamic library\n".to_owned()),
            _ => {
                let rendered =
                    if self.errors == 0 { format!("{}{said}", self.rendered) } else { self.rendered };
                let mut packages: BTreeSet<String> = self.failed.into_values().collect();
                if packages.is_empty() {
                    packages.insert(package.name.clone());
                }
                Verdict::Failed { errors: self.errors.max(1), warnings: self.warnings, rendered, packages }
            }
        }
    }
}

/// The name in what cargo knows a package by: `path+file:///p/counter#0.1.0`, or `..#counter@0.1.0` where the folder has
/// another name.
fn name_of(id: &str) -> &str {
    let (place, version) = id.split_once('#').unwrap_or((id, ""));
    match version.split_once('@') {
        Some((name, _)) => name,
        None => place.rsplit('/').next().unwrap_or(place),
    }
}

/// Whether a message only counts others.
fn is_summary(message: &str) -> bool {
    message.starts_with("aborting due to")
        || message.ends_with("warning emitted")
        || message.ends_with("warnings emitted")
        || message.starts_with("For more information about this error")
        || message.starts_with("Some errors have detailed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &str) -> Tally {
        let mut tally = Tally::default();
        let package = Package { id: "path+file:///p#counter@0.1.0".to_owned(), ..Package::default() };
        for message in Message::parse_stream(lines.as_bytes()) {
            tally.take(&message.unwrap(), &package, &|_, _| true);
        }
        tally
    }

    fn verdict(tally: Tally, said: &str) -> Verdict {
        tally.verdict(&Package::default(), false, said)
    }

    #[test]
    fn packages_have_names() {
        assert_eq!(name_of("path+file:///p#counter@0.1.0"), "counter");
        assert_eq!(name_of("path+file:///p/my-counter#0.1.0"), "my-counter");
        assert_eq!(name_of("registry+https://example.org/index#serde@1.0.0"), "serde");
    }

    fn diagnostic(level: &str, text: &str) -> String {
        let message = serde_json::json!({"message": text, "code": null, "level": level, "spans": [], "children": [], "rendered": format!("{text}\n")});
        let target = serde_json::json!({"kind": ["cdylib"], "crate_types": ["cdylib"], "name": "counter", "src_path": "/p/src/lib.rs", "edition": "2024", "doc": true, "doctest": true, "test": true});
        let line = serde_json::json!({"reason": "compiler-message", "package_id": "path+file:///p#counter@0.1.0", "manifest_path": "/p/Cargo.toml", "target": target, "message": message});
        format!("{line}\n")
    }

    #[test]
    fn counts_errors_and_warnings_but_not_their_summaries() {
        let lines = [
            diagnostic("warning", "unused variable: `a`"),
            diagnostic("error", "mismatched types"),
            diagnostic("error", "aborting due to 1 previous error; 1 warning emitted"),
        ];
        let verdict = verdict(tally(&lines.concat()), "");
        let rendered = "unused variable: `a`\nmismatched types\n".to_owned();
        let packages = BTreeSet::from(["counter".to_owned()]);
        assert_eq!(verdict, Verdict::Failed { errors: 1, warnings: 1, rendered, packages });
    }

    #[test]
    fn a_failure_of_cargo_itself_is_shown_as_cargo_says_it() {
        let verdict = verdict(tally(""), "error: failed to parse manifest\n");
        assert!(matches!(verdict, Verdict::Failed { rendered, .. } if rendered.contains("parse manifest")));
    }

    #[test]
    fn aborting_on_panic_is_refused_with_the_line_to_remove() {
        let text = "the linked panic runtime `panic_unwind` is not compiled with this crate's panic strategy `abort`";
        let verdict = verdict(tally(&diagnostic("error", text)), "");
        assert!(matches!(verdict, Verdict::Refused { help, .. } if help.contains("panic = \"abort\"")));
    }

    #[test]
    fn cargos_progress_is_told_from_its_errors() {
        assert!(is_progress("   Compiling serde v1.0.0\n"));
        assert!(is_progress("    Updating crates.io index\n"));
        assert!(!is_progress("error: no such crate\n"));
        assert!(!is_progress("  Caused by:\n"));
    }
}
