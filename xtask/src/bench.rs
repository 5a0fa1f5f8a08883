//! `cargo xtask bench`: from save to the new code answering, beside the tools that one would use instead.
//!
//! A run prepares the candidates of one scenario after the other, makes the same edits in turns, runs the benchmarks of
//! what happens inside of an update, and writes a page and a picture.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use candidates::{Bench, Candidate, Who};
use failure::{Context, Failure};
use figures::Figure;
use peers::{Dx, Peer, Tools};
use process::command;
use results::{Latency, Results, Series};
use scenario::Scenario;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

pub(crate) mod candidates;
pub(crate) mod capture;
pub(crate) mod failure;
pub(crate) mod figures;
pub(crate) mod goals;
pub(crate) mod machine;
pub(crate) mod peers;
pub(crate) mod plot;
pub(crate) mod process;
pub(crate) mod project;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod scenario;
pub(crate) mod statistics;

/// Measure an edit from save to the new code answering, beside other tools, and what happens inside of an update.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Measure only these: small, forty, heavy, workspace-1, workspace-8, workspace-32, shared; migrate, check,
    /// messages, update, soak.
    #[arg(long, value_delimiter = ',', value_name = "NAMES", value_parser = part)]
    only: Vec<Part>,
    /// What to measure beside Shrine and rustc [default: cargo and hot-lib, and dx where it is installed]. Those that are
    /// not there are built; for dx that takes long.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    peers: Vec<Peer>,
    /// How many edits each candidate gets in each scenario.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    edits: u16,
    /// Shuffles the candidates of each round.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// A few edits of the small widget with a development build, to see whether all of it works.
    #[arg(long)]
    quick: bool,
    /// Do not remove the projects.
    #[arg(long)]
    keep: bool,
    /// How many seconds an edit may take.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    timeout: u64,
    /// Measure this `cargo-shrine` instead of building one.
    #[arg(long, value_name = "BINARY")]
    shrine: Option<PathBuf>,
    /// Build projects and tools below this folder [default: target/bench].
    #[arg(long, value_name = "FOLDER")]
    target_dir: Option<PathBuf>,
    /// Write the page there, and the picture beside it as latency.svg [default for a whole run: benches/RESULTS.md].
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench                                everything, into benches/RESULTS.md
  cargo xtask bench --only small,heavy --edits 50  printed
  cargo xtask bench --peers cargo,hot-lib,dx       with dx, which is built first
  cargo xtask bench --quick                        does it work?

Measure on a machine that does nothing else: the page says how busy it was.";

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Edit(Scenario),
    Inside(Figure),
}

fn part(name: &str) -> Result<Part, String> {
    let inside = || Figure::ALL.into_iter().find(|figure| figure.name() == name).map(Part::Inside);
    Scenario::named(name).map(Part::Edit).or_else(inside).ok_or_else(|| {
        let names = Scenario::ALL.iter().map(|scenario| scenario.name);
        let names: Vec<&str> = names.chain(Figure::ALL.iter().map(|figure| figure.name())).collect();
        format!("there are {}", names.join(", "))
    })
}

/// How many edits come before those that count.
const WARM_UPS: usize = 2;

/// How long nothing happens between two edits.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the build of `cargo-shrine` may take.
const BUILD: Duration = Duration::from_secs(1800);

/// The folder of the projects, for the thread that ends it all.
static FOLDER: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    end_when_interrupted(arguments.keep)?;
    let repository = repository();
    let target = arguments.target_dir.clone().unwrap_or_else(|| repository.join("target/bench"));
    std::fs::create_dir_all(&target).context(format_args!("create {}", target.display()))?;
    let target = target.canonicalize().context(format_args!("find {}", target.display()))?;
    let begin = machine::load();
    let results = measure(arguments, &repository, &target, &begin)?;
    let page = report::page(&results);
    let default =
        (!arguments.quick && arguments.only.is_empty()).then(|| repository.join("benches/RESULTS.md"));
    match (arguments.results.clone().or(default), results.failure.clone()) {
        (Some(path), None) => write(&path, &page, plot::svg(&results).as_deref()),
        (None, None) => {
            print!("{page}");
            Ok(())
        }
        // What was measured until then is no page to keep, and took its time.
        (_, Some(failure)) => {
            print!("{page}");
            Err(failure)
        }
    }
}

fn measure(
    arguments: &Arguments,
    repository: &Path,
    target: &Path,
    load_at_begin: &str,
) -> Result<Results, Failure> {
    let (shrine, built) = cargo_shrine(arguments, repository)?;
    let (scenarios, figures) = parts(arguments);
    let others = peers(arguments, target);
    let (cargo_watch, dx) = if scenarios.is_empty() {
        (Err(Failure::new("not needed")), Err(Failure::new("not needed")))
    } else {
        others.tools()
    };
    let _turn = take_turn(target)?;
    let (edits, warm_ups) = if arguments.quick { (2, 1) } else { (usize::from(arguments.edits), WARM_UPS) };
    let folder = tempfile::Builder::new().prefix("shrine-bench-").tempdir().context("create a folder")?;
    *FOLDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder.path().to_owned());
    let lock = repository.join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock).context(format_args!("read {}", lock.display()))?;
    let mut results = Results { edits, warm_ups, seed: arguments.seed, ..Results::default() };
    let mut linker = None;
    let measured = scenarios.into_iter().try_for_each(|scenario| {
        // rustc looks through the folder of all dependencies.
        let build = if scenario.heavy { target.join("heavy") } else { target.to_owned() };
        let bench = Bench {
            folder: folder.path(),
            target: &build,
            shrine: &repository.join("shrine"),
            lock: &lock,
            cargo_shrine: &shrine,
            cargo_watch: &cargo_watch,
            dx: &dx,
            limit: Duration::from_secs(arguments.timeout),
        };
        let whos: Vec<Who> = others.whos.iter().copied().filter(|who| who.takes_part(scenario)).collect();
        let mut random = fastrand::Rng::with_seed(arguments.seed);
        let latency = edit(scenario, &whos, &bench, (warm_ups, edits), &mut random);
        linker = linker.take().or_else(|| machine::linker(&candidates::library(&bench, scenario)?));
        if !arguments.keep {
            candidates::clean(&bench, scenario, &whos);
        }
        latency.map(|latency| results.latencies.push(latency))
    });
    if arguments.keep {
        eprintln!("        Kept {}", folder.keep().display());
    }
    results.failure = measured.err();
    if results.failure.is_none() {
        let measure = |figure: Figure| {
            eprintln!("   Measuring {}", figure.command_line());
            (figure, figure.measure(repository))
        };
        results.figures = figures.into_iter().map(measure).collect();
    }
    results.facts = vec![
        ("commit".to_owned(), machine::commit(repository)),
        ("`cargo-shrine`".to_owned(), built),
        ("linker of the libraries".to_owned(), linker.unwrap_or_else(|| "unknown".to_owned())),
    ];
    results.facts.extend(machine::facts());
    if cargo_watch.is_ok() {
        let versions = format!("{} with cargo-watch {}", peers::HOT_LIB_RELOADER, peers::CARGO_WATCH);
        results.facts.push(("hot-lib-reloader".to_owned(), versions));
    }
    results.facts.extend(dx.ok().map(|dx| ("dx".to_owned(), dx.version)));
    results.facts.push(("load (1, 5, 15 min) at the begin".to_owned(), load_at_begin.to_owned()));
    results.facts.push(("load at the end".to_owned(), machine::load()));
    Ok(results)
}

/// Waits until no other run builds in the target directory: two write files of the same names. Others wait until the
/// answer is dropped.
fn take_turn(target: &Path) -> Result<std::fs::File, Failure> {
    std::fs::create_dir_all(target).context(format_args!("create {}", target.display()))?;
    let path = target.join("bench.lock");
    let file = std::fs::File::create(&path).context(format_args!("create {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("    Blocking waiting for another run in {}", target.display());
        file.lock().context(format_args!("lock {}", path.display()))?;
    }
    Ok(file)
}

/// What is measured, in the order in which it is.
fn parts(arguments: &Arguments) -> (Vec<Scenario>, Vec<Figure>) {
    if arguments.quick && arguments.only.is_empty() {
        return (vec![Scenario::ALL[0]], Vec::new());
    }
    let asked = |part: Part| arguments.only.is_empty() || arguments.only.contains(&part);
    (
        Scenario::ALL.into_iter().filter(|scenario| asked(Part::Edit(*scenario))).collect(),
        Figure::ALL.into_iter().filter(|figure| asked(Part::Inside(*figure))).collect(),
    )
}

/// Who is measured, and how their tools come about.
struct Peers {
    whos: Vec<Who>,
    tools: Tools,
    build_dx: bool,
}

fn peers(arguments: &Arguments, target: &Path) -> Peers {
    let tools = Tools::new(target.join("tools"));
    let asked = |peer: Peer| match (arguments.peers.is_empty(), arguments.quick) {
        (false, _) => arguments.peers.contains(&peer),
        (true, true) => peer == Peer::Cargo,
        // That dx is not there is told in the results.
        (true, false) => true,
    };
    let mut whos = vec![Who::Shrine, Who::Replay, Who::ReplayWithoutDebugInfo];
    for (peer, more) in [
        (Peer::Cargo, &[Who::Cargo][..]),
        (Peer::HotLib, &[Who::HotLib, Who::HotLibTuned]),
        (Peer::Dx, &[Who::Dx]),
    ] {
        if asked(peer) {
            whos.extend(more);
        }
    }
    Peers { whos, tools, build_dx: arguments.peers.contains(&Peer::Dx) }
}

impl Peers {
    /// cargo-watch and dx.
    fn tools(&self) -> (Result<PathBuf, Failure>, Result<Dx, Failure>) {
        let cargo_watch = if self.whos.contains(&Who::HotLib) {
            self.tools.cargo_watch()
        } else {
            Err(Failure::new("was not asked for"))
        };
        let dx = if self.build_dx {
            self.tools.dx()
        } else {
            self.tools.find_dx().ok_or_else(|| {
                Failure::new(
                    "not installed; `cargo xtask bench --peers cargo,hot-lib,dx` builds it, which takes long",
                )
            })
        };
        (cargo_watch, dx)
    }
}

/// The binary, and how it was built.
fn cargo_shrine(arguments: &Arguments, repository: &Path) -> Result<(PathBuf, String), Failure> {
    if let Some(path) = &arguments.shrine {
        let path = path.canonicalize().context(format_args!("find {}", path.display()))?;
        return Ok((path, "given with `--shrine`".to_owned()));
    }
    let mut cargo = command("cargo");
    cargo.args(["build", "--quiet", "--bin", "cargo-shrine", "--target-dir"]).arg(repository.join("target"));
    let (folder, built) = if arguments.quick {
        // With the features of all, as the tests have it: then it is there already.
        cargo.arg("--workspace");
        ("debug", "a development build, as the alias `cargo shrine` of this repository makes")
    } else {
        cargo.args(["--package", "shrine-watch", "--release"]);
        ("release", "a release build, as `cargo install` makes")
    };
    cargo.current_dir(repository);
    eprintln!("    Building cargo-shrine");
    process::finish(cargo, BUILD)?;
    Ok((repository.join("target").join(folder).join("cargo-shrine"), built.to_owned()))
}

/// Prepares all candidates of a scenario, and makes their edits in turns. A peer that fails stays out from then on;
/// when Shrine or rustc fails, so does the run.
fn edit(
    scenario: Scenario,
    whos: &[Who],
    bench: &Bench<'_>,
    (warm_ups, edits): (usize, usize),
    random: &mut fastrand::Rng,
) -> Result<Latency, Failure> {
    let mut running: Vec<(Who, Option<Box<dyn Candidate>>)> = Vec::new();
    let mut series: Vec<Series> = Vec::new();
    for who in whos {
        eprintln!("   Preparing {} for {}", who.name(), scenario.name);
        let (candidate, failure) = match who.prepare(scenario, bench) {
            Ok(candidate) => (Some(candidate), None),
            Err(failure) => (None, Some(out_of_it(*who, scenario, failure)?)),
        };
        running.push((*who, candidate));
        series.push(Series { who: *who, samples: Vec::new(), failure });
    }
    for round in 0..warm_ups + edits {
        let mut order: Vec<usize> = (0..running.len()).collect();
        random.shuffle(&mut order);
        let mut told = Vec::new();
        for at in order {
            let (who, candidate) = &mut running[at];
            let Some(runs) = candidate else { continue };
            std::thread::sleep(PAUSE);
            match runs.edit().and_then(|sample| runs.settle().map(|()| sample)) {
                Ok(sample) => {
                    told.push(format!("{} {:.0}", who.name(), sample.total));
                    if round >= warm_ups {
                        series[at].samples.push(sample);
                    }
                }
                Err(failure) => {
                    *candidate = None;
                    series[at].failure = Some(out_of_it(*who, scenario, failure)?);
                }
            }
        }
        let number =
            if round < warm_ups { "warm-up".to_owned() } else { format!("{}", round + 1 - warm_ups) };
        eprintln!("      Edited {} ({number}), ms: {}", scenario.name, told.join(", "));
    }
    Ok(Latency { scenario, series })
}

/// What the failure of a candidate means: for a peer a line in the results, otherwise the end.
fn out_of_it(who: Who, scenario: Scenario, failure: Failure) -> Result<Failure, Failure> {
    if matches!(who, Who::Shrine | Who::Replay | Who::ReplayWithoutDebugInfo) {
        return Err(failure.context(format!("{}, {}", scenario.name, who.name())));
    }
    eprintln!("warning: {}, {}: {failure}", scenario.name, who.name());
    Ok(failure)
}

/// Writes the page, and the picture beside it.
fn write(path: &Path, page: &str, picture: Option<&str>) -> Result<(), Failure> {
    std::fs::write(path, page).context(format_args!("write {}", path.display()))?;
    eprintln!("       Wrote {}", path.display());
    if let Some(picture) = picture {
        let path = path.with_file_name("latency.svg");
        std::fs::write(&path, picture).context(format_args!("write {}", path.display()))?;
        eprintln!("       Wrote {}", path.display());
    }
    Ok(())
}

/// Ctrl-C leaves nothing behind: neither a process nor, unless it was asked for, a folder.
fn end_when_interrupted(keep: bool) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("listen for signals")?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            // Locked until the end: nothing more starts.
            process::end_all(|| {
                let folder = FOLDER.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(folder) = folder.filter(|_| !keep) {
                    let _ = std::fs::remove_dir_all(folder);
                }
                eprintln!("error: interrupted");
                std::process::exit(130);
            });
        }
    });
    Ok(())
}

fn repository() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
