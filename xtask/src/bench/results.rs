//! All that a run has measured.

use super::candidates::{Sample, Who};
use super::failure::Failure;
use super::figures::{Figure, Measured};
use super::machine::Facts;
use super::scenario::Scenario;
use super::statistics::{Spread, ratios};

/// A run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) facts: Facts,
    /// Of each candidate in each scenario.
    pub(crate) edits: usize,
    pub(crate) warm_ups: usize,
    pub(crate) seed: u64,
    pub(crate) latencies: Vec<Latency>,
    pub(crate) figures: Vec<(Figure, Result<Measured, Failure>)>,
    /// Why it did not come to its end.
    pub(crate) failure: Option<Failure>,
}

/// One scenario.
#[derive(Debug)]
pub(crate) struct Latency {
    pub(crate) scenario: Scenario,
    pub(crate) series: Vec<Series>,
}

/// One candidate of it: a sample for each round, until something went wrong.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) who: Who,
    pub(crate) samples: Vec<Sample>,
    /// Why there are no more.
    pub(crate) failure: Option<Failure>,
}

impl Results {
    pub(crate) fn latency(&self, scenario: &str) -> Option<&Latency> {
        self.latencies.iter().find(|latency| latency.scenario.name == scenario)
    }

    pub(crate) fn figure(&self, figure: Figure) -> Option<&Result<Measured, Failure>> {
        self.figures.iter().find(|(found, _)| *found == figure).map(|(_, measured)| measured)
    }
}

impl Latency {
    pub(crate) fn of(&self, who: Who) -> Option<&Series> {
        self.series.iter().find(|series| series.who == who)
    }
}

impl Series {
    /// Milliseconds, in the order of the rounds.
    pub(crate) fn totals(&self) -> Vec<f64> {
        self.samples.iter().map(|sample| sample.total).collect()
    }

    /// The same for one phase.
    pub(crate) fn phase(&self, name: &str) -> Vec<f64> {
        let of = |sample: &Sample| {
            sample.phases.iter().find(|(found, _)| found == name).map_or(0.0, |(_, time)| *time)
        };
        self.samples.iter().map(of).collect()
    }

    /// The medians of all phases, in their order.
    pub(crate) fn phases(&self) -> Vec<(String, f64)> {
        let mut names: Vec<&String> = Vec::new();
        for (name, _) in self.samples.iter().flat_map(|sample| &sample.phases) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let median = |name: &String| Spread::of(self.phase(name)).map_or(0.0, |spread| spread.median);
        names.into_iter().map(|name| (name.clone(), median(name))).collect()
    }

    /// How many times as long as `other` it takes, round by round.
    pub(crate) fn ratio_to(&self, other: &Self) -> Option<Spread> {
        Spread::of(ratios(&self.totals(), &other.totals()))
    }

    /// How the edits were built, with how many each way.
    pub(crate) fn built(&self) -> Vec<(String, usize)> {
        let mut ways: Vec<(String, usize)> = Vec::new();
        for way in self.samples.iter().filter_map(|sample| sample.built.as_ref()) {
            match ways.iter_mut().find(|(found, _)| found == way) {
                Some((_, count)) => *count += 1,
                None => ways.push((way.clone(), 1)),
            }
        }
        ways
    }
}

#[cfg(test)]
pub(crate) mod examples {
    use super::*;

    /// A series whose phases are the same in every round.
    pub(crate) fn series(who: Who, phases: &[(&str, f64)], rounds: usize) -> Series {
        let phases: Vec<(String, f64)> =
            phases.iter().map(|(name, time)| ((*name).to_owned(), *time)).collect();
        let total = phases.iter().map(|(_, time)| time).sum();
        Series { who, samples: vec![Sample { total, phases, built: None }; rounds], failure: None }
    }

    /// A run of the small scenario, with that many milliseconds for Shrine's build.
    pub(crate) fn results(build: f64) -> Results {
        let ours = [("detect", 12.0), ("build", build), ("load", 2.0), ("commit", 1.0), ("outside", 1.0)];
        let latency = Latency {
            scenario: Scenario::ALL[0],
            series: vec![
                series(Who::Shrine, &ours, 5),
                series(Who::Replay, &[("build", 160.0)], 5),
                series(Who::HotLib, &[("all", 1300.0)], 4),
                Series { failure: Some(Failure::new("not installed")), ..series(Who::Dx, &[], 0) },
            ],
        };
        Results {
            facts: vec![("cores".to_owned(), "2".to_owned())],
            edits: 5,
            warm_ups: 1,
            seed: 1,
            latencies: vec![latency],
            figures: Vec::new(),
            failure: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_building_are_counted() {
        let mut series = examples::series(Who::Shrine, &[("build", 1.0)], 3);
        for (sample, way) in series.samples.iter_mut().zip(["replay", "cargo", "replay"]) {
            sample.built = Some(way.to_owned());
        }
        assert_eq!(series.built(), [("replay".to_owned(), 2), ("cargo".to_owned(), 1)]);
    }

    #[test]
    fn phases_keep_their_order() {
        let results = examples::results(200.0);
        let ours = results.latency("small").unwrap().of(Who::Shrine).unwrap();
        let names: Vec<String> = ours.phases().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["detect", "build", "load", "commit", "outside"]);
    }
}
