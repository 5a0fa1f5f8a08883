//! What is said about an update.

use std::collections::BTreeMap;

use super::error::list;
use super::instance::head_shape;
use crate::abi::handle::Module;
use crate::event::{FieldChange, FieldReport};
use crate::state::plan::{Reason, Stuck, find, suggest};
use crate::state::touched::Touched;

/// Why an update is refused, and what to write.
pub(super) fn explain(reason: &Reason, from: &Module, to: &Module) -> (String, String) {
    let (running, target) = (from.version(), to.version());
    match reason {
        Reason::NoChain { next } => {
            let shape = find(to.versions(), next).map_or(head_shape(to), |info| &info.shape);
            let line = suggest(running, head_shape(from), shape);
            // Newest hop first: the line goes below the one that leads on from where it leads to.
            let place =
                if next == target { "#[widget(..)]" } else { &format!("#[migrate(from = \"{next}\", ..)]") };
            let known: Vec<_> = to.versions().iter().skip(1).map(|info| info.version.clone()).collect();
            let knows =
                if known.is_empty() { String::new() } else { format!("; its chain knows {}", list(&known)) };
            let reason = format!("no migration leads from {running} to {target}{knows}");
            (reason, format!("write `{line}` below `{place}`"))
        }
        Reason::Newer => (
            format!("the running state is {running}, which {target} has never heard of"),
            format!("raise the version above {running}, or go on from the source of {running}"),
        ),
        Reason::OneWay { hop } => (
            format!(
                "the state cannot go back from {running} to {target}: the hop from {hop} has no way back"
            ),
            format!(
                "go back to the source of {running}, give `#[migrate(from = \"{hop}\", ..)]` a `down`, and save that first"
            ),
        ),
        Reason::Nested(stuck) => {
            let Stuck { path, name, from, to, line, why } = &**stuck;
            let place = format!("`{path}`: `{name}` is at version {from} in the running state");
            match why {
                Reason::OneWay { hop } => (
                    format!("{place}, and cannot go back to {to}: the hop from {hop} has no way back"),
                    format!(
                        "go back to the source of {from}, give `#[migrate(from = \"{hop}\", ..)]` of `{name}` a `down`, and save that first"
                    ),
                ),
                Reason::NoChain { next } => {
                    let above = match next == to {
                        true => "#[state(version = ..)]",
                        false => &format!("#[migrate(from = \"{next}\", ..)]"),
                    };
                    let reason = format!("{place}, and no migration leads from there to {to}");
                    (reason, format!("write `{line}` below `{above}` of `{name}`"))
                }
                _ => (
                    format!("{place}, which the code that runs does not lead back to {to}"),
                    format!("raise the version of `{name}` above {from}, or go on from the source of {from}"),
                ),
            }
        }
        Reason::InvalidVersion { version } => {
            (format!("`{version}` is no semantic version"), "write `major.minor.patch`".to_owned())
        }
    }
}

/// Collects what happened to the fields of many instances: one line for each widget, field and change, with the
/// instances it is about unless that is all of the widget's.
#[derive(Default)]
pub(super) struct Reports {
    /// How many instances each widget has.
    totals: BTreeMap<String, usize>,
    lines: Vec<FieldReport>,
    /// The place of each line.
    places: BTreeMap<(String, String, FieldChange, String), usize>,
}

impl Reports {
    pub(super) fn add(&mut self, widget: &str, instance: &str, touched: Vec<Touched>) {
        match self.totals.get_mut(widget) {
            Some(total) => *total += 1,
            None => drop(self.totals.insert(widget.to_owned(), 1)),
        }
        for Touched { field, what, detail, count } in touched {
            let key = (widget.to_owned(), field, what, detail);
            if let Some(place) = self.places.get(&key) {
                let line = &mut self.lines[*place];
                line.instances.push(instance.to_owned());
                line.count += count;
                continue;
            }
            let (widget, field, what, detail) = key.clone();
            self.places.insert(key, self.lines.len());
            let instances = vec![instance.to_owned()];
            self.lines.push(FieldReport { widget, instances, field, what, detail, count });
        }
    }

    pub(super) fn finish(mut self) -> Vec<FieldReport> {
        for line in &mut self.lines {
            if self.totals.get(&line.widget) == Some(&line.instances.len()) {
                line.instances.clear();
            }
        }
        self.lines
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
