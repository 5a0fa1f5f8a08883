//! Where scenes and the registry meet.

use super::{Accept, Known, Scene, SceneAction, SceneConnection, SceneHistory, SceneInstance};
use crate::event::{ConnectionSummary, Event, InstanceSummary};
use crate::registry::{Acceptance, ConnectOptions, Registry, RegistryError, Until};

impl Scene {
    /// The scene that runs in a registry. What the registry does not say, as the states with which instances began and
    /// the policies, is as in `applied`, the scene that was applied last.
    #[must_use]
    pub fn running(registry: &Registry, applied: &Self) -> Self {
        let instance = |running: InstanceSummary| {
            let said = applied.instance(&running.id).filter(|said| said.widget == running.widget);
            said.cloned().unwrap_or_else(|| SceneInstance::new(&running.id, &running.widget))
        };
        let instances = registry.instances().into_iter().map(instance).collect();
        let connection = |running: ConnectionSummary| {
            let ConnectionSummary { source, target, options, transform, .. } = running;
            let mut connection = SceneConnection::new(&source, &target);
            connection.options = ConnectOptions { mode: options, transform };
            connection
        };
        let connections = match registry.connections() {
            Event::Connections { value } => {
                // Messages from outside have no source.
                value.into_iter().filter(|running| !running.source.is_empty()).map(connection).collect()
            }
            _ => Vec::new(),
        };
        Self { instances: Some(instances), connections, ..applied.clone() }
    }

    /// Has updates of each widget applied, deferred or declined as the scene says. With [`hot_update`](Self::hot_update)
    /// these are its policies.
    pub fn apply_policies(&self, registry: &mut Registry, known: &Known) {
        for widget in known.widgets.keys() {
            match self.accept(widget) {
                Accept::Apply => registry.accept_always(widget),
                Accept::Ask => registry.accept(widget, |_| Acceptance::Defer(Until::Asked)),
                Accept::Idle => registry.accept(widget, |proposal| match proposal.waiting {
                    0 => Acceptance::Apply,
                    _ => Acceptance::Defer(Until::Idle),
                }),
                Accept::Decline => registry.accept(widget, |_| {
                    Acceptance::Decline("the scene says `accept = \"decline\"`".to_owned())
                }),
            }
        }
    }
}

impl SceneAction {
    /// Does it. Policies are done by [`Scene::apply_policies`].
    ///
    /// # Errors
    ///
    /// When the registry does not; nothing was changed then.
    pub fn apply(&self, registry: &mut Registry, known: &Known) -> Result<(), RegistryError> {
        match self {
            Self::Disconnect { from, to } => registry.disconnect(from, to).map(drop),
            Self::Remove { instance } => registry.remove(instance),
            Self::Create(instance) => create(instance, registry, known),
            Self::Connect(SceneConnection { from, to, options }) => {
                registry.connect_with(from, to, options.clone())
            }
            Self::Reconfigure(SceneConnection { from, to, options }) => {
                registry.reconnect(from, to, options.clone())
            }
            Self::History { instance, history } => keep(instance, history, registry),
            Self::StateKept { .. } | Self::Policy { .. } => Ok(()),
        }
    }
}

/// An instance whose state does not fit is none.
fn create(instance: &SceneInstance, registry: &mut Registry, known: &Known) -> Result<(), RegistryError> {
    let SceneInstance { id, widget, state, history } = instance;
    match known.widgets.get(widget).filter(|_| !state.is_empty()) {
        None => registry.create(id, widget)?,
        Some(known) => {
            let begin = |default| Scene::complete(state, &default, &known.shape);
            registry.create_from(id, widget, Some(&begin))?;
        }
    }
    keep(id, history, registry).inspect_err(|_| drop(registry.remove(id)))
}

fn keep(instance: &str, history: &SceneHistory, registry: &mut Registry) -> Result<(), RegistryError> {
    registry.set_history(instance, history.record)?;
    registry.set_history_limits(instance, history.limits)
}
