//! Edits of the model.

use std::fmt;

use crate::knobs::{KNOBS, Knob};
use crate::mistake::Mistake;
use crate::random::Random;
use crate::tree::{Module, Tree};

/// A kind of edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number of the model becomes another one.
    Number(&'static str),
    NewModule,
    RemoveModule,
    /// `name.rs` becomes `name/mod.rs`, or the other way round.
    MoveModule,
    EditModule,
    /// A module below a module comes, changes or goes.
    Deep,
    /// A file that no `mod` names; the next such edit names it.
    Stray,
    /// A new version of a state, with the hop to it.
    Version,
    /// The tree as it was once.
    Revert,
    /// A mistake, if there is none; the next such edit mends it.
    Mistake,
}

/// More versions than that make the crate large and teach nothing.
const VERSIONS: i64 = 8;

impl Kind {
    /// All of them; without what takes long when `is_short`.
    pub(crate) fn all(is_short: bool) -> Vec<Self> {
        use Kind::{Deep, EditModule, MoveModule, NewModule, RemoveModule, Revert, Stray, Version};
        let counts = |knob: &&Knob| knob.is_cheap || !is_short;
        let mut all: Vec<_> = KNOBS.iter().filter(counts).map(|knob| Self::Number(knob.name)).collect();
        all.extend([NewModule, RemoveModule, MoveModule, EditModule, Deep, Stray, Version, Revert]);
        all
    }

    /// Makes the edit. `past` are trees of earlier steps. Says what was done, unless there is nothing to do it to.
    pub(crate) fn apply(self, tree: &mut Tree, past: &[Tree], random: &mut Random) -> Option<Said> {
        match self {
            Self::Number(name) => return Some(turn(tree, name, random)),
            Self::Revert => return revert(tree, past, random),
            Self::Mistake => return Some(mistake(tree, random)),
            Self::Version => {
                tree.version = Some(tree.version + 1).filter(|version| *version <= VERSIONS)?;
                return Some(Said(format!("alpha gets version 1.{}.0", tree.version)));
            }
            Self::NewModule => {
                let name = tree.modules.iter().map(|module| module.name).max().unwrap_or(0) + 1;
                let is_folder = random.percent(50);
                let value = random.below(1_000).cast_signed();
                let deep = random.percent(30).then(|| random.below(1_000).cast_signed());
                tree.modules.push(Module { name, is_folder, is_declared: true, value, deep });
                return Some(Said(format!("new module m{name}")));
            }
            _ => {}
        }
        if let (Self::Stray, None) = (self, tree.modules.iter().position(|module| !module.is_declared)) {
            Self::NewModule.apply(tree, past, random)?;
            let module = tree.modules.last_mut()?;
            module.is_declared = false;
            return Some(Said(format!("new file m{} that no `mod` names", module.name)));
        }
        let index = random.below(tree.modules.len().max(1) as u64) as usize;
        let module = tree.modules.get_mut(index)?;
        let name = format!("module m{}", module.name);
        let said = match self {
            Self::RemoveModule => {
                tree.modules.remove(index);
                format!("{name} is removed")
            }
            Self::MoveModule => {
                module.is_folder = !module.is_folder;
                format!("{name} moves, folder: {}", module.is_folder)
            }
            Self::EditModule => {
                module.value = (module.value + 1 + random.below(998).cast_signed()) % 1_000;
                format!("{name} is edited: {}", module.value)
            }
            Self::Deep => {
                let is_there = module.deep.is_some() && random.percent(50);
                module.deep = (!is_there).then(|| random.below(1_000).cast_signed());
                format!("{name} has deep: {:?}", module.deep)
            }
            _ => {
                let stray = tree.modules.iter_mut().find(|module| !module.is_declared)?;
                stray.is_declared = true;
                format!("module m{} is named", stray.name)
            }
        };
        Some(Said(said))
    }
}

/// What an edit has done, for people.
#[derive(Debug, Clone)]
pub(crate) struct Said(pub(crate) String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Gives a number another value.
fn turn(tree: &mut Tree, name: &'static str, random: &mut Random) -> Said {
    let values = KNOBS.iter().find(|knob| knob.name == name).map_or(2, |knob| knob.values);
    let before = tree.number(name);
    let more = 1 + random.below((values - 1).cast_unsigned()).cast_signed();
    let after = (before + more) % values;
    tree.numbers.insert(name, after);
    Said(format!("{name}: {before} -> {after}"))
}

fn revert(tree: &mut Tree, past: &[Tree], random: &mut Random) -> Option<Said> {
    let back = 1 + random.below(past.len().min(6) as u64 + u64::from(past.is_empty())) as usize;
    let earlier = past.len().checked_sub(back).and_then(|index| past.get(index))?;
    // Versions only go up.
    *tree = Tree { version: tree.version, ..earlier.clone() };
    Some(Said(format!("everything is as it was {back} steps before")))
}

fn mistake(tree: &mut Tree, random: &mut Random) -> Said {
    match tree.mistake.take() {
        Some(mistake) => Said(format!("{mistake:?} is mended")),
        None => {
            let mistake = random.pick(&Mistake::ALL);
            tree.mistake = Some(mistake);
            Said(format!("mistake: {mistake:?}"))
        }
    }
}
