//! `cargo shrine scene`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use shrine::scene::{Scene, SceneError};

use super::output::Answer;
use super::project::ProjectArguments;
use crate::build::Project;
use crate::build::project::Start;
use crate::door;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::scene::save;

/// Print what runs as a shrine.toml: instances, connections and policies.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct SceneArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Let instances begin with the states that they have now.
    #[arg(long)]
    states: bool,
    /// Write it into the shrine.toml of the watch. What did not change there stays as it is, with its comments.
    #[arg(long)]
    save: bool,
}

const EXIT_CODES: &str = "\
It asks the `cargo shrine watch` that runs for the same crate, or for the workspace around it. In there, the command is
`scene [states]`.

Exit codes: 0 done, 2 usage, 4 no watch runs, 94 shrine.toml has mistakes, 100 the watch refused it";

/// Runs the command.
pub(super) fn run(arguments: &SceneArguments) -> ExitCode {
    arguments.project.answer.say("scene", || scene(arguments))
}

fn scene(arguments: &SceneArguments) -> Result<Answer, Error> {
    let SceneArguments { project, states, save } = arguments;
    let start = Start::at(project.path.as_deref())?;
    let found = Project::discover(&start, &project.cargo)?;
    let command = if *states { "scene states" } else { "scene" };
    let events = door::ask(&found, command).map_err(|error| Error::io("talk to the watch", error))?;
    let Some(events) = events else {
        return Err(Error::NoWatch { directory: found.directory });
    };
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let named = |name: &str| events.iter().find(|event| event["event"] == name);
    let Some(running) = named("scene") else {
        return Err(match named("error") {
            Some(error) => Error::Refused { reason: text(error, "reason"), help: text(error, "help") },
            None => Error::io("talk to the watch", io::Error::other("it ended before it answered")),
        });
    };
    let (value, path) = (text(running, "value"), PathBuf::from(text(running, "path")));
    if !save {
        return Ok(Answer::new(ExitCode::Success, value.clone(), "scene", value));
    }
    let value = write(&path, &value)?;
    let said = format!("saved {}\n", path.display());
    Ok(Answer::new(ExitCode::Success, said, "scene", value).with("path", path))
}

/// Writes the scene that runs into its file; answers with the text of that.
fn write(path: &Path, running: &str) -> Result<String, Error> {
    let file = path.display();
    let mistakes = |errors: Vec<SceneError>| {
        let shown: Vec<_> = errors.iter().map(|error| error.render(&file.to_string())).collect();
        Error::Configuration { reason: shown.join("\n\n"), help: String::new() }
    };
    // What runs may be no scene: connections wait for instances that were removed. Its text is in no file, and so no place in it
    // is told.
    let running = Scene::parse(running).map_err(|errors| {
        let mut reasons: Vec<_> = errors.into_iter().map(|error| error.reason).collect();
        reasons.dedup();
        Error::Refused {
            reason: format!("what runs cannot be written as a scene: {}", reasons.join("; ")),
            help: "first `create` in the watch what its connections wait for, or `disconnect` those"
                .to_owned(),
        }
    })?;
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| Error::io(format!("read {file}"), error))?,
    };
    let saved = save(&text, &running).map_err(mistakes)?;
    if saved != text {
        fs::write(path, &saved).map_err(|error| Error::io(format!("write {file}"), error))?;
    }
    Ok(saved)
}
