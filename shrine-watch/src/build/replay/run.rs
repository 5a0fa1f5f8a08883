//! Calls rustc for what has to be compiled, for as many crates at once as there are cores.

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::DLL_SUFFIX;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};
use serde::Deserialize;

use super::plan::all_bottom_up;
use super::share::{self, ALLOCATOR};
use super::spare::Spare;
use super::{LIBRARIES, Made, Plan, Replayer, libraries};
use crate::build::capture::Invocation;
use crate::build::child::Running;
use crate::build::link::linkers_words;
use crate::build::messages::Tally;
use crate::build::rewrite::{Changes, joined, rewrite};
use crate::build::unit::Kind;
use crate::build::{Artifact, Cancel, Linking, PackageBuild, Plain, Project, Reason, Verdict, Way, dep_info};

/// How many libraries of a package are kept, for debuggers. Those before them are deleted; the loader has them open.
const KEPT: usize = 4;

/// Errors that a library which is not there, or not the right one, can lead to.
const CODES: [&str; 8] = ["E0460", "E0461", "E0462", "E0463", "E0464", "E0514", "E0519", "E0786"];

/// The same, for errors without a code; and errors of the linker, which names files of cargo's.
const MESSAGES: [&str; 4] = ["linking with", "extern location for", "could not exec the linker", "linker `"];

/// Who is told what the compiler says of which package; answers whether that is new.
pub(in crate::build) type Telling<'a> = dyn Fn(&str, &str) -> bool + Sync + 'a;

/// What came of a call.
pub(super) enum Outcome {
    Compiled,
    /// There are errors, of the kind that people make.
    Broken,
    /// Cargo may know better.
    Odd(String),
    Cancelled,
}

/// A call that is to be made.
pub(super) struct Call {
    key: String,
    package: String,
    /// Where the compiler writes to: the same place each time, because what it remembers is of no use for another.
    out_dir: PathBuf,
}

/// A call that has ended.
struct Ended {
    call: Call,
    outcome: Outcome,
    tally: Tally,
    ending: Option<Ending>,
}

/// A compiler that has made its library and is about to end, for which it takes a while. It has when this is dropped.
#[derive(Debug)]
pub(super) struct Ending(Option<JoinHandle<()>>);

impl Ending {
    /// Follows it to its end, whatever it says.
    fn of(running: Running, mut said: impl Read + Send + 'static) -> io::Result<Self> {
        // There is something to load now.
        running.yield_to_others();
        let follow = move || {
            // It has to be read, or the compiler could not say it. What becomes of it then changes nothing any more.
            let _ = io::copy(&mut said, &mut io::sink());
            let _ = running.wait();
        };
        std::thread::Builder::new().name("ending".to_owned()).spawn(follow).map(|thread| Self(Some(thread)))
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// How a compiler is started.
pub(super) struct Start {
    command: Command,
    /// One that was started before.
    spare: Option<Spare>,
}

impl From<Command> for Start {
    fn from(command: Command) -> Self {
        Self { command, spare: None }
    }
}

impl Start {
    fn go(self, cancel: &Cancel) -> io::Result<Option<Running>> {
        let Self { command, spare } = self;
        match spare.and_then(|spare| spare.compile(&command, cancel)) {
            Some(running) => Ok(Some(running)),
            None => cancel.spawn(command),
        }
    }
}

/// What is said of a file that is made.
#[derive(Deserialize)]
struct ArtifactNote {
    emit: String,
}

/// How a plan goes.
#[derive(Default)]
struct Progress {
    /// What waits for its turn.
    waiting: Vec<String>,
    /// How many calls there are at the moment.
    running: usize,
    /// What was compiled.
    compiled: BTreeSet<String>,
    /// What has errors, with what was said about them.
    broken: BTreeMap<String, Tally>,
    /// How libraries were linked.
    links: BTreeMap<String, Linking>,
    /// Why cargo has to be asked after all.
    odd: Option<Reason>,
}

impl Replayer {
    /// Carries out a plan.
    ///
    /// # Errors
    ///
    /// When cargo has to be asked after all, with the reason.
    pub(in crate::build) fn run(
        &mut self,
        plan: &Plan,
        cancel: &Cancel,
        tell: &Telling<'_>,
    ) -> Result<Vec<PackageBuild>, Reason> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let mut progress = Progress { waiting: plan.dirty.clone(), ..Progress::default() };
        let outputs = self.outputs.clone();
        self.repeat_warnings(plan, tell);
        let (send, ended) = mpsc::channel();
        std::thread::scope(|scope| {
            loop {
                while progress.running < jobs && progress.odd.is_none() {
                    let Some(key) = self.next(plan, &mut progress) else { break };
                    // What it remembers is its own until it has ended.
                    self.endings.remove(&key);
                    match self.prepare(&key) {
                        Ok((call, command)) => {
                            progress.running += 1;
                            let start = Start { command, spare: self.spare(&key) };
                            let (send, outputs) = (send.clone(), &outputs);
                            scope.spawn(move || {
                                let (outcome, tally, ending) =
                                    compile(start, &call, outputs, cancel, false, tell);
                                // The receiver waits for all that were started.
                                drop(send.send(Ended { call, outcome, tally, ending }));
                            });
                        }
                        Err(error) => progress.odd = Some(self.odd(&key, error.to_string())),
                    }
                }
                if progress.running == 0 {
                    break;
                }
                let Ok(call) = ended.recv() else { break };
                progress.running -= 1;
                self.take(call, plan, &mut progress);
            }
        });
        self.compiled = plan.dirty.iter().take(jobs).cloned().collect();
        match progress.odd.take() {
            Some(reason) => Err(reason),
            None => Ok(self.verdicts(plan, &mut progress)),
        }
    }

    /// Says again what the compiler has said of crates that it is not called for now, as cargo does.
    fn repeat_warnings(&self, plan: &Plan, tell: &Telling<'_>) {
        let tips = plan.tips.iter().map(|(_, key)| key);
        for key in all_bottom_up(tips, |key| self.below(key)) {
            let Some(made) = self.units.get(&key).filter(|_| !plan.dirty.contains(&key)) else { continue };
            for rendered in &made.warned {
                tell(&made.unit.package, rendered);
            }
        }
    }

    fn odd(&self, key: &str, what: String) -> Reason {
        Reason::Failed { package: self.units[key].unit.package.clone(), what }
    }

    /// The next unit that all is there for that it is compiled against. Those for which it never will be are dropped.
    fn next(&self, plan: &Plan, progress: &mut Progress) -> Option<String> {
        let Progress { waiting, compiled, broken, .. } = progress;
        waiting.retain(|key| !self.all_below(key).iter().any(|below| broken.contains_key(below)));
        let is_there = |key: &String| compiled.contains(key) || !plan.dirty.contains(key);
        let index = waiting.iter().position(|key| self.units[key].below.iter().all(is_there))?;
        Some(waiting.remove(index))
    }

    /// The call for a unit, which is linked as it is to be.
    fn prepare(&mut self, key: &str) -> io::Result<(Call, Command)> {
        let unit = &self.units[key].unit;
        let linker = if unit.kind == Kind::Dynamic { self.sharing.linker(unit) } else { None };
        self.call(key, linker.as_deref())
    }

    /// The call for a unit, with what stands for the linker.
    pub(super) fn call(&self, key: &str, linker: Option<&Path>) -> io::Result<(Call, Command)> {
        let unit = &self.units[key].unit;
        let out_dir = self.own.path().join("out").join(key);
        let incremental = self.incremental();
        fs::create_dir_all(&out_dir)?;
        fs::create_dir_all(&incremental)?;
        let mut arguments = rewrite(
            &unit.call.arguments,
            &Changes {
                directory: &unit.call.directory,
                out_dir: &out_dir,
                incremental: &incremental,
                colour: self.colour,
                moved: &self.moved_below(key),
            },
        );
        if let Some(linker) = linker {
            // The last one counts.
            arguments.extend(["-C".into(), joined("linker", linker)]);
        }
        let words: Vec<OsString> =
            self.programs.iter().map(|program| program.clone().into_os_string()).chain(arguments).collect();
        let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&unit.call.directory).env_clear().envs(variables(&unit.call));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (key, package) = (key.to_owned(), unit.package.clone());
        Ok((Call { key, package, out_dir }, command))
    }

    /// Takes what has come of a call.
    fn take(&mut self, ended: Ended, plan: &Plan, progress: &mut Progress) {
        let Ended { call, outcome, tally, ending } = ended;
        self.endings.extend(ending.map(|ending| (call.key.clone(), ending)));
        match outcome {
            Outcome::Compiled => {
                let unit = &self.units[&call.key].unit;
                let link = (unit.kind == Kind::Dynamic).then(|| self.sharing.learn(unit));
                if link.as_ref().is_some_and(Result::is_ok) && self.has_allocator(&call) {
                    self.sharing.refuse(&call.key, Plain::Unlinked { what: ALLOCATOR.to_owned() });
                    progress.waiting.push(call.key);
                    return;
                }
                match self.commit(&call, plan, &tally) {
                    Ok(()) => {
                        let link = link.map(|link| Linking::of(call.package, link));
                        progress.links.extend(link.map(|link| (call.key.clone(), link)));
                        progress.compiled.insert(call.key);
                    }
                    Err(error) => progress.odd = Some(self.odd(&call.key, error.to_string())),
                }
            }
            Outcome::Broken => drop(progress.broken.insert(call.key, tally)),
            Outcome::Odd(what) => progress.odd = Some(self.odd(&call.key, what)),
            // What waits is not compiled any more.
            Outcome::Cancelled => progress.waiting.clear(),
        }
    }

    /// Takes what was compiled for what there is of a unit.
    fn commit(&mut self, call: &Call, plan: &Plan, tally: &Tally) -> io::Result<()> {
        let Call { key, out_dir, .. } = call;
        let made = &self.units[key];
        let name = format!("{}{}", made.unit.crate_name, made.unit.suffix);
        let rules = fs::read_to_string(out_dir.join(format!("{name}.d")))?;
        let directory = &made.unit.call.directory;
        let inputs = dep_info::inputs(&rules).into_iter().map(|path| directory.join(path));
        let used = self.stamps.used(inputs, &plan.snapshot, plan.began);
        let against = self.serials(&made.below);
        let is_tip = made.unit.kind == Kind::Dynamic;
        self.serial += 1;
        let serial = self.serial;
        // A call that is ended leaves behind what it has written so far. What was made whole is put where it stays.
        let own = match is_tip {
            true => self.own.path().join("loaded").join(serial.to_string()),
            false => libraries(&self.own),
        };
        fs::create_dir_all(&own)?;
        let library = own.join(format!("lib{name}-g{serial}{DLL_SUFFIX}"));
        if is_tip {
            fs::rename(out_dir.join(format!("lib{name}{DLL_SUFFIX}")), &library)?;
        } else {
            for file in LIBRARIES.map(|extension| made.unit.library(extension)) {
                match fs::rename(out_dir.join(&file), own.join(file)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        if let Some(made) = self.units.get_mut(key) {
            (made.used, made.against, made.serial, made.is_ours) = (used, against, serial, true);
            made.warned = tally.warned.iter().map(|(_, rendered)| rendered.clone()).collect();
            let old = made.own.replace(own);
            if is_tip {
                made.before.extend(old);
                let old = made.before.len().saturating_sub(KEPT);
                self.garbage.extend(made.before.drain(..old));
            }
        }
        self.warm.insert(key.clone());
        if is_tip {
            self.take_library(key, &library);
        }
        Ok(())
    }

    /// Calls rustc for what it was never called for by us, and leaves what it makes: so that it remembers something of
    /// each crate when it is called in earnest. Ends when the next build does not want to wait.
    pub(in crate::build) fn warm_up(&mut self, project: &Project, cancel: &Cancel) {
        let is_cold = |(key, made): &(&String, &Made)| {
            let is_tool = made.unit.kind == Kind::Tool || project.tools.contains(&made.unit.home);
            !is_tool && !self.warm.contains(*key) && self.sharing.link(key).is_err()
        };
        let mut cold: Vec<(bool, String)> = self
            .units
            .iter()
            .filter(is_cold)
            .map(|(key, made)| (made.unit.kind != Kind::Dynamic, key.clone()))
            .collect();
        // Those that are loaded come first: they are edited most.
        cold.sort();
        for (_, key) in cold {
            let Ok((call, command)) = self.prepare(&key) else { continue };
            let (outcome, ..) = compile(command.into(), &call, &[], cancel, true, &|_, _| true);
            if cancel.is_cancelled() {
                return;
            }
            drop(outcome);
            // It is tried once, whatever comes of it.
            self.warm.insert(key);
        }
    }

    /// Whether what a call has made has an allocator of its own.
    pub(super) fn has_allocator(&self, call: &Call) -> bool {
        share::has_allocator(&call.out_dir, &self.units[&call.key].unit)
    }

    /// Takes a library for that of its package.
    fn take_library(&mut self, key: &str, path: &Path) {
        let closure = self.all_below(key);
        let made = closure.iter().filter_map(|key| self.units.get(key));
        let warnings = made.clone().map(|made| made.warned.len()).sum();
        let mut inputs: BTreeSet<PathBuf> =
            made.flat_map(|made| made.used.paths()).map(|path| dep_info::normal(path)).collect();
        if let Some(tip) = self.tips.values_mut().flatten().find(|tip| tip.key == key) {
            inputs.extend(tip.others.paths().cloned());
            let inputs = inputs.into_iter().collect();
            tip.artifact = Artifact { is_final: true, ..Artifact::at(path, inputs, warnings) };
        }
    }

    /// What came of the packages of a plan. What several are made of is told with the first of them.
    fn verdicts(&self, plan: &Plan, progress: &mut Progress) -> Vec<PackageBuild> {
        let package_of = |key: &String| self.units[key].unit.package.clone();
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut builds = Vec::new();
        for (package, key) in &plan.tips {
            let Some(Ok(tip)) = self.tips.get(package) else { continue };
            let below = self.all_below(key);
            let crates =
                below.iter().filter(|key| progress.compiled.contains(*key)).map(package_of).collect();
            let is_dirty = below.iter().any(|key| plan.dirty.contains(key));
            let link = progress.links.remove(key);
            let way = if is_dirty { Way::Replay { crates, link } } else { Way::Fresh };
            let because = below.iter().find(|key| told.contains(*key)).map(package_of);
            let broken: Vec<_> = below.iter().filter_map(|key| progress.broken.remove_entry(key)).collect();
            told.extend(broken.iter().map(|(key, _)| key.clone()));
            let verdict = match because {
                _ if !broken.is_empty() => {
                    Tally::verdict_of(broken.into_iter().map(|(key, tally)| (package_of(&key), tally)))
                }
                Some(because) => Verdict::Skipped { because },
                None => Verdict::Built(tip.artifact.clone()),
            };
            builds.push(PackageBuild { package: package.clone(), verdict, way: Some(way) });
        }
        builds
    }
}

/// Makes a call and follows it until what it makes is there. One that is patient lets all other processes go first.
pub(super) fn compile(
    start: Start,
    call: &Call,
    outputs: &[PathBuf],
    cancel: &Cancel,
    is_patient: bool,
    tell: &Telling<'_>,
) -> (Outcome, Tally, Option<Ending>) {
    let mut tally = Tally::default();
    match follow(start, call, outputs, cancel, is_patient, tell, &mut tally) {
        Ok((outcome, ending)) => (outcome, tally, ending),
        Err(error) => (Outcome::Odd(error.to_string()), tally, None),
    }
}

fn follow(
    start: Start,
    call: &Call,
    outputs: &[PathBuf],
    cancel: &Cancel,
    is_patient: bool,
    tell: &Telling<'_>,
    tally: &mut Tally,
) -> io::Result<(Outcome, Option<Ending>)> {
    let Some(mut running) = start.go(cancel)? else { return Ok((Outcome::Cancelled, None)) };
    if is_patient {
        running.yield_to_others();
    }
    let mut said = running.child.stderr.take().map(BufReader::new).ok_or(io::ErrorKind::BrokenPipe)?;
    let (mut odd, mut has_errors, mut rest, mut line) = (None, false, String::new(), Vec::new());
    while said.read_until(b'\n', &mut line)? > 0 {
        let text = std::mem::take(&mut line);
        if let Ok(ArtifactNote { emit }) = serde_json::from_slice(&text) {
            if emit == "link" && odd.is_none() && !has_errors && !cancel.is_cancelled() {
                // It is the last thing that is made.
                return Ok((Outcome::Compiled, Some(Ending::of(running, said)?)));
            }
            continue;
        }
        let Ok(diagnostic) = serde_json::from_slice::<Diagnostic>(&text) else {
            rest.push_str(&String::from_utf8_lossy(&text));
            continue;
        };
        odd = odd.or_else(|| oddity(&diagnostic, outputs));
        if odd.is_none() {
            has_errors |= diagnostic.level == DiagnosticLevel::Error;
            tally.warn(&diagnostic, Path::new(""));
            tally.take_diagnostic(&diagnostic, &call.package, &call.package, tell);
        }
    }
    let status = running.wait()?;
    let outcome = match odd {
        _ if cancel.is_cancelled() => Outcome::Cancelled,
        Some(what) => Outcome::Odd(what),
        None if status.success() => Outcome::Compiled,
        None if has_errors => Outcome::Broken,
        None => Outcome::Odd(format!("{status}: {}", rest.trim())),
    };
    Ok((outcome, None))
}

/// The environment of a call of our own.
pub(super) fn variables(call: &Invocation) -> impl Iterator<Item = (&OsString, &OsString)> {
    let own = call.environment.iter().filter(|(name, _)| !is_of_cargos_jobs(name));
    own.map(|(name, value)| (name, value))
}

/// The variables by which cargo shares out its jobs: it is not there to do so.
fn is_of_cargos_jobs(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b"MAKEFLAGS") || name == "MFLAGS"
}

/// What an error says that may come from the way in which rustc was called, and not from the source.
fn oddity(diagnostic: &Diagnostic, outputs: &[PathBuf]) -> Option<String> {
    let is_error = matches!(diagnostic.level, DiagnosticLevel::Error | DiagnosticLevel::Ice);
    let code = diagnostic.code.as_ref().map_or("", |code| code.code.as_str());
    let message = &diagnostic.message;
    let is_about_outputs =
        || outputs.iter().any(|path| path.to_str().is_some_and(|path| message.contains(path)));
    let is_odd = is_error
        && (diagnostic.level == DiagnosticLevel::Ice
            || CODES.contains(&code)
            || MESSAGES.iter().any(|begin| message.starts_with(begin))
            || is_about_outputs());
    is_odd.then(|| {
        let first = message.lines().next().unwrap_or_default();
        let rest: Vec<&str> = diagnostic.children.iter().map(|child| child.message.as_str()).collect();
        match linkers_words(&rest.join("\n")) {
            Some(words) => format!("{first}: {words}"),
            None => first.to_owned(),
        }
    })
}
