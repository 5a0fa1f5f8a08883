//! The filter: what no thermometer can have seen goes another way.

use pipeline_readings::Reading;
use shrine::prelude::*;

/// What is warmer is wrong.
const WARMEST: f64 = 60.0;

/// Divides readings into two streams.
#[widget(id = "filter", version = "1.0.0")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// How many readings went on.
    pub kept: u64,
    /// How many did not.
    pub rejected: u64,
}

#[widget]
impl Filter {
    #[input]
    fn check(&mut self, reading: Reading, kept: &mut Output<Reading>, rejected: &mut Output<Reading>) {
        if reading.celsius <= WARMEST {
            self.kept += 1;
            kept.send(reading);
        } else {
            self.rejected += 1;
            rejected.send(reading);
        }
    }

    #[view]
    fn view(&self) -> String {
        format!("{} kept, {} rejected", self.kept, self.rejected)
    }
}
