//! Builds and loads a project once, to ask its widgets what they say of themselves. No instance of them is made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use shrine::abi::handle::Module;

use crate::build::project::Start;
use crate::build::{Artifact, BuildMessage, BuildRequest, Builder, CargoOptions, Package, Project, Verdict};
use crate::error::Error;
use crate::load::Loader;

/// Surveys one project, as often as it is asked to.
pub struct Surveyor {
    project: Project,
    builder: Builder,
    messages: Receiver<BuildMessage>,
    loader: Loader,
    builds: u64,
}

/// A crate with widgets.
#[derive(Debug)]
pub struct Surveyed {
    /// The crate.
    pub package: Package,
    /// The files that it was built from, absolute.
    pub sources: Vec<PathBuf>,
    /// Its widgets, in the order of their symbols.
    pub widgets: Vec<Arc<Module>>,
}

impl Surveyor {
    /// Finds the project.
    ///
    /// # Errors
    ///
    /// When there is none, or cargo does not understand it.
    pub fn new(start: Start, options: CargoOptions) -> Result<Self, Error> {
        let options = CargoOptions { once: true, ..options };
        let project = Project::discover(&start, &options)?;
        let (send, messages) = mpsc::channel();
        // A receiver that is gone has ended the survey; nobody waits for what is lost then.
        let builder = Builder::new(start, options, project.clone(), move |message| drop(send.send(message)));
        let loader = Loader::new(&project.target_directory);
        Ok(Self { project, builder, messages, loader, builds: 0 })
    }

    /// The crates of the project, whatever is in them.
    #[must_use]
    pub fn packages(&self) -> &[Package] {
        &self.project.packages
    }

    /// The root of the workspace.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.project.root
    }

    /// Ends the build that is under way, from another thread.
    pub fn canceller(&self) -> impl Fn() + Send + 'static {
        self.builder.canceller()
    }

    /// Builds and loads the crates, and answers with those that have widgets. With `locked_shapes` the build fails when
    /// the shape of a released version has changed. `progress` is told what cargo does.
    ///
    /// # Errors
    ///
    /// When a crate cannot be built or loaded, or none has a widget.
    pub fn survey(
        &mut self,
        locked_shapes: bool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Vec<Surveyed>, Error> {
        let built = self.build(locked_shapes, progress)?;
        let mut surveyed = Vec::new();
        let mut without = Vec::new();
        for (package, artifact) in built {
            match self.loader.load(&package, &artifact.path, artifact.is_final) {
                Ok(library) => surveyed.push(Surveyed {
                    package,
                    sources: artifact.inputs,
                    widgets: library.modules().to_vec(),
                }),
                Err(error) if error.no_widgets => without.push(package.name),
                Err(error) => {
                    let reason = format!("`{}` cannot be loaded: {}", package.name, error.reason);
                    return Err(Error::LoadFailed { reason, help: error.help });
                }
            }
        }
        if surveyed.is_empty() {
            let reason = format!("no library has a `#[widget]`: {}", without.join(", "));
            return Err(Error::NothingToWatch { reason });
        }
        Ok(surveyed)
    }

    /// The crates with their libraries.
    fn build(
        &mut self,
        locked_shapes: bool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Vec<(Package, Artifact)>, Error> {
        self.builds += 1;
        let request = BuildRequest {
            build: self.builds,
            packages: None,
            plain: BTreeSet::new(),
            capture: false,
            locked_shapes,
        };
        self.builder.start(request);
        let result = loop {
            match self.messages.recv() {
                Ok(BuildMessage::Finished(result)) if result.build == self.builds => break result,
                Ok(BuildMessage::Progress { line, .. }) => progress(&line),
                Ok(_) => {}
                Err(_) => {
                    let ended = std::io::Error::other("the thread that builds has ended");
                    return Err(Error::io("build", ended));
                }
            }
        };
        let mut built = Vec::new();
        let mut failed = (0, String::new());
        for package in result.packages {
            match package.verdict {
                Verdict::Built(artifact) => built.push((package.package, artifact)),
                Verdict::Failed { errors, rendered, .. } if !failed.1.ends_with(&rendered) => {
                    failed.0 += errors;
                    failed.1.push_str(&rendered);
                }
                // Of what they are made of was told already.
                Verdict::Failed { .. } | Verdict::Skipped { .. } | Verdict::WithoutWidgets { .. } => {}
                Verdict::Refused { reason, help } => return Err(Error::Refused { reason, help }),
            }
        }
        if failed.0 > 0 {
            return Err(Error::BuildFailed { errors: failed.0, rendered: failed.1 });
        }
        let find = |name: &str| self.project.packages.iter().find(|package| package.name == name).cloned();
        Ok(built.into_iter().filter_map(|(name, artifact)| Some((find(&name)?, artifact))).collect())
    }
}
