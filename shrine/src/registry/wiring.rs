//! Connecting ports.

use super::connection::{self, ConnectOptions, Connection, Endpoint, accepts, fitting};
use super::{Registry, RegistryError, Unfit, endpoint, unknown_port};
use crate::event::Event;
use crate::transform::PayloadInfo;

impl Registry {
    /// Connects an output port to an input port by a stream: `connect("counter.total", "display.show")`.
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with).
    pub fn connect(&mut self, source: &str, target: &str) -> Result<(), RegistryError> {
        self.connect_with(source, target, ConnectOptions::default())
    }

    /// Connects an output port to an input port. An output may feed many inputs, and an input may be fed by many
    /// outputs.
    ///
    /// # Errors
    ///
    /// When a port or the transform is unknown, the types do not fit (the error names the transforms that would help),
    /// or the two are connected already.
    pub fn connect_with(
        &mut self,
        source: &str,
        target: &str,
        options: ConnectOptions,
    ) -> Result<(), RegistryError> {
        let (from, to) = (endpoint(source)?, endpoint(target)?);
        self.check_connection(&from, &to, &options)?;
        if self.graph.between(&from, &to).is_some() {
            let [source, target] = [source, target].map(str::to_owned);
            return Err(RegistryError::Connected { source, target });
        }
        self.settle();
        self.graph.connect(Connection::new(Some(from), to, options), &self.code.transforms);
        self.log(Event::Connected { source: source.to_owned(), target: target.to_owned() });
        Ok(())
    }

    /// Gives a connection other options. Messages that wait stay, as far as the new mode has room for them.
    ///
    /// # Errors
    ///
    /// When the two ports are not connected, or the options do not fit them.
    pub fn reconnect(
        &mut self,
        source: &str,
        target: &str,
        options: ConnectOptions,
    ) -> Result<(), RegistryError> {
        let (from, to) = (endpoint(source)?, endpoint(target)?);
        let place = self.place(&from, &to)?;
        if self.graph.connection(place).is_some_and(|connection| connection.parked().is_none()) {
            self.check_connection(&from, &to, &options)?;
        }
        self.settle();
        if let Some(mut connection) = self.graph.disconnect(place, &self.code.transforms) {
            connection.lane.refit(options.mode);
            connection.options = options;
            connection.listed = false;
            self.graph.connect(connection, &self.code.transforms);
        }
        self.tell_parked();
        self.log(Event::Connected { source: source.to_owned(), target: target.to_owned() });
        Ok(())
    }

    /// Takes a connection away, with the messages that wait on it; answers with how many those were.
    ///
    /// # Errors
    ///
    /// When the two ports are not connected.
    pub fn disconnect(&mut self, source: &str, target: &str) -> Result<usize, RegistryError> {
        let (from, to) = (endpoint(source)?, endpoint(target)?);
        let place = self.place(&from, &to)?;
        self.settle();
        let removed = self.graph.disconnect(place, &self.code.transforms);
        let dropped = removed.map_or(0, |connection| connection.lane.len());
        let (source, target) = (source.to_owned(), target.to_owned());
        self.log(Event::Disconnected { source, target, dropped });
        Ok(dropped)
    }

    /// The connections, as [`Event::Connections`]; with them what was sent from outside to ports that are gone.
    #[must_use]
    pub fn connections(&self) -> Event {
        let shown = |connection: &&Connection| {
            let is_held = connection.parked().is_some() && !connection.lane.is_empty();
            connection.source.is_some() || is_held || connection.lane.aside() > 0
        };
        let connections = self.graph.connections().map(|(_, connection)| connection);
        Event::Connections { value: connections.filter(shown).map(Connection::summary).collect() }
    }

    /// The names of the transforms that are loaded, sorted.
    #[must_use]
    pub fn transforms(&self) -> Vec<String> {
        self.code.transforms.keys().cloned().collect()
    }

    fn place(&self, from: &Endpoint, to: &Endpoint) -> Result<usize, RegistryError> {
        self.graph.between(from, to).ok_or_else(|| {
            let of = |connection: &Connection| {
                Some((connection.source.as_ref()?.clone(), connection.target.clone()))
            };
            let known = self.graph.connections().filter_map(|(_, connection)| of(connection));
            RegistryError::NotConnected {
                source: from.to_string(),
                target: to.to_string(),
                known: known.map(|(source, target)| format!("{source} -> {target}")).collect(),
            }
        })
    }

    fn check_connection(
        &self,
        from: &Endpoint,
        to: &Endpoint,
        options: &ConnectOptions,
    ) -> Result<(), RegistryError> {
        let sender = &self.graph.instances[self.at(&from.instance)?];
        let Some((_, sends)) = connection::output(sender.module(), &from.port) else {
            return Err(unknown_port(sender, &from.port, false));
        };
        let receiver = &self.graph.instances[self.at(&to.instance)?];
        let Some((port, takes)) = connection::input(receiver.module(), &to.port) else {
            return Err(unknown_port(receiver, &to.port, true));
        };
        let transforms = &self.code.transforms;
        let transform = match &options.transform {
            None => None,
            Some(name) => match transforms.get(name) {
                Some(transform) => Some(&**transform),
                None => {
                    let known = self.transforms();
                    return Err(RegistryError::UnknownTransform { transform: name.clone(), known });
                }
            },
        };
        let accepted = accepts(&PayloadInfo::from(sends), transform, receiver.module(), port, takes);
        accepted.map(drop).map_err(|why| {
            RegistryError::NotConnectable(Box::new(Unfit {
                source: from.to_string(),
                sends: sends.shape.to_string(),
                target: to.to_string(),
                takes: takes.shape.to_string(),
                why: why.sentence(to),
                transforms: fitting(sends, receiver.module(), port, transforms),
            }))
        })
    }

    /// Tells of the connections that were parked or resumed since the last time.
    pub(super) fn tell_parked(&mut self) {
        for place in self.graph.turned() {
            let Some(connection) = self.graph.connection_mut(place) else { continue };
            let reason = connection.parked().map(str::to_owned);
            if connection.told == reason || (connection.source.is_none() && connection.lane.is_empty()) {
                continue;
            }
            let was_parked = std::mem::replace(&mut connection.told, reason.clone()).is_some();
            let (source, target) = (connection.source_name(), connection.target.to_string());
            let queued = connection.lane.len();
            match reason {
                Some(reason) => self.log(Event::Parked { source, target, reason, queued }),
                None if was_parked => self.log(Event::Resumed { source, target, queued }),
                None => {}
            }
        }
    }
}
