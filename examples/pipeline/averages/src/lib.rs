//! The aggregate: each reading goes into the summary of its station.

use std::collections::BTreeMap;

use pipeline_readings::{Reading, Summary};
use shrine::prelude::*;

/// The summaries of all stations.
#[widget(id = "averages", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Averages {
    /// By the names of the stations.
    pub stations: BTreeMap<String, Summary>,
}

#[widget]
impl Averages {
    #[input]
    fn add(&mut self, reading: Reading, summary: &mut Output<Summary>) {
        let known = self.stations.entry(reading.station.clone()).or_insert_with(|| Summary {
            station: reading.station.clone(),
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            ..Summary::default()
        });
        known.count += 1;
        known.low = known.low.min(reading.celsius);
        known.high = known.high.max(reading.celsius);
        known.mean += (reading.celsius - known.mean) / known.count as f64;
        known.latest = reading.to_string();
        summary.send(known.clone());
    }

    #[view]
    fn view(&self) -> String {
        let line = |summary: &Summary| format!("{:>8} {:>6} readings", summary.station, summary.count);
        self.stations.values().map(line).collect::<Vec<_>>().join("\n")
    }
}
