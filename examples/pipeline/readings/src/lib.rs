//! What flows through the pipeline, and the transforms that the scene may put on the way. All other crates are made of
//! this one: an edit here updates all of them at once, or none.

use std::fmt;

use shrine::prelude::*;

/// What a station has measured.
#[state(version = "2")]
#[migrate(from = "1", change(celsius: f32))]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Its place among all readings.
    pub number: u64,
    /// Where it was measured.
    pub station: String,
    /// The temperature.
    pub celsius: f64,
}

impl Reading {
    /// A new reading.
    #[must_use]
    pub fn new(number: u64, station: &str, celsius: f64) -> Self {
        Self { number, station: station.to_owned(), celsius }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {:.1} °C", self.number, self.station, self.celsius)
    }
}

/// What is known of a station.
#[state]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Where.
    pub station: String,
    /// How many readings it is made of.
    pub count: u64,
    /// The coldest one.
    pub low: f64,
    /// The average.
    pub mean: f64,
    /// The warmest one.
    pub high: f64,
    /// The newest reading, in words.
    pub latest: String,
}

/// The stations measure a little too much.
#[transform]
fn calibrated(reading: Reading) -> Reading {
    Reading { celsius: reading.celsius - 0.3, ..reading }
}

/// A reading in words.
#[transform]
fn described(reading: Reading) -> String {
    reading.to_string()
}

/// Lets only frost through.
#[transform(filter)]
fn frost(reading: Reading) -> Option<Reading> {
    (reading.celsius < 0.0).then_some(reading)
}
