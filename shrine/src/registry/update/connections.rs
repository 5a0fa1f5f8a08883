//! What becomes of connections in an update: kept, converted, or parked with their queue.

use std::sync::Arc;

use super::super::connection::{self, Connection, Endpoint, Fit, Route, fit};
use super::super::graph::Graph;
use super::super::lane::Lane;
use super::super::probation::{Ends, Probation};
use super::transaction::{Role, Stop, Transaction};
use crate::abi::handle::{CallError, Module};
use crate::event::{ConnectionCounts, ConnectionFate, ConnectionPlan};
use crate::transform::PayloadInfo;

/// A connection as it will be.
pub(super) struct Revalidated {
    place: usize,
    source: Option<Endpoint>,
    target: Endpoint,
    /// What waits, in the type that is taken now, if that is another one.
    lane: Option<Lane>,
    fate: ConnectionFate,
    reason: Option<String>,
    /// Whether it counts in reports: what comes from outside does only while something waits.
    is_shown: bool,
    is_dropped: bool,
}

impl Revalidated {
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// The names of the instances at its ends.
    pub(super) fn ends(&self) -> impl Iterator<Item = &str> {
        let source = self.source.as_ref().map(|source| source.instance.as_str());
        source.into_iter().chain([self.target.instance.as_str()])
    }

    pub(super) fn count(&self, counts: &mut ConnectionCounts) {
        match self.fate {
            _ if !self.is_shown => {}
            ConnectionFate::Kept => counts.kept += 1,
            ConnectionFate::Converted => counts.converted += 1,
            ConnectionFate::Parked => counts.parked += 1,
            ConnectionFate::Dropped => counts.dropped += 1,
        }
    }

    /// Makes it so; the caller wires afterwards.
    pub(super) fn apply(self, graph: &mut Graph, probation: Option<&mut Probation>) {
        if self.is_dropped {
            if let (Some(removed), Some(probation)) = (graph.take_out(self.place), probation) {
                probation.dropped(removed);
            }
            return;
        }
        let Some(connection) = graph.connection_mut(self.place) else { return };
        let is_same =
            connection.source == self.source && connection.target == self.target && self.lane.is_none();
        if is_same {
            return;
        }
        let lane = match self.lane {
            Some(lane) => std::mem::replace(&mut connection.lane, lane),
            None => connection.lane.clone(),
        };
        let source = std::mem::replace(&mut connection.source, self.source);
        let target = std::mem::replace(&mut connection.target, self.target);
        if let Some(probation) = probation {
            probation.connection(self.place, Ends { source, target, lane });
        }
    }
}

impl Transaction<'_> {
    /// Validates the connections that the update touches against the code as it will be, and converts what waits.
    pub(super) fn revalidate(&mut self) -> Result<Vec<Revalidated>, Stop> {
        let (places, kept) = self.touched_places();
        self.kept = kept;
        places
            .into_iter()
            .map(|place| self.revalidate_one(place, true))
            .filter_map(Result::transpose)
            .collect()
    }

    /// What would become of the connections.
    pub(super) fn connection_plans(&self) -> Vec<ConnectionPlan> {
        let plan = |place: usize| {
            let Ok(Some(found)) = self.revalidate_one(place, false) else { return None };
            let connection = self.registry.graph.connection(place)?;
            found.is_shown.then(|| ConnectionPlan {
                source: found.source.as_ref().map(Endpoint::to_string).unwrap_or_default(),
                target: found.target.to_string(),
                fate: found.fate,
                reason: found.reason,
                queued: connection.lane.len(),
            })
        };
        self.touched_places().0.into_iter().filter_map(plan).collect()
    }

    /// The places of the connections of updated instances, and of those that go through a transform that may be new. Beside
    /// them, how many others there are that show, whose instances are updated and get the same ports: for those there is
    /// nothing to be looked at.
    fn touched_places(&self) -> (Vec<usize>, usize) {
        let graph = &self.registry.graph;
        let (mut touched, mut kept) = (Vec::new(), 0);
        for (place, connection) in graph.connections() {
            let (source, target) = match &connection.route {
                Route::Live(path) => (path.source, Some(path.target)),
                Route::Parked(_) => {
                    let at = |endpoint: &Endpoint| graph.at(&endpoint.instance);
                    (connection.source.as_ref().and_then(at), at(&connection.target))
                }
            };
            let role = |at: Option<usize>| at.map_or(Role::None, |at| self.roles[at]);
            match (role(source), role(target)) {
                (Role::None, Role::None) if connection.options.transform.is_none() => {}
                (Role::Part, _) | (_, Role::Part) => touched.push(place),
                _ if !connection.is_plain => touched.push(place),
                _ => kept += usize::from(connection.is_shown()),
            }
        }
        (touched, kept)
    }

    /// The code that an instance will run.
    fn module_of(&self, instance: &str) -> Option<Arc<Module>> {
        let at = self.registry.graph.at(instance)?;
        // Parts are in the order of their places.
        match self.parts.binary_search_by_key(&at, |part| part.at) {
            Ok(part) => Some(Arc::clone(&self.parts[part].to)),
            Err(_) if self.roles[at] == Role::Moved => {
                let crew = self.registry.graph.instances[at].crew();
                let crossing = self.crossings.iter().find(|crossing| Arc::ptr_eq(&crossing.crew, crew));
                crossing.map(|crossing| Arc::clone(crossing.way.to()))
            }
            Err(_) => Some(Arc::clone(self.registry.graph.instances[at].module())),
        }
    }

    fn is_updated(&self, endpoint: &Endpoint) -> bool {
        let at = self.registry.graph.at(&endpoint.instance);
        at.is_some_and(|at| self.roles[at] != Role::None)
    }

    fn revalidate_one(&self, place: usize, convert: bool) -> Result<Option<Revalidated>, Stop> {
        let Some(connection) = self.registry.graph.connection(place) else { return Ok(None) };
        let source_module = connection.source.as_ref().and_then(|source| self.module_of(&source.instance));
        let target_module = self.module_of(&connection.target.instance);
        let source = connection.source.clone().map(|end| match &source_module {
            Some(module) => end.renamed(&module.interface().outputs),
            None => end,
        });
        let target = match &target_module {
            Some(module) => connection.target.clone().renamed(&module.interface().inputs),
            None => connection.target.clone(),
        };
        let is_shown = connection.is_shown();
        let mut found = Revalidated {
            place,
            source,
            target,
            lane: None,
            fate: ConnectionFate::Kept,
            reason: None,
            is_shown,
            is_dropped: false,
        };
        let is_updated = self.is_updated(&connection.target)
            || connection.source.as_ref().is_some_and(|source| self.is_updated(source));
        if !self.options.preserve_connections && connection.source.is_some() && is_updated {
            found.fate = ConnectionFate::Dropped;
            found.is_dropped = true;
            return Ok(Some(found));
        }
        let ends = (found.source.as_ref(), &found.target);
        let modules = (source_module.as_deref(), target_module.as_deref());
        match (fit(connection, ends, modules, &self.next.transforms), target_module) {
            (Ok(fit), Some(module)) => {
                if fit.converts {
                    found.fate = ConnectionFate::Converted;
                }
                if convert && fit.converts {
                    let lane = converted(connection, &fit, &module).map_err(|(at, error)| {
                        let reason = format!(
                            "message {at} that waits for `{}` cannot be converted: {error}",
                            found.target
                        );
                        self.stop_at(&found.target, reason)
                    })?;
                    found.lane = Some(lane);
                }
            }
            (Ok(_), None) => {}
            (Err(reason), _) => {
                found.fate = ConnectionFate::Parked;
                found.reason = Some(reason);
            }
        }
        Ok(Some(found))
    }

    fn stop_at(&self, endpoint: &Endpoint, reason: String) -> Stop {
        let at = self.registry.graph.at(&endpoint.instance);
        let part = self.parts.iter().position(|part| Some(part.at) == at).unwrap_or_default();
        self.stop(part, "connections", reason)
    }
}

/// What waits on a connection, in the type that its way begins with. An error comes with the number of the message.
fn converted(connection: &Connection, fit: &Fit, target: &Module) -> Result<Lane, (usize, CallError)> {
    let takes = match &fit.transform {
        Some(transform) => transform.takes().clone(),
        None => PayloadInfo::from(&target.interface().inputs[fit.input as usize]),
    };
    connection.lane.converted(&fit.passes, takes, |of, payload| match &fit.transform {
        Some(transform) => transform.convert(&of.shape, payload),
        None => target.convert(fit.input, &of.shape, payload),
    })
}

impl Endpoint {
    /// The same port, by the name that the code has for it.
    fn renamed(mut self, ports: &[crate::widget::PortInfo]) -> Self {
        if let Some(name) = connection::renamed(ports, &self.port) {
            self.port = name.to_owned();
        }
        self
    }
}
