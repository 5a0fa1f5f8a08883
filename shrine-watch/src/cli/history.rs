//! `cargo shrine history`.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::output::Answer;
use super::project::{ProjectArguments, Survey};
use crate::chain::{Link, links};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::release::lock;
use crate::survey::Surveyed;

/// Show the versions of each widget, and what the hops between them do.
#[derive(Debug, Args)]
#[command(after_help = CLASSES)]
pub struct HistoryArguments {
    #[command(flatten)]
    project: ProjectArguments,
    /// Show only this widget.
    #[arg(short, long, value_name = "ID")]
    widget: Option<String>,
}

const CLASSES: &str = "\
Going over a hop and back is:
  lossless          names change, or types that hold the same values
  lossy with attic  values that lose their field wait in the attic of the instance; converters decide for theirs
  one-way           something has no `down`

Exit codes: 0 done, 2 usage, 4 no widgets, 94 bad configuration, 101 build failed, 103 load failed";

/// A widget with its versions.
#[derive(Serialize)]
struct History {
    package: String,
    id: String,
    version: String,
    /// The head first.
    versions: Vec<Link>,
}

/// Runs the command.
pub(super) fn run(arguments: &HistoryArguments) -> ExitCode {
    // Whoever writes the id of a widget in the place of PATH should not read about widget crates.
    let path = arguments.project.path.as_deref().and_then(Path::to_str);
    if let Some(id) = path.filter(|path| !path.contains('/') && !Path::new(path).exists()) {
        let (reason, help) =
            (format!("there is no `{id}`"), format!("for one widget, write `--widget {id}`"));
        return arguments.project.answer.say("history", || Err(Error::Usage { reason, help }));
    }
    arguments.project.answer("history", |survey| history(arguments, survey))
}

fn history(arguments: &HistoryArguments, survey: &mut Survey) -> Result<Answer, Error> {
    let crates = survey.crates()?;
    let mut histories = Vec::new();
    for surveyed in &crates {
        let lock = lock::read(surveyed.package.directory())?.unwrap_or_default();
        for module in &surveyed.widgets {
            let released = lock.widgets.get(module.id());
            histories.push(History {
                package: surveyed.package.name.clone(),
                id: module.id().to_owned(),
                version: module.version().to_owned(),
                versions: links(module.versions(), |info| {
                    released
                        .is_some_and(|versions| versions.keys().any(|known| known.as_str() == info.version))
                }),
            });
        }
    }
    if let Some(id) = &arguments.widget {
        find(&crates, id)?;
        histories.retain(|history| history.id == *id);
    }
    let text = histories.iter().map(text).collect::<Vec<_>>().join("\n");
    Ok(Answer::new(ExitCode::Success, text, "widgets", histories))
}

/// The crate that has the widget of that id, and the widget's place in it.
pub(super) fn find(crates: &[Surveyed], id: &str) -> Result<(usize, usize), Error> {
    let place = |(index, surveyed): (usize, &Surveyed)| {
        surveyed.widgets.iter().position(|module| module.id() == id).map(|widget| (index, widget))
    };
    crates.iter().enumerate().find_map(place).ok_or_else(|| {
        let ids: Vec<_> = crates
            .iter()
            .flat_map(|surveyed| &surveyed.widgets)
            .map(|module| format!("`{}`", module.id()))
            .collect();
        Error::Usage {
            reason: format!("there is no widget `{id}`"),
            help: format!("there is {}", ids.join(", ")),
        }
    })
}

fn text(history: &History) -> String {
    let is_released = history.versions.first().is_some_and(|head| head.released);
    let state = if is_released { "released" } else { "not released" };
    let mut text = format!("{} {}   {state}\n", history.id, history.version);
    let operations = |link: &Link| match &link.hop {
        Some(hop) if hop.operations.is_empty() => "nothing changes".to_owned(),
        Some(hop) => hop.operations.join(", "),
        None => String::new(),
    };
    let width = history.versions.iter().map(|link| link.version.len()).max().unwrap_or_default();
    for link in &history.versions {
        let Some(hop) = &link.hop else { continue };
        let _ = writeln!(
            text,
            "  {:>width$} -> {:width$}  {:16}  {}",
            link.version,
            hop.to,
            hop.class,
            operations(link)
        );
    }
    text
}
