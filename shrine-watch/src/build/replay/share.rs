//! Links libraries to one that is shared, as far as that can be done.

use std::path::Path;

use super::Replayer;
use super::run::{Outcome, compile};
use crate::build::dylib::{Linked, Tip, Trial};
use crate::build::unit::{Kind, Unit};
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
        let mut sharing = std::mem::take(&mut self.sharing);
        let known = self.tips.iter().filter_map(|(package, tip)| Some((package, &tip.as_ref().ok()?.key)));
        let known: Vec<(&String, &Unit)> =
            known.filter_map(|(package, key)| Some((package, &self.units.get(key)?.unit))).collect();
        let tips: Vec<Tip<'_>> = known.iter().map(|(_, unit)| self.as_tip(unit)).collect();
        let is_new = sharing
            .share(&tips, &project.unshared, cancel, &mut |unit, linked| self.attempt(unit, linked, cancel));
        let linking = known.iter().map(|(package, unit)| {
            let link = sharing.link(&unit.key).map(Linked::library);
            Linking { package: (*package).clone(), shared: link.clone().ok(), plain: link.err() }
        });
        let linking: Vec<_> = linking.collect();
        let is_told = is_new
            && !cancel.is_cancelled()
            && linking.iter().any(|linking| linking.plain != Some(Plain::Nothing));
        let linking = is_told.then_some(linking);
        drop(tips);
        self.sharing = sharing;
        linking
    }

    /// A library and what it is made of. What only runs while it is compiled is none of that.
    fn as_tip<'a>(&'a self, unit: &'a Unit) -> Tip<'a> {
        let (mut below, mut waiting): (Vec<&Unit>, Vec<&str>) = (Vec::new(), vec![unit.key.as_str()]);
        while let Some(key) = waiting.pop() {
            for key in self.below(key) {
                let Some(made) = self.units.get(key) else { continue };
                if made.unit.kind == Kind::Library && below.iter().all(|known| known.key != *key) {
                    below.push(&made.unit);
                    waiting.push(key);
                }
            }
        }
        let moved = self.moved_below(&unit.key);
        Tip::new(unit, below.into_iter(), |path| moved.get(path).cloned())
    }

    /// Compiles a library aside, linked to the shared one.
    fn attempt(&self, unit: &Unit, linked: &Linked, cancel: &Cancel) -> Trial {
        let (call, command) = match self.prepare_shared(&unit.key, linked) {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Trial::Open,
            Err(error) => return Trial::Bad(error.to_string()),
        };
        let (outcome, _) = compile(command, &call, &self.outputs, cancel, true, &|_, _| true);
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
