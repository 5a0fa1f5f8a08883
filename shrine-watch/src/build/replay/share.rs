//! Links libraries to one that is shared, as far as that can be done.

use std::path::{Path, PathBuf};

use super::Replayer;
use super::run::{Outcome, compile};
use crate::build::link::Trial;
use crate::build::unit::Unit;
use crate::build::{Cancel, Linking, Plain, Project};
use crate::load::check;

/// Why a library with an allocator of its own is linked plainly.
pub(super) const ALLOCATOR: &str = "it sets `#[global_allocator]`";

impl Replayer {
    /// Makes what libraries can be linked to, and tries that. Answers with how they are linked, if that is other than
    /// before.
    pub(in crate::build) fn share(&mut self, project: &Project, cancel: &Cancel) -> Option<Vec<Linking>> {
        if cancel.is_cancelled() {
            return None;
        }
        let known = self.tips.iter().filter_map(|(package, tip)| Some((package, tip.as_ref().ok()?)));
        let known: Vec<(String, Unit, PathBuf)> = known
            .filter_map(|(package, tip)| {
                let unit = self.units.get(&tip.key)?.unit.clone();
                Some((package.clone(), unit, tip.artifact.path.clone()))
            })
            .collect();
        let crates: Vec<(&Unit, &Path)> =
            known.iter().map(|(_, unit, library)| (unit, library.as_path())).collect();
        let mut sharing = std::mem::take(&mut self.sharing);
        let mut compiled = Vec::new();
        let is_new = sharing.share(&crates, &project.unshared, cancel, &mut |unit, linker| {
            let trial = self.attempt(unit, linker, cancel);
            if trial != Trial::Open {
                compiled.push(unit.key.clone());
            }
            trial
        });
        let linking =
            known.iter().map(|(package, unit, _)| Linking::of(package.clone(), sharing.link(&unit.key)));
        let linking: Vec<_> = linking.collect();
        self.sharing = sharing;
        self.warm.extend(compiled);
        let is_told = is_new
            && !cancel.is_cancelled()
            && linking.iter().any(|linking| linking.plain != Some(Plain::Nothing));
        is_told.then_some(linking)
    }

    /// Compiles a library aside.
    fn attempt(&self, unit: &Unit, linker: &Path, cancel: &Cancel) -> Trial {
        let (call, command) = match self.call(&unit.key, Some(linker)) {
            Ok(prepared) => prepared,
            Err(error) => return Trial::Bad(error.to_string()),
        };
        let (outcome, ..) = compile(command.into(), &call, &self.outputs, cancel, true, &|_, _| true);
        match outcome {
            Outcome::Compiled if self.has_allocator(&call) => Trial::Bad(ALLOCATOR.to_owned()),
            Outcome::Compiled => Trial::Good,
            Outcome::Odd(what) => Trial::Bad(what),
            Outcome::Broken | Outcome::Cancelled => Trial::Open,
        }
    }
}

/// Whether a library has an allocator of its own: what one side allocates, the other may free.
pub(super) fn has_allocator(out_dir: &Path, unit: &Unit) -> bool {
    let name = format!("lib{}{}{}", unit.crate_name, unit.suffix, std::env::consts::DLL_SUFFIX);
    let bytes = std::fs::read(out_dir.join(name)).unwrap_or_default();
    check::inspect(&bytes).is_some_and(|seen| seen.has_allocator)
}
