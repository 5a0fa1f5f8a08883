//! Carrying a state into code: what a [`Decision`] says, done.

use std::sync::Arc;

use super::history::Snapshot;
use super::history::updates::UpdateCheckpoints;
use super::instance::head_shape;
use crate::abi::handle::{CallError, Handle, Module};
use crate::event::PlanKind;
use crate::state::attic::Attic;
use crate::state::nested::ways::{Chains, Way, survey};
use crate::state::plan::{Decision, Reason, decide, find, hops};
use crate::state::reconcile::{Nested, reconcile};
use crate::state::shape::Shape;
use crate::state::step::Operation;
use crate::state::touched::{Touched, backward, forward, operations};
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

/// Why a state of `from` cannot get into `to` after all, if it is for what it contains: a versioned type inside of it has no
/// way. Otherwise, whether one of them goes back.
pub(super) fn inside(from: &Module, to: &Module, decision: &Decision) -> Result<bool, Reason> {
    match (reconciled(from, to, decision), chains(from, to)) {
        (Some((before, after)), Some(chains)) => survey(before, after, chains),
        _ => Ok(false),
    }
}

/// The shapes between which a decision reconciles, if it does.
fn reconciled<'a>(from: &'a Module, to: &'a Module, decision: &Decision) -> Option<(&'a Shape, &'a Shape)> {
    let known = |versions: &'a Module, version: &str| Some(&find(versions.versions(), version)?.shape);
    match decision {
        Decision::Structural => Some((head_shape(from), head_shape(to))),
        Decision::Chain { reconcile_first: true } => Some((head_shape(from), known(to, from.version())?)),
        Decision::Down { reconcile_after: true } => Some((known(from, to.version())?, head_shape(to))),
        _ => None,
    }
}

/// What both know of the types inside. With a library that is too old to say, types inside are reconciled by name.
fn chains<'a>(from: &'a Module, to: &'a Module) -> Option<Chains<'a>> {
    Some(Chains { outgoing: from.nested().ok()?, new: to.nested().ok()? })
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
        from,
        to,
    };
    let going_back = match decision {
        Decision::Down { .. } | Decision::Refuse(_) => true,
        decision => inside(from, to, decision).unwrap_or_default(),
    };
    if let Some(before) = going_back.then(|| exactly(updates, state, to)).flatten() {
        let (state, attic) = (before.state.to_vec(), Attic::clone(&before.attic));
        return Work { version: to.version(), state, attic, ..work }.open(to);
    }
    match decision {
        Decision::HandOver => {}
        Decision::Structural => work.reconcile(decision)?,
        Decision::Chain { .. } => {
            work.reconcile(decision)?;
            for hop in hops(to.versions(), from.version()) {
                work.report.extend(operations(hop).iter().map(forward));
            }
        }
        Decision::Down { .. } => {
            work.step_down(from, to.version())?;
            work.reconcile(decision)?;
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
    from: &'a Module,
    to: &'a Module,
}

impl<'a> Work<'a> {
    /// Reconciles where the decision says so.
    fn reconcile(&mut self, decision: &Decision) -> Result<(), CarryError> {
        let (outgoing, new) = (self.from, self.to);
        let Some((from, to)) = reconciled(outgoing, new, decision) else { return Ok(()) };
        let fail = |reason: String| CarryError { phase: "reconcile", reason };
        let value: Value = from_bytes(&self.state).map_err(|error| fail(error.to_string()))?;
        let mut carry = |way: &Way<'_>, value: &[u8], attic: &Attic, path: &str| {
            let knows = if way.back { outgoing } else { new };
            let carried = knows.carry_nested(way.chain, way.back, &way.entry.version, value, attic, path);
            carried.map_err(|error| match error {
                // It says where.
                CallError::Failed(failure) => failure.message,
                error => format!("{path}: {error}"),
            })
        };
        let nested = Nested { chains: chains(outgoing, new).unwrap_or_default(), carry: &mut carry };
        let done = reconcile(value, from, to, &mut self.attic, self.version, nested).map_err(|error| {
            let phase = if error.is_final { "migrate" } else { "reconcile" };
            CarryError { phase, reason: error.to_string() }
        })?;
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

/// The name of a plan in hooks and events. A refused way back that an exact checkpoint opens is a way down.
pub(super) fn kind(decision: &Decision) -> PlanKind {
    decision.kind().unwrap_or(PlanKind::Down)
}
