//! What leads from the scene that runs to another.

use std::collections::BTreeSet;
use std::fmt;

use super::{Choice, Known, Scene, SceneConnection, SceneHistory, SceneInstance, UpdatePolicy};

/// One step from a scene to another.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SceneAction {
    /// End a connection.
    Disconnect {
        /// `instance.port`
        from: String,
        /// `instance.port`
        to: String,
    },
    /// End an instance.
    Remove {
        /// The instance.
        instance: String,
    },
    /// Make an instance.
    Create(SceneInstance),
    /// Keep another part of an instance's past.
    History {
        /// The instance.
        instance: String,
        /// What is kept from now on.
        history: SceneHistory,
    },
    /// Nothing: the instance runs, so the state with which it would begin does not matter any more.
    StateKept {
        /// The instance.
        instance: String,
    },
    /// Give a connection other options.
    Reconfigure(SceneConnection),
    /// Make a connection.
    Connect(SceneConnection),
    /// Do the coming updates in another way.
    Policy {
        /// The widget; none for all that have no policy of their own.
        widget: Option<String>,
        /// How.
        policy: UpdatePolicy,
    },
}

impl Scene {
    /// The same scene with its instances listed. Where the file lists none, those that run go on, and there is one of
    /// each widget that has none, of the widget's name.
    #[must_use]
    pub fn settled(&self, known: &Known, running: &Self) -> Self {
        let mut settled = self.clone();
        if settled.instances.is_none() {
            let mut instances = running.instances.clone().unwrap_or_default();
            for widget in known.widgets.keys() {
                if !instances.iter().any(|instance| instance.widget == *widget || instance.id == *widget) {
                    instances.push(SceneInstance::new(widget, widget));
                }
            }
            settled.instances = Some(instances);
        }
        settled
    }

    /// What leads from `running` to this scene, in an order that can be carried out: what goes, goes first, and
    /// connections are made when both ends are there.
    ///
    /// An instance that becomes one of another widget is removed and made anew; its connections are kept. A scene that
    /// lists no instances leaves them alone: see [`settled`](Self::settled).
    #[must_use]
    pub fn difference(&self, running: &Self) -> Vec<SceneAction> {
        let mut actions = Vec::new();
        for gone in running.connections.iter().filter(|known| self.counterpart(known).is_none()) {
            actions.push(SceneAction::Disconnect { from: gone.from.clone(), to: gone.to.clone() });
        }
        if self.instances.is_some() {
            self.instances_from(running, &mut actions);
        }
        for connection in &self.connections {
            match running.counterpart(connection) {
                Some(same) if same == connection => {}
                Some(_) => actions.push(SceneAction::Reconfigure(connection.clone())),
                None => actions.push(SceneAction::Connect(connection.clone())),
            }
        }
        if self.update != running.update {
            actions.push(SceneAction::Policy { widget: None, policy: self.update });
        }
        let widgets: BTreeSet<&String> = self.widgets.keys().chain(running.widgets.keys()).collect();
        for widget in widgets {
            let of = |scene: &Self| scene.widgets.get(widget).copied().unwrap_or_default();
            if of(self) != of(running) {
                actions.push(SceneAction::Policy { widget: Some(widget.clone()), policy: of(self) });
            }
        }
        actions
    }

    fn instances_from(&self, running: &Self, actions: &mut Vec<SceneAction>) {
        let stays = |instance: &&SceneInstance| {
            self.instance(&instance.id).is_some_and(|here| here.widget == instance.widget)
        };
        for gone in running.instances.iter().flatten().filter(|instance| !stays(instance)) {
            actions.push(SceneAction::Remove { instance: gone.id.clone() });
        }
        for instance in self.instances.iter().flatten() {
            let same_widget = |other: &&SceneInstance| other.widget == instance.widget;
            let Some(before) = running.instance(&instance.id).filter(same_widget) else {
                actions.push(SceneAction::Create(instance.clone()));
                continue;
            };
            let id = || instance.id.clone();
            if before.history != instance.history {
                actions.push(SceneAction::History { instance: id(), history: instance.history });
            }
            if before.state != instance.state {
                actions.push(SceneAction::StateKept { instance: id() });
            }
        }
    }

    /// The instance of that name.
    #[must_use]
    pub fn instance(&self, id: &str) -> Option<&SceneInstance> {
        self.instances.iter().flatten().find(|instance| instance.id == id)
    }

    /// The connection between the same ports.
    #[must_use]
    pub fn counterpart(&self, of: &SceneConnection) -> Option<&SceneConnection> {
        self.connections.iter().find(|known| (&known.from, &known.to) == (&of.from, &of.to))
    }
}

/// Prints what is done, for people.
impl fmt::Display for SceneAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnect { from, to } => write!(f, "{from} -> {to} disconnected"),
            Self::Remove { instance } => write!(f, "{instance} removed"),
            Self::Create(instance) => write!(f, "{} created, a {}", instance.id, instance.widget),
            Self::History { instance, history } => {
                write!(f, "{instance} is recorded by {}", history.record.word())
            }
            Self::StateKept { instance } => {
                write!(f, "{instance} keeps its state: that of the scene is for a new instance")
            }
            Self::Reconfigure(SceneConnection { from, to, .. }) => write!(f, "{from} -> {to} reconfigured"),
            Self::Connect(SceneConnection { from, to, .. }) => write!(f, "{from} -> {to} connected"),
            Self::Policy { widget, .. } => {
                write!(f, "updates of {} are done in another way", widget.as_deref().unwrap_or("all widgets"))
            }
        }
    }
}
