//! Carries out one build after the other: rustc is called as before where that is known to be right, and cargo is asked
//! where it is not.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::messages::{self, Followed};
use super::overlooked::Looks;
use super::project::Start;
use super::replay::{Before, Replayer};
use super::{
    BuildMessage, BuildRequest, BuildResult, CARGO, Cancel, CargoOptions, Package, PackageBuild, Project,
    Reason, Verdict, Way, cargo, folders_and_files, scripts,
};

/// What the threads of a builder share.
pub(super) struct Shop {
    path: Start,
    options: CargoOptions,
    send: Box<dyn Fn(BuildMessage) + Send + Sync>,
    /// For one build at a time.
    state: Mutex<State>,
}

struct State {
    project: Project,
    replayer: Replayer,
}

/// A build that is under way.
struct Build<'a> {
    shop: &'a Shop,
    request: &'a BuildRequest,
    cancel: &'a Cancel,
    /// What the compiler has said: cargo says again what it has said of a package that several are made of.
    said: Mutex<HashSet<String>>,
}

impl Shop {
    pub(super) fn new(
        path: Start,
        options: CargoOptions,
        project: Project,
        send: Box<dyn Fn(BuildMessage) + Send + Sync>,
    ) -> Self {
        let replayer = Replayer::new(&project, &options);
        Self { path, options, send, state: Mutex::new(State { project, replayer }) }
    }

    pub(super) fn build(&self, request: &BuildRequest, cancel: &Cancel) {
        let (began, clock) = (SystemTime::now(), Instant::now());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut result = BuildResult {
            build: request.build,
            packages: Vec::new(),
            project: None,
            began,
            took: Duration::ZERO,
        };
        let rediscovered = request.capture.then(|| Project::discover(&self.path, &self.options));
        match rediscovered.transpose() {
            Ok(project) => {
                if let Some(project) = &project {
                    state.project.clone_from(project);
                }
                result.project = project;
                let build = Build { shop: self, request, cancel, said: Mutex::default() };
                let State { project, replayer } = &mut *state;
                result.packages = build.packages(project, replayer);
            }
            Err(error) => {
                let verdict = Verdict::failed(format!("{error}\n"));
                result.packages.push(PackageBuild { package: CARGO.to_owned(), verdict, way: None });
            }
        }
        result.took = clock.elapsed();
        if !cancel.is_cancelled() {
            (self.send)(BuildMessage::Finished(Box::new(result)));
        }
        // Nobody waits for this; the next build ends it.
        let State { project, replayer } = &mut *state;
        replayer.tidy();
        if !self.options.no_replay && !self.options.once {
            if let Some(linking) = replayer.share(project, cancel) {
                (self.send)(BuildMessage::Linking(linking));
            }
            replayer.warm_up(project, cancel);
            replayer.tidy();
            replayer.lay_in(project);
        }
    }
}

impl Build<'_> {
    /// Builds the packages that are asked for.
    fn packages(&self, project: &Project, replayer: &mut Replayer) -> Vec<PackageBuild> {
        let names = self.request.packages.as_ref();
        let is_wanted = |package: &&Package| names.is_none_or(|names| names.contains(&package.name));
        let packages: Vec<&Package> = project.packages.iter().filter(is_wanted).collect();
        self.replay(project, &packages, replayer)
            .unwrap_or_else(|reason| self.by_cargo(project, &packages, replayer, &reason))
    }

    /// Calls rustc as before.
    fn replay(
        &self,
        project: &Project,
        packages: &[&Package],
        replayer: &mut Replayer,
    ) -> Result<Vec<PackageBuild>, Reason> {
        if self.shop.options.no_replay {
            return Err(Reason::Off);
        }
        if self.request.locked_shapes {
            return Err(Reason::Release);
        }
        if self.request.capture {
            return Err(Reason::Project);
        }
        let plan = replayer.plan(project, packages)?;
        let mut built =
            replayer.run(&plan, self.cancel, &|package, rendered| self.diagnostic(package, rendered))?;
        if built.iter().all(|built| matches!(built.verdict, Verdict::Built(_))) {
            let plain = project.packages.iter().filter(|package| self.request.plain.contains(&package.name));
            let bare = plain.filter_map(|package| {
                let (folders, inputs) = folders_and_files(replayer.inputs_if_bare(&plan, package)?);
                let (package, verdict) = (package.name.clone(), Verdict::WithoutWidgets { inputs, folders });
                Some(PackageBuild { package, verdict, way: None })
            });
            built.extend(bare);
        }
        Ok(built)
    }

    /// Builds one package after the other: they share what they are made of, and so the lock of the target directory.
    fn by_cargo(
        &self,
        project: &Project,
        packages: &[&Package],
        replayer: &mut Replayer,
        reason: &Reason,
    ) -> Vec<PackageBuild> {
        let before = replayer.before_cargo(project);
        Looks::before_cargo(project);
        let mut broken: BTreeMap<String, String> = BTreeMap::new();
        let mut built = Vec::new();
        for package in packages {
            if self.cancel.is_cancelled() {
                break;
            }
            let (verdict, way) = match package.dependencies.iter().find_map(|id| broken.get(id)) {
                Some(because) => (Verdict::Skipped { because: because.clone() }, None),
                None => {
                    let Followed { verdict, failed, .. } = self.package(project, package, replayer, &before);
                    broken.extend(failed);
                    (verdict, Some(Way::Cargo { reason: reason.clone() }))
                }
            };
            built.push(PackageBuild { package: package.name.clone(), verdict, way });
        }
        built
    }

    /// Builds a package with cargo.
    fn package(
        &self,
        project: &Project,
        package: &Package,
        replayer: &mut Replayer,
        before: &Before,
    ) -> Followed {
        let (build, began) = (self.request.build, SystemTime::now());
        let wrapper = replayer.wrapper().filter(|_| !self.shop.options.no_replay);
        let mut command = cargo::build_command(project, package, &self.shop.options);
        if let Some(wrapper) = wrapper {
            cargo::note_calls(&mut command, wrapper);
        }
        if self.request.locked_shapes {
            command.env_remove("SHRINE_DEV").env_remove(super::capture::ENVIRONMENT);
        }
        let diagnostic = |package: &str, rendered: &str| self.diagnostic(package, rendered);
        let progress = |line: &str| (self.shop.send)(BuildMessage::Progress { build, line: line.to_owned() });
        let not_captured = Reason::NotCaptured { package: package.name.clone() };
        replayer.forget(package, not_captured);
        let followed = messages::follow(command, package, self.cancel, &diagnostic, &progress);
        let mut followed = followed.unwrap_or_else(|error| {
            Followed::without_library(Verdict::failed(format!("cannot run cargo: {error}\n")))
        });
        if let Verdict::Built(artifact) = &mut followed.verdict {
            artifact.folders.extend(scripts::reading_anything(project, &package.scripts, &followed.scripts));
            Looks::learn(project, &artifact.inputs, began);
        }
        if let (Verdict::Built(artifact), Some(library)) = (&followed.verdict, &followed.library) {
            replayer.learn(project, package, library, artifact, before);
            replayer.hear(package, &followed.warned);
        }
        followed
    }

    /// Passes on what the compiler says, once. Whether it is new.
    fn diagnostic(&self, package: &str, rendered: &str) -> bool {
        let is_new = self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(rendered.to_owned());
        if is_new {
            let (build, package, rendered) = (self.request.build, package.to_owned(), rendered.to_owned());
            (self.shop.send)(BuildMessage::Diagnostic { build, package, rendered });
        }
        is_new
    }
}
