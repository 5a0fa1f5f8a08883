//! Carrying a state into code: what a [`Decision`] says, done.

use std::sync::Arc;

use super::history::Snapshot;
use super::history::updates::UpdateCheckpoints;
use super::instance::head_shape;
use crate::abi::handle::{CallError, Handle, Module};
use crate::event::{FieldChange, PlanKind};
use crate::state::attic::Attic;
use crate::state::plan::{Decision, decide, find, hops};
use crate::state::reconcile::{Touched, reconcile};
use crate::state::shape::Shape;
use crate::state::step::{Operation, VersionInfo};
use crate::state::value::Value;
use crate::state::{from_bytes, to_bytes};

/// An instance in its new code.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) handle: Handle,
    pub(super) attic: Attic,
    pub(super) report: Vec<Touched>,
}

/// Why a state could not be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CarryError {
    /// `step_down`, `reconcile` or `migrate`.
    pub(super) phase: &'static str,
    pub(super) reason: String,
}

/// What happens to a state of `from` in `to`.
pub(super) fn plan(from: &Module, to: &Module) -> Decision {
    decide(from.version(), from.fingerprint(), to.versions(), from.versions())
}

/// The exact state that `to` had before, if nothing has changed since the updates in between: then going back loses
/// nothing, whatever the chain can do.
pub(super) fn exactly<'a>(updates: &'a UpdateCheckpoints, state: &[u8], to: &Module) -> Option<&'a Snapshot> {
    updates.exact(to.version(), to.fingerprint(), state)
}

/// Carries a state into `to`, beside whatever runs.
pub(super) fn carry(
    snapshot: &Snapshot,
    to: &Arc<Module>,
    decision: &Decision,
    updates: &UpdateCheckpoints,
) -> Result<Carried, CarryError> {
    let Snapshot { module: from, state, attic } = snapshot;
    let mut work = Work {
        version: from.version(),
        state: state.to_vec(),
        attic: Attic::clone(attic),
        report: Vec::new(),
    };
    let going_back = matches!(decision, Decision::Down { .. } | Decision::Refuse(_));
    if let Some(before) = going_back.then(|| exactly(updates, state, to)).flatten() {
        let (state, attic) = (before.state.to_vec(), Attic::clone(&before.attic));
        return Work { version: to.version(), state, attic, ..work }.open(to);
    }
    match decision {
        Decision::HandOver => {}
        Decision::Structural => work.reconcile(head_shape(from), head_shape(to))?,
        Decision::Chain { reconcile_first } => {
            if let (true, Some(entry)) = (*reconcile_first, find(to.versions(), from.version())) {
                work.reconcile(head_shape(from), &entry.shape)?;
            }
            for hop in hops(to.versions(), from.version()) {
                work.report.extend(operations(hop).iter().map(forward));
            }
        }
        Decision::Down { reconcile_after } => {
            work.step_down(from, to.version())?;
            if let (true, Some(entry)) = (*reconcile_after, find(from.versions(), to.version())) {
                work.reconcile(&entry.shape, head_shape(to))?;
            }
        }
        Decision::Refuse(reason) => {
            return Err(CarryError { phase: "plan", reason: format!("{reason:?}") });
        }
    }
    work.open(to)
}

struct Work<'a> {
    version: &'a str,
    state: Vec<u8>,
    attic: Attic,
    report: Vec<Touched>,
}

impl<'a> Work<'a> {
    fn reconcile(&mut self, from: &Shape, to: &Shape) -> Result<(), CarryError> {
        let fail = |reason: String| CarryError { phase: "reconcile", reason };
        let value: Value = from_bytes(&self.state).map_err(|error| fail(error.to_string()))?;
        let done = reconcile(value, from, to, &mut self.attic, self.version)
            .map_err(|error| fail(error.to_string()))?;
        self.state = to_bytes(&done.value).map_err(|error| fail(error.to_string()))?;
        self.report.extend(done.report);
        Ok(())
    }

    fn step_down(&mut self, from: &'a Module, target: &'a str) -> Result<(), CarryError> {
        let down = from.step_down(target, &self.state, &self.attic);
        let (state, attic) =
            down.map_err(|error| CarryError { phase: "step_down", reason: error.to_string() })?;
        for hop in hops(from.versions(), target).into_iter().rev() {
            // The attic as it was: what a step takes back is no longer there.
            let had = |operation: &Operation| {
                self.attic
                    .entries()
                    .iter()
                    .any(|entry| entry.version == hop.version && entry.path == operation.field)
            };
            let touched: Vec<_> =
                operations(hop).iter().map(|operation| backward(operation, had(operation))).collect();
            self.report.extend(touched);
        }
        (self.version, self.state, self.attic) = (target, state, attic);
        Ok(())
    }

    fn open(self, to: &Arc<Module>) -> Result<Carried, CarryError> {
        let opened = to.decode(self.version, &self.state, &self.attic);
        let (handle, attic) =
            opened.map_err(|error: CallError| CarryError { phase: "migrate", reason: error.to_string() })?;
        Ok(Carried { handle, attic, report: self.report })
    }
}

fn operations(hop: &VersionInfo) -> &[Operation] {
    hop.hop.as_ref().map_or(&[], |hop| &hop.operations)
}

/// What an operation of `#[migrate]` does to its field.
fn forward(operation: &Operation) -> Touched {
    let detail = operation.detail.as_deref().unwrap_or_default();
    let (what, detail) = match operation.kind.as_str() {
        "rename" => (FieldChange::Renamed, format!("was `{detail}`")),
        "add" => (FieldChange::Added, String::new()),
        "remove" => (FieldChange::Removed, detail.to_owned()),
        "change" => (FieldChange::Changed, format!("was `{detail}`")),
        _ => (FieldChange::ByHand, String::new()),
    };
    Touched { field: operation.field.clone(), what, detail }
}

/// What stepping down over an operation does to its field.
fn backward(operation: &Operation, in_attic: bool) -> Touched {
    let detail = operation.detail.as_deref().unwrap_or_default();
    let (field, what, detail) = match operation.kind.as_str() {
        "rename" => (detail, FieldChange::Renamed, format!("was `{}`", operation.field)),
        "add" => (operation.field.as_str(), FieldChange::Attic, String::new()),
        "remove" if in_attic => (operation.field.as_str(), FieldChange::Restored, String::new()),
        "remove" => (operation.field.as_str(), FieldChange::Defaulted, String::new()),
        "change" => (operation.field.as_str(), FieldChange::Changed, format!("back to `{detail}`")),
        _ => (operation.field.as_str(), FieldChange::ByHand, String::new()),
    };
    Touched { field: field.to_owned(), what, detail }
}

/// The name of a plan in hooks and events. A refused way back that an exact checkpoint opens is a way down.
pub(super) fn kind(decision: &Decision) -> PlanKind {
    decision.kind().unwrap_or(PlanKind::Down)
}
