//! Whether a crate that is compiled for others has widgets, without making a library of it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;

use super::{Made, Plan, Replayer};
use crate::build::Package;
use crate::build::dep_info;
use crate::build::unit::{Kind, Options, Unit};
use crate::load::check;

impl Replayer {
    /// The files and directories that a package is made of, when what a plan has compiled of it shows that it has no widget. None when
    /// that cannot be told: nothing of the plan is compiled against it, or only with other features.
    ///
    /// The widgets of a crate that it is made of are left to that crate's own library, or to those above it.
    pub(in crate::build) fn inputs_if_bare(&self, plan: &Plan, package: &Package) -> Option<Vec<PathBuf>> {
        let tip = self.tips.get(&package.name)?.as_ref().ok()?;
        let as_loaded = &self.units.get(&tip.key)?.unit;
        let is_it = |made: &&Made| {
            made.unit.kind == Kind::Library
                && made.unit.home == package.directory()
                && made.unit.root == as_loaded.root
                && conditions(&made.unit) == conditions(as_loaded)
        };
        let compiled: BTreeSet<String> = plan.tips.iter().flat_map(|(_, key)| self.all_below(key)).collect();
        let made = compiled.iter().filter_map(|key| self.units.get(key)).find(is_it)?;
        let library = std::fs::read(made.rlib()).ok()?;
        if check::has_widgets(&library) != Some(false) {
            return None;
        }
        let below = self.all_below(&made.unit.key);
        let used = below.iter().filter_map(|key| self.units.get(key)).flat_map(|made| made.used.paths());
        let inputs: BTreeSet<PathBuf> =
            used.map(|path| dep_info::normal(path)).chain(tip.others.paths().cloned()).collect();
        Some(inputs.into_iter().collect())
    }
}

impl Made {
    /// The library that others are compiled against.
    fn rlib(&self) -> PathBuf {
        let directory = self.own.as_ref().unwrap_or(&self.unit.out_dir);
        directory.join(self.unit.library("rlib"))
    }
}

/// What `#[cfg]` in a crate may ask for, as far as the call says: features, and what build scripts and flags set.
fn conditions(unit: &Unit) -> BTreeSet<&OsStr> {
    Options::of(&unit.call.arguments).all("--cfg").collect()
}
