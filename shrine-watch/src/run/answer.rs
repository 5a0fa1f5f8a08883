//! Answers commands from the registry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shrine::event::Event;
use shrine::registry::{Registry, RegistryError};
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
        Command::Connections => one(registry.connections()),
        Command::Accept if registry.apply_deferred().is_some() => Ok(Vec::new()),
        Command::Accept => {
            let help = "updates wait where shrine.toml says `accept = \"ask\"` or `\"idle\"`".to_owned();
            Err(Refused::Other("no update waits".to_owned(), Some(help)))
        }
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
