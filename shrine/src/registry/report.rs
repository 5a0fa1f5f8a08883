//! What is said about an update.

use super::error::list;
use super::instance::head_shape;
use crate::abi::handle::Module;
use crate::event::FieldReport;
use crate::state::plan::{Reason, find, suggest};
use crate::state::reconcile::Touched;

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
        Reason::InvalidVersion { version } => {
            (format!("`{version}` is no semantic version"), "write `major.minor.patch`".to_owned())
        }
    }
}

/// One line for each widget, field and change, with the instances it is about unless that is all of them.
pub(super) fn merge(reports: Vec<(String, String, Vec<Touched>)>) -> Vec<FieldReport> {
    let mut merged: Vec<FieldReport> = Vec::new();
    let total = |widget: &str| reports.iter().filter(|(of, ..)| of == widget).count();
    let totals: Vec<_> = reports.iter().map(|(widget, ..)| total(widget)).collect();
    let mut counts = Vec::new();
    for ((widget, instance, touched), total) in reports.into_iter().zip(totals) {
        for Touched { field, what, detail } in touched {
            let known = merged.iter_mut().find(|known| {
                (&known.widget, &known.field, known.what, &known.detail) == (&widget, &field, what, &detail)
            });
            match known {
                Some(known) => known.instances.push(instance.clone()),
                None => {
                    counts.push(total);
                    let instances = vec![instance.clone()];
                    merged.push(FieldReport { widget: widget.clone(), instances, field, what, detail });
                }
            }
        }
    }
    for (report, total) in merged.iter_mut().zip(counts) {
        if report.instances.len() == total {
            report.instances.clear();
        }
    }
    merged
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
