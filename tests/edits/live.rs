//! The watcher, and whether what it runs is what it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use shrine_tests::Watch;

use crate::reference::{Built, Expected, codes};
use crate::tree::Tree;

/// The events that end a build.
const VERDICTS: [&str; 5] = ["updated", "unchanged", "build_failed", "refused", "rolled_back"];
/// The events that no edit of this test may lead to.
const NEVER: [&str; 7] = ["build_loop", "refused", "rolled_back", "fault", "stuck", "error", "exit"];

/// A watcher that runs.
pub(crate) struct Live {
    watch: Watch,
    /// How many probes were written.
    probes: u64,
    /// What each widget answered last.
    answers: BTreeMap<&'static str, String>,
    /// How often each instance was asked.
    asked: BTreeMap<&'static str, u64>,
    /// The version of alpha with which its instance was made.
    born: i64,
    generation: Value,
    /// How the last build ended.
    verdict: String,
    /// Error codes and packages of the last build that failed.
    failure: (BTreeSet<String>, BTreeSet<String>),
    /// The widgets that may be updated: what was edited since all of it was live is an input of theirs.
    affected: BTreeSet<&'static str>,
    /// The events since the step began, for people.
    log: Vec<String>,
    /// How often code was live only after another look.
    pub(crate) late: usize,
}

/// What is wrong.
pub(crate) type Wrong = String;

impl Live {
    /// Begins to watch a tree that builds.
    pub(crate) fn start(workspace: &Path, target: &Path, tree: &Tree) -> Self {
        write_probe(workspace, 0);
        let mut watch = Watch::start_in(workspace, target, &[]);
        let generation = watch.expect("ready")["generation"].take();
        Self {
            watch,
            probes: 0,
            answers: BTreeMap::new(),
            asked: BTreeMap::new(),
            born: tree.version,
            generation,
            verdict: "ready".to_owned(),
            failure: Default::default(),
            affected: BTreeSet::new(),
            log: Vec::new(),
            late: 0,
        }
    }

    /// Ends it.
    pub(crate) fn quit(&mut self) {
        self.watch.quit();
    }

    /// Forgets what earlier steps have led to.
    pub(crate) fn begin_step(&mut self) {
        self.log.clear();
    }

    /// The events since the step began.
    pub(crate) fn log(&self) -> &[String] {
        &self.log
    }

    /// Notes which files were written.
    pub(crate) fn wrote<'a>(&mut self, paths: impl Iterator<Item = &'a String>) {
        self.affected.extend(paths.flat_map(|path| affected_by(path)));
    }

    /// Waits until an edit was noticed.
    pub(crate) fn wait_for_change(&mut self) -> Result<(), Wrong> {
        self.wait(|event| event["event"] == "changed")
    }

    /// Waits until a build has ended.
    pub(crate) fn wait_for_verdict(&mut self) -> Result<(), Wrong> {
        self.wait(|event| VERDICTS.iter().any(|verdict| event["event"] == *verdict))
    }

    /// Waits until all that was written has come to an end, whether anything follows from it or not: the scene is edited,
    /// which is noticed no earlier than what was written before, and applied when no build is under way.
    pub(crate) fn settle(&mut self, workspace: &Path) -> Result<(), Wrong> {
        self.probes += 1;
        write_probe(workspace, self.probes);
        self.wait(|event| event["event"] == "scene_applied")
    }

    fn wait(&mut self, is_it: impl Fn(&Value) -> bool) -> Result<(), Wrong> {
        loop {
            let event = self.watch.next_event();
            self.take(&event)?;
            if is_it(&event) {
                return Ok(());
            }
        }
    }

    /// Takes an event.
    fn take(&mut self, event: &Value) -> Result<(), Wrong> {
        let name = event["event"].as_str().unwrap_or_default();
        self.log.push(summary(event));
        if NEVER.contains(&name) {
            return Err(format!("`{name}` is nothing that an edit may lead to: {event:#}"));
        }
        if VERDICTS.contains(&name) {
            name.clone_into(&mut self.verdict);
        }
        match name {
            "updated" => {
                self.generation = event["generation"].clone();
                let ids =
                    event["widgets"].as_array().into_iter().flatten().filter_map(|one| one["id"].as_str());
                let others: Vec<_> = ids.filter(|id| !self.affected.contains(id)).collect();
                if !others.is_empty() {
                    return Err(format!(
                        "{others:?} were updated, and nothing of theirs was edited: {event:#}"
                    ));
                }
            }
            "build_failed" => {
                let packages = event["packages"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let said = event["rendered"].as_str().unwrap_or_default();
                self.failure = (codes(said), packages.map(str::to_owned).collect());
                if event["running_generation"] != self.generation {
                    return Err(format!("generation {} runs: {event:#}", self.generation));
                }
            }
            "removed" => self.asked.retain(|widget, _| event["instance"] != *widget),
            _ => {}
        }
        Ok(())
    }

    /// Holds what runs against what a clean build of the same tree gives.
    pub(crate) fn compare(
        &mut self,
        workspace: &Path,
        tree: &Tree,
        expected: &Expected,
    ) -> Result<(), Wrong> {
        if let Err(wrong) = self.hold(tree, expected) {
            // An edit during a build may matter only by what that build has told, and be found when it has ended.
            self.settle(workspace)?;
            self.hold(tree, expected)
                .map_err(|again| if again == wrong { wrong } else { format!("{wrong}\n{again}") })?;
            self.late += 1;
        }
        Ok(())
    }

    fn hold(&mut self, tree: &Tree, expected: &Expected) -> Result<(), Wrong> {
        let failures: Vec<_> = expected
            .values()
            .filter_map(|built| match built {
                Built::Fails(failure) => Some(failure),
                Built::Answers(_) => None,
            })
            .collect();
        for widget in ["alpha", "beta", "gamma", "delta"] {
            let answer = self.ask(widget)?;
            let (before, now) = (self.answers.get(widget), expected.get(widget));
            let is_new = match now {
                Some(Built::Answers(expected)) => answer.as_ref() == Some(expected),
                Some(Built::Fails(_)) => false,
                None => answer.is_none(),
            };
            // Whether others wait for what has failed is the watcher's decision; it is one of the two.
            if !is_new && (failures.is_empty() || answer.as_ref() != before) {
                return Err(wrong(widget, answer.as_deref(), before.map(String::as_str), now));
            }
            match answer {
                Some(answer) => drop(self.answers.insert(widget, answer)),
                None => drop(self.answers.remove(widget)),
            }
        }
        if failures.is_empty() {
            if self.verdict == "build_failed" {
                return Err("cargo builds it, and the watcher says that it does not".to_owned());
            }
            self.hold_state(tree)?;
            self.affected.clear();
            return Ok(());
        }
        let codes = failures.iter().flat_map(|failure| failure.codes.clone()).collect();
        let packages: BTreeSet<String> =
            failures.iter().flat_map(|failure| failure.packages.clone()).collect();
        let is_same = self.failure.0 == codes && (packages.is_empty() || self.failure.1 == packages);
        if !is_same {
            let said: String = failures.iter().map(|failure| failure.said.as_str()).collect();
            return Err(format!(
                "the watcher's last failure: {:?}; cargo's: {:?}\n{said}",
                self.failure,
                (codes, packages)
            ));
        }
        Ok(())
    }

    /// What a widget answers; none where it is not.
    fn ask(&mut self, widget: &'static str) -> Result<Option<String>, Wrong> {
        self.watch.command(&format!("send {widget}.ask 0"));
        loop {
            let event = self.watch.next_event();
            let name = &event["event"];
            if name == "output" && event["instance"] == widget {
                *self.asked.entry(widget).or_default() += 1;
                return Ok(event["value"].as_str().map(str::to_owned));
            }
            if name == "error" && event["command"].as_str().is_some_and(|command| command.starts_with("send"))
            {
                return Ok(None);
            }
            self.take(&event)?;
        }
    }

    /// The states go on, through all updates.
    fn hold_state(&mut self, tree: &Tree) -> Result<(), Wrong> {
        for (widget, asked) in self.asked.clone() {
            self.watch.command(&format!("state {widget}"));
            let state = loop {
                let event = self.watch.next_event();
                if event["event"] == "state" && event["instance"] == widget {
                    break event;
                }
                self.take(&event)?;
            };
            let mut wrong = Vec::new();
            if state["value"]["count"] != asked {
                wrong.push(format!("it was asked {asked} times"));
            }
            if widget == "alpha" {
                for (version, field) in tree.versioned_fields() {
                    let expected = if version > self.born { version * 10 } else { 0 };
                    if state["value"][&field] != expected {
                        wrong.push(format!("`{field}` should be {expected}"));
                    }
                }
                let version = format!("1.{}.0", tree.version);
                if state["version"] != version {
                    wrong.push(format!("the version should be {version}"));
                }
            }
            if !wrong.is_empty() {
                return Err(format!("{}: {state:#}", wrong.join(", ")));
            }
        }
        Ok(())
    }
}

/// Another text of the scene that says the same.
fn write_probe(workspace: &Path, number: u64) {
    let text = format!("# {number}\n[update]\nwithout_bump = \"structural\"\n");
    fs::write(workspace.join("shrine.toml"), text).expect("writes the scene");
}

/// The widgets that a file is an input of, or may be.
fn affected_by(path: &str) -> Vec<&'static str> {
    let all = ["alpha", "beta", "gamma", "delta"];
    let below = path.strip_prefix("workspace/").unwrap_or("outside");
    let member = below.split('/').next().unwrap_or_default();
    match member {
        _ if path.ends_with(".toml") => all.to_vec(),
        "middle" => vec!["alpha", "delta"],
        "types" => vec!["alpha"],
        "outside" => vec!["gamma"],
        "base" | "derive" => all.to_vec(),
        _ => all.into_iter().filter(|widget| *widget == member).collect(),
    }
}

/// An event in a line.
fn summary(event: &Value) -> String {
    let name = event["event"].as_str().unwrap_or_default();
    match name {
        "changed" => format!("changed: {}, {}: {}", event["decision"], event["why"], event["paths"]),
        "updated" => {
            let ids = event["widgets"].as_array().into_iter().flatten().map(|widget| &widget["id"]);
            let ids: Vec<_> = ids.filter_map(Value::as_str).collect();
            format!("updated to {}: {ids:?}, new: {}", event["generation"], event["added"])
        }
        "build_failed" => {
            let said = event["rendered"].as_str().unwrap_or_default();
            format!("build_failed: {}\n{said}", event["packages"])
        }
        _ => name.to_owned(),
    }
}

/// Says how an answer differs, line by line.
fn wrong(widget: &str, answer: Option<&str>, before: Option<&str>, expected: Option<&Built>) -> Wrong {
    let expected = match expected {
        Some(Built::Answers(expected)) => expected,
        Some(Built::Fails(failure)) => {
            return format!(
                "{widget} does not build, and answers anew:\n{answer:?}\n{before:?}\n{}",
                failure.said
            );
        }
        None => return format!("{widget} should be gone, and answers {answer:?}"),
    };
    let Some(answer) = answer else { return format!("{widget} should be there, and does not answer") };
    let lines = |text: &str| -> BTreeMap<String, String> {
        let split =
            |line: &str| line.split_once(' ').map(|(name, value)| (name.to_owned(), value.to_owned()));
        text.lines().filter_map(split).collect()
    };
    let (answer, expected, before) = (lines(answer), lines(expected), lines(before.unwrap_or_default()));
    let names: BTreeSet<_> = answer.keys().chain(expected.keys()).collect();
    let differs = |name: &&&String| answer.get(**name) != expected.get(**name);
    let show = |values: &BTreeMap<String, String>, name: &String| {
        values.get(name).cloned().unwrap_or_else(|| "(none)".to_owned())
    };
    let lines = names.iter().filter(differs).map(|name| {
        let (is, should, was) = (show(&answer, name), show(&expected, name), show(&before, name));
        format!("  {name} is {is}, should be {should}, was {was} before\n")
    });
    format!("{widget} runs other code than a clean build has:\n{}", lines.collect::<String>())
}
