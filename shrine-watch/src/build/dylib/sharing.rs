//! Which crates are linked to a shared library at the moment, and the work that leads to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Linked, Plain, Recipe, Shelf, Tip, choose};
use crate::build::Project;
use crate::build::child::Cancel;
use crate::build::unit::Unit;

/// How the crates of a project are linked.
///
/// A crate is linked to a shared library only after that was tried once, aside: whether it can be is known then, and
/// what the compiler remembers of it is there, so that no edit takes longer than it would without.
#[derive(Debug, Default)]
pub(in crate::build) struct Sharing {
    /// None when sharing is turned off.
    pub(super) shelf: Option<Shelf>,
    /// By the keys of the units. What is not here is not known yet.
    links: BTreeMap<String, Result<Linked, Plain>>,
    /// The units that were linked to a shared library by these facades: the compiler remembers something of them.
    tried: BTreeSet<(String, PathBuf)>,
}

/// What came of compiling a crate aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) enum Trial {
    /// It can be linked to the shared library.
    Good,
    /// It cannot, and this is why.
    Bad(String),
    /// The trial was cancelled, or the source has errors.
    Open,
}

/// Compiles a crate aside, linked like that.
pub(in crate::build) type Try<'a> = dyn FnMut(&Unit, &Linked) -> Trial + 'a;

impl Sharing {
    /// Nothing is known yet.
    pub(in crate::build) fn new(project: &Project, is_off: bool) -> Self {
        let shelf = || Shelf::new(&project.target_directory, &project.library_directory);
        Self { shelf: (!is_off).then(shelf), links: BTreeMap::new(), tried: BTreeSet::new() }
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
    pub(in crate::build) fn link(&self, key: &str) -> Result<&Linked, Plain> {
        match self.links.get(key) {
            _ if self.shelf.is_none() => Err(Plain::Off),
            Some(Ok(linked)) if linked.is_there() => Ok(linked),
            Some(Err(plain)) => Err(plain.clone()),
            _ => Err(Plain::NotYet),
        }
    }

    /// Links a unit plainly from now on.
    pub(in crate::build) fn refuse(&mut self, key: &str, what: String) {
        self.links.insert(key.to_owned(), Err(Plain::Unlinked { what }));
    }

    /// Does what is left to do so that crates are linked to a shared library: makes it, and tries each crate. Crates by
    /// the names in `unshared` are left out of it. Whether anything is known now that was not known before.
    pub(in crate::build) fn share(
        &mut self,
        tips: &[Tip<'_>],
        unshared: &BTreeSet<String>,
        cancel: &Cancel,
        attempt: &mut Try<'_>,
    ) -> bool {
        let Some(shelf) = self.shelf.clone() else { return false };
        let is_settled = |tip: &Tip<'_>| match self.link(&tip.unit.key) {
            Ok(linked) => Some(&linked.shrine) == tip.shrine.as_ref(),
            Err(plain) => plain != Plain::NotYet,
        };
        if tips.iter().all(is_settled) {
            return false;
        }
        let before = self.known(tips);
        let (recipes, choices) = choose(tips, unshared);
        for (tip, choice) in tips.iter().zip(&choices) {
            if let Err(plain) = choice {
                self.links.insert(tip.unit.key.clone(), Err(plain.clone()));
            }
        }
        let mut used = BTreeSet::new();
        for (index, recipe) in recipes.iter().enumerate() {
            let members = tips.iter().zip(&choices).filter(|(_, choice)| **choice == Ok(index));
            let members: Vec<&Tip<'_>> = members.map(|(tip, _)| tip).collect();
            let mut group = Group { shelf: &shelf, recipe, cancel, used: &mut used };
            match group.attach(self, &members, attempt) {
                Err(Plain::Unmade { .. }) if members.len() > 1 => {
                    // What does not go together may go apart.
                    for tip in members {
                        let own = Recipe::of(tip, unshared);
                        let attached = own.and_then(|own| {
                            let mut group = Group { shelf: &shelf, recipe: &own, cancel, used: &mut used };
                            group.attach(self, &[tip], attempt)
                        });
                        self.settle(&[tip], attached);
                    }
                }
                attached => self.settle(&members, attached),
            }
        }
        if !cancel.is_cancelled() {
            shelf.tidy(&used);
        }
        self.known(tips) != before
    }

    /// How crates are linked now: what is gone is not, though it was noted.
    fn known(&self, tips: &[Tip<'_>]) -> Vec<Result<Linked, Plain>> {
        tips.iter().map(|tip| self.link(&tip.unit.key).cloned()).collect()
    }

    fn settle(&mut self, members: &[&Tip<'_>], attached: Result<(), Plain>) {
        if let Err(plain) = attached {
            for tip in members {
                self.links.insert(tip.unit.key.clone(), Err(plain.clone()));
            }
        }
    }
}

/// Crates that are linked to one library.
struct Group<'a> {
    shelf: &'a Shelf,
    recipe: &'a Recipe,
    cancel: &'a Cancel,
    /// The directories of the libraries that are in use.
    used: &'a mut BTreeSet<PathBuf>,
}

impl Group<'_> {
    /// Links crates to the library of the recipe.
    fn attach(
        &mut self,
        sharing: &mut Sharing,
        members: &[&Tip<'_>],
        attempt: &mut Try<'_>,
    ) -> Result<(), Plain> {
        let found = match self.shelf.find(self.recipe)? {
            Some(found) => Some(found),
            None => self.shelf.make(self.recipe, self.cancel)?,
        };
        let Some(directory) = found else { return Ok(()) };
        self.used.insert(directory.clone());
        for tip in members {
            let key = &tip.unit.key;
            if matches!(sharing.link(key), Err(Plain::Unlinked { .. })) {
                continue;
            }
            if self.cancel.is_cancelled() {
                break;
            }
            match self.one(sharing, &directory, tip, attempt) {
                Ok(Some(linked)) => drop(sharing.links.insert(key.clone(), Ok(linked))),
                Ok(None) => drop(sharing.links.remove(key)),
                Err(plain) => drop(sharing.links.insert(key.clone(), Err(plain))),
            }
        }
        Ok(())
    }

    /// How one crate is linked; none when that is open.
    fn one(
        &self,
        sharing: &mut Sharing,
        directory: &Path,
        tip: &Tip<'_>,
        attempt: &mut Try<'_>,
    ) -> Result<Option<Linked>, Plain> {
        let shrine = tip.shrine.as_deref().ok_or(Plain::NoShrine)?;
        let face = self.shelf.face(self.recipe, directory, shrine, self.cancel)?;
        let Some(linked) = face else { return Ok(None) };
        let tried = (tip.unit.key.clone(), linked.facade.clone());
        if sharing.tried.contains(&tried) {
            return Ok(Some(linked));
        }
        match attempt(tip.unit, &linked) {
            Trial::Good => {
                sharing.tried.insert(tried);
                Ok(Some(linked))
            }
            Trial::Bad(what) => Err(Plain::Unlinked { what }),
            Trial::Open => Ok(None),
        }
    }
}
