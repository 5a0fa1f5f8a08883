//! `cargo shrine capture`.

use clap::Args;
use serde_json::Value;

use super::output::Answer;
use super::project::ProjectArguments;
use crate::build::Project;
use crate::build::project::Start;
use crate::door;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::golden;

/// Keep the state of a running instance in shrine-fixtures, where tests migrate it to the head ever after.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct CaptureArguments {
    /// The instance, as `cargo shrine watch` calls it.
    instance: String,
    #[command(flatten)]
    project: ProjectArguments,
    /// What the file is called [default: the instance].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

const EXIT_CODES: &str = "\
It asks the `cargo shrine watch` that runs for the same crate, or for the workspace around it. In there, the command is
`capture INSTANCE [NAME]`. What is there is never written over: files are numbered.

Exit codes: 0 done, 2 usage, 4 no watch runs, 94 bad configuration, 100 the watch refused it";

/// Runs the command.
pub(super) fn run(arguments: &CaptureArguments) -> ExitCode {
    arguments.project.answer.say("capture", || capture(arguments))
}

fn capture(arguments: &CaptureArguments) -> Result<Answer, Error> {
    let CaptureArguments { instance, project, name } = arguments;
    if instance.is_empty() || instance.contains(char::is_whitespace) {
        return Err(Error::Usage {
            reason: format!("`{instance}` is no instance"),
            help: "an instance has one word for a name; `state` in the watch lists them".to_owned(),
        });
    }
    if let Some(name) = name.as_ref().filter(|name| !golden::is_name(name)) {
        return Err(Error::Usage {
            reason: format!("`{name}` cannot be the name of a file"),
            help: "use letters, digits, `-`, `_` and `.`, as in `after-a-day`".to_owned(),
        });
    }
    let start = Start::at(project.path.as_deref())?;
    let found = Project::discover(&start, &project.cargo)?;
    let command = format!("capture {instance} {}", name.as_deref().unwrap_or_default());
    let events = door::ask(&found, &command).map_err(|error| Error::io("talk to the watch", error))?;
    let Some(events) = events else {
        return Err(Error::NoWatch { directory: found.directory });
    };
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let named = |name: &str| events.iter().find(|event| event["event"] == name);
    match (named("captured"), named("error")) {
        (Some(captured), _) => {
            let path = text(captured, "path");
            let said = format!("captured {instance} in {path}\n");
            Ok(Answer::new(ExitCode::Success, said, "instance", instance).with("path", path))
        }
        (None, Some(error)) => {
            Err(Error::Refused { reason: text(error, "reason"), help: text(error, "help") })
        }
        (None, None) => {
            let ended = std::io::Error::other("it ended before it answered");
            Err(Error::io("talk to the watch", ended))
        }
    }
}
