//! What on this machine, or in this project, keeps `cargo shrine` from working well, and what to do about it.
//!
//! What there is to know is [gathered](gather) once, as plain values; what follows from it is decided by
//! [`Facts::findings`], which asks nothing and nobody.

mod build;
mod facts;
pub mod gather;
mod machine;
mod project;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use facts::{
    BuildFacts, Facts, Found, Lock, Place, Problem, Program, ProjectFacts, Setting, ShrinePackage,
    ToolchainFacts, ToolchainFile, Trial, WatchFacts, Wrapper,
};

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub help: String,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The compiler and cargo.
    Toolchain,
    /// A program that runs in front of the compiler.
    Wrapper,
    /// Flags for the compiler that come from the environment or cargo's configuration.
    Flags,
    /// The profile that is built with.
    Profile,
    /// The trial: a small library, built and checked as those of widgets are.
    Build,
    /// The linker.
    Linker,
    /// The directory that builds go into.
    TargetDirectory,
    /// How much the system lets a user watch.
    Watch,
    /// A file system that does not tell of all changes.
    FileSystem,
    /// The project as cargo sees it.
    Project,
    /// The versions of `shrine` that meet.
    Versions,
    /// The `shrine.toml`.
    Scene,
    /// A `shrine.lock`.
    Lock,
    /// What git keeps.
    Git,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not work.
    Error,
    /// It works, but slower, or not always.
    Warning,
    /// Good to know.
    Note,
}

impl Facts {
    /// What follows from the facts, the worst first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        machine::toolchain(self, &mut findings);
        build::all(self, &mut findings);
        machine::target_directory(self, &mut findings);
        machine::watching(self, &mut findings);
        project::all(self, &mut findings);
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    /// What was looked at and what it is, a line for each thing.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let mut lines = machine::summary(self);
        lines.extend(build::summary(self));
        lines.extend(project::summary(self));
        lines
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        // What a program has said may have several lines.
        let text = |text: &str| text.trim_end().replace('\n', "\n       ");
        write!(f, "{severity}: {}", text(&self.what))?;
        for (name, line) in [("why", &self.why), ("help", &self.help)] {
            if !line.is_empty() {
                write!(f, "\n  {name:>4}: {}", text(line))?;
            }
        }
        Ok(())
    }
}

/// Collects findings.
trait Findings {
    fn add(&mut self, severity: Severity, kind: Kind, what: String, why: &str, help: String);
}

impl Findings for Vec<Finding> {
    fn add(&mut self, severity: Severity, kind: Kind, what: String, why: &str, help: String) {
        self.push(Finding { kind, severity, what, why: why.to_owned(), help });
    }
}

#[cfg(test)]
mod tests;
