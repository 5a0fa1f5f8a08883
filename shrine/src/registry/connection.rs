//! Connections between ports.

use std::collections::{HashMap, VecDeque};

use super::instance::{Instance, Message};
use crate::abi::handle::Module;
use crate::event::ConnectionSummary;
use crate::widget::PortInfo;

/// An output port that is connected to an input port.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) source: Endpoint,
    pub(super) target: Endpoint,
    pub(super) route: Route,
    /// What was sent while the connection was parked, with the fingerprint of its type.
    pub(super) queue: VecDeque<(u64, Vec<u8>)>,
}

/// A port of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) instance: String,
    pub(super) port: String,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.instance, self.port)
    }
}

/// Where messages of a connection go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// Into the inbox of that instance, for that input port.
    Live { target: usize, port: u32 },
    /// Into the connection's own queue, because of this.
    Parked(String),
}

impl Connection {
    pub(super) fn summary(&self) -> ConnectionSummary {
        let parked = match &self.route {
            Route::Live { .. } => None,
            Route::Parked(reason) => Some(reason.clone()),
        };
        ConnectionSummary {
            source: self.source.to_string(),
            target: self.target.to_string(),
            parked,
            queued: self.queue.len(),
        }
    }
}

/// Validates all connections against the code that the instances run, and fits their routes to it.
pub(super) fn rewire(
    instances: &mut [Instance],
    index: &HashMap<String, usize>,
    connections: &mut [Connection],
) {
    for instance in instances.iter_mut() {
        instance.routes = vec![Vec::new(); instance.module.interface().outputs.len()];
    }
    for (at, connection) in connections.iter_mut().enumerate() {
        let module = |endpoint: &Endpoint| index.get(&endpoint.instance).map(|at| &*instances[*at].module);
        let source = module(&connection.source).and_then(|module| output(module, &connection.source.port));
        connection.route = route(connection, index, module(&connection.source), module(&connection.target));
        if let (Some((port, _)), Some(source)) = (source, index.get(&connection.source.instance)) {
            instances[*source].routes[port].push(at);
        }
        if let Route::Live { target, port } = connection.route {
            let fingerprint = instances[target].module.interface().inputs[port as usize].fingerprint;
            while let Some((_, payload)) = connection.queue.pop_front_if(|(of, _)| *of == fingerprint) {
                instances[target].inbox.push_back(Message { port, payload });
            }
        }
    }
}

fn route(
    connection: &Connection,
    index: &HashMap<String, usize>,
    source: Option<&Module>,
    target: Option<&Module>,
) -> Route {
    let (Some(source), Some(target)) = (source, target) else {
        return Route::Parked("one of its instances is gone".to_owned());
    };
    let Some((_, sends)) = output(source, &connection.source.port) else {
        return Route::Parked(format!(
            "`{}` has no output port `{}`",
            connection.source.instance, connection.source.port
        ));
    };
    let Some((port, takes)) = input(target, &connection.target.port) else {
        return Route::Parked(format!(
            "`{}` has no input port `{}`",
            connection.target.instance, connection.target.port
        ));
    };
    if sends.fingerprint != takes.fingerprint {
        return Route::Parked(format!(
            "`{}` sends `{}`, but `{}` takes `{}`",
            connection.source, sends.shape, connection.target, takes.shape
        ));
    }
    match (index.get(&connection.target.instance), u32::try_from(port)) {
        (Some(target), Ok(port)) => Route::Live { target: *target, port },
        _ => Route::Parked("one of its instances is gone".to_owned()),
    }
}

pub(super) fn output<'a>(module: &'a Module, port: &str) -> Option<(usize, &'a PortInfo)> {
    module.interface().outputs.iter().enumerate().find(|(_, info)| info.name == port)
}

pub(super) fn input<'a>(module: &'a Module, port: &str) -> Option<(usize, &'a PortInfo)> {
    module.interface().inputs.iter().enumerate().find(|(_, info)| info.name == port)
}
