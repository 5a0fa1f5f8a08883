//! `cargo shrine history`.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::output::Answer;
use super::project::{ProjectArguments, Survey};
use crate::chain::{Hop, Link, class_name, links};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::release::lock;
use crate::survey::Surveyed;

/// Show the versions of each widget, and what the hops between them do.
#[derive(Debug, Args)]
#[command(after_help = CLASSES)]
pub struct HistoryArguments {
    /// Show only this widget.
    #[arg(short, long, value_name = "ID")]
    widget: Option<String>,
    /// Show only this widget; a lone PATH may stand in its place.
    #[arg(value_name = "WIDGET")]
    first: Option<String>,
    #[command(flatten)]
    project: ProjectArguments,
}

const CLASSES: &str = "\
Going over a hop and back is:
  lossless          names change, or types that hold the same values and more
  lossy with attic  what loses its field waits in the attic of the instance; converters by hand answer for theirs
  one-way           something has no way back: a converter or function without its `down`
Nested types count with their own hops.

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
pub(super) fn run(mut arguments: HistoryArguments) -> ExitCode {
    if let Some(first) = arguments.first.take() {
        let is_path = first.contains(['/', '\\']) || Path::new(&first).exists();
        let is_named = arguments.widget.is_some();
        if (is_named || is_path) && arguments.project.path.is_none() {
            arguments.project.path = Some(first.into());
        } else {
            arguments.widget = Some(first);
        }
    }
    arguments.project.answer("history", |survey| history(&arguments, survey))
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
    let width = history.versions.iter().map(|link| link.version.len()).max().unwrap_or_default();
    for link in &history.versions {
        for (hop, beside) in
            link.hop.iter().map(|hop| (hop, "")).chain(link.shortcuts.iter().map(|hop| (hop, "shortcut: ")))
        {
            let Hop { to, class, operations } = hop;
            let operations =
                if operations.is_empty() { "nothing changes".to_owned() } else { operations.join(", ") };
            let class = class_name(*class);
            let _ =
                writeln!(text, "  {:>width$} -> {to:width$}  {class:16}  {beside}{operations}", link.version);
        }
    }
    text
}
