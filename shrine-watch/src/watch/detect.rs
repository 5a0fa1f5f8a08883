//! Decides what a look at the files means. No clock and no file system: contents in, a decision out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use shrine::event::ChangeDecision;

use super::inputs::{Inputs, Role};

/// What changed, and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The files, as they are shown.
    pub paths: Vec<String>,
    /// What follows.
    pub decision: ChangeDecision,
    /// Why, as a sentence.
    pub why: String,
    /// The packages that are affected; `None` is all of them.
    pub packages: Option<BTreeSet<String>>,
    /// Whether the scene is among the files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scene: bool,
    /// How many builds in a row have changed these files themselves, if they start no more builds because of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endless: Option<u32>,
}

impl Change {
    /// The same change, made by a build and not by somebody: nothing follows from it.
    pub(super) fn made_by_builds(self, endless: Option<u32>) -> Self {
        let why = "it is each build that changes it".to_owned();
        let (decision, packages) = (ChangeDecision::Nothing, Some(BTreeSet::new()));
        Self { decision, why, packages, endless, ..self }
    }
}

/// A file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// A hash of its content.
    pub content: u64,
    /// When it was last written to, or moved here.
    pub changed: SystemTime,
    /// Whether nothing is in it.
    pub is_empty: bool,
}

/// All files that matter and are there.
pub type Sight = BTreeMap<PathBuf, Seen>;

/// By how much the times of files may be late: file systems read a coarser clock than programs.
const CLOCK_TICK: Duration = Duration::from_millis(10);

/// Remembers contents.
#[derive(Debug, Default)]
pub struct Detector {
    known: BTreeMap<PathBuf, u64>,
}

impl Detector {
    /// Takes what is there for known.
    pub fn begin(&mut self, sight: Sight) {
        self.known = sight.into_iter().map(|(path, seen)| (path, seen.content)).collect();
    }

    /// After a build that began at `began`: takes files for known that have come to matter by it, unless they were
    /// written since then; and the lock file, which cargo may have written.
    pub fn learn(&mut self, before: &Inputs, inputs: &Inputs, sight: &Sight, began: SystemTime) {
        self.known.retain(|path, _| inputs.role(path).is_some());
        for (path, seen) in sight {
            let is_lock = inputs.role(path) == Some(Role::Lock);
            let is_old = seen.changed + CLOCK_TICK <= began;
            if is_lock || (before.role(path).is_none() && is_old) {
                self.known.insert(path.clone(), seen.content);
            }
        }
    }

    /// The files that have lost all that was in them: somebody may be about to write them anew.
    pub fn emptied<'a>(&'a self, sight: &'a Sight) -> impl Iterator<Item = &'a PathBuf> {
        let is_known =
            |path: &PathBuf, content: u64| self.known.get(path).is_some_and(|known| *known != content);
        let is_emptied =
            move |(path, seen): &(&PathBuf, &Seen)| seen.is_empty && is_known(path, seen.content);
        sight.iter().filter(is_emptied).map(|(path, _)| path)
    }

    /// The files that are other than is known, in order.
    pub(super) fn changed(&self, inputs: &Inputs, sight: &Sight, building: bool) -> Vec<PathBuf> {
        let paths: BTreeSet<&PathBuf> = self.known.keys().chain(sight.keys()).collect();
        let is_changed =
            |path: &&PathBuf| self.known.get(*path) != sight.get(*path).map(|seen| &seen.content);
        let changed = paths.into_iter().filter(is_changed);
        changed.filter(|path| counts(inputs, path, building)).cloned().collect()
    }

    /// Compares what is there with what is known, and knows it then. `touched` are the paths that file events named;
    /// while a build is under way, its changes to the lock file wait for [`Detector::learn`].
    pub fn look(
        &mut self,
        inputs: &Inputs,
        sight: &Sight,
        touched: &BTreeSet<PathBuf>,
        building: bool,
    ) -> Option<Change> {
        let changed = self.changed(inputs, sight, building);
        if changed.is_empty() {
            let untouched = touched
                .iter()
                .filter(|path| self.known.contains_key(*path) && counts(inputs, path, building));
            return nothing(inputs, untouched);
        }
        for path in &changed {
            match sight.get(path) {
                Some(seen) => self.known.insert(path.clone(), seen.content),
                None => self.known.remove(path),
            };
        }
        Some(decide(inputs, &changed, sight))
    }
}

/// Whether a change of the file is one for somebody to make: while a build is under way, the lock is cargo's.
fn counts(inputs: &Inputs, path: &Path, building: bool) -> bool {
    !(building && inputs.role(path) == Some(Role::Lock))
}

fn nothing<'a>(inputs: &Inputs, touched: impl Iterator<Item = &'a PathBuf>) -> Option<Change> {
    let paths: Vec<_> = touched.map(|path| inputs.display(path)).collect();
    let why = "the content is as it was".to_owned();
    (!paths.is_empty()).then_some(Change {
        paths,
        decision: ChangeDecision::Nothing,
        why,
        packages: Some(BTreeSet::new()),
        scene: false,
        endless: None,
    })
}

fn decide(inputs: &Inputs, changed: &[PathBuf], sight: &Sight) -> Change {
    let paths = changed.iter().map(|path| inputs.display(path)).collect();
    let captures = |path: &&PathBuf| {
        use Role::{BuildScript, Config, Lock, Manifest, Toolchain};
        matches!(inputs.role(path), Some(Manifest | Lock | Config | Toolchain | BuildScript))
    };
    let is_scene = |path: &PathBuf| inputs.role(path) == Some(Role::Scene);
    let scene = changed.iter().any(is_scene);
    if let Some(path) = changed.iter().find(captures) {
        let why = format!("`{}` says how to build, so cargo is asked again", inputs.display(path));
        return Change {
            paths,
            decision: ChangeDecision::Capture,
            why,
            packages: None,
            scene,
            endless: None,
        };
    }
    if changed.iter().all(is_scene) {
        let (decision, why) = (ChangeDecision::Scene, "the scene is applied as it is now".to_owned());
        return Change { paths, decision, why, packages: Some(BTreeSet::new()), scene, endless: None };
    }
    let changed: Vec<_> = changed.iter().filter(|path| !is_scene(path)).cloned().collect();
    let packages: BTreeSet<String> = changed.iter().flat_map(|path| inputs.packages_of(path)).collect();
    if packages.is_empty() {
        let (decision, why) = match scene {
            true => (ChangeDecision::Scene, "the scene is applied; no widget crate is built from the rest"),
            false => (ChangeDecision::Nothing, "no widget crate is built from it"),
        };
        return Change {
            paths,
            decision,
            why: why.to_owned(),
            packages: Some(packages),
            scene,
            endless: None,
        };
    }
    let why = explain(inputs, &changed, &packages, sight);
    Change { paths, decision: ChangeDecision::Rebuild, why, packages: Some(packages), scene, endless: None }
}

fn explain(inputs: &Inputs, changed: &[PathBuf], packages: &BTreeSet<String>, sight: &Sight) -> String {
    let first = changed.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
    let name = inputs.display(first);
    if inputs.role(first) == Some(Role::Missing) {
        return format!("the last build failed, and `{name}` may be what it needs");
    }
    let packages: Vec<_> = packages.iter().map(|package| format!("`{package}`")).collect();
    let of = packages.join(" and ");
    match changed.len() {
        1 if sight.contains_key(first) => format!("`{name}` is an input of {of}"),
        1 => format!("`{name}`, an input of {of}, is gone"),
        count => format!("`{name}` and {} more are inputs of {of}", count - 1),
    }
}

#[cfg(test)]
mod tests;
