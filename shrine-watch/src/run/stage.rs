//! Makes what runs like the scene.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shrine::event::Event;
use shrine::registry::{HotUpdate, Registry};
use shrine::scene::{FILE, Scene, SceneAction, SceneError};

use super::Audience;
use crate::session::Command;

/// The scene of a run.
#[derive(Debug)]
pub(super) struct Stage {
    file: PathBuf,
    /// What was applied last; none before the first time.
    applied: Option<Scene>,
    /// The text that it was applied from.
    text: Option<String>,
    /// The mistakes that were told last, and what was in the file then: they are told once for each edit of it.
    told: Option<(Vec<String>, Option<Vec<u8>>)>,
    taken_away: TakenAway,
}

/// What commands have taken away since the file was edited. New code is no reason to bring it back.
#[derive(Debug, Default)]
struct TakenAway {
    instances: BTreeSet<String>,
    /// From and to.
    connections: BTreeSet<(String, String)>,
}

impl Stage {
    pub(super) fn new(directory: &Path) -> Self {
        let file = directory.join(FILE);
        Self { file, applied: None, text: None, told: None, taken_away: TakenAway::default() }
    }

    /// How updates are done.
    pub(super) fn options(&self) -> HotUpdate {
        self.applied.as_ref().map_or_else(HotUpdate::new, Scene::hot_update)
    }

    /// Whether the file is a scene, as far as that can be said before anything is loaded; tells what is wrong.
    pub(super) fn is_readable(&mut self, audience: &mut dyn Audience) -> bool {
        match self.read() {
            Ok(_) => true,
            Err(mistakes) => {
                self.refuse(mistakes, audience);
                false
            }
        }
    }

    /// Reads the file and makes what runs like it. Answers with what is to be said when the registry has told of it.
    /// None in place of that when the scene is bad; nothing was changed then.
    pub(super) fn apply(
        &mut self,
        registry: &mut Registry,
        audience: &mut dyn Audience,
    ) -> Option<Vec<Event>> {
        let (text, scene) = match self.read() {
            Ok(read) => read,
            Err(mistakes) => {
                self.refuse(mistakes, audience);
                return None;
            }
        };
        let known = registry.known();
        let mistakes = scene.check(&known);
        if !mistakes.is_empty() {
            self.refuse(mistakes.iter().map(mistake).collect(), audience);
            return None;
        }
        // Who has been told of mistakes wants to know that they are mended, also by going back to what was there.
        let was_refused = self.told.take().is_some();
        let running = Scene::running(registry, self.applied.as_ref().unwrap_or(&Scene::default()));
        let is_edit = self.applied.is_some() && self.text != text;
        let is_same = self.applied.is_some() && self.text == text;
        if is_edit {
            self.taken_away = TakenAway::default();
        }
        let settled = scene.settled(&known, &running);
        let mut actions = settled.difference(&running);
        if is_same {
            actions.retain(|action| self.taken_away.leaves(action));
        }
        let (mut changes, mut events) = (Vec::new(), Vec::new());
        for action in &actions {
            match action.apply(registry, &known) {
                Ok(()) => changes.push(action.to_string()),
                Err(error) => {
                    let (command, help) = (format!("scene: {action}"), error.help());
                    events.push(Event::Error { command, reason: error.to_string(), help });
                }
            }
        }
        scene.apply_policies(registry, &known);
        (self.applied, self.text) = (Some(scene), text);
        if is_edit || (was_refused && is_same) {
            events.push(Event::SceneApplied { path: self.file.display().to_string(), changes });
        }
        Some(events)
    }

    /// Notes what a command has done: it stays until the next edit of the file.
    pub(super) fn was_done(&mut self, command: &Command) {
        let TakenAway { instances, connections } = &mut self.taken_away;
        match command {
            Command::Create(instance, _) => drop(instances.remove(instance)),
            Command::Remove(instance) => drop(instances.insert(instance.clone())),
            Command::Connect(wire) => {
                connections.remove(&(wire.source.clone(), wire.target.clone()));
            }
            Command::Disconnect(source, target) => {
                connections.insert((source.clone(), target.clone()));
            }
            _ => {}
        }
    }

    /// The scene as it runs.
    pub(super) fn show(&self, registry: &mut Registry, states: bool) -> Event {
        let mut scene = Scene::running(registry, self.applied.as_ref().unwrap_or(&Scene::default()));
        for instance in scene.instances.iter_mut().flatten().filter(|_| states) {
            if let Ok(Event::State { value: serde_json::Value::Object(state), .. }) =
                registry.state_json(&instance.id)
            {
                instance.state = state;
            }
        }
        Event::Scene { path: self.file.display().to_string(), value: scene.to_toml() }
    }

    /// What the file says. A file that is gone or says nothing is no edit: an editor may be about to fill it.
    fn read(&self) -> Result<(Option<String>, Scene), Vec<Mistake>> {
        let text = match std::fs::read(&self.file) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|error| {
                let line =
                    error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
                vec![(
                    format!("line {line} of {FILE} is no UTF-8"),
                    Some("save the file as UTF-8".to_owned()),
                )]
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(vec![(format!("cannot read {}: {error}", self.file.display()), None)]),
        };
        let scene = Scene::parse(&text).map_err(|errors| errors.iter().map(mistake).collect::<Vec<_>>())?;
        match &self.applied {
            Some(applied) if scene.is_empty() => Ok((self.text.clone(), applied.clone())),
            _ => Ok((Some(text), scene)),
        }
    }

    /// Tells what is wrong with the scene, unless that was told of the same file before. An edit that leaves the mistakes where
    /// they are is told of again, because nothing of it is applied.
    fn refuse(&mut self, mistakes: Vec<Mistake>, audience: &mut dyn Audience) {
        let reasons: Vec<_> = mistakes.iter().map(|(reason, _)| reason.clone()).collect();
        let told = Some((reasons, std::fs::read(&self.file).ok()));
        if self.told == told {
            return;
        }
        self.told = told;
        for (reason, help) in mistakes {
            audience.event(&Event::Error { command: "scene".to_owned(), reason, help });
        }
        if self.applied.is_some() {
            audience.note("scene", "nothing was changed: what runs is as it was");
        }
    }
}

impl TakenAway {
    /// Whether an action leaves alone what commands have done, while the file says what it said before.
    fn leaves(&self, action: &SceneAction) -> bool {
        match action {
            // What is not in the file was made or changed by a command.
            SceneAction::Disconnect { .. } | SceneAction::Remove { .. } | SceneAction::Reconfigure(_) => {
                false
            }
            SceneAction::Create(instance) => !self.instances.contains(&instance.id),
            SceneAction::Connect(connection) => {
                let ends = (connection.from.clone(), connection.to.clone());
                !self.connections.contains(&ends)
            }
            _ => true,
        }
    }
}

/// What is wrong, and what to do.
type Mistake = (String, Option<String>);

fn mistake(error: &SceneError) -> Mistake {
    (error.to_string(), error.help.clone())
}
