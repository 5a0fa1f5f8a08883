//! Builds widget crates into libraries that can be loaded, with cargo.
//!
//! What goes in is a [`BuildRequest`], what comes out are [`BuildMessage`]s: plain values that could cross to another
//! process. Which command makes the library is known to [`cargo`] alone.

pub mod cargo;
mod child;
pub mod dep_info;
mod messages;
pub mod options;
pub mod project;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

pub use child::Cancel;
use messages::Followed;
pub use options::CargoOptions;
pub use project::{Package, Project};

/// The name that stands in a [`BuildResult`] for all packages, when cargo does not understand the project.
pub const CARGO: &str = "(cargo)";

/// Asks for a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRequest {
    /// Names the build in the messages about it.
    pub build: u64,
    /// The packages to build, by name; `None` is all of them.
    pub packages: Option<BTreeSet<String>>,
    /// Whether the project may have another structure than before, so that cargo is asked for it again.
    pub capture: bool,
    /// Whether to build as for a release: without `SHRINE_DEV`, so that what `shrine.lock` says is enforced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked_shapes: bool,
}

/// What a build has to say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BuildMessage {
    /// The compiler printed a diagnostic.
    Diagnostic {
        /// The build.
        build: u64,
        /// The package that it is about, which may be one that the built one is made of.
        package: String,
        /// The compiler's own rendering.
        rendered: String,
    },
    /// Cargo printed a line about its progress, as `Compiling serde v1.0.0`.
    Progress {
        /// The build.
        build: u64,
        /// The line.
        line: String,
    },
    /// The build has ended. A build that was cancelled does not say so.
    Finished(BuildResult),
}

/// How a build has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildResult {
    /// The build.
    pub build: u64,
    /// The packages that were built.
    pub packages: Vec<PackageBuild>,
    /// The project, if cargo was asked for it.
    #[serde(default)]
    pub project: Option<Project>,
    /// When the build began.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
}

/// What became of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageBuild {
    /// The name of the package.
    pub package: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// There is a library.
    Built(Artifact),
    /// The compiler, or cargo, said no.
    Failed {
        /// How many errors.
        errors: usize,
        /// How many warnings.
        warnings: usize,
        /// What was said about them.
        rendered: String,
        /// The packages that have them, which may be ones that this one is made of.
        #[serde(default)]
        packages: BTreeSet<String>,
    },
    /// It was not built, because a package that it is made of has failed already.
    Skipped {
        /// That package.
        because: String,
    },
    /// It cannot be built in a way that could be loaded.
    Refused {
        /// Why.
        reason: String,
        /// What to do.
        help: String,
    },
}

/// A library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Artifact {
    /// The file.
    pub path: PathBuf,
    /// The files that it was made of, absolute.
    pub inputs: Vec<PathBuf>,
    /// How many warnings.
    pub warnings: usize,
    /// The build id in the file, in hexadecimal: two libraries that have the same are the same.
    pub build_id: Option<String>,
    /// The symbols of the widgets in it, those of the crates that it is made of included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widgets: Vec<String>,
}

/// Runs one build at a time, on a thread of its own.
pub struct Builder {
    shop: Arc<Shop>,
    cancel: Arc<Mutex<Cancel>>,
    running: Option<JoinHandle<()>>,
}

/// What the threads of a [`Builder`] share.
struct Shop {
    path: project::Start,
    options: CargoOptions,
    project: Mutex<Project>,
    send: Box<dyn Fn(BuildMessage) + Send + Sync>,
}

impl Builder {
    /// A builder that has nothing to do yet. `send` is called from other threads.
    #[must_use]
    pub fn new(
        path: project::Start,
        options: CargoOptions,
        project: Project,
        send: impl Fn(BuildMessage) + Send + Sync + 'static,
    ) -> Self {
        let shop = Shop { path, options, project: Mutex::new(project), send: Box::new(send) };
        Self { shop: Arc::new(shop), cancel: Arc::default(), running: None }
    }

    /// Begins a build. One that is under way is cancelled.
    pub fn start(&mut self, request: BuildRequest) {
        self.cancel();
        let cancel = Cancel::default();
        self.cancel.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&cancel);
        let (shop, previous) = (Arc::clone(&self.shop), self.running.take());
        self.running = Some(std::thread::spawn(move || {
            // Two cargos would wait for each other's lock. The one before was killed, so this takes no time.
            drop(previous.map(JoinHandle::join));
            shop.build(&request, &cancel);
        }));
    }

    /// Ends the build that is under way, with all its processes.
    pub fn cancel(&self) {
        self.canceller()();
    }

    /// [`Builder::cancel`] for another thread.
    pub fn canceller(&self) -> impl Fn() + Send + 'static {
        let cancel = Arc::clone(&self.cancel);
        move || cancel.lock().unwrap_or_else(PoisonError::into_inner).cancel()
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.cancel();
        drop(self.running.take().map(JoinHandle::join));
    }
}

impl Shop {
    fn build(&self, request: &BuildRequest, cancel: &Cancel) {
        let (began, clock) = (SystemTime::now(), Instant::now());
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
                    self.project.lock().unwrap_or_else(PoisonError::into_inner).clone_from(project);
                }
                result.project = project;
                result.packages = self.build_packages(request, cancel);
            }
            Err(error) => {
                let verdict = Verdict::failed(format!("{error}\n"));
                result.packages.push(PackageBuild { package: CARGO.to_owned(), verdict });
            }
        }
        result.took = clock.elapsed();
        if !cancel.is_cancelled() {
            (self.send)(BuildMessage::Finished(result));
        }
    }

    /// Builds one package after the other: they share what they are made of, and so the lock of the target directory.
    fn build_packages(&self, request: &BuildRequest, cancel: &Cancel) -> Vec<PackageBuild> {
        let project = self.project.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_wanted =
            |package: &&Package| request.packages.as_ref().is_none_or(|names| names.contains(&package.name));
        // Cargo says again what it has said of a package that several are made of.
        let said = Mutex::new(HashSet::new());
        let mut broken: BTreeMap<String, String> = BTreeMap::new();
        let mut built = Vec::new();
        for package in project.packages.iter().filter(is_wanted) {
            if cancel.is_cancelled() {
                break;
            }
            let verdict = match package.dependencies.iter().find_map(|id| broken.get(id)) {
                Some(because) => Verdict::Skipped { because: because.clone() },
                None => {
                    let Followed { verdict, failed } =
                        self.build_package(request, &project, package, cancel, &said);
                    broken.extend(failed);
                    verdict
                }
            };
            built.push(PackageBuild { package: package.name.clone(), verdict });
        }
        built
    }

    fn build_package(
        &self,
        request: &BuildRequest,
        project: &Project,
        package: &Package,
        cancel: &Cancel,
        said: &Mutex<HashSet<String>>,
    ) -> Followed {
        let build = request.build;
        let mut command = cargo::build_command(project, package, &self.options);
        if request.locked_shapes {
            command.env_remove("SHRINE_DEV");
        }
        let diagnostic = |package: &str, rendered: &str| {
            let is_new = said.lock().unwrap_or_else(PoisonError::into_inner).insert(rendered.to_owned());
            if is_new {
                let (package, rendered) = (package.to_owned(), rendered.to_owned());
                (self.send)(BuildMessage::Diagnostic { build, package, rendered });
            }
            is_new
        };
        let progress = |line: &str| (self.send)(BuildMessage::Progress { build, line: line.to_owned() });
        messages::follow(command, package, cancel, &diagnostic, &progress).unwrap_or_else(|error| Followed {
            verdict: Verdict::failed(format!("cannot run cargo: {error}\n")),
            failed: BTreeMap::new(),
        })
    }
}

impl Verdict {
    fn failed(rendered: String) -> Self {
        Self::Failed { errors: 1, warnings: 0, rendered, packages: BTreeSet::new() }
    }
}
