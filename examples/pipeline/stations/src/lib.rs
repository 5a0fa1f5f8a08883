//! The source: weather stations that measure faster than anybody reads.

use pipeline_readings::Reading;
use shrine::prelude::*;

/// Where they stand, and how warm it is there.
const STATIONS: [(&str, f64); 4] = [("harbour", 12.0), ("valley", 8.0), ("ridge", 1.0), ("summit", -6.0)];

/// How many readings come at once.
const BURST: u64 = 20;

/// All stations.
#[widget(id = "stations", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stations {
    /// How many readings there were.
    pub measured: u64,
}

#[widget]
impl Stations {
    /// Runs only while there is room on the stream behind it.
    #[every("100ms")]
    fn measure(&mut self, reading: &mut Output<Reading>) {
        for _ in 0..BURST {
            let number = self.measured;
            let (station, usual) = STATIONS[number as usize % STATIONS.len()];
            reading.send(Reading::new(number, station, usual + weather(number)));
            self.measured += 1;
        }
    }

    #[view]
    fn view(&self) -> String {
        format!("{} readings measured", self.measured)
    }
}

/// How much warmer than usual it is; now and then a sensor is broken.
fn weather(number: u64) -> f64 {
    if number % 23 == 22 {
        return 85.0;
    }
    let wave = |period: f64| (number as f64 / period).sin();
    4.0 * wave(300.0) + wave(7.0)
}
