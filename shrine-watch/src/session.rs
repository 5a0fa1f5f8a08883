//! What follows from what happens: a state machine. Inputs go in, actions come out; it has no clock, no files, no threads.
//!
//! Invariants:
//! - At most one build is under way, and only its result counts.
//! - What changed stays to be built until a build of it has ended well.
//! - The scene is held against code only when all of a build is in.
//! - What one edit changed is applied together or not at all.
//! - Of a package, what was last taken in is what runs: not what waits for its time, and not what was taken back.
//! - `ready` is said once, before any command is carried out.

mod action;
pub mod command;
mod dirty;
mod input;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use shrine::event::{BuildSummary, ChangeDecision, Event, LinkSummary, PROBATION, Refusal, RollBack};

use crate::build::{Artifact, BuildRequest, BuildResult, CARGO, PackageBuild, Project, Verdict, Way};
use crate::exit::ExitCode;
use crate::watch::Change;
pub use action::{Action, Built};
pub use command::Command;
use dirty::{Dirty, Group};
pub use input::{Applied, Input, Outcome};

/// How a session behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// End after the first build.
    pub once: bool,
    /// The registry is another's and runs already: nothing is announced, and there are no commands.
    pub embedded: bool,
    /// States are encoded at every update, also where instances could stay in memory as they are.
    pub encode: bool,
}

/// The state.
#[derive(Debug, Default)]
pub struct Session {
    options: Options,
    builds: u64,
    /// The build that is under way.
    building: Option<u64>,
    dirty: Dirty,
    paused: bool,
    /// What is in each [`Action::Apply`] that has not been answered.
    applying: VecDeque<Vec<Built>>,
    /// What was last taken in of each package.
    taken: BTreeMap<String, Built>,
    /// What the last update brought. It may be taken back.
    latest: Vec<Built>,
    /// What waits for its time.
    deferred: Vec<Built>,
    generation: Option<u64>,
    ready: bool,
    /// Whether code came in that the scene was not held against.
    fresh: bool,
    /// The worst of what `--once` has seen.
    verdict: Option<ExitCode>,
    /// The packages that never had widgets. They are built last, and only to see whether they have some now.
    plain: BTreeSet<String>,
    /// Whether plain packages are to be built once nothing else is.
    probing: bool,
    /// The packages that are gone from the project, and run still.
    leaving: BTreeSet<String>,
    /// Commands that wait until it is ready.
    waiting: Vec<Command>,
    /// Whether to end when what waits is done.
    ending: bool,
    /// What the last build printed.
    diagnostics: String,
}

impl Session {
    /// A session in which nothing has happened.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, ready: options.embedded, ..Self::default() }
    }

    /// Whether it is ready, or none yet and nothing is under way that could make it so.
    #[must_use]
    pub fn readiness(&self) -> Option<bool> {
        (self.ready || (self.building.is_none() && self.applying.is_empty())).then_some(self.ready)
    }

    /// What follows from an input, in order.
    pub fn handle(&mut self, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        let then = &mut actions;
        match input {
            Input::Started => {
                self.dirty.all = true;
                self.start_build(then);
            }
            Input::Changed(change) => self.changed(change, then),
            Input::Diagnostic { build, package, rendered } => self.diagnostic(build, package, rendered, then),
            Input::BuildFinished(result) => self.build_finished(result, then),
            Input::Applied(applied) => self.applied(applied, then),
            Input::Happened(event) => self.happened(event, then),
            Input::Line(line) => self.line(&line, then),
            Input::EndOfInput => self.end_of_input(then),
            Input::ReaderGone => self.exit(ExitCode::Success, then),
            Input::Interrupted => self.exit(ExitCode::Interrupted, then),
        }
        actions
    }

    fn start_build(&mut self, then: &mut Vec<Action>) {
        self.builds += 1;
        self.building = Some(self.builds);
        self.diagnostics.clear();
        self.probing = false;
        let (packages, plain) = match self.dirty.packages() {
            None => (None, Group::new()),
            Some(packages) if packages.is_subset(&self.plain) => (Some(packages), Group::new()),
            Some(packages) => {
                let (plain, others) = packages.into_iter().partition(|package| self.plain.contains(package));
                (Some(others), plain)
            }
        };
        then.push(Action::StartBuild(BuildRequest {
            build: self.builds,
            packages,
            plain,
            capture: self.dirty.capture,
            locked_shapes: false,
        }));
    }

    fn changed(&mut self, change: Change, then: &mut Vec<Action>) {
        let Change { paths, decision, why, packages, scene, endless } = change;
        if decision == ChangeDecision::Scene && self.options.embedded {
            return;
        }
        if let Some(builds) = endless {
            then.push(self.build_loop(paths.clone(), builds));
        }
        then.push(Action::Emit(Event::Changed { paths, decision, why }));
        if decision == ChangeDecision::Nothing {
            return;
        }
        self.dirty.scene |= scene;
        if decision == ChangeDecision::Scene {
            return self.apply_scene(then);
        }
        self.dirty.capture |= decision == ChangeDecision::Capture;
        match packages {
            Some(packages) => self.dirty.add(packages),
            None => self.dirty.all = true,
        }
        if !self.paused {
            self.start_build(then);
        }
    }

    fn build_loop(&self, paths: Vec<String>, builds: u32) -> Action {
        let names: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
        let reason = format!(
            "each of the last {builds} builds has changed {}, which it is made of; that starts no more builds",
            names.join(", ")
        );
        let help = "let the build script write into `OUT_DIR` (`include!(concat!(env!(\"OUT_DIR\"), \"/..\"))`), or only \
                    what differs, and print `cargo:rerun-if-changed=..` for what it reads; a macro should not write \
                    files. Edits start builds as ever";
        let (help, running_generation) = (help.to_owned(), self.generation);
        Action::Emit(Event::BuildLoop { paths, builds, reason, help, running_generation })
    }

    /// Applies the scene if it or the code has changed, unless that has to wait.
    fn apply_scene(&mut self, then: &mut Vec<Action>) {
        let is_due = self.dirty.scene || self.fresh;
        let is_paused = self.paused && self.ready && !self.fresh;
        let must_wait =
            is_paused || self.building.is_some() || !self.applying.is_empty() || self.generation.is_none();
        if is_due && !must_wait && !self.options.embedded {
            (self.dirty.scene, self.fresh) = (false, false);
            then.push(Action::ApplyScene { must: !self.ready && self.verdict.is_none() });
        }
    }

    /// Told at once: what is built may take long after it.
    fn diagnostic(&mut self, build: u64, package: String, rendered: String, then: &mut Vec<Action>) {
        if self.building == Some(build) {
            self.diagnostics.push_str(&rendered);
            then.push(Action::Emit(Event::Diagnostic { package, rendered }));
        }
    }

    fn build_finished(&mut self, result: BuildResult, then: &mut Vec<Action>) {
        if self.building != Some(result.build) {
            return;
        }
        self.building = None;
        then.extend(how_it_was_made(&result).map(Action::Emit));
        self.report_failures(&result.packages, then);
        // When cargo itself has failed, nothing is known about the packages.
        if result.packages.iter().all(|built| built.package != CARGO) {
            self.take_project(result.project.as_ref());
            self.settle(result.packages, then);
        }
        self.settled(then);
    }

    /// Notices which packages are gone.
    fn take_project(&mut self, project: Option<&Project>) {
        let Some(project) = project else { return };
        let is_there = |name: &String| project.packages.iter().any(|package| package.name == *name);
        self.dirty.retain(is_there);
        self.plain.retain(is_there);
        self.leaving.extend(self.taken.keys().cloned());
        self.leaving.retain(|name| !is_there(name));
    }

    /// Applies what was built well, and keeps in mind what was not.
    fn settle(&mut self, packages: Vec<PackageBuild>, then: &mut Vec<Action>) {
        let names: Group = packages.iter().map(|built| built.package.clone()).collect();
        let has_widget_crates = !names.is_subset(&self.plain);
        let (mut has_failed, mut is_new, mut is_incomplete) = (false, false, false);
        for group in self.dirty.take(&names) {
            let (mut fresh, mut failed) = (Vec::new(), Group::new());
            let mut left: Group = group.difference(&names).cloned().collect();
            for PackageBuild { package, verdict, .. } in
                packages.iter().filter(|built| group.contains(&built.package))
            {
                match verdict {
                    Verdict::Built(artifact) => fresh.extend(self.unless_taken(package, artifact)),
                    Verdict::WithoutWidgets { .. } => {}
                    // It keeps nobody back: it has nothing to update.
                    _ if self.plain.contains(package) => self.dirty.add(Group::from([package.clone()])),
                    _ => drop(failed.insert(package.clone())),
                }
            }
            if failed.is_empty() && !left.is_empty() && fresh.iter().any(|built| self.has_gained(built)) {
                // The widget may be that of a package that had none, and that this one is made of: then it is not this
                // one's. What was left out is built too, and all of it applied together.
                self.plain.retain(|package| !left.contains(package));
                self.dirty.add(group);
                is_incomplete = true;
                continue;
            }
            if failed.is_empty() {
                self.probing |= !left.is_empty();
                is_new |= fresh.iter().any(|built: &Built| !self.plain.contains(&built.package));
                if !fresh.is_empty() {
                    self.applying.push_back(fresh.clone());
                    then.push(Action::Apply { libraries: fresh });
                }
            } else {
                has_failed = true;
                left.extend(failed);
                left.extend(fresh.into_iter().map(|built| built.package));
            }
            self.dirty.add(left);
        }
        if is_incomplete {
            return self.start_build(then);
        }
        if has_failed {
            self.probing = false;
            return;
        }
        if let (Some(generation), false, true) = (self.generation, is_new, has_widget_crates) {
            then.push(Action::Emit(Event::Unchanged { generation }));
        }
        for package in std::mem::take(&mut self.leaving) {
            self.taken.remove(&package);
            then.push(Action::Leave { package });
        }
    }

    /// What was built, unless it is what was taken in already.
    fn unless_taken(&self, package: &str, artifact: &Artifact) -> Option<Built> {
        let Artifact { path, build_id, widgets, is_final, .. } = artifact;
        let taken = self.taken.get(package).and_then(|taken| taken.build_id.as_ref());
        let is_taken = build_id.is_some() && taken == build_id.as_ref();
        (!is_taken).then(|| Built {
            package: package.to_owned(),
            artifact: path.clone(),
            build_id: build_id.clone(),
            widgets: widgets.clone(),
            is_final: *is_final,
        })
    }

    /// Whether a library has a widget that it did not have before.
    fn has_gained(&self, built: &Built) -> bool {
        let before = self.taken.get(&built.package).map_or(&[][..], |taken| &taken.widgets);
        built.widgets.iter().any(|widget| !before.contains(widget))
    }

    /// One event for all packages of a build that failed.
    fn report_failures(&mut self, packages: &[PackageBuild], then: &mut Vec<Action>) {
        let mut failure: Option<(usize, usize, String)> = None;
        let mut failed = BTreeSet::new();
        for built in packages {
            match &built.verdict {
                Verdict::Failed { errors, warnings, rendered, packages } => {
                    let all = failure.get_or_insert_default();
                    failed.extend(packages.iter().cloned());
                    if all.2.ends_with(rendered) && !rendered.is_empty() {
                        continue;
                    }
                    (all.0, all.1) = (all.0 + errors, all.1 + warnings);
                    all.2.push_str(rendered);
                }
                Verdict::Refused { reason, help } => {
                    then.push(self.refusal(&built.package, reason.clone(), help.clone()));
                    self.fail(ExitCode::Refused);
                }
                Verdict::Built(_) | Verdict::WithoutWidgets { .. } | Verdict::Skipped { .. } => {}
            }
        }
        if let Some((errors, warnings, rendered)) = failure {
            if self.diagnostics.is_empty() {
                self.diagnostics.clone_from(&rendered);
                then.push(Action::Show(rendered.clone()));
            }
            let (running_generation, packages) = (self.generation, failed.into_iter().collect());
            let failed = Event::BuildFailed { errors, warnings, rendered, packages, running_generation };
            then.push(Action::Emit(failed));
            self.fail(ExitCode::BuildFailed);
        }
    }

    fn refusal(&self, package: &str, reason: String, help: String) -> Action {
        let (widget, running_generation) = (package.to_owned(), self.generation);
        Action::Emit(Event::Refused(Refusal {
            widget,
            from: None,
            to: None,
            reason,
            help,
            running_generation,
        }))
    }

    fn applied(&mut self, applied: Applied, then: &mut Vec<Action>) {
        let libraries = self.applying.pop_front().unwrap_or_default();
        // What comes anew takes the place of what waits.
        self.deferred.retain(|waits| libraries.iter().all(|built| built.package != waits.package));
        let Applied { outcome, plain } = applied;
        for built in &libraries {
            if !plain.contains(&built.package) {
                self.plain.remove(&built.package);
            } else if self.plain.insert(built.package.clone()) && !self.options.embedded {
                then.push(note("skipped", &format!("`{}`: its library has no `#[widget]`", built.package)));
            }
        }
        match outcome {
            Outcome::Running { generation } => (self.generation, self.fresh) = (Some(generation), true),
            Outcome::NoWidgets => {}
            Outcome::Deferred => {
                self.hold(libraries.clone());
                self.deferred.extend(libraries);
                if self.options.once {
                    self.fail(ExitCode::Refused);
                }
                return self.settled(then);
            }
            Outcome::Refused => {
                self.hold(libraries);
                self.fail(ExitCode::Refused);
                return self.settled(then);
            }
            Outcome::LoadFailed { package, reason, help } => {
                self.hold(libraries);
                then.push(self.refusal(&package, reason, help));
                self.fail(ExitCode::LoadFailed);
                return self.settled(then);
            }
        }
        self.take_in(libraries);
        self.settled(then);
    }

    /// Code that runs from now on.
    fn take_in(&mut self, libraries: Vec<Built>) {
        self.latest.clone_from(&libraries);
        self.taken.extend(libraries.into_iter().map(|built| (built.package.clone(), built)));
    }

    fn hold(&mut self, libraries: Vec<Built>) {
        self.dirty.hold(libraries.into_iter().map(|built| built.package).collect());
    }

    /// When all that a build has made was applied: is it ready, or over?
    fn settled(&mut self, then: &mut Vec<Action>) {
        if self.building.is_some() || !self.applying.is_empty() {
            return;
        }
        let nothing = self.generation.is_none() && !self.plain.is_empty() && self.verdict.is_none();
        if nothing {
            let reason = "nothing to watch: no library has a `#[widget]`".to_owned();
            let help = crate::error::Error::NothingToWatch { reason: String::new() }.help();
            then.push(Action::Emit(Event::Error { command: "watch".to_owned(), reason, help }));
            return self.exit(ExitCode::NothingToWatch, then);
        }
        if !(self.options.once && self.verdict.is_some()) {
            self.apply_scene(then);
        }
        if self.generation.is_some() && !self.ready && !(self.options.once && self.verdict.is_some()) {
            self.ready = true;
            then.push(Action::Announce);
            for command in std::mem::take(&mut self.waiting) {
                self.command(command, then);
            }
        }
        if self.options.once {
            let code = self.verdict.unwrap_or(ExitCode::Success);
            return self.exit(code, then);
        }
        if self.ending {
            self.give_up_waiting(then);
        }
        self.verdict = None;
        if self.probing && !self.paused {
            self.start_build(then);
        }
    }

    fn happened(&mut self, event: Event, then: &mut Vec<Action>) {
        let update = match &event {
            Event::Updated(update) => Some(update.generation),
            _ => None,
        };
        match &event {
            Event::RolledBack(RollBack { phase, running_generation, .. }) if phase == PROBATION => {
                self.taken_back(*running_generation);
            }
            // What waited came to nothing: it is held, and waits for an edit.
            Event::RolledBack(_) | Event::Refused(_) | Event::Declined { .. } | Event::Unchanged { .. }
                if self.applying.is_empty() =>
            {
                self.deferred.clear();
            }
            _ => {}
        }
        // What makes it ready is told by `ready` alone.
        let is_first = matches!(event, Event::Updated(_) | Event::Created { .. } | Event::Unchanged { .. });
        if self.ready || !is_first {
            then.push(Action::Emit(event));
        }
        // An update that had to wait comes without a build.
        if update.is_some() {
            (self.generation, self.fresh) = (update, true);
            if self.applying.is_empty() {
                let libraries = std::mem::take(&mut self.deferred);
                self.dirty.release(&libraries.iter().map(|built| built.package.clone()).collect());
                self.take_in(libraries);
            }
            self.apply_scene(then);
        }
    }

    /// The last update was undone: what it brought does not run, and is not built again before it changes.
    fn taken_back(&mut self, running: Option<u64>) {
        self.generation = running;
        let libraries = std::mem::take(&mut self.latest);
        for built in &libraries {
            if let Some(taken) = self.taken.get_mut(&built.package) {
                taken.build_id = None;
            }
        }
        self.hold(libraries);
    }

    fn line(&mut self, line: &str, then: &mut Vec<Action>) {
        match command::parse(line) {
            Ok(None) => {}
            Ok(Some(command)) => self.command(command, then),
            Err(mistake) => then.push(Action::Emit(mistake.into())),
        }
    }

    fn command(&mut self, command: Command, then: &mut Vec<Action>) {
        match command {
            // What was asked for before is answered first; who asks twice does not want to wait.
            Command::Quit if self.waiting.is_empty() || self.ending => self.exit(ExitCode::Success, then),
            Command::Quit => self.end_of_input(then),
            Command::Help => then.push(Action::Help),
            _ if !self.ready && self.building.is_some() => self.waiting.push(command),
            Command::Pause => self.pause(then),
            Command::Resume => self.resume(then),
            Command::Reload => {
                self.dirty.all = true;
                self.start_build(then);
            }
            Command::Errors => self.show_errors(then),
            command if !self.ready => self.waiting.push(command),
            command => then.push(Action::Run(command)),
        }
    }

    fn pause(&mut self, then: &mut Vec<Action>) {
        self.paused = true;
        then.push(note("paused", "changes wait until `resume`"));
    }

    fn resume(&mut self, then: &mut Vec<Action>) {
        let was_paused = std::mem::replace(&mut self.paused, false);
        then.push(note("resumed", if was_paused { "changes are built again" } else { "it was not paused" }));
        if was_paused && !self.dirty.is_empty() && self.building.is_none() {
            self.start_build(then);
        } else if was_paused {
            self.apply_scene(then);
        }
    }

    fn show_errors(&self, then: &mut Vec<Action>) {
        if self.diagnostics.is_empty() {
            then.push(note("clean", "the last build printed no errors and no warnings"));
        } else {
            then.push(Action::Show(self.diagnostics.clone()));
        }
    }

    fn end_of_input(&mut self, then: &mut Vec<Action>) {
        self.ending = true;
        if self.waiting.is_empty() || self.building.is_none() {
            self.give_up_waiting(then);
        }
    }

    /// Ends; commands that wait cannot be carried out any more.
    fn give_up_waiting(&mut self, then: &mut Vec<Action>) {
        let code = if self.waiting.is_empty() { ExitCode::Success } else { ExitCode::BuildFailed };
        for command in std::mem::take(&mut self.waiting) {
            let reason = "no build was loaded before the end of input".to_owned();
            then.push(Action::Emit(Event::Error { command: command.to_string(), reason, help: None }));
        }
        self.exit(code, then);
    }

    fn fail(&mut self, code: ExitCode) {
        // The first failure explains those that follow.
        self.verdict.get_or_insert(code);
    }

    fn exit(&mut self, code: ExitCode, then: &mut Vec<Action>) {
        if self.building.take().is_some() {
            then.push(Action::CancelBuild);
        }
        then.push(Action::Exit(code));
    }
}

/// How each library was made, as far as that is known.
fn how_it_was_made(result: &BuildResult) -> Option<Event> {
    let summary = |built: &PackageBuild| {
        let way = built.way.as_ref()?;
        let (crates, reason) = match way {
            Way::Fresh => (Vec::new(), None),
            Way::Replay { crates, .. } => (crates.clone(), None),
            Way::Cargo { reason } => (Vec::new(), Some(reason)),
        };
        Some(BuildSummary {
            package: built.package.clone(),
            way: way.kind().to_owned(),
            crates,
            reason: reason.map(|reason| reason.kind().to_owned()),
            why: reason.map(ToString::to_string),
            link: link_of(built),
        })
    };
    let packages: Vec<_> = result.packages.iter().filter_map(summary).collect();
    (!packages.is_empty()).then_some(Event::Built { packages })
}

/// How a library was linked, when that was not left to cargo.
fn link_of(built: &PackageBuild) -> Option<LinkSummary> {
    let Some(Way::Replay { link: Some(link), .. }) = &built.way else { return None };
    Some(link.summary())
}

fn note(verb: &str, text: &str) -> Action {
    Action::Note { verb: verb.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests;
