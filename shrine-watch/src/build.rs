//! Builds widget crates into libraries that can be loaded, with cargo.
//!
//! What goes in is a [`BuildRequest`], what comes out are [`BuildMessage`]s: plain values that could cross to another
//! process. Which command makes the library is known to [`cargo`] alone.

mod capture;
pub mod cargo;
mod child;
mod config;
pub mod dep_info;
mod link;
mod messages;
pub mod options;
mod overlooked;
pub mod project;
mod reason;
mod replay;
mod rewrite;
mod scripts;
mod shell;
mod shop;
mod stamp;
mod unit;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use shrine::event::LinkSummary;

use crate::load::check;
pub use child::Cancel;
pub use link::Plain;
pub(crate) use link::SHARED_PREFIX;
pub use options::CargoOptions;
pub use project::{Package, Project};
pub use reason::{Reason, Way};
use shop::Shop;

/// The name that stands in a [`BuildResult`] for all packages, when cargo does not understand the project.
pub const CARGO: &str = "(cargo)";

/// Asks for a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRequest {
    /// Names the build in the messages about it.
    pub build: u64,
    /// The packages to build, by name; `None` is all of them.
    pub packages: Option<BTreeSet<String>>,
    /// Packages that are not built because they never had a widget. Where what is compiled for the others shows that they
    /// have none now, the result says so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub plain: BTreeSet<String>,
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
    Finished(Box<BuildResult>),
    /// How libraries are linked from now on: to one shared library of their dependencies, or why not. It is found out
    /// after builds.
    Linking(Vec<Linking>),
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

/// How the library of a package is linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linking {
    /// The name of the package.
    pub package: String,
    /// The shared library, if it is linked to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<PathBuf>,
    /// Why it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<Plain>,
}

impl Linking {
    /// That of a package which is linked so.
    fn of(package: String, link: Result<PathBuf, Plain>) -> Self {
        Self { package, shared: link.as_ref().ok().cloned(), plain: link.err() }
    }

    /// The same as it is told.
    #[must_use]
    pub fn summary(&self) -> LinkSummary {
        let Self { package, shared, plain } = self;
        LinkSummary {
            package: package.clone(),
            link: if shared.is_some() { "shared" } else { "plain" }.to_owned(),
            library: shared.as_ref().map(|path| path.display().to_string()),
            reason: plain.as_ref().map(|plain| plain.kind().to_owned()),
            why: plain.as_ref().map(ToString::to_string),
        }
    }
}

/// What became of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageBuild {
    /// The name of the package.
    pub package: String,
    /// What became of it.
    pub verdict: Verdict,
    /// How it was made, if anything was done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
}

/// What became of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// There is a library.
    Built(Artifact),
    /// What was compiled of it for others shows that its library would have no widget, so none was made.
    WithoutWidgets {
        /// The files that it is made of, absolute.
        inputs: Vec<PathBuf>,
        /// The directories that it is made of, whatever is in them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        folders: Vec<PathBuf>,
    },
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
    /// The directories that it was made of, whatever is in them: those that build scripts name, and the packages of build
    /// scripts that do not say what they read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<PathBuf>,
    /// How many warnings.
    pub warnings: usize,
    /// The build id in the file, in hexadecimal: two libraries that have the same are the same.
    pub build_id: Option<String>,
    /// The symbols of the widgets in it, those of the crates that it is made of included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widgets: Vec<String>,
    /// Whether nobody will write to the file any more, so that it can be opened where it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
}

impl Artifact {
    /// Looks at a library that was made of `inputs`, files and directories.
    fn at(path: &Path, inputs: Vec<PathBuf>, warnings: usize) -> Self {
        let seen = std::fs::read(path).ok().and_then(|bytes| check::glance(&bytes));
        let (build_id, widgets) = seen.unzip();
        let widgets = widgets.unwrap_or_default();
        let (folders, inputs) = folders_and_files(inputs);
        Self { path: path.to_owned(), inputs, folders, warnings, build_id, widgets, is_final: false }
    }
}

/// Directories, and what is none.
fn folders_and_files(paths: impl IntoIterator<Item = PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    paths.into_iter().partition(|path| path.is_dir())
}

/// Runs one build at a time, on a thread of its own.
pub struct Builder {
    shop: Arc<Shop>,
    cancel: Arc<Mutex<Cancel>>,
    running: Option<JoinHandle<()>>,
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
        let shop = Shop::new(path, options, project, Box::new(send));
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

impl Verdict {
    fn failed(rendered: String) -> Self {
        Self::Failed { errors: 1, warnings: 0, rendered, packages: BTreeSet::new() }
    }
}
