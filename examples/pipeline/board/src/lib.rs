//! The sink: a board that shows the summaries, and takes its time for it.

use std::collections::BTreeMap;
use std::time::Duration;

use pipeline_readings::Summary;
use shrine::prelude::*;

/// What it takes to show a summary. It stands for the slow disk or network at the end of most pipelines: everything
/// before it has to wait.
const WORK: Duration = Duration::from_millis(8);

/// How many notes are kept.
const NOTES: usize = 3;

/// What is shown.
#[widget(id = "board", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Board {
    /// The summaries, by the names of the stations.
    pub stations: BTreeMap<String, Summary>,
    /// How many summaries were shown.
    pub shown: u64,
    /// The newest notes, the oldest of them first.
    pub notes: Vec<String>,
}

#[widget]
impl Board {
    /// Shows a summary.
    #[input]
    fn show(&mut self, summary: Summary) {
        std::thread::sleep(WORK);
        self.stations.insert(summary.station.clone(), summary);
        self.shown += 1;
    }

    /// Pins a note.
    #[input]
    fn note(&mut self, note: String) {
        self.notes.push(note);
        let extra = self.notes.len().saturating_sub(NOTES);
        self.notes.drain(..extra);
    }

    /// A line now and then, for whoever only looks on.
    #[every("3s")]
    fn report(&mut self, line: &mut Output<String>) {
        let means = self.stations.values().map(|summary| format!("{} {:.1}", summary.station, summary.mean));
        if !self.stations.is_empty() {
            line.send(means.collect::<Vec<_>>().join(", "));
        }
    }

    #[view]
    fn view(&self) -> String {
        let rows = self.stations.values().map(row);
        let notes = self.notes.iter().map(|note| format!("  ! {note}"));
        let count = format!("{} summaries shown", self.shown);
        rows.chain(notes).chain([count]).collect::<Vec<_>>().join("\n")
    }
}

/// ` harbour   6.9 ..  11.7 ..  16.4 °C |##########      |  #812 harbour 11.2 °C`
fn row(summary: &Summary) -> String {
    let Summary { station, low, mean, high, latest, .. } = summary;
    let bar = bar(*mean);
    format!("{station:>8} {low:>5.1} .. {mean:>5.1} .. {high:>5.1} °C |{bar:<24}|  {latest}")
}

/// A sign for each degree above -10.
fn bar(celsius: f64) -> String {
    "#".repeat((celsius + 10.0).clamp(0.0, 24.0) as usize)
}
