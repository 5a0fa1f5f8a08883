//! What follows from what happens: a state machine. Inputs go in, actions come out; it has no clock, no files, no threads.
//!
//! Invariants:
//! - At most one build is under way, and only its result counts.
//! - What changed stays to be built until a build of it has ended well.
//! - The scene is held against code only when all of a build is in.
//! - `ready` is said once, before any command is carried out.

mod action;
pub mod command;
mod input;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shrine::event::{ChangeDecision, Event, Refusal};

use crate::build::{BuildRequest, BuildResult, CARGO, PackageBuild, Verdict};
use crate::exit::ExitCode;
use crate::watch::Change;
pub use action::Action;
pub use command::Command;
pub use input::{Applied, Input};

/// How a session behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// End after the first build.
    pub once: bool,
    /// The registry is another's and runs already: nothing is announced, and there are no commands.
    pub embedded: bool,
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
    /// How many [`Action::Apply`] have not been answered.
    applying: usize,
    generation: Option<u64>,
    ready: bool,
    /// Whether code came in that the scene was not held against.
    fresh: bool,
    /// The worst of what `--once` has seen.
    verdict: Option<ExitCode>,
    /// The packages that never had widgets.
    plain: BTreeSet<String>,
    /// Commands that wait until it is ready.
    waiting: Vec<Command>,
    /// Whether to end when what waits is done.
    ending: bool,
    /// What the last build printed.
    diagnostics: String,
}

/// What has to be built.
#[derive(Debug, Default)]
struct Dirty {
    all: bool,
    capture: bool,
    scene: bool,
    packages: BTreeSet<String>,
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
        (self.ready || (self.building.is_none() && self.applying == 0)).then_some(self.ready)
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
            Input::Diagnostic { build, rendered } => self.diagnostic(build, rendered, then),
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
        let packages = (!self.dirty.all).then(|| self.dirty.packages.clone());
        then.push(Action::StartBuild(BuildRequest {
            build: self.builds,
            packages,
            capture: self.dirty.capture,
            locked_shapes: false,
        }));
    }

    fn changed(&mut self, change: Change, then: &mut Vec<Action>) {
        let Change { paths, decision, why, packages, scene } = change;
        if decision == ChangeDecision::Scene && self.options.embedded {
            return;
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
            Some(packages) => self.dirty.packages.extend(packages),
            None => self.dirty.all = true,
        }
        if !self.paused {
            self.start_build(then);
        }
    }

    /// Applies the scene if it or the code has changed, unless that has to wait.
    fn apply_scene(&mut self, then: &mut Vec<Action>) {
        let is_due = self.dirty.scene || self.fresh;
        let is_paused = self.paused && self.ready && !self.fresh;
        let must_wait =
            is_paused || self.building.is_some() || self.applying > 0 || self.generation.is_none();
        if is_due && !must_wait && !self.options.embedded {
            (self.dirty.scene, self.fresh) = (false, false);
            then.push(Action::ApplyScene { must: !self.ready && self.verdict.is_none() });
        }
    }

    fn diagnostic(&mut self, build: u64, rendered: String, then: &mut Vec<Action>) {
        if self.building == Some(build) {
            self.diagnostics.push_str(&rendered);
            then.push(Action::Show(rendered));
        }
    }

    fn build_finished(&mut self, result: BuildResult, then: &mut Vec<Action>) {
        if self.building != Some(result.build) {
            return;
        }
        self.building = None;
        self.report_failures(&result.packages, then);
        self.settle(&result.packages);
        for built in result.packages {
            if let Verdict::Built(artifact) = built.verdict {
                self.applying += 1;
                then.push(Action::Apply { package: built.package, artifact: artifact.path });
            }
        }
        self.settled(then);
    }

    /// What was built well is no longer dirty.
    fn settle(&mut self, packages: &[PackageBuild]) {
        // When cargo itself has failed, nothing is known about the packages.
        if packages.iter().any(|built| built.package == CARGO) {
            return;
        }
        let is_dirty = |built: &&PackageBuild| !matches!(built.verdict, Verdict::Built(_));
        let packages = packages.iter().filter(is_dirty).map(|built| built.package.clone()).collect();
        self.dirty = Dirty { packages, scene: self.dirty.scene, ..Dirty::default() };
    }

    /// One event for all packages of a build that failed.
    fn report_failures(&mut self, packages: &[PackageBuild], then: &mut Vec<Action>) {
        let mut failure: Option<(usize, usize, String)> = None;
        for built in packages {
            match &built.verdict {
                Verdict::Failed { errors, warnings, rendered } => {
                    let all = failure.get_or_insert_default();
                    (all.0, all.1) = (all.0 + errors, all.1 + warnings);
                    all.2.push_str(rendered);
                }
                Verdict::Refused { reason, help } => {
                    then.push(self.refusal(&built.package, reason.clone(), help.clone()));
                    self.fail(ExitCode::Refused);
                }
                Verdict::Built(_) => {}
            }
        }
        if let Some((errors, warnings, rendered)) = failure {
            if self.diagnostics.is_empty() {
                self.diagnostics.clone_from(&rendered);
                then.push(Action::Show(rendered.clone()));
            }
            let running_generation = self.generation;
            then.push(Action::Emit(Event::BuildFailed { errors, warnings, rendered, running_generation }));
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
        self.applying = self.applying.saturating_sub(1);
        match applied {
            Applied::Running { generation } => (self.generation, self.fresh) = (Some(generation), true),
            Applied::Refused => self.fail(ExitCode::Refused),
            Applied::LoadFailed { package, reason, help, no_widgets } => {
                // A member of a workspace that only helps others is no mistake; one that has lost its widgets is.
                if no_widgets && (!self.ready || self.plain.contains(&package)) {
                    self.plain.insert(package);
                } else {
                    then.push(self.refusal(&package, reason, help));
                    self.fail(ExitCode::LoadFailed);
                }
            }
        }
        self.settled(then);
    }

    /// When all that a build has made was applied: is it ready, or over?
    fn settled(&mut self, then: &mut Vec<Action>) {
        if self.building.is_some() || self.applying > 0 {
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
    }

    fn happened(&mut self, event: Event, then: &mut Vec<Action>) {
        let update = match &event {
            Event::Updated(update) => Some(update.generation),
            _ => None,
        };
        // What makes it ready is told by `ready` alone.
        let is_first = matches!(event, Event::Updated(_) | Event::Created { .. } | Event::Unchanged { .. });
        if self.ready || !is_first {
            then.push(Action::Emit(event));
        }
        // An update that had to wait comes without a build.
        if update.is_some() {
            (self.generation, self.fresh) = (update, true);
            self.apply_scene(then);
        }
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
        let is_dirty = self.dirty.all || self.dirty.capture || !self.dirty.packages.is_empty();
        if was_paused && is_dirty && self.building.is_none() {
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

fn note(verb: &str, text: &str) -> Action {
    Action::Note { verb: verb.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests;
