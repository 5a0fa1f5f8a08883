//! A run: edits, each followed by a comparison.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::disk::{Disk, Written};
use crate::edit::Kind;
use crate::knobs::SLOW;
use crate::live::{Live, Wrong};
use crate::random::Random;
use crate::reference::Reference;
use crate::target;
use crate::tree::Tree;

/// Which edits are made. Each step follows from the seed, its number, and the tree that it finds.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) steps: Vec<u64>,
    /// Whether the steps visit each kind of edit once, many in a step.
    pub(crate) is_short: bool,
}

/// The number of steps that visit each kind of edit.
pub(crate) const SHORT: u64 = 12;

/// Folders that something is built from in any case.
const FOLDERS: [&str; 4] =
    ["workspace/base/src", "workspace/alpha/src", "workspace/middle", "workspace/gamma"];

/// How a run has ended.
pub(crate) struct Ended {
    /// Each step, and what was done in it.
    pub(crate) history: Vec<(u64, Vec<String>)>,
    /// What is wrong after the last step.
    pub(crate) wrong: Option<Wrong>,
    /// The events of the last step.
    pub(crate) log: Vec<String>,
    /// Where the tree is, if something is wrong.
    pub(crate) place: Option<PathBuf>,
    /// How often code was live only after another look.
    pub(crate) late: usize,
}

/// How edits reach the watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// They are made, and it is waited for what follows.
    Plain,
    /// Files are written as they are.
    Disturbed,
    /// Others are made while a build of the first is under way.
    Overtaken,
    /// They are taken back while a build of them is under way.
    TakenBack,
    /// A folder is gone for a while.
    FolderGone,
    /// They are made while nobody watches.
    Unwatched,
}

impl Way {
    fn of(plan: &Plan, step: u64, random: &mut Random) -> Self {
        if plan.is_short {
            return match step {
                3 => Self::Disturbed,
                5 => Self::Overtaken,
                7 => Self::TakenBack,
                9 => Self::FolderGone,
                11 => Self::Unwatched,
                _ => Self::Plain,
            };
        }
        match random.below(100) {
            0..8 => Self::Disturbed,
            8..20 => Self::Overtaken,
            20..28 => Self::TakenBack,
            28..33 => Self::FolderGone,
            33..38 => Self::Unwatched,
            _ => Self::Plain,
        }
    }
}

/// Runs a plan to its end, or to the first step after which something is wrong. `tell` hears of each step.
pub(crate) fn run(plan: &Plan, targets: &Path, tell: &dyn Fn(&str)) -> Ended {
    let folder = tempfile::Builder::new().prefix("edits").tempdir().expect("a temporary folder");
    let root = folder.path().canonicalize().expect("the folder is there");
    let mut reference = Reference::new(&root.join("reference"), &targets.join("reference"));
    let mut ended = Ended { history: Vec::new(), wrong: None, log: Vec::new(), place: None, late: 0 };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut run = Run::begin(plan, &root.join("edited"), &targets.join("watched"), &mut reference)?;
        for step in &plan.steps {
            ended.history.push((*step, Vec::new()));
            let done = &mut ended.history.last_mut().expect("was pushed").1;
            let outcome = run.step(*step, done);
            tell(&format!("{step:4}  {}", done.first().map_or("", String::as_str)));
            ended.log = run.live.log().to_vec();
            ended.late = run.late + run.live.late;
            outcome?;
        }
        run.live.quit();
        Ok(())
    }));
    ended.wrong = match outcome {
        Ok(outcome) => outcome.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Some(text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default())
        }
    };
    if ended.wrong.is_some() {
        ended.place = Some(folder.keep());
    }
    ended
}

struct Run<'a> {
    plan: &'a Plan,
    root: PathBuf,
    /// Where the watcher builds.
    target: PathBuf,
    tree: Tree,
    /// The trees after earlier steps.
    past: Vec<Tree>,
    disk: Disk,
    live: Live,
    /// What earlier watchers have counted.
    late: usize,
    reference: &'a mut Reference,
}

impl<'a> Run<'a> {
    fn begin(
        plan: &'a Plan,
        root: &Path,
        target: &Path,
        reference: &'a mut Reference,
    ) -> Result<Self, Wrong> {
        let (tree, mut disk) = (Tree::new(), Disk::new(root));
        disk.update(&tree.files(), &mut Random::of_step(plan.seed, 0)).map_err(io)?;
        let lock = shrine_tests::repository().join("Cargo.lock");
        std::fs::copy(lock, root.join("workspace/Cargo.lock")).map_err(io)?;
        target::clean(target).map_err(io)?;
        let live = Live::start(&root.join("workspace"), target, &tree);
        let mut run = Self {
            plan,
            root: root.to_owned(),
            target: target.to_owned(),
            past: Vec::new(),
            tree,
            disk,
            live,
            late: 0,
            reference,
        };
        run.check()?;
        Ok(run)
    }

    /// Makes the edits of a step, and says in `done` which.
    fn step(&mut self, step: u64, done: &mut Vec<String>) -> Result<(), Wrong> {
        let random = &mut Random::of_step(self.plan.seed, step);
        self.live.begin_step();
        let way = Way::of(self.plan, step, random);
        let before = self.tree.clone();
        let mut kinds = kinds(self.plan, step, self.tree.mistake.is_some(), random);
        let mut later = Vec::new();
        if matches!(way, Way::Overtaken | Way::TakenBack) {
            later = kinds.split_off(if way == Way::Overtaken { kinds.len() / 2 } else { kinds.len() });
            // Last, so that no other edit undoes it.
            kinds.push(Kind::Number(random.pick(&SLOW)));
        }
        let mut said = vec![format!("{way:?}")];
        self.edit(kinds, random, &mut said);
        done.push(said.join("; "));
        match way {
            Way::Plain => {}
            Way::Disturbed => {
                let written = self.disk.disturb(random).map_err(io)?;
                self.note(written, done);
            }
            Way::Overtaken | Way::TakenBack => {
                self.write(random, done)?;
                self.live.wait_for_change()?;
                if way == Way::TakenBack {
                    self.tree = before.clone();
                }
                let mut said = vec!["then".to_owned()];
                self.edit(later, random, &mut said);
                done.push(said.join("; "));
            }
            Way::FolderGone => {
                let written = self.disk.without_folder(random.pick(&FOLDERS)).map_err(io)?;
                self.note(written, done);
                self.live.wait_for_change()?;
            }
            Way::Unwatched if self.tree.mistake.is_none() => return self.unwatched(before, random, done),
            Way::Unwatched => {}
        }
        let is_sure = self.write(random, done)? && matches!(way, Way::Plain | Way::Disturbed);
        // Half of the time there is nothing else to notice.
        if is_sure && random.percent(50) {
            self.live.wait_for_verdict()?;
        }
        self.past.push(before);
        self.check()
    }

    /// Edits the model.
    fn edit(&mut self, kinds: Vec<Kind>, random: &mut Random, said: &mut Vec<String>) {
        for kind in kinds {
            let done = kind.apply(&mut self.tree, &self.past, random);
            said.extend(done.map(|done| done.to_string()));
        }
    }

    /// Writes what the model says. Answers whether that is sure to be built.
    fn write(&mut self, random: &mut Random, done: &mut Vec<String>) -> Result<bool, Wrong> {
        let written = self.disk.update(&self.tree.files(), random).map_err(io)?;
        let is_sure = |path: &str| {
            let member = path.strip_prefix("workspace/").and_then(|path| path.strip_suffix("/src/lib.rs"));
            member.is_some_and(|member| member != "delta")
        };
        let sure = written.iter().any(|(path, _)| is_sure(path));
        self.note(written, done);
        Ok(sure)
    }

    fn note(&mut self, written: Written, done: &mut Vec<String>) {
        self.live.wrote(written.iter().map(|(path, _)| path));
        done.extend(written.into_iter().map(|(path, how)| format!("{path}: {how}")));
    }

    /// Makes the edits after the watcher has ended, and begins to watch again.
    fn unwatched(&mut self, before: Tree, random: &mut Random, done: &mut Vec<String>) -> Result<(), Wrong> {
        self.late += self.live.late;
        self.live.quit();
        self.write(random, done)?;
        self.live = Live::start(&self.root.join("workspace"), &self.target, &self.tree);
        self.past.push(before);
        self.check()
    }

    /// Waits until it is quiet, and compares.
    fn check(&mut self) -> Result<(), Wrong> {
        let workspace = self.root.join("workspace");
        let (live, reference, tree) = (&mut self.live, &mut self.reference, &self.tree);
        let (settled, expected) = std::thread::scope(|scope| {
            let expected = scope.spawn(|| reference.build(tree));
            (live.settle(&workspace), expected.join())
        });
        settled?;
        let expected = expected.map_err(|_| "the reference panicked".to_owned())?.map_err(io)?;
        self.live.compare(&workspace, &self.tree, &expected)
    }
}

/// The kinds of edits of a step. What takes all back comes first: it would hide the others.
fn kinds(plan: &Plan, step: u64, is_broken: bool, random: &mut Random) -> Vec<Kind> {
    let mut all = Kind::all(plan.is_short);
    if plan.is_short {
        Random::of_step(plan.seed, 0).shuffle(&mut all);
        let (step, count) = (step.clamp(1, SHORT) as usize, all.len());
        let range = (step - 1) * count / SHORT as usize..step * count / SHORT as usize;
        let mut kinds = all[range].to_vec();
        // Made, mended; made, and mended after a while.
        if matches!(step, 2 | 3 | 6 | 8) {
            kinds.push(Kind::Mistake);
        }
        kinds.sort_by_key(|kind| *kind != Kind::Revert);
        return kinds;
    }
    let count = match random.below(100) {
        0..55 => 1,
        55..80 => 2,
        80..95 => 4,
        _ => 12,
    };
    let mut kinds: Vec<_> = (0..count).map(|_| random.pick(&all)).collect();
    kinds.sort_by_key(|kind| *kind != Kind::Revert);
    kinds.extend(random.percent(if is_broken { 50 } else { 16 }).then_some(Kind::Mistake));
    kinds
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to `map_err`")]
fn io(error: std::io::Error) -> Wrong {
    format!("{error}")
}
