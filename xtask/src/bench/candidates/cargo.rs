//! Without any tool: `cargo build`, and the program started anew.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Bench, Candidate, FIRST, Sample, since};
use crate::bench::failure::Failure;
use crate::bench::process::{self, command};
use crate::bench::project::Project;

pub(super) struct Cargo {
    project: Project,
    target: PathBuf,
    limit: Duration,
}

impl Cargo {
    pub(super) fn prepare(project: Project, bench: &Bench<'_>) -> Result<Self, Failure> {
        let cargo = Self { project, target: bench.target.to_owned(), limit: bench.limit };
        process::finish(cargo.build(), FIRST)?;
        cargo.answer(&cargo.project.answer())?;
        Ok(cargo)
    }

    fn build(&self) -> Command {
        let mut cargo = command("cargo");
        cargo
            .args(["build", "--quiet", "--package", &self.project.program(), "--target-dir"])
            .arg(&self.target);
        cargo.current_dir(&self.project.root);
        cargo
    }

    fn answer(&self, wanted: &str) -> Result<(), Failure> {
        let program = command(self.target.join("debug").join(self.project.program()));
        let lines = process::finish(program, self.limit)?;
        let count = lines.iter().filter(|line| line.contains(wanted)).count();
        if count == self.project.answering().len() {
            return Ok(());
        }
        Err(Failure::new(format!("the program should answer `{wanted}`")).with_output(&lines))
    }
}

impl Candidate for Cargo {
    fn edit(&mut self) -> Result<Sample, Failure> {
        let start = Instant::now();
        let wanted = self.project.edit()?;
        process::finish(self.build(), self.limit)?;
        let build = since(start);
        self.answer(&wanted)?;
        let total = since(start);
        let phases = vec![("build".to_owned(), build), ("start".to_owned(), total - build)];
        Ok(Sample { total, phases, built: None })
    }
}
