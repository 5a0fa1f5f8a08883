//! Where scenes and the registry meet.

use serde_json::Value;

use super::{Known, Scene, SceneAction, SceneConnection, SceneInstance};
use crate::abi::Failure;
use crate::abi::handle::CallError;
use crate::event::Event;
use crate::registry::{Registry, RegistryError};

impl Scene {
    /// The scene that runs in a registry. What the registry does not know, as the states with which instances began,
    /// is as in `applied`, the scene that was applied last.
    #[must_use]
    pub fn running(registry: &Registry, applied: &Self) -> Self {
        let instance = |running: crate::event::InstanceSummary| {
            let said = applied.instance(&running.id).filter(|said| said.widget == running.widget);
            said.cloned().unwrap_or_else(|| SceneInstance::new(&running.id, &running.widget))
        };
        let instances = registry.instances().into_iter().map(instance).collect();
        let connection = |running: crate::event::ConnectionSummary| {
            let bare = SceneConnection::new(&running.source, &running.target);
            applied.counterpart(&bare).cloned().unwrap_or(bare)
        };
        let connections = match registry.connections() {
            Event::Connections { value } => value.into_iter().map(connection).collect(),
            _ => Vec::new(),
        };
        Self { instances: Some(instances), connections, ..applied.clone() }
    }
}

impl SceneAction {
    /// Does it.
    ///
    /// # Errors
    ///
    /// When the registry does not; nothing was changed then.
    pub fn apply(&self, registry: &mut Registry, known: &Known) -> Result<(), RegistryError> {
        match self {
            Self::Disconnect { from, to } => {
                Err(not_yet(from, &format!("its connection to `{to}` cannot be ended")))
            }
            Self::Remove { instance } => registry.remove(instance),
            Self::Create(instance) => create(instance, registry, known),
            Self::Connect(connection) => connect(connection, registry),
            Self::Reconfigure(connection) => Err(not_yet(&connection.from, "its options cannot be changed")),
            Self::History { instance, .. } => Err(not_yet(instance, "its history has no options")),
            Self::StateKept { .. } | Self::Policy { .. } => Ok(()),
        }
    }
}

fn not_yet(what: &str, message: &str) -> RegistryError {
    let failure = Failure { message: message.to_owned(), location: None };
    RegistryError::Call { instance: what.to_owned(), error: CallError::Failed(failure) }
}

fn connect(connection: &SceneConnection, registry: &mut Registry) -> Result<(), RegistryError> {
    let SceneConnection { from, to, .. } = connection;
    if *connection != SceneConnection::new(from, to) {
        return Err(not_yet(from, "connections have no options"));
    }
    registry.connect(from, to)
}

/// An instance whose state does not fit is none.
fn create(instance: &SceneInstance, registry: &mut Registry, known: &Known) -> Result<(), RegistryError> {
    let SceneInstance { id, widget, state, .. } = instance;
    registry.create(id, widget)?;
    let Some(known) = known.widgets.get(widget).filter(|_| !state.is_empty()) else { return Ok(()) };
    let begin = |registry: &mut Registry| {
        let Event::State { value, .. } = registry.state_json(id)? else { return Ok(()) };
        let complete: Value = Scene::complete(state, &value, &known.shape);
        registry.set_json(id, &complete)
    };
    begin(registry).inspect_err(|_| drop(registry.remove(id)))
}
