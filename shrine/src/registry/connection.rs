//! Connections between ports, and whether they fit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::lane::{Lane, Mode, Overflow};
use crate::abi::handle::{CallError, Module, Transform};
use crate::event::ConnectionSummary;
use crate::state::shape::Shape;
use crate::transform::PayloadInfo;
use crate::widget::PortInfo;

/// How a connection passes messages on.
///
/// ```
/// use shrine::registry::{ConnectOptions, Overflow};
///
/// let lossy = ConnectOptions::stream().capacity(64).overflow(Overflow::DropOldest);
/// let latest = ConnectOptions::port().transform("doubled");
/// # let _ = (lossy, latest);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// What happens to messages that the target has no time for yet.
    pub mode: Mode,
    /// The name of a transform that each message goes through on its way.
    pub transform: Option<String>,
}

impl ConnectOptions {
    /// A stream of [`STREAM_CAPACITY`](super::STREAM_CAPACITY) messages that holds its producer back when it is full.
    /// This is the default.
    #[must_use]
    pub fn stream() -> Self {
        Self::default()
    }

    /// A port: the latest value wins while the target is busy.
    #[must_use]
    pub fn port() -> Self {
        Self { mode: Mode::Port, transform: None }
    }

    /// A stream that holds that many messages; at least 1.
    #[must_use]
    pub fn capacity(mut self, messages: usize) -> Self {
        let overflow = match self.mode {
            Mode::Port => Overflow::default(),
            Mode::Stream { overflow, .. } => overflow,
        };
        self.mode = Mode::Stream { capacity: messages.max(1), overflow };
        self
    }

    /// A stream that does this when it is full.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        let capacity = match self.mode {
            Mode::Port => super::STREAM_CAPACITY,
            Mode::Stream { capacity, .. } => capacity,
        };
        self.mode = Mode::Stream { capacity, overflow };
        self
    }

    /// Messages go through the transform of that name.
    #[must_use]
    pub fn transform(mut self, name: &str) -> Self {
        self.transform = Some(name.to_owned());
        self
    }
}

/// An input port with what feeds it: an output port, or the outside of the graph.
#[derive(Debug)]
pub(super) struct Connection {
    /// None: what is sent from outside.
    pub(super) source: Option<Endpoint>,
    pub(super) target: Endpoint,
    pub(super) options: ConnectOptions,
    pub(super) route: Route,
    pub(super) lane: Lane,
    /// Whether messages pass as they are: it is live, has no transform, and all that waits is of the type that is taken.
    /// Then only code with other ports can make a difference to it.
    pub(super) is_plain: bool,
    /// Whether the target's list of what is next knows of this connection.
    pub(super) listed: bool,
    /// Why it is parked, as it was told last.
    pub(super) told: Option<String>,
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
#[derive(Debug, Clone)]
pub(super) enum Route {
    Live(Path),
    /// They wait, because of this.
    Parked(String),
}

/// A way that was validated.
#[derive(Debug, Clone)]
pub(super) struct Path {
    /// The place of the instance that messages come from, if that is one.
    pub(super) source: Option<usize>,
    /// The place of the instance that messages go to.
    pub(super) target: usize,
    /// Its input port.
    pub(super) port: u32,
    pub(super) transform: Option<Arc<Transform>>,
}

/// The transforms that are loaded, by name.
pub(super) type Transforms = BTreeMap<String, Arc<Transform>>;

impl Connection {
    pub(super) fn new(source: Option<Endpoint>, target: Endpoint, options: ConnectOptions) -> Self {
        let route = Route::Parked(String::new());
        Self {
            source,
            target,
            options,
            route,
            lane: Lane::default(),
            is_plain: false,
            listed: false,
            told: None,
        }
    }

    /// Why it is parked, if it is.
    pub(super) fn parked(&self) -> Option<&str> {
        match &self.route {
            Route::Live(_) => None,
            Route::Parked(reason) => Some(reason),
        }
    }

    /// Whether it counts in reports: what comes from outside does only while something waits.
    pub(super) fn is_shown(&self) -> bool {
        self.source.is_some() || !self.lane.is_empty()
    }

    /// Whether its producer has to wait.
    pub(super) fn holds_producer(&self) -> bool {
        self.lane.holds_producer(self.options.mode)
    }

    /// `instance.port`, or nothing for what comes from outside.
    pub(super) fn source_name(&self) -> String {
        self.source.as_ref().map(Endpoint::to_string).unwrap_or_default()
    }

    pub(super) fn summary(&self) -> ConnectionSummary {
        let counts = self.lane.counts;
        ConnectionSummary {
            source: self.source_name(),
            target: self.target.to_string(),
            options: self.options.mode,
            transform: self.options.transform.clone(),
            parked: self.parked().map(str::to_owned),
            queued: self.lane.len(),
            aside: self.lane.aside(),
            delivered: counts.delivered,
            dropped: counts.dropped,
            superseded: counts.superseded,
        }
    }
}

/// What a connection is when it fits.
pub(super) struct Fit {
    /// The input port that it feeds.
    pub(super) input: u32,
    pub(super) transform: Option<Arc<Transform>>,
    /// For each type of its lane, whether messages of it get through.
    pub(super) passes: Vec<bool>,
    /// Whether messages that are sent from now on, or that wait, are read as another type.
    pub(super) converts: bool,
}

impl Fit {
    /// Whether messages pass as they are, all of them.
    pub(super) fn is_plain(&self) -> bool {
        self.transform.is_none() && !self.converts && self.passes.iter().all(|passes| *passes)
    }
}

/// Whether a connection fits the code at its ends; if not, why. `None` is an instance that is not there.
pub(super) fn fit(
    connection: &Connection,
    (source_end, endpoint): (Option<&Endpoint>, &Endpoint),
    (source, target): (Option<&Module>, Option<&Module>),
    transforms: &Transforms,
) -> Result<Fit, String> {
    let gone = |endpoint: &Endpoint| format!("there is no instance `{}`", endpoint.instance);
    let sends = match source_end {
        None => None,
        Some(endpoint) => {
            let module = source.ok_or_else(|| gone(endpoint))?;
            let found = output(module, &endpoint.port);
            let (_, info) = found
                .ok_or_else(|| format!("`{}` has no output port `{}`", endpoint.instance, endpoint.port))?;
            Some((endpoint, PayloadInfo::from(info)))
        }
    };
    let module = target.ok_or_else(|| gone(endpoint))?;
    let (port, takes) = input(module, &endpoint.port)
        .ok_or_else(|| format!("`{}` has no input port `{}`", endpoint.instance, endpoint.port))?;
    let transform = match &connection.options.transform {
        None => None,
        Some(name) => Some(transforms.get(name).ok_or_else(|| format!("no transform `{name}` is loaded"))?),
    };
    let through = transform.map(|transform| &**transform);
    let mut converts = false;
    if let Some((source, of)) = &sends {
        converts = accepts(of, through, module, port, takes)
            .map_err(|why| format!("`{source}` sends `{}`, but {}", of.shape, why.sentence(endpoint)))?;
    }
    let mut passes = Vec::new();
    for (at, of) in connection.lane.types().iter().enumerate() {
        let passed = accepts(of, through, module, port, takes);
        converts |= matches!(passed, Ok(true)) && connection.lane.has(at);
        passes.push(passed.is_ok());
    }
    Ok(Fit { input: port, transform: transform.cloned(), passes, converts })
}

/// Why a type does not get through.
pub(super) struct Misfit {
    place: Place,
    takes: String,
    why: String,
}

/// Where it does not.
enum Place {
    /// The transform does not take what is sent.
    Before(String),
    /// The target does not take what the transform gives.
    After { transform: String, gives: String },
    /// The target does not take what is sent.
    Target,
}

impl Misfit {
    fn new(place: Place, sends: &Shape, takes: &Shape, why: String) -> Self {
        let (sends, takes) = (sends.to_string(), takes.to_string());
        // The two types are named in any case.
        let is_said = why == format!("`{sends}` is sent, and `{takes}` is taken");
        Self { place, takes, why: if is_said { String::new() } else { why } }
    }

    pub(super) fn sentence(&self, target: &Endpoint) -> String {
        let Self { place, takes, why } = self;
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        match place {
            Place::Before(name) => format!("the transform `{name}` takes `{takes}`{why}"),
            Place::After { transform, gives } => {
                format!("the transform `{transform}` gives `{gives}`, and `{target}` takes `{takes}`{why}")
            }
            Place::Target => format!("`{target}` takes `{takes}`{why}"),
        }
    }
}

/// Whether a message of that type gets through, and whether it is converted on the way.
pub(super) fn accepts(
    of: &PayloadInfo,
    transform: Option<&Transform>,
    target: &Module,
    port: u32,
    takes: &PortInfo,
) -> Result<bool, Misfit> {
    let mut converts = false;
    let gives;
    let arrives = match transform {
        None => of,
        Some(transform) => {
            let takes = transform.takes();
            if of.fingerprint != takes.fingerprint {
                let place = Place::Before(transform.name().to_owned());
                transform
                    .converts(&of.shape)
                    .map_err(|why| Misfit::new(place, &of.shape, &takes.shape, why))?;
                converts = true;
            }
            gives = transform.gives().clone();
            &gives
        }
    };
    if arrives.fingerprint != takes.fingerprint {
        let place = || match transform.map(|transform| transform.name().to_owned()) {
            Some(transform) => Place::After { transform, gives: arrives.shape.to_string() },
            None => Place::Target,
        };
        target
            .converts(port, &arrives.shape)
            .map_err(|why| Misfit::new(place(), &arrives.shape, &takes.shape, why))?;
        converts = true;
    }
    Ok(converts)
}

/// The names of the transforms through which messages of `sends` get to that port.
pub(super) fn fitting(sends: &PortInfo, target: &Module, port: u32, transforms: &Transforms) -> Vec<String> {
    let of = PayloadInfo::from(sends);
    let Some(takes) = target.interface().inputs.get(port as usize) else { return Vec::new() };
    let fits = |transform: &&Arc<Transform>| accepts(&of, Some(transform), target, port, takes).is_ok();
    transforms.values().filter(fits).map(|transform| transform.name().to_owned()).collect()
}

/// A message as the input port takes it; none when a filter kept it back.
pub(super) fn prepare<'a>(
    payload: &'a [u8],
    of: &PayloadInfo,
    path: (Option<&Transform>, u32),
    target: &Module,
) -> Result<Option<Cow<'a, [u8]>>, CallError> {
    let (transform, port) = path;
    let Some(takes) = target.interface().inputs.get(port as usize) else { return Ok(None) };
    let mut payload = Cow::Borrowed(payload);
    let mut fingerprint = of.fingerprint;
    let mut shape = &of.shape;
    if let Some(transform) = transform {
        if fingerprint != transform.takes().fingerprint {
            payload = Cow::Owned(transform.convert(shape, &payload)?);
        }
        let Some(passed) = transform.call(&payload)? else { return Ok(None) };
        payload = Cow::Owned(passed);
        (fingerprint, shape) = (transform.gives().fingerprint, &transform.gives().shape);
    }
    if fingerprint != takes.fingerprint {
        payload = Cow::Owned(target.convert(port, shape, &payload)?);
    }
    Ok(Some(payload))
}

/// The output port of that name.
pub(super) fn output<'a>(module: &'a Module, port: &str) -> Option<(u32, &'a PortInfo)> {
    find(&module.interface().outputs, port)
}

/// The input port of that name.
pub(super) fn input<'a>(module: &'a Module, port: &str) -> Option<(u32, &'a PortInfo)> {
    find(&module.interface().inputs, port)
}

fn find<'a>(ports: &'a [PortInfo], name: &str) -> Option<(u32, &'a PortInfo)> {
    let at = ports.iter().position(|port| port.name == name)?;
    Some((u32::try_from(at).ok()?, &ports[at]))
}

/// What the port of that name is called in that code: itself, or what it was renamed to.
pub(super) fn renamed<'a>(ports: &'a [PortInfo], name: &str) -> Option<&'a str> {
    if ports.iter().any(|port| port.name == name) {
        return None;
    }
    let found = ports.iter().find(|port| port.was.iter().any(|former| former == name))?;
    Some(&found.name)
}
