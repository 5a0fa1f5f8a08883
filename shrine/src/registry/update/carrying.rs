//! Taking the states, and building the new instances beside the old ones.

use std::sync::Arc;

use super::super::carry::{Carried, CarryError, carry};
use super::super::history::Snapshot;
use super::super::report::hex;
use super::TransformState;
use super::transaction::{Stop, Transaction, Way};
use crate::abi::handle::{CallError, Hook, Module};
use crate::event::{FieldChange, RollBack};
use crate::state::attic::Attic;
use crate::state::plan::Decision;
use crate::state::touched::Touched;
use crate::state::value::Value;
use crate::state::{from_bytes, to_bytes};

impl Transaction<'_> {
    /// Runs `before_update` and takes the states.
    pub(super) fn quiesce(&mut self) -> Result<(), Stop> {
        self.compare()?;
        for index in 0..self.parts.len() {
            let untouched = match &self.parts[index] {
                // What is moved is recorded as it is.
                part if matches!(part.way, Way::InPlace) => {
                    self.registry.graph.instances[part.at].last_state()
                }
                _ => self.call(index, "encode", |_, instance| instance.snapshot())?,
            };
            let part = &mut self.parts[index];
            part.untouched = Some(untouched.clone());
            part.taken = Some(untouched);
            // An instance that is down has only its last state: that is what the new code gets.
            let Some(handle) = &self.registry.graph.instances[part.at].handle else { continue };
            if !handle.module().has_hook("before_update") {
                continue;
            }
            part.hooked = true;
            let generation = self.next.generation;
            self.call(index, "before_update", |part, instance| {
                let context = part.context(instance, generation);
                instance.set_recorded(false);
                match &mut instance.handle {
                    Some(handle) => handle.hook(Hook::BeforeUpdate, &context),
                    None => Ok(()),
                }
            })?;
            self.parts[index].taken = Some(self.call(index, "encode", |_, instance| instance.snapshot())?);
        }
        Ok(())
    }

    /// Builds the new instances beside the old ones.
    pub(super) fn migrate(&mut self) -> Result<(), Stop> {
        (0..self.parts.len()).try_for_each(|index| match self.parts[index].way {
            Way::InPlace => Ok(()),
            Way::Carry(_) | Way::Reset => self.carry_one(index),
        })
    }

    pub(super) fn carry_one(&mut self, index: usize) -> Result<(), Stop> {
        let begun = self.registry.clock.now();
        let part = &mut self.parts[index];
        let instance = &mut self.registry.graph.instances[part.at];
        instance.past();
        let instance = &*instance;
        let Some(taken) = &part.taken else { return Ok(()) };
        let guard = self.registry.watchdog.enter(&instance.id, "migrate");
        let carried = match &part.way {
            Way::Carry(decision) => carry(taken, &part.to, decision, &instance.whole_past().updates),
            // A dry run looks whether it could be.
            Way::InPlace => carry(taken, &part.to, &Decision::HandOver, &instance.whole_past().updates),
            Way::Reset => reset(taken, &part.to),
        };
        let carried = carried.and_then(|carried| match &mut self.options.transform_state {
            Some(transform) => transformed(carried, &instance.id, transform),
            None => Ok(carried),
        });
        drop(guard);
        match carried {
            Ok(Carried { handle, attic, report }) => {
                let handle = handle.with_inbox(instance.slot.clone());
                part.carried = Some(Carried { handle, attic, report });
            }
            Err(error) => return Err(self.stop(index, error.phase, error.reason)),
        }
        self.check_deadline(index, "migrate", begun)
    }

    /// Runs `after_update` on the new instances.
    pub(super) fn hook_new(&mut self) -> Result<(), Stop> {
        for index in 0..self.parts.len() {
            if !self.parts[index].to.has_hook("after_update") {
                continue;
            }
            let generation = self.next.generation;
            self.call(index, "after_update", |part, instance| {
                let context = part.context(instance, generation);
                match &mut part.carried {
                    Some(carried) => {
                        part.resumed = true;
                        carried.handle.hook(Hook::AfterUpdate, &context)
                    }
                    None => Ok(()),
                }
            })?;
        }
        Ok(())
    }

    /// Asks the new code from inside which build it is. Answers with the build of each library.
    pub(super) fn prove(&self) -> Result<Vec<Vec<u8>>, Stop> {
        let mut build_ids = Vec::new();
        for library in &self.libraries {
            let mut answer = library.build_id().unwrap_or_default().to_vec();
            let widgets = library.modules().iter().map(|module| (module.id(), module.alive()));
            let transforms = library.transforms().iter();
            let transforms = transforms.map(|transform| (transform.name(), transform.alive()));
            for (name, alive) in widgets.chain(transforms) {
                let fail = |reason: String| {
                    Stop::RolledBack(Box::new(RollBack {
                        phase: "commit".to_owned(),
                        widget: name.to_owned(),
                        instance: None,
                        reason,
                        running_generation: self.registry.generation(),
                    }))
                };
                answer = alive.map_err(|error| fail(format!("the new code does not answer: {error}")))?;
                if let Some(expected) = library.build_id().filter(|expected| *expected != answer) {
                    let (expected, answered) = (hex(expected), hex(&answer));
                    return Err(fail(format!(
                        "the code that answers is build {answered}, not build {expected}"
                    )));
                }
            }
            build_ids.push(answer);
        }
        Ok(build_ids)
    }
}

/// A new instance that has nothing of the old one. What that had waits in its history.
fn reset(taken: &Snapshot, to: &Arc<Module>) -> Result<Carried, CarryError> {
    let fail = |error: CallError| CarryError { phase: "migrate", reason: error.to_string() };
    let mut handle = to.create().map_err(fail)?;
    let is_changed = handle.encode().map_err(fail)? != *taken.state;
    let detail = "the whole state starts anew".to_owned();
    let touched = Touched::new("", FieldChange::Defaulted, detail);
    let report = if is_changed { vec![touched] } else { Vec::new() };
    Ok(Carried { handle, attic: Attic::default(), report })
}

/// The state as the caller's function makes it.
fn transformed(
    carried: Carried,
    instance: &str,
    transform: &mut TransformState,
) -> Result<Carried, CarryError> {
    let fail = |reason: String| CarryError { phase: "transform_state", reason };
    let Carried { mut handle, attic, mut report } = carried;
    let module = Arc::clone(handle.module());
    let state = handle.encode().map_err(|error| fail(error.to_string()))?;
    let value: Value = from_bytes(&state).map_err(|error| fail(error.to_string()))?;
    let changed = transform(instance, value.clone()).map_err(|error| fail(error.to_string()))?;
    if changed == value {
        return Ok(Carried { handle, attic, report });
    }
    let state = to_bytes(&changed).map_err(|error| fail(error.to_string()))?;
    let (handle, attic) =
        module.decode(module.version(), &state, &attic).map_err(|error| fail(error.to_string()))?;
    let detail = "by `transform_state`".to_owned();
    report.push(Touched::new("", FieldChange::ByHand, detail));
    Ok(Carried { handle, attic, report })
}
