//! A scene, held against what is loaded.

use std::collections::BTreeMap;

use super::error::{SceneError, suggest};
use super::source::{Part, down};
use super::state::check_state;
use super::{Scene, SceneConnection, endpoint};
use crate::abi::handle::Module;
use crate::state::shape::Shape;
use crate::widget::PortInfo;

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
pub struct KnownWidget {
    /// The shape of its state.
    pub shape: Shape,
    /// Its input ports.
    pub inputs: Vec<PortInfo>,
    /// Its output ports.
    pub outputs: Vec<PortInfo>,
}

/// A transform.
#[derive(Debug, Clone)]
pub struct KnownTransform {
    /// What goes in.
    pub takes: Shape,
    /// What comes out.
    pub gives: Shape,
}

impl KnownWidget {
    /// A widget that is loaded.
    #[must_use]
    pub fn of(module: &Module) -> Self {
        let interface = module.interface();
        Self {
            shape: module.versions().first().map_or(Shape::Any, |head| head.shape.clone()),
            inputs: interface.inputs.clone(),
            outputs: interface.outputs.clone(),
        }
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
        let transform = connection.transform.as_ref().map(|name| {
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
        let same = |a: &Shape, b: &Shape| a.fingerprint() == b.fingerprint();
        let SceneConnection { from, to, .. } = connection;
        match transform {
            Some(Ok(transform)) if !same(sends, &transform.takes) => {
                let reason =
                    format!("`{from}` sends `{sends}`, but the transform takes `{}`", transform.takes);
                fail("transform", reason, Some(self.fitting(sends, takes, known)));
            }
            Some(Ok(transform)) if !same(&transform.gives, takes) => {
                let reason = format!("`{to}` takes `{takes}`, but the transform gives `{}`", transform.gives);
                fail("transform", reason, Some(self.fitting(sends, takes, known)));
            }
            None if !same(sends, takes) => {
                let reason = format!("`{from}` sends `{sends}`, but `{to}` takes `{takes}`");
                fail("to", reason, Some(self.fitting(sends, takes, known)));
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
    ) -> Result<&'k Shape, Option<(String, String)>> {
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
        let found = ports.iter().find(|info| info.name == port).map(|info| &info.shape);
        found.ok_or_else(|| {
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

    /// What could stand between two ports.
    fn fitting(&self, sends: &Shape, takes: &Shape, known: &Known) -> String {
        let (sends, takes) = (sends.fingerprint(), takes.fingerprint());
        let fits = |(_, transform): &(&String, &KnownTransform)| {
            (transform.takes.fingerprint(), transform.gives.fingerprint()) == (sends, takes)
        };
        let names: Vec<_> = known
            .transforms
            .iter()
            .filter(fits)
            .map(|(name, _)| format!("`transform = \"{name}\"`"))
            .collect();
        match names.as_slice() {
            _ if sends == takes => "these ports fit without a transform".to_owned(),
            [] => "connect ports of the same type; no transform that is loaded fits between these".to_owned(),
            names => format!("write {}", names.join(" or ")),
        }
    }
}
