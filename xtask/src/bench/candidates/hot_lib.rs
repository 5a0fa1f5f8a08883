//! hot-lib-reloader, with cargo-watch building the libraries, as its README sets it up.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::programs::{Door, Program};
use super::{Bench, Candidate, FIRST, Sample, since};
use crate::bench::failure::Failure;
use crate::bench::process::{self, Heard, Process, command};
use crate::bench::project::Project;

pub(super) struct HotLib {
    project: Project,
    /// Before the processes: what waits on the other end should hear the end first.
    program: Program,
    _host: Process,
    watch: Process,
    limit: Duration,
    /// Whether cargo-watch has not told yet that the build of the last edit is done.
    is_building: bool,
}

impl HotLib {
    /// `delay` is how many seconds cargo-watch waits for quiet.
    pub(super) fn start(
        project: Project,
        bench: &Bench<'_>,
        socket: &Path,
        delay: &str,
    ) -> Result<Self, Failure> {
        let cargo_watch = bench.cargo_watch.as_ref().map_err(Clone::clone)?;
        let door = Door::open(socket)?;
        let mut build = command("cargo");
        build.args(["build", "--quiet", "--workspace", "--target-dir"]).arg(bench.target);
        build.current_dir(&project.root);
        process::finish(build, FIRST)?;

        let packages: String = project.widgets().iter().map(|widget| format!(" -p {widget}")).collect();
        let mut watch = command(cargo_watch);
        watch.args(["watch", "-d", delay, "-w", "widgets", "-x", &format!("build{packages}")]);
        watch.current_dir(&project.root).env("CARGO_TARGET_DIR", bench.target);
        watch.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut watch = Process::start(watch)?;
        finished(&mut watch, FIRST)?;

        let mut host = command(bench.target.join("debug").join(project.program()));
        host.current_dir(&project.root);
        host.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut host = Process::start(host)?;
        let program = door.wait(bench.limit, || host.is_running("the program with hot-lib-reloader"))?;
        let mut hot_lib =
            Self { project, program, _host: host, watch, limit: bench.limit, is_building: false };
        hot_lib.program.answers(&hot_lib.project.answer(), bench.limit)?;
        Ok(hot_lib)
    }
}

impl Candidate for HotLib {
    fn edit(&mut self) -> Result<Sample, Failure> {
        let start = Instant::now();
        let wanted = self.project.edit()?;
        self.is_building = true;
        self.program.answers(&wanted, self.limit)?;
        Ok(Sample { total: since(start), phases: Vec::new(), built: None })
    }

    fn settle(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.is_building) {
            finished(&mut self.watch, self.limit)?;
        }
        Ok(())
    }
}

/// Waits until cargo-watch says that a build is done.
fn finished(watch: &mut Process, limit: Duration) -> Result<(), Failure> {
    watch.listen(limit, "cargo watch", |heard| match heard {
        Heard::Output(line) | Heard::Error(line) => line.contains("[Finished running").then_some(()),
        Heard::Ended(..) => None,
    })
}
