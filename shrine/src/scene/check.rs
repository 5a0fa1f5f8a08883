//! A scene, held against what is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{SceneError, suggest};
use super::source::{Part, down};
use super::state::check_state;
use super::{Scene, SceneConnection, endpoint};
use crate::abi::handle::{Module, Transform};
use crate::state::shape::Shape;
use crate::transform::PayloadInfo;
use crate::widget::{Interface, PortInfo};

/// What a scene may speak of.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Known {
    /// The widgets, by id.
    pub widgets: BTreeMap<String, KnownWidget>,
    /// The transforms, by name.
    pub transforms: BTreeMap<String, KnownTransform>,
}

/// A widget.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KnownWidget {
    /// The shape of its state.
    pub shape: Shape,
    /// Its input ports.
    pub inputs: Vec<PortInfo>,
    /// Its output ports.
    pub outputs: Vec<PortInfo>,
    /// Its code, which may convert messages.
    pub(super) code: Option<Arc<Module>>,
}

/// A transform.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KnownTransform {
    /// What goes in.
    pub takes: PayloadInfo,
    /// What comes out.
    pub gives: PayloadInfo,
    /// Its code, which may convert messages.
    pub(super) code: Option<Arc<Transform>>,
}

impl KnownWidget {
    /// A widget that is loaded.
    #[must_use]
    pub fn of(module: &Arc<Module>) -> Self {
        let Interface { inputs, outputs, .. } = module.interface().clone();
        let shape = module.versions().first().map_or(Shape::Any, |head| head.shape.clone());
        Self { shape, inputs, outputs, code: Some(Arc::clone(module)) }
    }

    fn accepts(&self, port: usize, fingerprint: u64, shape: &Shape) -> bool {
        let converts =
            |module: &Arc<Module>| u32::try_from(port).is_ok_and(|port| module.converts(port, shape).is_ok());
        self.inputs[port].fingerprint == fingerprint || self.code.as_ref().is_some_and(converts)
    }
}

impl KnownTransform {
    /// A transform that is loaded.
    #[must_use]
    pub fn of(transform: &Arc<Transform>) -> Self {
        let (takes, gives) = (transform.takes().clone(), transform.gives().clone());
        Self { takes, gives, code: Some(Arc::clone(transform)) }
    }

    fn accepts(&self, sends: &PortInfo) -> bool {
        let converts = |transform: &Arc<Transform>| transform.converts(&sends.shape).is_ok();
        self.takes.fingerprint == sends.fingerprint || self.code.as_ref().is_some_and(converts)
    }
}

impl Scene {
    /// Whether everything that it speaks of is there, and fits. Answers with all mistakes; none is good.
    #[must_use]
    pub fn check(&self, known: &Known) -> Vec<SceneError> {
        let mut errors = Vec::new();
        for instance in self.instances.iter().flatten() {
            let path = vec!["instances".to_owned(), instance.id.clone()];
            match known.widgets.get(&instance.widget) {
                Some(widget) => {
                    let path = down(&path, "state");
                    check_state(&instance.state, &widget.shape, &path, &self.source, &mut errors);
                }
                None => {
                    let reason = format!("there is no widget `{}`", instance.widget);
                    let help = suggest(&instance.widget, known.widgets.keys().map(String::as_str));
                    errors.push(self.source.error(&down(&path, "widget"), Part::Value, reason, help));
                }
            }
        }
        for (index, connection) in self.connections.iter().enumerate() {
            let path = vec!["connections".to_owned(), index.to_string()];
            self.check_connection(connection, &path, known, &mut errors);
        }
        for id in self.widgets.keys().filter(|id| !known.widgets.contains_key(*id)) {
            let help = suggest(id, known.widgets.keys().map(String::as_str));
            let path = ["widgets".to_owned(), id.clone()];
            errors.push(self.source.error(&path, Part::Key, format!("there is no widget `{id}`"), help));
        }
        errors.sort_by_key(|error| (error.line, error.column));
        errors
    }

    fn check_connection(
        &self,
        connection: &SceneConnection,
        path: &[String],
        known: &Known,
        errors: &mut Vec<SceneError>,
    ) {
        let mut fail = |key: &str, reason: String, help: Option<String>| {
            errors.push(self.source.error(&down(path, key), Part::Value, reason, help));
        };
        let sends = self.port(&connection.from, false, known);
        let takes = self.port(&connection.to, true, known);
        let transform = connection.options.transform.as_ref().map(|name| {
            known.transforms.get(name).ok_or_else(|| {
                let help = suggest(name, known.transforms.keys().map(String::as_str));
                (format!("there is no transform `{name}`"), help)
            })
        });
        // A port of an instance whose widget is unknown is no further mistake.
        for (key, port) in [("from", &sends), ("to", &takes)] {
            if let Err(Some((reason, help))) = port {
                fail(key, reason.clone(), Some(help.clone()));
            }
        }
        if let Some(Err((reason, help))) = &transform {
            fail("transform", reason.clone(), Some(help.clone()));
        }
        let (Ok(sends), Ok(takes)) = (sends, takes) else { return };
        let SceneConnection { from, to, .. } = connection;
        let ((sender, port), (receiver, input)) = (sends, takes);
        let (sends, takes) = (&sender.outputs[port], &receiver.inputs[input]);
        let help = || Some(fitting(sends, receiver, input, known));
        match transform {
            Some(Ok(transform)) if !transform.accepts(sends) => {
                let (sends, takes) = (&sends.shape, &transform.takes.shape);
                fail(
                    "transform",
                    format!("`{from}` sends `{sends}`, but the transform takes `{takes}`"),
                    help(),
                );
            }
            Some(Ok(KnownTransform { gives, .. }))
                if !receiver.accepts(input, gives.fingerprint, &gives.shape) =>
            {
                let (takes, gives) = (&takes.shape, &gives.shape);
                fail(
                    "transform",
                    format!("`{to}` takes `{takes}`, but the transform gives `{gives}`"),
                    help(),
                );
            }
            None if !receiver.accepts(input, sends.fingerprint, &sends.shape) => {
                let reason = format!("`{from}` sends `{}`, but `{to}` takes `{}`", sends.shape, takes.shape);
                fail("to", reason, help());
            }
            _ => {}
        }
    }

    /// What a port sends or takes; none in the error if that was said elsewhere.
    fn port<'k>(
        &self,
        end: &str,
        input: bool,
        known: &'k Known,
    ) -> Result<(&'k KnownWidget, usize), Option<(String, String)>> {
        let (id, port) = endpoint(end).ok_or(None)?;
        let widget = match &self.instances {
            Some(instances) => {
                let instance = instances.iter().find(|instance| instance.id == id).ok_or(None)?;
                known.widgets.get(&instance.widget).ok_or(None)?
            }
            None => known.widgets.get(id).ok_or_else(|| {
                let help = suggest(id, known.widgets.keys().map(String::as_str));
                Some((format!("there is no instance `{id}`: no widget has that id"), help))
            })?,
        };
        let (ports, other, kind, wrong) = if input {
            (&widget.inputs, &widget.outputs, "input", "output")
        } else {
            (&widget.outputs, &widget.inputs, "output", "input")
        };
        let found = ports.iter().position(|info| info.name == port);
        found.map(|at| (widget, at)).ok_or_else(|| {
            let former = ports.iter().find(|info| info.was.iter().any(|was| was == port));
            let help = if let Some(info) = former {
                format!("it is called `{}` now", info.name)
            } else if other.iter().any(|info| info.name == port) {
                format!("it is an {wrong} port; messages go from an output to an input")
            } else {
                suggest(port, ports.iter().map(|info| info.name.as_str()))
            };
            Some((format!("`{id}` has no {kind} port `{port}`"), help))
        })
    }
}

/// What could stand between two ports.
fn fitting(sends: &PortInfo, receiver: &KnownWidget, input: usize, known: &Known) -> String {
    let fits = |(_, transform): &(&String, &KnownTransform)| {
        let gives = &transform.gives;
        transform.accepts(sends) && receiver.accepts(input, gives.fingerprint, &gives.shape)
    };
    let names: Vec<_> =
        known.transforms.iter().filter(fits).map(|(name, _)| format!("`transform = \"{name}\"`")).collect();
    match names.as_slice() {
        _ if receiver.accepts(input, sends.fingerprint, &sends.shape) => {
            "these ports fit without a transform".to_owned()
        }
        [] => "connect ports of the same type; no transform that is loaded fits between these".to_owned(),
        names => format!("write {}", names.join(" or ")),
    }
}
