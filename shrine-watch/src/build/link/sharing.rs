//! How crates are linked at the moment, and the work that leads to it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Plain;
use super::driver::Driver;
use super::line::Line;
use super::recipe::{self, Looks, Recipe, Tip, choose};
use super::script::{Command, Script, Taken};
use super::shelf::{Shelf, gist};
use super::stub::{self, Exports};
use crate::build::Project;
use crate::build::child::Cancel;
use crate::build::unit::{Options, Unit};

/// How the crates of a project are linked.
///
/// A crate is linked to a shared library only after that was tried once, aside: whether it can be is known then, and
/// what the compiler remembers of it is there, so that no edit takes longer than it would without.
#[derive(Debug, Default)]
pub(in crate::build) struct Sharing {
    /// None when sharing is turned off.
    shelf: Option<Shelf>,
    /// Where the scripts are.
    directory: PathBuf,
    /// Where what is compiled after edits lies.
    edited: PathBuf,
    /// By the keys of the units. What is not here is not known yet.
    links: BTreeMap<String, Result<Bond, Plain>>,
    /// How the linker was called for a unit, and how that was compiled.
    lines: BTreeMap<String, (Vec<OsString>, Vec<OsString>)>,
    /// The units that are linked to a stub which has not all that they need now, or to none because there was no time.
    outgrown: BTreeSet<String>,
    /// The units whose scripts have ways in them, those of their bonds.
    scripted: BTreeSet<String>,
    /// How units could be linked once.
    tried: BTreeMap<String, Bond>,
    /// The units that could not be linked so the last time.
    failed: BTreeSet<String>,
}

/// How a crate is linked to a shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bond {
    library: PathBuf,
    /// What is in it, as it was.
    parts: Vec<(PathBuf, Looks)>,
    /// How the linker is called by rustc.
    known: Vec<OsString>,
    /// How it is called then: the last is the one that was tried.
    ways: Vec<Command>,
    /// What the crate has taken from other libraries so far.
    imports: BTreeSet<String>,
}

impl Bond {
    /// Whether the library and all that is in it is as it was.
    fn is_good(&self) -> bool {
        self.library.is_file() && self.parts.iter().all(|(path, looks)| Looks::of(path) == Some(*looks))
    }
}

/// What came of compiling a crate aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) enum Trial {
    /// A library was made.
    Good,
    /// It is not to be linked to a shared library, and this is why.
    Bad(String),
    /// The trial was cancelled, or the source has errors.
    Open,
}

/// Compiles a crate aside, with what stands for the linker.
pub(in crate::build) type Try<'a> = dyn FnMut(&Unit, &Path) -> Trial + 'a;

impl Sharing {
    /// Nothing is known yet. Scripts and what is compiled after edits are below `own`.
    pub(in crate::build) fn new(project: &Project, own: &Path, is_off: bool) -> Self {
        let shelf = || Shelf::new(&project.target_directory, &project.library_directory);
        Self {
            shelf: (!is_off).then(shelf),
            directory: own.join("link"),
            edited: own.to_owned(),
            ..Self::default()
        }
    }

    /// Forgets what is known: cargo was asked, and has perhaps made other libraries.
    pub(in crate::build) fn forget(&mut self) {
        self.links.clear();
    }

    /// How a unit is linked.
    ///
    /// # Errors
    ///
    /// When it is linked plainly.
    pub(in crate::build) fn link(&self, key: &str) -> Result<PathBuf, Plain> {
        match self.links.get(key) {
            _ if self.shelf.is_none() => Err(Plain::Off),
            Some(Ok(bond)) if bond.is_good() => Ok(bond.library.clone()),
            Some(Err(plain)) => Err(plain.clone()),
            _ => Err(Plain::NotYet),
        }
    }

    /// What rustc is to call in place of the linker for a unit that is about to be compiled; none when that is to be left as
    /// it is.
    pub(in crate::build) fn linker(&mut self, unit: &Unit) -> Option<PathBuf> {
        self.shelf.as_ref()?;
        if let Some(flag) = recipe::refused_flag(&Options::of(&unit.call.arguments)) {
            self.links.insert(unit.key.clone(), Err(Plain::Flag { flag }));
            return None;
        }
        let script = self.script(unit);
        let is_linked = self.link(&unit.key).is_ok();
        // It has been written as it should be; or it has no ways, as it should.
        if is_linked && self.scripted.contains(&unit.key) {
            return Some(script.path());
        }
        let written = match self.links.get(&unit.key) {
            Some(Ok(bond)) if is_linked => {
                self.scripted.insert(unit.key.clone());
                script.install(Some(&bond.known), &bond.ways)
            }
            _ => {
                self.scripted.remove(&unit.key);
                script.install(None, &[])
            }
        };
        written.ok().map(|()| script.path())
    }

    fn script(&self, unit: &Unit) -> Script {
        let driver = recipe::driver(&Options::of(&unit.call.arguments)).to_owned();
        Script::new(self.directory.join(&unit.key), driver, self.edited.clone())
    }

    /// Learns how a unit was linked that has just been compiled.
    pub(in crate::build) fn learn(&mut self, unit: &Unit) -> Result<PathBuf, Plain> {
        let linked = self.link(&unit.key)?;
        let Some(Ok(bond)) = self.links.get(&unit.key) else { return Err(Plain::NotYet) };
        let script = self.script(unit);
        if let Some(Taken::Way(number)) = script.taken() {
            if number > 0 {
                self.outgrown.insert(unit.key.clone());
            }
            self.failed.remove(&unit.key);
            return Ok(linked);
        }
        // Either rustc has called the linker otherwise than before, or that could not be linked so.
        let is_known = script.note().is_some_and(|note| script.rest(&note) == script.rest(&bond.known));
        self.links.remove(&unit.key);
        if !is_known {
            return Err(Plain::NotYet);
        }
        let plain = Plain::Unlinked { what: gist(&script.said()) };
        // Somebody may have made a mistake once.
        if !self.failed.insert(unit.key.clone()) {
            self.refuse(&unit.key, plain.clone());
        }
        Err(plain)
    }

    /// Links a unit plainly from now on.
    pub(in crate::build) fn refuse(&mut self, key: &str, plain: Plain) {
        match plain {
            Plain::NotYet => drop(self.links.remove(key)),
            plain => drop(self.links.insert(key.to_owned(), Err(plain))),
        }
    }

    /// Does what is left to do so that crates, whose libraries are where is told, are linked to a shared library: makes it,
    /// and tries each crate. Crates by the names in `unshared` are left out of it. Whether anything is known now that was
    /// not known before.
    pub(in crate::build) fn share(
        &mut self,
        crates: &[(&Unit, &Path)],
        unshared: &BTreeSet<String>,
        cancel: &Cancel,
        attempt: &mut Try<'_>,
    ) -> bool {
        let Some(shelf) = self.shelf.clone() else { return false };
        for (unit, library) in crates {
            if self.outgrown.remove(&unit.key) {
                self.renew(unit, library, cancel);
            }
        }
        let units: Vec<&Unit> = crates.iter().map(|(unit, _)| *unit).collect();
        let before = self.known(&units);
        if !before.contains(&Err(Plain::NotYet)) {
            return false;
        }
        // What was compiled already comes first: it is what is edited, and of the others nothing is known yet.
        let seen: Vec<&Unit> = units.iter().copied().filter(|unit| self.is_seen(unit)).collect();
        let all =
            if seen.is_empty() || seen.len() == units.len() { vec![&units] } else { vec![&seen, &units] };
        for units in all {
            let tips = self.tips(units, cancel, attempt);
            self.attach(&tips, &shelf, unshared, cancel, attempt);
        }
        if !cancel.is_cancelled() {
            let bonds = self.links.values().flatten();
            shelf.tidy(&bonds.filter_map(|bond| bond.library.parent().map(Path::to_owned)).collect());
        }
        self.known(&units) != before
    }

    /// Links crates to shared libraries, as far as that can be done.
    fn attach(
        &mut self,
        tips: &[Tip<'_>],
        shelf: &Shelf,
        unshared: &BTreeSet<String>,
        cancel: &Cancel,
        attempt: &mut Try<'_>,
    ) {
        let (recipes, choices) = choose(tips, unshared, &shelf.standard);
        for (tip, choice) in tips.iter().zip(&choices) {
            if let Err(plain) = choice {
                self.refuse(&tip.unit.key, plain.clone());
            }
        }
        for (index, recipe) in recipes.iter().enumerate() {
            let members = tips.iter().zip(&choices).filter(|(_, choice)| **choice == Ok(index));
            let members: Vec<&Tip<'_>> = members.map(|(tip, _)| tip).collect();
            match (Group { shelf, recipe, cancel }).attach(self, &members, attempt) {
                Err(Plain::Unmade { .. }) if members.len() > 1 => {
                    // What does not go together may go apart.
                    for tip in members {
                        let own = Recipe::of(tip, unshared, &shelf.standard);
                        let attached = own.and_then(|own| {
                            Group { shelf, recipe: &own, cancel }.attach(self, &[tip], attempt)
                        });
                        self.settle(&[tip], attached);
                    }
                }
                attached => self.settle(&members, attached),
            }
        }
    }

    /// Whether rustc has called the linker for a unit.
    fn is_seen(&self, unit: &Unit) -> bool {
        let is_known = self.lines.get(&unit.key).is_some_and(|(call, _)| *call == unit.call.arguments);
        is_known || self.script(unit).note().is_some()
    }

    /// How crates are linked now: what is gone is not, though it was noted.
    fn known(&self, units: &[&Unit]) -> Vec<Result<PathBuf, Plain>> {
        units.iter().map(|unit| self.link(&unit.key)).collect()
    }

    /// Crates that are linked to another library already stay so.
    fn settle(&mut self, members: &[&Tip<'_>], attached: Result<(), Plain>) {
        if let Err(plain) = attached {
            for tip in members.iter().filter(|tip| self.link(&tip.unit.key).is_err()).collect::<Vec<_>>() {
                self.refuse(&tip.unit.key, plain.clone());
            }
        }
    }

    /// The units for which rustc has called the linker; those for which it has not yet are compiled aside.
    fn tips<'a>(&mut self, units: &[&'a Unit], cancel: &Cancel, attempt: &mut Try<'_>) -> Vec<Tip<'a>> {
        let mut tips = Vec::new();
        for unit in units {
            if cancel.is_cancelled() {
                break;
            }
            match self.line(unit, attempt).map(|line| line.map(|line| Tip { unit, line })) {
                Ok(tip) => tips.extend(tip),
                Err(plain) => self.refuse(&unit.key, plain),
            }
        }
        tips
    }

    /// How rustc calls the linker for a unit; none when that is open.
    fn line(&mut self, unit: &Unit, attempt: &mut Try<'_>) -> Result<Option<Line>, Plain> {
        // Whether it can be linked so at all, is found by its flags.
        let linker = self.linker(unit);
        match self.link(&unit.key) {
            Err(plain) if linker.is_none() || plain != Plain::NotYet => return Err(plain),
            _ => {}
        }
        let script = self.script(unit);
        // What it was last called with that was not foreseen is the newest there is.
        let is_of_this_call = |(call, _): &&(Vec<OsString>, _)| *call == unit.call.arguments;
        let known = self.lines.get(&unit.key).filter(is_of_this_call).map(|(_, known)| known.clone());
        let note = match (script.note(), known) {
            (Some(note), Some(_)) => note,
            (None, Some(known)) => known,
            (_, None) => match self.attempt(unit, attempt) {
                Trial::Bad(what) => return Err(Plain::Unlinked { what }),
                Trial::Open => return Ok(None),
                Trial::Good => script.note().ok_or_else(|| Plain::Unlinked {
                    what: "rustc does not call the linker where it was told to".to_owned(),
                })?,
            },
        };
        self.lines.insert(unit.key.clone(), (unit.call.arguments.clone(), note.clone()));
        script.read(&note).map(Some).map_err(|what| Plain::Unlinked { what })
    }

    /// Compiles a unit aside, linked as it is to be.
    fn attempt(&mut self, unit: &Unit, attempt: &mut Try<'_>) -> Trial {
        match self.linker(unit) {
            Some(linker) => attempt(unit, &linker),
            None => Trial::Bad("the script that links it cannot be written".to_owned()),
        }
    }

    /// Gives a crate a stub that has all that its library needs now.
    fn renew(&mut self, unit: &Unit, library: &Path, cancel: &Cancel) {
        let script = self.script(unit);
        let Some(standard) = self.shelf.as_ref().map(|shelf| shelf.standard.clone()) else { return };
        if let Some(Ok(bond)) = self.links.get_mut(&unit.key) {
            let driver = Driver { program: script.driver(), call: &unit.call, cancel };
            let (known, had_stub) = (bond.imports.len(), bond.ways.len() > 1);
            bond.stub(&script, driver, library, &standard);
            if cancel.is_cancelled() {
                self.outgrown.insert(unit.key.clone());
            } else if had_stub && bond.imports.len() == known {
                // It has had all, and could not be linked to for another reason.
                bond.ways.drain(..bond.ways.len() - 1);
            }
            self.scripted.remove(&unit.key);
        }
    }
}

impl Bond {
    /// Puts a way to link before the last one: against stubs with all that the crate has needed so far, and its library
    /// needs now. None when there can be no such way.
    fn stub(&mut self, script: &Script, driver: Driver<'_>, made: &Path, standard: &Path) -> Option<()> {
        let whole = self.ways.last()?.clone();
        self.ways = vec![whole.clone()];
        let known = script.read(&self.known).ok().filter(Line::is_closed)?;
        self.imports.extend(stub::imports(made)?);
        let (directory, flags) = (script.directory(), stub::flags(&self.known));
        let mut stubs = Vec::new();
        for library in [self.library.as_path(), known.std(standard)?] {
            let stub = Exports::read(library)?.stub(&self.imports, directory, driver, &flags)?;
            stubs.push((library.to_owned(), stub));
        }
        let stubs: Vec<(&Path, &Path)> =
            stubs.iter().map(|(of, stub)| (of.as_path(), stub.as_path())).collect();
        self.ways.insert(0, Command { program: whole.program, line: whole.line.with(&stubs) });
        Some(())
    }
}

/// Crates that are linked to one library.
struct Group<'a> {
    shelf: &'a Shelf,
    recipe: &'a Recipe,
    cancel: &'a Cancel,
}

impl Group<'_> {
    /// Links crates to the library of the recipe.
    fn attach(
        &self,
        sharing: &mut Sharing,
        members: &[&Tip<'_>],
        attempt: &mut Try<'_>,
    ) -> Result<(), Plain> {
        if members.iter().all(|tip| sharing.link(&tip.unit.key).is_ok()) {
            return Ok(());
        }
        let found = match self.shelf.find(self.recipe)? {
            Some(found) => Some(found),
            None => self.shelf.make(self.recipe, self.cancel)?,
        };
        let Some(library) = found else { return Ok(()) };
        for tip in members {
            if sharing.link(&tip.unit.key).is_ok() {
                continue;
            }
            if self.cancel.is_cancelled() {
                break;
            }
            if let Err(plain) = self.one(sharing, &library, tip, attempt) {
                sharing.refuse(&tip.unit.key, plain);
            }
        }
        Ok(())
    }

    /// Links one crate.
    fn one(
        &self,
        sharing: &mut Sharing,
        library: &Path,
        tip: &Tip<'_>,
        attempt: &mut Try<'_>,
    ) -> Result<(), Plain> {
        let (unit, script) = (tip.unit, sharing.script(tip.unit));
        let gone = || Plain::NotYet;
        let part = |path: &PathBuf| Some((path.clone(), Looks::of(path)?));
        let parts: Vec<_> = self.recipe.crates.iter().map(part).collect::<Option<_>>().ok_or_else(gone)?;
        let known = sharing.lines.get(&unit.key).map(|(_, known)| known.clone()).ok_or_else(gone)?;
        let shared = tip.line.linked_to(library, &self.recipe.crates);
        let driver = Driver { program: script.driver(), call: &unit.call, cancel: self.cancel };
        let is_tried = |bond: &&Bond| {
            bond.library == library && bond.parts == parts && script.rest(&bond.known) == script.rest(&known)
        };
        sharing.scripted.remove(&unit.key);
        if let Some(bond) = sharing.tried.get(&unit.key).filter(is_tried) {
            sharing.links.insert(unit.key.clone(), Ok(bond.clone()));
            return Ok(());
        }
        let linker = driver.linker(&shared, script.directory());
        let by_driver = Command { program: vec![script.driver().to_owned()], line: shared };
        let mut refused = None;
        for way in linker.into_iter().chain([by_driver]) {
            let bond = Bond {
                library: library.to_owned(),
                parts: parts.clone(),
                known: known.clone(),
                ways: vec![way],
                imports: BTreeSet::new(),
            };
            sharing.links.insert(unit.key.clone(), Ok(bond));
            sharing.scripted.remove(&unit.key);
            match sharing.attempt(unit, attempt) {
                Trial::Bad(what) => return Err(Plain::Unlinked { what }),
                Trial::Open => return Err(Plain::NotYet),
                Trial::Good => {}
            }
            match sharing.learn(unit) {
                Ok(_) => {
                    sharing.scripted.remove(&unit.key);
                    if let (Some(Ok(bond)), Some(made)) =
                        (sharing.links.get_mut(&unit.key), tip.line.output())
                    {
                        bond.stub(&script, driver, made, &self.shelf.standard);
                        sharing.tried.insert(unit.key.clone(), bond.clone());
                    }
                    if self.cancel.is_cancelled() {
                        // The stub was not made.
                        sharing.outgrown.insert(unit.key.clone());
                    }
                    return Ok(());
                }
                Err(plain) => refused = Some(plain),
            }
        }
        Err(refused.unwrap_or(Plain::NotYet))
    }
}
