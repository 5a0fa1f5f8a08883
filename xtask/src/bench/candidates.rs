//! Who is measured: each takes an edit, and says when the new code has answered.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::peers::{self, Dx};
use super::process::{self, command};
use super::project::{Flavour, Project, Surroundings};
use super::scenario::{Layout, Scenario};

mod cargo;
mod dx;
mod hot_lib;
mod programs;
mod replay;
mod shrine;

/// Takes edits of a project of its own.
pub(crate) trait Candidate {
    /// Makes one edit, and waits until the new code has answered.
    fn edit(&mut self) -> Result<Sample, Failure>;

    /// Waits until nothing that the edit has set off is still running.
    fn settle(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// One edit, measured from before the file is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// Until the new code has answered, in milliseconds.
    pub(crate) total: f64,
    /// What it was made of, in milliseconds and in order.
    pub(crate) phases: Vec<(String, f64)>,
    /// How it was built, where the candidate says so.
    pub(crate) built: Option<String>,
}

/// Which candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Shrine,
    /// rustc, called as Shrine's build would call it, and nothing around it.
    Replay,
    ReplayWithoutDebugInfo,
    Cargo,
    HotLib,
    HotLibTuned,
    Dx,
}

/// What all candidates are prepared with.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    /// Where projects are written.
    pub(crate) folder: &'a Path,
    /// Where they are built.
    pub(crate) target: &'a Path,
    /// The crate `shrine`.
    pub(crate) shrine: &'a Path,
    /// The Cargo.lock of this repository.
    pub(crate) lock: &'a str,
    /// The binary `cargo-shrine`.
    pub(crate) cargo_shrine: &'a Path,
    pub(crate) cargo_watch: &'a Result<PathBuf, Failure>,
    pub(crate) dx: &'a Result<Dx, Failure>,
    /// How long an edit may take.
    pub(crate) limit: Duration,
}

/// How long the first build may take, with all dependencies.
const FIRST: Duration = Duration::from_secs(900);

impl Who {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Shrine => "Shrine",
            Self::Replay => "rustc alone",
            Self::ReplayWithoutDebugInfo => "rustc alone, no debug info",
            Self::Cargo => "cargo build, start the program",
            Self::HotLib => "hot-lib-reloader, cargo-watch",
            Self::HotLibTuned => "the same, both debounces 20 ms",
            Self::Dx => "dx serve --hotpatch",
        }
    }

    /// A word for folders and for the progress.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Shrine => "shrine",
            Self::Replay => "rustc",
            Self::ReplayWithoutDebugInfo => "rustc-nodebug",
            Self::Cargo => "cargo",
            Self::HotLib => "hot-lib",
            Self::HotLibTuned => "hot-lib-20ms",
            Self::Dx => "dx",
        }
    }

    /// Whether it is measured there; what is the same as elsewhere is left out to keep the run short.
    pub(crate) fn takes_part(self, scenario: Scenario) -> bool {
        match self {
            Self::ReplayWithoutDebugInfo => scenario.layout == Layout::Crate,
            Self::HotLibTuned => scenario.name == "small",
            // It patches the crate of the program; libraries below it are not set up here.
            Self::Dx => scenario.layout == Layout::Crate,
            _ => true,
        }
    }

    /// Writes its project, and builds it for the first time.
    pub(crate) fn prepare(
        self,
        scenario: Scenario,
        bench: &Bench<'_>,
    ) -> Result<Box<dyn Candidate>, Failure> {
        let flavour = match self {
            Self::Shrine | Self::Replay | Self::ReplayWithoutDebugInfo => Flavour::Shrine,
            Self::Cargo => Flavour::Plain,
            Self::HotLib => Flavour::HotLib { debounce_ms: 500 },
            Self::HotLibTuned => Flavour::HotLib { debounce_ms: 20 },
            Self::Dx => Flavour::Dx,
        };
        let socket = bench.folder.join(format!("{}-{}.socket", scenario.name, self.name()));
        let lock = Some(bench.lock);
        let dioxus = bench.dx.as_ref().map_or(peers::DIOXUS, |dx| &dx.version);
        let surroundings =
            Surroundings { shrine: bench.shrine, dioxus, lock, target: bench.target, socket: &socket };
        let project = Project::write(bench.folder, self.name(), flavour, scenario, &surroundings)?;
        Ok(match self {
            Self::Shrine => Box::new(shrine::Watch::start(project, bench)?),
            Self::Replay => Box::new(replay::Replay::prepare(project, bench, replay::DebugInfo::AsShrine)?),
            Self::ReplayWithoutDebugInfo => {
                Box::new(replay::Replay::prepare(project, bench, replay::DebugInfo::None)?)
            }
            Self::Cargo => Box::new(cargo::Cargo::prepare(project, bench)?),
            Self::HotLib => Box::new(hot_lib::HotLib::start(project, bench, &socket, "0.5")?),
            Self::HotLibTuned => Box::new(hot_lib::HotLib::start(project, bench, &socket, "0.02")?),
            Self::Dx => Box::new(dx::Dx::start(project, bench, &socket)?),
        })
    }
}

/// A library that was built in a scenario.
pub(crate) fn library(bench: &Bench<'_>, scenario: Scenario) -> Option<PathBuf> {
    let folder = bench.target.join("debug/deps");
    let begin = format!("lib{}_{}", scenario.name.replace('-', "_"), Who::Replay.name());
    let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.into_iter().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&begin) && name.ends_with(".so")
    })
}

/// Takes away what the projects of a scenario have left in the target directory, which other runs use again.
pub(crate) fn clean(bench: &Bench<'_>, scenario: Scenario, whos: &[Who]) {
    for who in whos {
        let root = bench.folder.join(scenario.name).join(who.name());
        let mut cargo = command("cargo");
        cargo.args(["clean", "--quiet", "--workspace", "--target-dir"]).arg(bench.target).current_dir(root);
        // What stays takes room and does no harm.
        let _ = process::finish(cargo, FIRST);
    }
}

/// Milliseconds since then.
fn since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
