//! States of instances: seen, set, and gone back to.

use std::sync::Arc;

use super::history::updates::UpdateCheckpoints;
use super::history::{HistoryError, HistoryLimits, Occasion, Policy, Snapshot, Step};
use super::instance::Instance;
use super::{Registry, RegistryError, carry, report};
use crate::abi::handle::{CallError, Handle};
use crate::event::Event;
use crate::state::attic::Attic;
use crate::state::json::{from_json, to_json};
use crate::state::plan::Decision;
use crate::state::value::Value;
use crate::state::{State, from_bytes, to_bytes};

impl Registry {
    /// The state of an instance, decoded as its Rust type.
    ///
    /// # Errors
    ///
    /// When there is no such instance, or its state is of another type.
    pub fn state<T: State>(&mut self, instance: &str) -> Result<T, RegistryError> {
        let at = self.at(instance)?;
        let bytes = self.encoded(at)?;
        from_bytes(&bytes).map_err(|error| self.call_failed(at, error.to_string()))
    }

    /// The state of an instance in its encoding.
    ///
    /// # Errors
    ///
    /// When there is no such instance, or it cannot be encoded.
    pub fn state_bytes(&mut self, instance: &str) -> Result<Arc<[u8]>, RegistryError> {
        let at = self.at(instance)?;
        self.encoded(at)
    }

    /// The state of an instance as [`Event::State`].
    ///
    /// # Errors
    ///
    /// When there is no such instance, or it cannot be encoded.
    pub fn state_json(&mut self, instance: &str) -> Result<Event, RegistryError> {
        let at = self.at(instance)?;
        let bytes = self.encoded(at)?;
        let value: Value = from_bytes(&bytes).map_err(|error| self.call_failed(at, error.to_string()))?;
        let found = &self.graph.instances[at];
        Ok(Event::State {
            instance: found.id.clone(),
            widget: found.module().id().to_owned(),
            version: found.module().version().to_owned(),
            value: to_json(&value, found.shape()),
        })
    }

    /// Sets the state of an instance from JSON. Fields that the JSON does not name keep their values.
    ///
    /// # Errors
    ///
    /// When there is no such instance, or the JSON is not of its shape.
    pub fn set_json(&mut self, instance: &str, state: &serde_json::Value) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.settle();
        let state = match self.state_json(instance)? {
            Event::State { value, .. } => completed(state, value),
            _ => state.clone(),
        };
        let (snapshot, handle, attic) = read(&self.graph.instances[at], &state)?;
        self.replace(at, handle, attic);
        let found = &mut self.graph.instances[at];
        // The same value may be written in another way.
        let is_recorded = found.state().is_ok_and(|state| state == snapshot.state);
        found.past().history.note(Occasion::Change, format_args!("set"), snapshot);
        found.set_recorded(is_recorded);
        self.started(at);
        Ok(())
    }

    /// What the widget shows of an instance, as [`Event::View`].
    ///
    /// # Errors
    ///
    /// When there is no such instance, it is down, or the view panics.
    pub fn view(&mut self, instance: &str) -> Result<Event, RegistryError> {
        let at = self.at(instance)?;
        let result = self.graph.instances[at].handle()?.view();
        match result {
            Ok(value) => Ok(Event::View { instance: instance.to_owned(), value }),
            Err(error) => {
                self.fault(at, "view", &error);
                Err(RegistryError::Call { instance: instance.to_owned(), error })
            }
        }
    }

    /// The history of an instance, as [`Event::History`].
    ///
    /// # Errors
    ///
    /// When there is no such instance.
    pub fn history(&self, instance: &str) -> Result<Event, RegistryError> {
        let at = self.at(instance)?;
        Ok(Event::History {
            instance: instance.to_owned(),
            value: self.graph.instances[at].whole_past().history.summaries(),
        })
    }

    /// Goes back to the state before the current one. A state of an older version migrates; one of a newer version is
    /// stepped down.
    ///
    /// # Errors
    ///
    /// When there is no such instance, nothing is before, or that state has no way into the running code.
    pub fn undo(&mut self, instance: &str) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.keep_moved(at);
        let Some(step) = self.graph.instances[at].past().history.undo() else {
            return Err(RegistryError::NoHistory { instance: instance.to_owned(), what: "undo" });
        };
        self.go(at, step)
    }

    /// Goes to the state that was undone last.
    ///
    /// # Errors
    ///
    /// As [`undo`](Self::undo).
    pub fn redo(&mut self, instance: &str) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.keep_moved(at);
        let Some(step) = self.graph.instances[at].past().history.redo() else {
            return Err(RegistryError::NoHistory { instance: instance.to_owned(), what: "redo" });
        };
        self.go(at, step)
    }

    /// Goes to the state of an entry of the history, by its index.
    ///
    /// # Errors
    ///
    /// When there is no such instance or entry, or that state has no way into the running code.
    pub fn jump(&mut self, instance: &str, index: u64) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.keep_moved(at);
        let step = self.graph.instances[at].past().history.jump(index);
        self.go(at, step.map_err(|error| history_error(instance, error))?)
    }

    /// Names the state that an instance has now. A name that is in use moves here. Answers with the index of its entry.
    ///
    /// # Errors
    ///
    /// When there is no such instance, that can be no name, or the state cannot be encoded.
    pub fn checkpoint(&mut self, instance: &str, name: &str) -> Result<u64, RegistryError> {
        let at = self.at(instance)?;
        self.keep_moved(at);
        let found = &mut self.graph.instances[at];
        let snapshot =
            found.snapshot().map_err(|error| RegistryError::Call { instance: instance.to_owned(), error })?;
        found.past().history.checkpoint(name, snapshot).map_err(|error| history_error(instance, error))
    }

    /// Goes to the state that was named.
    ///
    /// # Errors
    ///
    /// When there is no such instance or checkpoint, or that state has no way into the running code.
    pub fn restore(&mut self, instance: &str, checkpoint: &str) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.keep_moved(at);
        let step = self.graph.instances[at].past().history.restore(checkpoint);
        self.go(at, step.map_err(|error| history_error(instance, error))?)
    }

    /// Says which states of an instance are recorded by themselves.
    ///
    /// # Errors
    ///
    /// When there is no such instance.
    pub fn set_history(&mut self, instance: &str, policy: Policy) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.keep_moved(at);
        self.graph.instances[at].past().history.set_policy(policy);
        Ok(())
    }

    /// Says how much of its past an instance keeps. What is too much goes at once.
    ///
    /// # Errors
    ///
    /// When there is no such instance.
    pub fn set_history_limits(&mut self, instance: &str, limits: HistoryLimits) -> Result<(), RegistryError> {
        let at = self.at(instance)?;
        self.keep_moved(at);
        self.graph.instances[at].past().history.set_limits(limits);
        Ok(())
    }

    /// Takes a step that a history offers.
    fn go(&mut self, at: usize, step: Step) -> Result<(), RegistryError> {
        self.settle();
        let restored = self.restore_snapshot(at, &step.snapshot)?;
        let found = &mut self.graph.instances[at];
        found.past().history.arrived(step, restored);
        found.set_recorded(true);
        self.started(at);
        Ok(())
    }

    fn encoded(&mut self, at: usize) -> Result<Arc<[u8]>, RegistryError> {
        let state = self.graph.instances[at].state();
        state.map_err(|error| {
            self.fault(at, "state", &error);
            RegistryError::Call { instance: self.graph.instances[at].id.clone(), error }
        })
    }

    /// Puts a state of the history in place of the current one.
    fn restore_snapshot(&mut self, at: usize, target: &Snapshot) -> Result<Snapshot, RegistryError> {
        let found = &mut self.graph.instances[at];
        let unreachable = |reason: String| RegistryError::Unreachable { instance: found.id.clone(), reason };
        let decision = carry::plan(&target.module, found.module());
        let stuck = match &decision {
            Decision::Refuse(reason) => Some(reason.clone()),
            decision => carry::inside(&target.module, found.module(), decision).err(),
        };
        if let Some(reason) = stuck {
            return Err(unreachable(report::explain(&reason, &target.module, found.module()).0));
        }
        let mut carried = carry::carry(target, found.module(), &decision, &UpdateCheckpoints::default())
            .map_err(|error| unreachable(error.reason))?;
        let state = carried.handle.encode();
        let state = state.map_err(|error| RegistryError::Call { instance: found.id.clone(), error })?;
        let (module, attic) = (Arc::clone(found.module()), Arc::new(carried.attic.clone()));
        self.replace(at, carried.handle, carried.attic);
        Ok(Snapshot { module, state: state.into(), attic })
    }
}

/// Gives an instance that was just made what `state` makes of its `Default`. Nobody has told it that it runs.
pub(super) fn begin(
    made: &mut Instance,
    state: impl FnOnce(serde_json::Value) -> serde_json::Value,
) -> Result<(), RegistryError> {
    let failed =
        |instance: &str, error: CallError| RegistryError::Call { instance: instance.to_owned(), error };
    let default: Value = from_bytes(&made.state().map_err(|error| failed(&made.id, error))?)
        .map_err(|error| failed(&made.id, CallError::unreadable(error)))?;
    let state = state(to_json(&default, made.shape()));
    let (_, handle, attic) = read(made, &state)?;
    made.install(handle, attic);
    // As its own code writes it.
    let snapshot = made.snapshot().map_err(|error| failed(&made.id, error))?;
    made.begin_history(snapshot);
    Ok(())
}

/// A state that is written as JSON, with what it does not name as in `rest`.
pub(super) fn completed(state: &serde_json::Value, rest: serde_json::Value) -> serde_json::Value {
    let mut state = state.clone();
    if let (Some(fields), serde_json::Value::Object(rest)) = (state.as_object_mut(), rest) {
        for (name, value) in rest {
            fields.entry(name).or_insert(value);
        }
    }
    state
}

/// The state that is written as JSON, and an instance with it.
fn read(of: &Instance, state: &serde_json::Value) -> Result<(Snapshot, Handle, Attic), RegistryError> {
    let failed = |error| RegistryError::Call { instance: of.id.clone(), error };
    let value = from_json(state, of.shape()).map_err(|mismatch| RegistryError::Shape {
        target: of.id.clone(),
        expected: of.shape().to_string(),
        mismatch,
    })?;
    let bytes = to_bytes(&value).map_err(|error| failed(CallError::unreadable(error)))?;
    let (module, attic) = (Arc::clone(of.module()), Arc::clone(&of.attic));
    let snapshot = Snapshot { module, state: bytes.into(), attic };
    let (handle, attic) = of.decode(&snapshot).map_err(failed)?;
    Ok((snapshot, handle, attic))
}

fn history_error(instance: &str, error: HistoryError) -> RegistryError {
    RegistryError::History { instance: instance.to_owned(), error }
}
