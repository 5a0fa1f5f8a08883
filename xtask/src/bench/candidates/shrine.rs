//! `cargo shrine watch`, through its machine interface.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Bench, Candidate, FIRST, Sample, since};
use crate::bench::failure::Failure;
use crate::bench::process::{Heard, Process, command};
use crate::bench::project::Project;

pub(super) struct Watch {
    project: Project,
    process: Process,
    limit: Duration,
    /// How the last edit was built, where it was told.
    built: Option<String>,
}

/// The phases that add up to an update. `outside` is what is left: the kernel's notice of the file, and the answer.
pub(crate) const PHASES: [&str; 7] = ["detect", "build", "load", "plan", "quiesce", "migrate", "commit"];
pub(crate) const OUTSIDE: &str = "outside";

impl Watch {
    pub(super) fn start(project: Project, bench: &Bench<'_>) -> Result<Self, Failure> {
        let mut watch = command(bench.cargo_shrine);
        watch.arg("watch").arg(&project.root).args(["--message-format", "json", "--target-dir"]);
        watch.arg(bench.target);
        watch.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = Process::start(watch)?;
        let mut watch = Self { project, process, limit: FIRST, built: None };
        watch.wait_for("ready")?;
        watch.answer_all(&watch.project.answer())?;
        watch.limit = bench.limit;
        Ok(watch)
    }

    /// Asks every widget that an edit changes, and holds the answers to what they should contain.
    fn answer_all(&mut self, wanted: &str) -> Result<(), Failure> {
        let widgets = self.project.answering();
        for widget in &widgets {
            self.process.tell(&format!("view {widget}"))?;
        }
        for widget in &widgets {
            let view = self.wait_for("view")?;
            let value = view["value"].as_str().unwrap_or_default();
            if view["instance"] != widget.as_str() || !value.contains(wanted) {
                let what =
                    format!("the code of `{widget}` should answer `{wanted}`, and the answer was {view}");
                return Err(Failure::new(what));
            }
        }
        Ok(())
    }

    /// The next event of that name. What means that it will not come is a failure.
    fn wait_for(&mut self, name: &str) -> Result<Value, Failure> {
        let what = format!("cargo shrine watch, asked for `{name}`,");
        let built = &mut self.built;
        self.process.listen(self.limit, &what, |heard| {
            let Heard::Output(line) = heard else { return None };
            let Ok(event) = serde_json::from_str::<Value>(line) else {
                return Some(Err(Failure::new(format!(
                    "cargo shrine watch wrote a line that is no JSON: {line}"
                ))));
            };
            let found = event["event"].as_str().unwrap_or_default();
            if found == name {
                return Some(Ok(event));
            }
            if found == "built" {
                *built = ways(&event);
            }
            const FAILURES: [&str; 8] =
                ["build_failed", "refused", "rolled_back", "unchanged", "deferred", "fault", "error", "exit"];
            FAILURES.contains(&found).then(|| {
                let rendered = event["rendered"].as_str().map(str::to_owned);
                let lines: Vec<String> =
                    rendered.unwrap_or_else(|| line.clone()).lines().map(str::to_owned).collect();
                let what = format!("cargo shrine watch told `{found}` where `{name}` was waited for");
                Err(Failure::new(what).with_output(&lines))
            })
        })?
    }
}

impl Candidate for Watch {
    fn edit(&mut self) -> Result<Sample, Failure> {
        let start = Instant::now();
        let wanted = self.project.edit()?;
        self.built = None;
        let updated = self.wait_for("updated")?;
        self.answer_all(&wanted)?;
        Ok(Sample { built: self.built.take(), ..sample(&updated, since(start)) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // In order, so that it takes its files away; what does not end is killed.
        if self.process.tell("quit").is_ok() {
            let _ = self.process.listen(Duration::from_secs(5), "cargo shrine watch", Heard::ended);
        }
    }
}

fn sample(updated: &Value, total: f64) -> Sample {
    let told = &updated["phases_us"];
    let mut phases: Vec<(String, f64)> = PHASES
        .iter()
        .map(|name| ((*name).to_owned(), told[*name].as_f64().unwrap_or_default() / 1e3))
        .collect();
    let inside: f64 = phases.iter().map(|(_, time)| time).sum();
    phases.push((OUTSIDE.to_owned(), (total - inside).max(0.0)));
    // Parts of those, from versions that tell them.
    for (name, time) in told.as_object().into_iter().flatten() {
        if name != "total" && !PHASES.contains(&name.as_str()) {
            phases.push((format!("of which {name}"), time.as_f64().unwrap_or_default() / 1e3));
        }
    }
    Sample { total, phases, built: None }
}

/// How libraries were built, each way once: by replay, or by cargo for a reason. Those that were there already are not
/// told.
fn ways(built: &Value) -> Option<String> {
    let mut ways: Vec<String> = Vec::new();
    for package in built["packages"].as_array().into_iter().flatten() {
        let way = match (package["way"].as_str()?, package["reason"].as_str()) {
            ("fresh", _) => continue,
            (way, Some(reason)) => format!("{way}: {reason}"),
            (way, None) => way.to_owned(),
        };
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    (!ways.is_empty()).then(|| ways.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ways_of_building_are_told_once() {
        let built = json!({"packages": [
            {"package": "a", "way": "replay", "crates": ["a"]},
            {"package": "b", "way": "replay", "crates": ["b"]},
            {"package": "c", "way": "fresh"},
            {"package": "d", "way": "cargo", "reason": "manifest"},
        ]});
        assert_eq!(ways(&built).as_deref(), Some("replay and cargo: manifest"));
        assert_eq!(ways(&json!({"packages": []})), None);
    }

    #[test]
    fn phases_add_up_to_the_whole() {
        let updated = json!({"phases_us": {
            "detect": 12_000, "build": 200_000, "load": 3_000, "plan": 100, "quiesce": 200, "migrate": 300,
            "commit": 400, "rustc": 180_000, "total": 216_000,
        }});
        let sample = sample(&updated, 218.0);
        let of = |name: &str| sample.phases.iter().find(|(found, _)| found == name).unwrap().1;
        assert_eq!((of("build"), of("of which rustc")), (200.0, 180.0));
        assert!((of(OUTSIDE) - 2.0).abs() < 1e-9);
        let sum: f64 =
            sample.phases.iter().filter(|(name, _)| !name.starts_with("of ")).map(|(_, time)| time).sum();
        assert!((sum - sample.total).abs() < 1e-9);
    }
}
