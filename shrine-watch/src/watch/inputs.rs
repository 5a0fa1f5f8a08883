//! Which files matter, and what for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::directories::walk;
use crate::build::cargo::{self, TOOLCHAIN_FILES};
use crate::build::{Artifact, BuildResult, Package, Project, Verdict};

/// The files that matter to a project.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Inputs {
    project: Project,
    /// What the compiler has read, by package.
    tracked: BTreeMap<String, BTreeSet<PathBuf>>,
    /// The directories that packages are made of, whatever is in them.
    folders: BTreeMap<String, BTreeSet<PathBuf>>,
    /// The packages whose last build failed: the file that was missing may be any.
    failed: BTreeSet<String>,
    /// What follows from the project and from what was read.
    #[serde(skip)]
    index: OnceLock<Index>,
}

/// Answers fast what is asked of each file, however many packages there are.
#[derive(Debug, Clone)]
struct Index {
    /// The files whose names are known, but for one that is looked for each time.
    fixed: HashMap<PathBuf, Role>,
    /// The directories of the packages, each once, in order.
    roots: Vec<PathBuf>,
    /// Those below which every `.rs` file counts.
    sources: HashSet<PathBuf>,
    /// What the compiler has read, and is not its own output.
    read: BTreeSet<PathBuf>,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A Cargo.toml.
    Manifest,
    /// The Cargo.lock.
    Lock,
    /// A configuration of cargo.
    Config,
    /// The file that names the toolchain.
    Toolchain,
    /// A build script.
    BuildScript,
    /// The `shrine.toml`.
    Scene,
    /// What the compiler reads.
    Source,
    /// What may be missing in a build that failed.
    Missing,
}

impl Inputs {
    /// What matters before the first build: the sources and what says how to build them.
    #[must_use]
    pub fn of(project: &Project) -> Self {
        Self { project: project.clone(), ..Self::default() }
    }

    /// Takes from a build what it has read.
    pub fn learn(&mut self, result: &BuildResult) {
        self.index.take();
        if let Some(project) = &result.project {
            self.project = project.clone();
        }
        for built in &result.packages {
            let learned = match &built.verdict {
                Verdict::Built(Artifact { inputs, folders, .. }) => Some((inputs, folders)),
                Verdict::WithoutWidgets { inputs, folders } => Some((inputs, folders)),
                _ => None,
            };
            if let Some((inputs, folders)) = learned {
                self.folders.insert(built.package.clone(), folders.iter().cloned().collect());
                // Where cargo has left no list, nothing is known: then all that it may read counts.
                if inputs.is_empty() {
                    self.tracked.remove(&built.package);
                } else {
                    self.tracked.insert(built.package.clone(), inputs.iter().cloned().collect());
                }
                self.failed.remove(&built.package);
            } else {
                self.failed.insert(built.package.clone());
            }
        }
        let names: BTreeSet<_> = self.project.packages.iter().map(|package| &package.name).collect();
        self.tracked.retain(|name, _| names.contains(name));
        self.folders.retain(|name, _| names.contains(name));
        // A failure of cargo itself is of no package, and ends with the next build that has packages.
        let cargo_failed = result.packages.iter().any(|built| !names.contains(&built.package));
        self.failed.retain(|name| names.contains(name) || cargo_failed);
    }

    /// What a file is for; `None` when it does not matter.
    #[must_use]
    pub fn role(&self, path: &Path) -> Option<Role> {
        if self.is_output(path) {
            return None;
        }
        let index = self.index();
        if let Some(role) = index.fixed.get(path) {
            return Some(*role);
        }
        if TOOLCHAIN_FILES.iter().any(|name| path.ends_with(name))
            && self.outer_toolchain().as_deref() == Some(path)
        {
            return Some(Role::Toolchain);
        }
        if self.is_member_manifest(path) {
            return Some(Role::Manifest);
        }
        let is_source =
            || looks_like_source(path) && path.ancestors().any(|above| index.sources.contains(above));
        if index.read.contains(path)
            || is_source()
            || self.folders.values().flatten().any(|folder| is_part_of(folder, path))
        {
            Some(Role::Source)
        } else if self.is_possibly_missing(path) {
            Some(Role::Missing)
        } else {
            None
        }
    }

    /// The packages that a file is an input of.
    #[must_use]
    pub fn packages_of(&self, path: &Path) -> BTreeSet<String> {
        let is_missing = self.role(path) == Some(Role::Missing);
        let owner = self.project.owner(path);
        // Whoever has read the file has said so. Who has not, may when the file is new, or when it could not be built.
        let is_read = self.project.packages.iter().any(|package| self.has_read(&package.name, path));
        let holds = |package: &&Package| {
            let name = &package.name;
            let has_read = self.has_read(name, path);
            let may_read = !is_read || !self.tracked.contains_key(name) || self.failed.contains(name);
            let owns = owner.is_some_and(|owner| package.roots.contains(owner));
            has_read || (owns && may_read && !is_missing) || (is_missing && self.failed.contains(name))
        };
        self.project.packages.iter().filter(holds).map(|package| package.name.clone()).collect()
    }

    /// Whether a package was made of a file, or of all that is in a directory around it.
    fn has_read(&self, package: &str, path: &Path) -> bool {
        let folders = || self.folders.get(package).into_iter().flatten();
        self.tracked.get(package).is_some_and(|inputs| inputs.contains(path))
            || folders().any(|folder| is_part_of(folder, path))
    }

    /// How the path is shown: from the root of the workspace, when it is in it.
    #[must_use]
    pub fn display(&self, path: &Path) -> String {
        path.strip_prefix(&self.project.root).unwrap_or(path).display().to_string()
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let roots: BTreeSet<&PathBuf> =
                self.project.packages.iter().flat_map(|package| &package.roots).collect();
            let roots: Vec<PathBuf> = roots.into_iter().cloned().collect();
            let mut fixed = HashMap::new();
            for (path, role) in self.named(&roots) {
                // What comes first counts.
                fixed.entry(path).or_insert(role);
            }
            let sources = roots.iter().map(|root| root.join("src")).collect();
            let read = self.tracked.values().flatten().filter(|path| !self.is_output(path)).cloned();
            Index { fixed, sources, read: read.collect(), roots }
        })
    }

    /// The files whose names follow from the project, and what they are for.
    fn named<'a>(&'a self, roots: &'a [PathBuf]) -> impl Iterator<Item = (PathBuf, Role)> + 'a {
        let root = &self.project.root;
        let directories = roots.iter().chain(&self.project.directories);
        let manifests = directories.map(|root| (root.join("Cargo.toml"), Role::Manifest));
        let scripts = self.project.packages.iter().flat_map(|package| &package.scripts);
        let default_scripts = roots.iter().map(|root| root.join("build.rs"));
        let configs = self.configured().flat_map(|directory| {
            [".cargo/config.toml", ".cargo/config"].map(|name| (directory.join(name), Role::Config))
        });
        let toolchains = self
            .configured()
            .flat_map(|directory| TOOLCHAIN_FILES.map(|name| (directory.join(name), Role::Toolchain)));
        let scene = self.project.directory.join(shrine::scene::FILE);
        [
            (root.join("Cargo.toml"), Role::Manifest),
            (root.join("Cargo.lock"), Role::Lock),
            (scene, Role::Scene),
        ]
        .into_iter()
        .chain(manifests)
        .chain(scripts.cloned().chain(default_scripts).map(|script| (script, Role::BuildScript)))
        .chain(configs)
        .chain(toolchains)
    }

    /// The file above the workspace that names the toolchain. It may come and go.
    fn outer_toolchain(&self) -> Option<PathBuf> {
        cargo::toolchain_file(&self.project.directory)
    }

    /// The files whose names are known, whether they are there or not.
    pub(super) fn fixed(&self) -> impl Iterator<Item = PathBuf> {
        self.index().fixed.keys().cloned().chain(self.outer_toolchain())
    }

    /// What the compiler has read, each file once.
    pub(super) fn tracked(&self) -> impl Iterator<Item = &PathBuf> {
        self.index().read.iter()
    }

    /// The directories all of whose files count, each once.
    pub(super) fn folders(&self) -> BTreeSet<&PathBuf> {
        self.folders.values().flatten().filter(|path| !self.is_output(path)).collect()
    }

    /// The files in those.
    pub(super) fn in_folders(&self) -> BTreeSet<PathBuf> {
        self.folders().into_iter().flat_map(|folder| files_of(folder, &self.project.outputs)).collect()
    }

    /// The directories below which every `.rs` file counts.
    pub(super) fn source_directories(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.roots().map(|root| root.join("src"))
    }

    /// The directories of the packages, each once, in order.
    pub(super) fn roots(&self) -> impl Iterator<Item = &PathBuf> {
        self.index().roots.iter()
    }

    /// The directories in which new members of the workspace may appear.
    pub(super) fn nurseries(&self) -> &[PathBuf] {
        &self.project.nurseries
    }

    /// Whether a file is the manifest of what is a member of the workspace, or may become one.
    fn is_member_manifest(&self, path: &Path) -> bool {
        let nursery = path.parent().and_then(Path::parent);
        path.ends_with("Cargo.toml")
            && nursery.is_some_and(|nursery| self.nurseries().iter().any(|known| known == nursery))
    }

    /// The directories in which cargo and rustup look for their configuration, up to the root of the workspace.
    pub(super) fn configured(&self) -> impl Iterator<Item = &Path> {
        let (root, directory) = (&self.project.root, &self.project.directory);
        let between = directory.ancestors().take_while(move |above| above.starts_with(root));
        between.chain((!directory.starts_with(root)).then_some(root.as_path()))
    }

    pub(super) fn is_output(&self, path: &Path) -> bool {
        self.project.outputs.iter().any(|output| path.starts_with(output))
    }

    /// Whether the last build failed, and the file looks like one that somebody made for it.
    pub(super) fn is_possibly_missing(&self, path: &Path) -> bool {
        !self.failed.is_empty()
            && !is_of_an_editor(path)
            && !self.is_output(path)
            && self.roots().any(|root| path.starts_with(root))
    }

    /// Whether any file counts, because the last build failed.
    pub(super) fn any_counts(&self) -> bool {
        !self.failed.is_empty()
    }
}

/// The files of a directory that is read as a whole, in order: those below it but for outputs, other packages, hidden
/// directories, and what editors keep beside a file.
pub(crate) fn files_of(folder: &Path, outputs: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    walk(folder, &mut |file| {
        if is_part_of(folder, file) && !outputs.iter().any(|output| file.starts_with(output)) {
            files.insert(file.to_owned());
        }
    });
    files
}

/// Whether a file, there or not, is one of a directory that is read as a whole.
fn is_part_of(folder: &Path, file: &Path) -> bool {
    let Ok(rest) = file.strip_prefix(folder) else { return false };
    let is_of_another = |directory: &Path| directory.join("Cargo.toml").is_file();
    let mut between = file.ancestors().skip(1).take_while(|directory| *directory != folder);
    let is_passed_over = |part: &OsStr| part == "target" || part.as_encoded_bytes().starts_with(b".");
    let is_below_hidden = rest.parent().is_some_and(|parent| parent.iter().any(is_passed_over));
    rest.iter().next().is_some()
        && !is_below_hidden
        && !is_left_by_an_editor(file)
        && !between.any(is_of_another)
}

/// Whether a file may be a module before the compiler has read it.
pub(super) fn looks_like_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs") && !is_of_an_editor(path)
}

/// The same, where a hidden file may be one that matters.
fn is_left_by_an_editor(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_hidden = name.starts_with('.');
    let is_swap = is_hidden
        && path.extension().is_some_and(|extension| extension.as_encoded_bytes().starts_with(b"sw"));
    is_swap || name.starts_with(".#") || (!is_hidden && is_of_an_editor(path)) || name.ends_with(['~', '#'])
}

/// Whether a file has a name that editors give to what they keep beside a file: locks, backups, probes.
fn is_of_an_editor(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(['.', '#']) || name.ends_with(['~', '#']) || name == "4913"
}
