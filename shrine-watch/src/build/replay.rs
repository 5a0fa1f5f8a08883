//! Builds by calling rustc as cargo has called it before, for those crates alone that have changed.
//!
//! Cargo builds first, and its calls of rustc are noted ([`capture`](super::capture)). What is known of each unit then: the
//! call, what it was compiled against, and what was in the files that it was made of. When some of that changes, rustc
//! is called again, into directories of our own. Cargo's files are read and never written.
//!
//! Invariant: what is not known to be right by this is built by cargo, with the reason.

mod bare;
mod memory;
mod plan;
mod run;
mod share;
mod spare;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use super::capture::{ENVIRONMENT, Wrapper};
use super::config::Configuration;
use super::link::Sharing;
use super::messages::Library;
use super::stamp::{Snapshot, Stamps, Used};
use super::unit::{Kind, Unit, closure};
use super::{Artifact, CargoOptions, Package, Project, Reason, cargo, dep_info};
use crate::own::OwnDirectory;
pub(super) use plan::Plan;
use run::Ending;
use spare::Spare;

/// What the files end in that other crates are compiled against.
const LIBRARIES: [&str; 2] = ["rlib", "rmeta"];

/// What is known of how the crates of a project are compiled.
#[derive(Debug)]
pub(super) struct Replayer {
    wrapper: Result<Wrapper, Reason>,
    /// What stands before the compiler in each call: `RUSTC_WRAPPER`, and a wrapper of the user's own.
    programs: Vec<PathBuf>,
    mark: String,
    /// The compilers that have made their libraries and have not ended yet, by the keys of the units.
    endings: BTreeMap<String, Ending>,
    /// Those that wait for something to compile, by the same.
    spares: BTreeMap<String, Spare>,
    /// What was to be compiled last.
    compiled: Vec<String>,
    own: OwnDirectory,
    stamps: Stamps,
    units: BTreeMap<String, Made>,
    /// The library of each package, by its name; or why cargo has to be asked for it.
    tips: BTreeMap<String, Result<Tip, Reason>>,
    /// How often something was compiled.
    serial: u64,
    colour: bool,
    /// The target directories.
    outputs: Vec<PathBuf>,
    /// The units, by their keys, that the compiler remembers something of.
    warm: BTreeSet<String>,
    /// Directories that nobody needs any more.
    garbage: Vec<PathBuf>,
    /// How libraries are linked.
    sharing: Sharing,
}

/// A unit that was compiled, by cargo or by us.
#[derive(Debug)]
struct Made {
    unit: Unit,
    /// The units that it is compiled against, by their keys.
    below: Vec<String>,
    /// What was in the files that it was made of.
    used: Used,
    /// What cargo has made of it.
    by_cargo: ByCargo,
    /// The directory of ours that its files are in, if they are in one.
    own: Option<PathBuf>,
    /// Whether we have made them, and not cargo.
    is_ours: bool,
    /// Those directories of ours that it had before and that are still there, the oldest first. One that others are
    /// compiled against has the same each time.
    before: Vec<PathBuf>,
    /// Tells what was made this time from what was made before.
    serial: u64,
    /// Which of those below it was compiled against.
    against: BTreeMap<String, u64>,
    /// What the compiler has warned of.
    warned: Vec<String>,
}

/// What cargo has made of a unit.
#[derive(Debug)]
struct ByCargo {
    /// When the compiler wrote down what it has read.
    time: Option<SystemTime>,
    used: Used,
}

/// The library of a package.
#[derive(Debug)]
struct Tip {
    key: String,
    artifact: Artifact,
    /// What says how to build.
    conditions: Used,
    /// What the library is made of, and none of the units.
    others: Used,
}

/// What was in the files before cargo was asked.
#[derive(Debug)]
pub(super) struct Before {
    began: SystemTime,
    snapshot: Snapshot,
    conditions: BTreeSet<PathBuf>,
}

impl Replayer {
    /// Knows nothing yet.
    pub(super) fn new(project: &Project, options: &CargoOptions) -> Self {
        let own = OwnDirectory::below(&project.target_directory.join("shrine-replays"));
        let sharing = Sharing::new(project, own.path(), options.no_replay || options.no_sharing);
        Self {
            wrapper: Err(Reason::Off),
            programs: Vec::new(),
            mark: cargo::mark(),
            endings: BTreeMap::new(),
            spares: BTreeMap::new(),
            compiled: Vec::new(),
            own,
            stamps: Stamps::new(&project.outputs),
            units: BTreeMap::new(),
            tips: BTreeMap::new(),
            serial: 0,
            colour: options.colour,
            outputs: project.outputs.clone(),
            warm: BTreeSet::new(),
            garbage: Vec::new(),
            sharing,
        }
    }

    /// Gets ready for a build by cargo. Its calls are to be noted by the wrapper that [`Replayer::wrapper`] then is.
    pub(super) fn before_cargo(&mut self, project: &Project) -> Before {
        let began = SystemTime::now();
        let configuration = Configuration::read(&project.directory, |name| std::env::var_os(name));
        self.install(project, &configuration);
        let conditions = conditions(project, &configuration);
        let known = self.units.values().flat_map(|made| made.used.paths());
        let others = self.tips.values().flatten().flat_map(|tip| tip.others.paths());
        let snapshot = self.stamps.snapshot(conditions.iter().chain(known).chain(others));
        Before { began, snapshot, conditions }
    }

    /// What notes the calls.
    pub(super) fn wrapper(&self) -> Option<&Wrapper> {
        self.wrapper.as_ref().ok()
    }

    fn install(&mut self, project: &Project, configuration: &Configuration) {
        let directory = project.target_directory.join("shrine-capture");
        // In a build script that runs a watch, the wrapper may be ours.
        let chained = configuration.workspace_wrapper.clone().filter(|path| !path.starts_with(&directory));
        self.programs = configuration.wrapper.iter().chain(&chained).cloned().collect();
        self.wrapper = Wrapper::install(&project.target_directory, chained)
            .map_err(|error| Reason::NoWrapper { why: error.to_string() });
    }

    /// Forgets a package: cargo has to be asked for it.
    pub(super) fn forget(&mut self, package: &Package, reason: Reason) {
        self.tips.insert(package.name.clone(), Err(reason));
        self.sharing.forget();
    }

    /// Learns from a build by cargo how the library of a package is made.
    pub(super) fn learn(
        &mut self,
        project: &Project,
        package: &Package,
        library: &Library,
        artifact: &Artifact,
        before: &Before,
    ) {
        let tip = self.try_to_learn(project, package, library, artifact, before);
        let not_captured = || Reason::NotCaptured { package: package.name.clone() };
        let tip = match &self.wrapper {
            Err(reason) => Err(reason.clone()),
            Ok(_) => tip.ok_or_else(not_captured),
        };
        self.tips.insert(package.name.clone(), tip);
    }

    fn try_to_learn(
        &mut self,
        project: &Project,
        package: &Package,
        library: &Library,
        artifact: &Artifact,
        before: &Before,
    ) -> Option<Tip> {
        let wrapper = self.wrapper.as_ref().ok()?;
        let build_id = artifact.build_id.as_deref()?;
        let notes = wrapper.notes_of(&library.crate_name).into_iter();
        let mut tips = notes
            .filter_map(|(key, call)| Unit::read(&key, call))
            .filter(|unit| unit.kind == Kind::Dynamic && unit.home == package.directory());
        let tip = if library.fresh {
            tips.find(|unit| wrapper.is_signed(&unit.key, build_id))?
        } else {
            let newest = tips.next()?;
            wrapper.sign(&newest.key, build_id).ok()?;
            newest
        };
        let key = tip.key.clone();
        let mut units = closure(&tip, &|key| wrapper.note(key).and_then(|call| Unit::read(key, call)));
        for key in plan::bottom_up(&key, |key| units.get(key).map_or(&[][..], |(_, below)| below)) {
            let (unit, below) = units.remove(&key)?;
            self.take_from_cargo(unit, below, before)?;
        }
        let closure = plan::bottom_up(&key, |key| self.below(key));
        let used = closure.iter().filter_map(|key| self.units.get(key)).flat_map(|made| made.used.paths());
        let known: BTreeSet<PathBuf> = used.map(|path| dep_info::normal(path)).collect();
        let others = artifact.inputs.iter().chain(&artifact.folders);
        let others: BTreeSet<PathBuf> =
            others.filter(|path| !known.contains(&dep_info::normal(path))).cloned().collect();
        let others = self.stamps.used(others.into_iter(), &before.snapshot, before.began);
        // Cargo may have written the lock file itself.
        let lock = project.root.join("Cargo.lock");
        let conditions = before.conditions.iter().filter(|path| **path != lock).cloned();
        let mut conditions = self.stamps.used(conditions, &before.snapshot, before.began);
        conditions.add(lock.clone(), self.stamps.look(&lock));
        Some(Tip { key, artifact: artifact.clone(), conditions, others })
    }

    /// Takes a unit for made by cargo. Those below it are known already. None when the compiler has not written down what
    /// it has read.
    fn take_from_cargo(&mut self, unit: Unit, below: Vec<String>, before: &Before) -> Option<()> {
        let dep_info = unit.dep_info();
        let time = fs::metadata(&dep_info).ok()?.modified().ok();
        let against = self.serials(&below);
        if let Some(made) = self.units.get_mut(&unit.key)
            && made.by_cargo.time == time
            && made.unit == unit
        {
            // Cargo finds what it has made still good.
            if std::mem::take(&mut made.is_ours) {
                let own = std::mem::replace(&mut made.own, place(&self.own, &made.unit));
                made.before.extend(own.filter(|_| made.unit.kind == Kind::Dynamic));
                self.serial += 1;
                made.serial = self.serial;
                made.used = made.by_cargo.used.clone();
            }
            made.against = against;
            return Some(());
        }
        let inputs = dep_info::inputs(&fs::read_to_string(dep_info).ok()?);
        let inputs = inputs.into_iter().map(|path| unit.call.directory.join(path));
        let used = self.stamps.used(inputs, &before.snapshot, before.began);
        self.serial += 1;
        let by_cargo = ByCargo { time, used: used.clone() };
        let made = Made {
            below,
            used,
            by_cargo,
            own: place(&self.own, &unit),
            is_ours: false,
            before: Vec::new(),
            serial: self.serial,
            against,
            warned: Vec::new(),
            unit,
        };
        self.units.insert(made.unit.key.clone(), made);
        Some(())
    }

    fn below(&self, key: &str) -> &[String] {
        self.units.get(key).map_or(&[], |made| &made.below)
    }

    fn serials(&self, keys: &[String]) -> BTreeMap<String, u64> {
        keys.iter().filter_map(|key| Some((key.clone(), self.units.get(key)?.serial))).collect()
    }

    /// What has to be compiled for the libraries of some packages.
    ///
    /// # Errors
    ///
    /// When cargo has to be asked, with the reason.
    pub(super) fn plan(&mut self, project: &Project, packages: &[&Package]) -> Result<Plan, Reason> {
        let began = SystemTime::now();
        let mut tips = Vec::new();
        for package in packages {
            match self.tips.get(&package.name) {
                Some(Ok(tip)) => tips.push((package.name.clone(), tip)),
                Some(Err(reason)) => return Err(reason.clone()),
                None => return Err(Reason::NotCaptured { package: package.name.clone() }),
            }
        }
        let order = plan::all_bottom_up(tips.iter().map(|(_, tip)| &tip.key), |key| self.below(key));
        let used = order.iter().filter_map(|key| self.units.get(key)).flat_map(|made| made.used.paths());
        let others = tips.iter().flat_map(|(_, tip)| tip.conditions.paths().chain(tip.others.paths()));
        let snapshot = self.stamps.snapshot(used.chain(others));
        for (_, tip) in &tips {
            if let Some(path) = tip.conditions.changed(&snapshot) {
                return Err(Reason::HowToBuild { path: path.to_owned() });
            }
            if let Some(path) = tip.others.changed(&snapshot) {
                return Err(Reason::OtherInput { path: path.to_owned() });
            }
        }
        let dirty = plan::dirty(
            &order,
            |key| self.below(key),
            |key| {
                let made = &self.units[key];
                made.used.changed(&snapshot).is_some() || self.serials(&made.below) != made.against
            },
        );
        for Made { unit, .. } in dirty.iter().map(|key| &self.units[key]) {
            let package = unit.package.clone();
            if unit.kind == Kind::Tool || project.tools.contains(&unit.home) {
                return Err(Reason::Tool { package });
            }
            if unit.call.variable(ENVIRONMENT).is_none_or(|mark| mark != self.mark.as_str()) {
                return Err(Reason::OtherEnvironment { package });
            }
        }
        let tips = tips.into_iter().map(|(package, tip)| (package, tip.key.clone())).collect();
        Ok(Plan { began, snapshot, dirty, tips })
    }

    /// Keeps what the compiler has warned of, for builds in which it is not called for all crates.
    pub(super) fn hear(&mut self, package: &Package, warned: &[(PathBuf, String)]) {
        let Some(Ok(tip)) = self.tips.get(&package.name) else { return };
        for key in self.all_below(&tip.key.clone()) {
            if let Some(made) = self.units.get_mut(&key) {
                let of_unit = warned.iter().filter(|(root, _)| *root == made.unit.root);
                made.warned = of_unit.map(|(_, rendered)| rendered.clone()).collect();
            }
        }
    }

    /// Waits for what is about to end, and removes what nobody needs any more.
    pub(super) fn tidy(&mut self) {
        self.endings.clear();
        for directory in std::mem::take(&mut self.garbage) {
            let _ = fs::remove_dir_all(directory);
        }
        memory::prune(&self.incremental());
    }

    /// Where the compiler keeps what it remembers.
    fn incremental(&self) -> PathBuf {
        self.own.path().join("incremental")
    }

    /// The units that a unit is made of, itself last.
    fn all_below(&self, key: &str) -> Vec<String> {
        plan::bottom_up(key, |key| self.below(key))
    }

    /// Where the libraries are that are not cargo's, by where cargo has those of the same units.
    fn moved_below(&self, key: &str) -> BTreeMap<PathBuf, PathBuf> {
        let mut moved = BTreeMap::new();
        for made in self.all_below(key).iter().filter(|below| *below != key).map(|key| &self.units[key]) {
            let Some(own) = &made.own else { continue };
            for extension in LIBRARIES {
                let name = made.unit.library(extension);
                moved.insert(made.unit.out_dir.join(&name), own.join(name));
            }
        }
        moved
    }
}

/// The directory of ours for libraries that others are compiled against: the same each time, because the compiler finds
/// nothing that it remembers of a crate of use when what that is compiled against is in another place. Cargo gives no two
/// of them one name.
fn libraries(own: &OwnDirectory) -> PathBuf {
    own.path().join("libraries")
}

/// Puts a library of cargo's where those will be that we make of that unit. None when it is none, or cannot be put there;
/// it is taken from where it is then.
fn place(own: &OwnDirectory, unit: &Unit) -> Option<PathBuf> {
    if unit.kind != Kind::Library {
        return None;
    }
    let place = libraries(own);
    fs::create_dir_all(&place).ok()?;
    for extension in LIBRARIES {
        let name = unit.library(extension);
        let (cargos, ours) = (unit.out_dir.join(&name), place.join(&name));
        let is_done = |done: io::Result<()>| match done {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(()) => true,
        };
        if !is_done(fs::remove_file(&ours)) || !is_done(fs::hard_link(cargos, ours)) {
            return None;
        }
    }
    Some(place)
}

/// The files that say how to build, whether they are there or not.
fn conditions(project: &Project, configuration: &Configuration) -> BTreeSet<PathBuf> {
    let root = &project.root;
    let mut files: BTreeSet<PathBuf> = configuration.files.iter().cloned().collect();
    files.extend([root.join("Cargo.toml"), root.join("Cargo.lock")]);
    for directory in &project.directories {
        files.extend([directory.join("Cargo.toml"), directory.join("build.rs")]);
    }
    for directory in project.directory.ancestors() {
        files.extend(cargo::TOOLCHAIN_FILES.map(|name| directory.join(name)));
    }
    files.extend(project.packages.iter().flat_map(|package| package.scripts.iter().cloned()));
    files
}
