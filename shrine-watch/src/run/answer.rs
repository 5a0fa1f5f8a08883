//! Answers commands from the registry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shrine::event::{Event, TransformSummary};
use shrine::registry::{Registry, RegistryError};
use shrine::scene::KnownTransform;
use shrine::state::lock::{FILE, Lock};

use crate::golden;
use crate::session::Command;

/// The directory of the crate that each widget came from, by its id.
pub(super) type Homes = BTreeMap<String, PathBuf>;

/// Does what a command says. The answer may be several events, or none.
pub(super) fn answer(command: &Command, registry: &mut Registry, homes: &Homes) -> Vec<Event> {
    let refused = |reason: String, help: Option<String>| {
        vec![Event::Error { command: command.to_string(), reason, help }]
    };
    match carry_out(command, registry, homes) {
        Ok(events) => events,
        Err(Refused::Registry(error)) => refused(error.to_string(), error.help()),
        Err(Refused::Other(reason, help)) => refused(reason, help),
        Err(Refused::WhichInstance) => {
            let ids: Vec<_> = registry.instances().into_iter().map(|instance| instance.id).collect();
            let help = if ids.is_empty() {
                "there are none".to_owned()
            } else {
                format!("name one of {}", ids.join(", "))
            };
            refused("which instance?".to_owned(), Some(help))
        }
    }
}

enum Refused {
    Registry(RegistryError),
    WhichInstance,
    Other(String, Option<String>),
}

impl From<RegistryError> for Refused {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

fn carry_out(command: &Command, registry: &mut Registry, homes: &Homes) -> Result<Vec<Event>, Refused> {
    let one = |event: Event| Ok(vec![event]);
    match command {
        Command::State(Some(instance)) => one(registry.state_json(instance)?),
        Command::View(Some(instance)) => one(registry.view(instance)?),
        Command::State(None) => all(registry, Registry::state_json),
        Command::View(None) => all(registry, Registry::view),
        Command::Instance(instance) => {
            one(Event::Instance(registry.instance(&which(instance.as_deref(), registry)?)?))
        }
        Command::Send(target, value) => {
            registry.send_json(target, value)?;
            Ok(Vec::new())
        }
        Command::Set(instance, value) => {
            registry.set_json(instance, value)?;
            one(registry.state_json(instance)?)
        }
        Command::Undo(instance) => {
            let instance = which(instance.as_deref(), registry)?;
            registry.undo(&instance)?;
            one(registry.state_json(&instance)?)
        }
        Command::Redo(instance) => {
            let instance = which(instance.as_deref(), registry)?;
            registry.redo(&instance)?;
            one(registry.state_json(&instance)?)
        }
        Command::History(instance) => one(registry.history(&which(instance.as_deref(), registry)?)?),
        Command::Capture(instance, name) => {
            one(capture(instance, name.as_deref().unwrap_or(instance), registry, homes)?)
        }
        Command::Jump(instance, index) => {
            let instance = which(instance.as_deref(), registry)?;
            registry.jump(&instance, *index)?;
            one(registry.state_json(&instance)?)
        }
        Command::Restore(instance, name) => {
            let instance = which(instance.as_deref(), registry)?;
            registry.restore(&instance, name)?;
            one(registry.state_json(&instance)?)
        }
        Command::Checkpoint(instance, name) => {
            let instance = which(instance.as_deref(), registry)?;
            let index = registry.checkpoint(&instance, name)?;
            one(Event::Checkpointed { instance, name: name.clone(), index })
        }
        Command::Connections => one(registry.connections()),
        Command::Transforms => one(transforms(registry)),
        Command::Watch(port) => one(watch(port, true, registry)?),
        Command::Unwatch(port) => one(watch(port, false, registry)?),
        Command::Events(seq) => one(Event::Events { value: registry.events_since(*seq).cloned().collect() }),
        // What these do is told by the registry.
        Command::Create(instance, widget) => {
            told(registry.create(instance, widget.as_ref().unwrap_or(instance)))
        }
        Command::Remove(instance) => told(registry.remove(instance)),
        Command::Connect(wire) => told(registry.connect_with(&wire.source, &wire.target, wire.options())),
        Command::Reconnect(wire) => told(registry.reconnect(&wire.source, &wire.target, wire.options())),
        Command::Disconnect(source, target) => told(registry.disconnect(source, target)),
        Command::Plan => waits(registry.plan_deferred()),
        Command::Accept => waits(registry.apply_deferred()),
        Command::Decline => waits(registry.discard_deferred().ok()),
        // The session and the stage do these themselves.
        Command::Scene { .. }
        | Command::Errors
        | Command::Reload
        | Command::Pause
        | Command::Resume
        | Command::Help
        | Command::Quit => Ok(Vec::new()),
    }
}

fn told<T>(done: Result<T, RegistryError>) -> Result<Vec<Event>, Refused> {
    done.map(|_| Vec::new()).map_err(Refused::from)
}

/// What was done with the update that waits, if one does.
fn waits<T>(done: Option<T>) -> Result<Vec<Event>, Refused> {
    let help = || "updates wait where shrine.toml says `accept = \"ask\"` or `\"idle\"`".to_owned();
    done.map(|_| Vec::new()).ok_or_else(|| Refused::Other("no update waits".to_owned(), Some(help())))
}

fn watch(port: &str, watched: bool, registry: &mut Registry) -> Result<Event, Refused> {
    registry.watch(port, watched)?;
    // The registry has just taken it for one.
    let (instance, port) = port.rsplit_once('.').unwrap_or((port, ""));
    Ok(Event::Watched { instance: instance.to_owned(), port: port.to_owned(), watched })
}

fn transforms(registry: &Registry) -> Event {
    let summary = |(name, known): (String, KnownTransform)| TransformSummary {
        name,
        takes: known.takes.shape.to_string(),
        gives: known.gives.shape.to_string(),
    };
    Event::Transforms { value: registry.known().transforms.into_iter().map(summary).collect() }
}

/// Keeps the state of an instance as a golden of its version.
fn capture(instance: &str, name: &str, registry: &mut Registry, homes: &Homes) -> Result<Event, Refused> {
    let refused = |reason: String| Refused::Other(reason, None);
    let Event::State { widget, version, value, .. } = registry.state_json(instance)? else {
        return Err(refused(format!("`{instance}` has no state")));
    };
    let Some(home) = homes.get(&widget) else {
        return Err(refused(format!("`{widget}` is no widget of the watched crates")));
    };
    let running = registry.widgets().into_iter().find(|known| known.id == widget);
    if let (Some(released), Some(running)) = (released_as(home, &widget, &version), running)
        && running.fingerprint != format!("{released:016x}")
    {
        let reason =
            format!("the running state is an edit of {version}, which was released with another shape");
        let help = format!("raise the version first, as `cargo shrine bump {widget}` does");
        return Err(Refused::Other(reason, Some(help)));
    }
    let folder = golden::folder(home, &widget, &version);
    let failed = |error| refused(format!("cannot write into {}: {error}", folder.display()));
    let path = golden::write(&folder, name, &value).map_err(failed)?;
    let (instance, path) = (instance.to_owned(), path.display().to_string());
    Ok(Event::Captured { instance, path })
}

/// The fingerprint that a version was released with. A lock that cannot be read is the compiler's business.
fn released_as(home: &Path, widget: &str, version: &str) -> Option<u64> {
    let text = std::fs::read_to_string(home.join(FILE)).ok()?;
    let lock = Lock::parse(&text).ok()?;
    let released = lock.widgets.get(widget)?.iter().find(|(known, _)| known.as_str() == version)?;
    Some(released.1.fingerprint)
}

fn all(
    registry: &mut Registry,
    ask: impl Fn(&mut Registry, &str) -> Result<Event, RegistryError>,
) -> Result<Vec<Event>, Refused> {
    let instances = registry.instances();
    if instances.is_empty() {
        return Err(Refused::WhichInstance);
    }
    instances.iter().map(|instance| ask(registry, &instance.id).map_err(Refused::from)).collect()
}

/// The instance that was named, or the only one.
fn which(named: Option<&str>, registry: &Registry) -> Result<String, Refused> {
    match (named, registry.instances().as_slice()) {
        (Some(named), _) => Ok(named.to_owned()),
        (None, [only]) => Ok(only.id.clone()),
        (None, _) => Err(Refused::WhichInstance),
    }
}
