//! `dx serve --hotpatch`: functions of a running program are patched.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::programs::{Door, Program};
use super::{Bench, Candidate, FIRST, Sample, since};
use crate::bench::failure::Failure;
use crate::bench::process::{Process, command};
use crate::bench::project::Project;

/// What dx says when the program has reported to it.
const LISTENS: &str = "devtool websocket connection";

pub(super) struct Dx {
    project: Project,
    program: Program,
    _serve: Process,
    limit: Duration,
}

impl Dx {
    pub(super) fn start(project: Project, bench: &Bench<'_>, socket: &Path) -> Result<Self, Failure> {
        let dx = bench.dx.as_ref().map_err(Clone::clone)?;
        let door = Door::open(socket)?;
        let mut serve = command(&dx.binary);
        serve.args(["serve", "--hotpatch", "--desktop", "--interactive", "false", "--open", "false"]);
        serve.arg("--verbose");
        serve.args(["--package", &project.program()]);
        serve.current_dir(&project.root).env("CARGO_TARGET_DIR", bench.target);
        serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut serve = Process::start(serve)?;
        let program = door.wait(FIRST, || serve.is_running("dx serve"))?;
        // What is saved before dx knows the program is forgotten.
        serve.hears(LISTENS, bench.limit, "dx serve")?;
        let mut dx = Self { project, program, _serve: serve, limit: bench.limit };
        dx.program.answers(&dx.project.answer(), bench.limit)?;
        Ok(dx)
    }
}

impl Candidate for Dx {
    fn edit(&mut self) -> Result<Sample, Failure> {
        let start = Instant::now();
        let wanted = self.project.edit()?;
        self.program.answers(&wanted, self.limit)?;
        Ok(Sample { total: since(start), phases: Vec::new(), built: None })
    }
}
