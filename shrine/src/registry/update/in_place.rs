//! Which instances stay where they lie in memory.
//!
//! An instance is moved to new code without being encoded if
//!
//! - the new code was proved to be [`Alike`],
//! - its state is recorded as it is, so that the bytes are there for whoever needs them: the history, going back, taking the
//!   update back, and bringing it back to where it was,
//! - nothing wants to see the new instance beside the old one before the commit: no `#[after_update]`, no `transform_state`.
//!
//! All others are encoded. The new code has not seen an instance before the commit, and that cannot fail: an update that fails
//! finds the instance where it was. Before anything is moved, both codes encode a few of the instances; if they do not agree,
//! the widget's states are all encoded.
//!
//! If nothing else about the instances of a widget changes, none of them is looked at one by one: see [`Crew`].

use std::sync::Arc;

use super::super::crew::Crew;
use super::transaction::{Part, Role, Stop, Transaction, Way};
use crate::abi::handle::{Alike, Module};
use crate::state::plan::Decision;
use crate::widget::{Interface, PortInfo};

/// The instances of a widget that are moved.
pub(super) struct Crossing {
    pub(super) crew: Arc<Crew>,
    pub(super) way: Alike,
    /// Whether nothing but their code changes.
    pub(super) is_whole: bool,
    /// How many are moved and are no [`Part`].
    pub(super) moved: usize,
    /// How many there are, and the places of some of them, from the first to the last.
    count: usize,
    sample: Vec<usize>,
}

impl Crossing {
    /// Takes an instance in, and perhaps into the sample: the first few, and then fewer and fewer.
    pub(super) fn choose(&mut self, at: usize) {
        self.count += 1;
        if self.count <= 4 || self.count.is_power_of_two() {
            self.sample.push(at);
        }
    }
}

impl Transaction<'_> {
    /// Whether the instances that run the code of that one can be moved.
    pub(super) fn crossing(&mut self, at: usize, from: &Arc<Module>, to: &Arc<Module>) -> Option<usize> {
        let obstacle = if !self.options.in_place {
            Some("it is asked for")
        } else if self.options.transform_state.is_some() {
            Some("`transform_state` is to see it")
        } else if to.has_hook("after_update") {
            Some("`#[after_update]` may fail, and the old instance must be there then")
        } else {
            None
        };
        let way = match obstacle {
            Some(obstacle) => Err(obstacle.to_owned()),
            None => Alike::find(from, to),
        };
        match way {
            Ok(way) => {
                let is_whole = self.is_quiet()
                    && !from.has_hook("before_update")
                    && is_same(from.interface(), to.interface());
                let crew = Arc::clone(self.registry.graph.instances[at].crew());
                self.crossings.push(Crossing { crew, way, is_whole, moved: 0, count: 0, sample: Vec::new() });
                Some(self.crossings.len() - 1)
            }
            Err(why) => {
                self.encoded.insert(to.id().to_owned(), why);
                None
            }
        }
    }

    /// Whether nobody wants to hear about each instance, and connections stay.
    fn is_quiet(&self) -> bool {
        let is_asked = !self.options.is_accepted && !self.registry.handlers.is_empty();
        let is_told = is_asked || self.options.before.is_some() || self.options.dry_run;
        !is_told && self.options.preserve_connections
    }

    /// Has both codes encode some of the instances that are to be moved.
    pub(super) fn compare(&mut self) -> Result<(), Stop> {
        let mut which = 0;
        while which < self.crossings.len() {
            let sample = std::mem::take(&mut self.crossings[which].sample);
            let mut agree = true;
            for at in sample {
                agree = self.agrees(which, at)?;
                if !agree {
                    break;
                }
            }
            if agree {
                which += 1;
            } else {
                self.give_up(which);
            }
        }
        Ok(())
    }

    /// Whether both codes encode an instance as it is recorded.
    fn agrees(&mut self, which: usize, at: usize) -> Result<bool, Stop> {
        let begun = self.registry.clock.now();
        let way = &self.crossings[which].way;
        let instance = &mut self.registry.graph.instances[at];
        let recorded = instance.last_state();
        let Some(handle) = &mut instance.handle else { return Ok(false) };
        let guard = self.registry.watchdog.enter(&instance.id, "encode");
        let result = way.agrees(handle);
        drop(guard);
        let is_late = self
            .options
            .deadline
            .is_some_and(|deadline| self.registry.clock.now().saturating_sub(begun) > deadline);
        if result.is_err() || is_late {
            let index = self.part(which, at);
            let state = result.map_err(|error| self.stop(index, "encode", error))?;
            self.check_deadline(index, "encode", begun)?;
            return Ok(state.is_some_and(|state| *state == *recorded.state));
        }
        Ok(result.is_ok_and(|state| state.is_some_and(|state| *state == *recorded.state)))
    }

    /// An instance of a crossing as a part of its own.
    fn part(&mut self, which: usize, at: usize) -> usize {
        let crossing = &mut self.crossings[which];
        match self.parts.binary_search_by_key(&at, |part| part.at) {
            Ok(index) => index,
            Err(index) => {
                crossing.moved -= 1;
                self.roles[at] = Role::Part;
                self.parts.insert(index, Part::new(at, Arc::clone(crossing.way.to()), Way::InPlace));
                index
            }
        }
    }

    /// Encodes the states of a widget after all.
    fn give_up(&mut self, which: usize) {
        let Crossing { crew, way, .. } = self.crossings.remove(which);
        let to = way.to();
        for part in self.parts.iter_mut().filter(|part| Arc::ptr_eq(&part.to, to)) {
            if matches!(part.way, Way::InPlace) {
                part.way = Way::Carry(Decision::HandOver);
            }
        }
        for (at, instance) in self.registry.graph.instances.iter().enumerate() {
            if self.roles[at] == Role::Moved && Arc::ptr_eq(instance.crew(), &crew) {
                self.roles[at] = Role::Part;
                self.parts.push(Part::new(at, Arc::clone(to), Way::Carry(Decision::HandOver)));
            }
        }
        self.parts.sort_by_key(|part| part.at);
        let why = "the new code encodes one of the states otherwise than it is recorded";
        self.encoded.insert(to.id().to_owned(), why.to_owned());
    }
}

/// Whether the same ports and timers are in the same places.
fn is_same(from: &Interface, to: &Interface) -> bool {
    let ports = |from: &[PortInfo], to: &[PortInfo]| {
        let is_same = |(from, to): (&PortInfo, &PortInfo)| {
            from.name == to.name && from.fingerprint == to.fingerprint && from.was == to.was
        };
        from.len() == to.len() && from.iter().zip(to).all(is_same)
    };
    ports(&from.inputs, &to.inputs) && ports(&from.outputs, &to.outputs) && from.timers == to.timers
}
