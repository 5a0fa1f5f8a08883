//! rustc as Shrine's first build has it called, again and again, with nothing around it.
//!
//! It does not load what it makes. That the edit is in there is seen in the file, after the clock was read.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{Bench, Candidate, FIRST, Sample};
use crate::bench::capture::{self, Call};
use crate::bench::failure::{Context, Failure};
use crate::bench::process::{self, Heard, Process, command};
use crate::bench::project::Project;

pub(super) struct Replay {
    project: Project,
    /// What the others are made of, if the edit is in that.
    shared: Option<Call>,
    widgets: Vec<Call>,
    limit: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DebugInfo {
    AsShrine,
    None,
}

impl Replay {
    pub(super) fn prepare(
        project: Project,
        bench: &Bench<'_>,
        debug_info: DebugInfo,
    ) -> Result<Self, Failure> {
        let library_directory = library_directory()?;
        let folder = bench.folder.join(format!("{}-calls", project.program()));
        for package in project.answering() {
            capture::capture(cargo_rustc(&project, &package, bench, &library_directory), &folder, FIRST)?;
        }
        let calls = project.edited().into_iter().map(|package| capture::read(&folder, &package));
        let mut calls = calls.collect::<Result<Vec<_>, _>>()?;
        if debug_info == DebugInfo::None {
            for call in &mut calls {
                *call = call.without_debug_info().ok_or_else(|| {
                    Failure::new("cargo's call of rustc has not the arguments that it usually has")
                })?;
                let output = call.output().unwrap_or(Path::new("."));
                std::fs::create_dir_all(output).context(format_args!("create {}", output.display()))?;
            }
        }
        let widgets = calls.split_off(calls.len() - project.answering().len());
        Ok(Self { project, shared: calls.pop(), widgets, limit: bench.limit })
    }
}

impl Candidate for Replay {
    fn edit(&mut self) -> Result<Sample, Failure> {
        let start = Instant::now();
        let wanted = self.project.edit()?;
        let mut end = start;
        if let Some(shared) = &self.shared {
            end = run(shared, self.limit)?;
        }
        end = end.max(run_all(&self.widgets, self.limit)?);
        let total = end.duration_since(start).as_secs_f64() * 1e3;
        // The text is in the widget, or in what all of them are linked with.
        for call in &self.widgets {
            let library = call.library().unwrap_or_default();
            let bytes = std::fs::read(&library).context(format_args!("read {}", library.display()))?;
            if !bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
                let what = format!("rustc has made {}, and `{wanted}` is not in it", library.display());
                return Err(Failure::new(what));
            }
        }
        Ok(Sample { total, phases: vec![("build".to_owned(), total)], built: None })
    }
}

/// As many at a time as there are cores.
fn run_all(calls: &[Call], limit: Duration) -> Result<Instant, Failure> {
    if let [call] = calls {
        return run(call, limit);
    }
    let start = Instant::now();
    let next = Mutex::new(calls.iter());
    let take = || next.lock().ok().and_then(|mut calls| calls.next());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let ends = std::thread::scope(|scope| {
        let worker = || -> Result<Instant, Failure> {
            let mut end = start;
            while let Some(call) = take() {
                end = run(call, limit)?;
            }
            Ok(end)
        };
        let workers: Vec<_> = (0..cores.min(calls.len())).map(|_| scope.spawn(worker)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Result<Instant, Failure>>| {
            worker.join().unwrap_or_else(|_| Err(Failure::new("a thread that runs rustc has panicked")))
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(ends.into_iter().max().unwrap_or(start))
}

/// Answers with when it had ended.
fn run(call: &Call, limit: Duration) -> Result<Instant, Failure> {
    let mut process = Process::start(call.command())?;
    let ended = |heard: &Heard| match heard {
        Heard::Ended(status, then) => Some((*status, *then)),
        Heard::Output(_) | Heard::Error(_) => None,
    };
    let (status, then) = process.listen(limit, "rustc", ended)?;
    if !status.success() {
        return Err(process.failed(&format!("rustc, called as cargo has called it, failed with {status}")));
    }
    Ok(then)
}

/// Cargo, building a library as Shrine has it built.
fn cargo_rustc(project: &Project, package: &str, bench: &Bench<'_>, library_directory: &str) -> Command {
    let mut cargo = command("cargo");
    cargo.args(["rustc", "--quiet", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--package", package, "--target-dir"]).arg(bench.target).current_dir(&project.root);
    cargo.args(["--", "-C", "prefer-dynamic", "-C", "link-arg=-Wl,--build-id=sha1"]);
    for argument in ["-Xlinker", "-rpath", "-Xlinker", library_directory] {
        cargo.arg("-C").arg(format!("link-arg={argument}"));
    }
    cargo.env("SHRINE_DEV", "1").env("CARGO_INCREMENTAL", "1");
    cargo
}

/// Where the shared std is, which Shrine's libraries find by an rpath.
fn library_directory() -> Result<String, Failure> {
    let mut rustc = command("rustc");
    rustc.args(["--print", "target-libdir"]);
    let lines = process::finish(rustc, FIRST)?;
    lines.into_iter().next().ok_or_else(|| Failure::new("rustc does not say where its libraries are"))
}
