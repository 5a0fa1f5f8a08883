//! The figures that benchmarks and tests of their own measure: run here, and read from what they print.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::process::{self, command};

/// How long one of them may take, with its build.
const LIMIT: Duration = Duration::from_secs(1800);

/// How many generations the soak test runs.
const GENERATIONS: &str = "3000";

/// How many instances are handed over.
pub(crate) const INSTANCES: u64 = 1_000_000;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Migrate,
    Check,
    Messages,
    Update,
    Soak,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Measured {
    pub(crate) sides: Vec<Sides>,
    pub(crate) updates: Vec<Update>,
    pub(crate) soak: Option<Soak>,
}

/// Shrine beside what one would write by hand, in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sides {
    pub(crate) what: String,
    pub(crate) other: String,
    /// Fastest, median, slowest.
    pub(crate) ours: [f64; 3],
    pub(crate) theirs: [f64; 3],
    pub(crate) ratio: f64,
}

/// An update of many instances, in nanoseconds for each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub(crate) what: String,
    pub(crate) instances: u64,
    pub(crate) each: Vec<(String, f64)>,
}

/// Many generations in one process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Soak {
    pub(crate) generations: u64,
    pub(crate) kib_each: f64,
    pub(crate) descriptors: (u64, u64),
    pub(crate) threads: (u64, u64),
}

impl Figure {
    pub(crate) const ALL: [Self; 5] = [Self::Migrate, Self::Check, Self::Messages, Self::Update, Self::Soak];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::Check => "check",
            Self::Messages => "messages",
            Self::Update => "update",
            Self::Soak => "soak",
        }
    }

    /// The command that prints it.
    pub(crate) fn command_line(self) -> String {
        format!("cargo {}", self.arguments().join(" "))
    }

    fn arguments(self) -> Vec<String> {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        match self {
            Self::Soak => words(&format!("test --package shrine-tests --test soak -- {GENERATIONS}")),
            Self::Update => words(&format!("bench --package shrine-benches --bench update -- {INSTANCES}")),
            _ => words(&format!("bench --package shrine-benches --bench {}", self.name())),
        }
    }

    /// Runs it.
    pub(crate) fn measure(self, repository: &Path) -> Result<Measured, Failure> {
        let mut cargo = command("cargo");
        cargo.args(self.arguments()).current_dir(repository).env("SHRINE_BENCH_JSON", "1");
        let lines = process::finish(cargo, LIMIT)?;
        let measured = if self == Self::Soak {
            Measured { soak: Some(soak(&lines)?), ..Measured::default() }
        } else {
            read(&lines)?
        };
        if measured == Measured::default() {
            let what = format!("`{}` has printed no figure", self.command_line());
            return Err(Failure::new(what).with_output(&lines));
        }
        Ok(measured)
    }
}

/// The lines of JSON among others.
fn read(lines: &[String]) -> Result<Measured, Failure> {
    let mut measured = Measured::default();
    for line in lines.iter().filter(|line| line.starts_with('{')) {
        let broken = || Failure::new(format!("a benchmark has printed a line that is no figure: {line}"));
        let value: Value = serde_json::from_str(line).map_err(|_| broken())?;
        if value.get("ns_each").is_some() {
            measured.updates.push(update(&value).ok_or_else(broken)?);
        } else {
            measured.sides.push(sides(&value).ok_or_else(broken)?);
        }
    }
    Ok(measured)
}

fn sides(value: &Value) -> Option<Sides> {
    let three = |value: &Value| -> Option<[f64; 3]> {
        let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_f64).collect();
        numbers?.try_into().ok()
    };
    Some(Sides {
        what: value["what"].as_str()?.to_owned(),
        other: value["other"].as_str()?.to_owned(),
        ours: three(&value["ours_ns"])?,
        theirs: three(&value["theirs_ns"])?,
        ratio: value["ratio"].as_f64()?,
    })
}

fn update(value: &Value) -> Option<Update> {
    let each = value["ns_each"].as_array()?.iter();
    Some(Update {
        what: value["what"].as_str()?.to_owned(),
        instances: value["instances"].as_u64()?,
        each: each
            .map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_f64()?)))
            .collect::<Option<_>>()?,
    })
}

/// What the soak test prints for people.
fn soak(lines: &[String]) -> Result<Soak, Failure> {
    let find = || -> Option<Soak> {
        let after = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let pair = |name: &str| {
            let (from, to) = after(name)?.split_once(" -> ")?;
            Some((from.parse().ok()?, to.parse().ok()?))
        };
        let first = |name: &str| after(name)?.split(' ').next();
        Some(Soak {
            generations: first("generations")?.parse().ok()?,
            kib_each: first("private memory")?.parse().ok()?,
            descriptors: pair("descriptors")?,
            threads: pair("threads")?,
        })
    };
    find().ok_or_else(|| Failure::new("the soak test has not printed what it measures").with_output(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_of_json_are_figures() {
        let text = "a heading\n\
            {\"what\":\"migrate\",\"other\":\"by hand\",\"ours_ns\":[1,2,3],\"theirs_ns\":[2,4,6],\"ratio\":0.5}\n\
            {\"what\":\"in place\",\"instances\":10,\"ns_each\":[[\"create\",40],[\"commit\",20]]}\n";
        let measured = read(&lines(text)).unwrap();
        assert_eq!(measured.sides[0].ours, [1.0, 2.0, 3.0]);
        assert_eq!(measured.updates[0].each[1], ("commit".to_owned(), 20.0));
        let failure = read(&lines("{\"what\":\"migrate\"}")).unwrap_err();
        assert!(failure.to_string().contains("no figure"), "{failure}");
    }

    #[test]
    fn the_soak_test_is_read_as_it_prints() {
        let text = "generations            3000 (figures over the last 2500)\n\
            private memory         26.1 KiB each (RssAnon 10 -> 20 KiB)\n\
            descriptors            8 -> 8\nthreads                3 -> 3\n";
        let soak = soak(&lines(text)).unwrap();
        assert_eq!((soak.generations, soak.kib_each, soak.threads), (3000, 26.1, (3, 3)));
        assert!(super::soak(&lines("nothing")).is_err());
    }
}
