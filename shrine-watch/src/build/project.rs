//! Finds the widget crates below a path, and what they are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{CrateType, DependencyKind, Metadata, MetadataCommand, PackageId, TargetKind};
use serde::{Deserialize, Serialize};

use super::{CargoOptions, cargo};
use crate::error::Error;

/// The widget crates of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// The root of the workspace.
    pub root: PathBuf,
    /// Where commands run: the directory that was asked for.
    pub directory: PathBuf,
    /// Where builds go. Its own, so that nothing else waits for its lock.
    pub target_directory: PathBuf,
    /// Where the compiler has the shared std.
    pub library_directory: PathBuf,
    /// All target directories: nothing in them is an input.
    pub outputs: Vec<PathBuf>,
    /// The widget crates; those that others are built from come before them.
    pub packages: Vec<Package>,
    /// The directories of all packages that are no download: a file belongs to the innermost around it.
    pub directories: Vec<PathBuf>,
    /// The directories that have members of the workspace in them, if all of those are asked for: there may be more.
    pub nurseries: Vec<PathBuf>,
    /// The directories of packages that cargo alone can build in order: macros, what build scripts are made of, and
    /// what packages outside of the workspace are made of.
    pub tools: Vec<PathBuf>,
    /// The names of the crates that are edited or may have widgets, or depend on such a crate.
    pub unshared: BTreeSet<String>,
}

/// A widget crate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What cargo knows it by.
    pub id: String,
    /// Its Cargo.toml.
    pub manifest: PathBuf,
    /// Its directory, and those of the path dependencies that it is built from.
    pub roots: Vec<PathBuf>,
    /// The build scripts in these directories.
    pub scripts: Vec<PathBuf>,
    /// The file that its library begins with.
    pub library: PathBuf,
    /// What cargo knows the path dependencies by that it is built from.
    pub dependencies: Vec<String>,
    /// The features that it has.
    pub features: Vec<String>,
    /// Its library and those of the path dependencies that it is built from, itself first.
    pub libraries: Vec<Library>,
}

/// A library that is no download.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Library {
    /// The name of its package.
    pub package: String,
    /// The directory of its Cargo.toml.
    pub directory: PathBuf,
    /// The file that it begins with.
    pub root: PathBuf,
    /// What it calls the libraries that it depends on, by the directories of those.
    pub calls: BTreeMap<PathBuf, String>,
}

impl Package {
    /// The directory of its Cargo.toml.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("/"))
    }
}

/// Where to look for a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    manifest: PathBuf,
    /// A directory without a Cargo.toml, if that is where to look: it is part of the workspace of `manifest`.
    folder: Option<PathBuf>,
    /// Whether somebody has named that directory.
    is_named: bool,
}

impl Start {
    /// `path` is a directory with a Cargo.toml, or the Cargo.toml, or a directory of a workspace with members below it.
    /// Without one, it is the current directory, and if nothing is there, the directories above it are searched, as
    /// cargo does.
    ///
    /// # Errors
    ///
    /// When there is no Cargo.toml.
    pub fn at(path: Option<&Path>) -> Result<Self, Error> {
        let given = path.unwrap_or(Path::new("."));
        let nothing = |what: &str| Error::NothingToWatch { reason: format!("{what} `{}`", given.display()) };
        let no_manifest = || nothing("there is no Cargo.toml in");
        let found = given.canonicalize().map_err(|_| nothing("there is no"))?;
        let is_named = path.is_some();
        if found.is_file() {
            let is_manifest = found.file_name().is_some_and(|name| name == "Cargo.toml");
            let start = Self { manifest: found, folder: None, is_named };
            return if is_manifest { Ok(start) } else { Err(no_manifest()) };
        }
        let mut around = found.ancestors().map(|directory| directory.join("Cargo.toml"));
        let manifest = around.find(|file| file.is_file()).ok_or_else(no_manifest)?;
        let folder = Some(found).filter(|found| manifest.parent() != Some(found));
        Ok(Self { manifest, folder, is_named })
    }

    /// The directory that was asked for, or the one of the manifest.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.folder.as_deref().or(self.manifest.parent()).unwrap_or(Path::new("/"))
    }

    /// As if the directory of the manifest had been asked for.
    fn at_manifest(&self) -> Self {
        Self { manifest: self.manifest.clone(), folder: None, is_named: self.is_named }
    }
}

impl Project {
    /// Asks cargo.
    ///
    /// A package is taken as it is named; of a workspace, or of a directory in it, every member there that is a library
    /// and depends on `shrine`. Whether it has widgets is seen when it is built.
    ///
    /// # Errors
    ///
    /// When cargo does not understand the project, or no package of it is a widget crate.
    pub fn discover(start: &Start, options: &CargoOptions) -> Result<Self, Error> {
        let metadata = read_metadata(start, options)?;
        let target = metadata.target_directory.as_std_path();
        // Somebody who stands in the sources of a crate means the crate.
        let stands_inside = |folder: &PathBuf| !start.is_named && members_below(&metadata, folder).is_empty();
        let start = &if start.folder.as_ref().is_some_and(stands_inside) {
            start.at_manifest()
        } else {
            start.clone()
        };
        let Chosen { packages, whole } = choose(&metadata, start, options)?;
        let graph = Graph::of(&metadata);
        let directories: BTreeSet<PathBuf> = metadata.packages.iter().filter_map(local_directory).collect();
        let within = start.folder.as_deref().unwrap_or(metadata.workspace_root.as_std_path());
        let members = metadata.workspace_packages();
        let parents =
            members.iter().filter_map(|package| local_directory(package)?.parent().map(Path::to_owned));
        let nurseries: BTreeSet<PathBuf> =
            parents.filter(|parent| whole && parent.starts_with(within)).collect();
        let mut packages: Vec<_> = packages.into_iter().map(|package| graph.describe(package)).collect();
        // Whoever is built from another has more below it.
        packages.sort_by_cached_key(|package| (package.dependencies.len(), package.name.clone()));
        let target_directory = match &options.target_dir {
            Some(directory) => std::path::absolute(directory)
                .map_err(|error| Error::io("find the target directory", error))?,
            None => target.join("shrine"),
        };
        Ok(Self {
            root: metadata.workspace_root.clone().into(),
            directory: start.directory().to_owned(),
            library_directory: cargo::library_directory(start.directory())?,
            outputs: vec![target.to_owned(), target_directory.clone()],
            target_directory,
            packages,
            directories: directories.into_iter().collect(),
            nurseries: nurseries.into_iter().collect(),
            tools: graph.tools(&metadata),
            unshared: graph.unshared(),
        })
    }

    /// The directory of the package that a file belongs to, or would if it were there: the innermost around it.
    #[must_use]
    pub fn owner(&self, path: &Path) -> Option<&PathBuf> {
        let all = self.packages.iter().flat_map(|package| &package.roots).chain(&self.directories);
        let around = all.filter(|directory| path.starts_with(directory));
        around.max_by_key(|directory| directory.as_os_str().len())
    }
}

/// What cargo says of the workspace.
pub(crate) fn read_metadata(start: &Start, options: &CargoOptions) -> Result<Metadata, Error> {
    let configuration = |reason: String| Error::Configuration { reason, help: String::new() };
    if !start.manifest.is_file() {
        return Err(configuration(format!("`{}` is gone", start.manifest.display())));
    }
    let mut command = cargo::cargo(start.directory());
    command
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(&start.manifest)
        .args(options.common());
    let output = command.output().map_err(|error| Error::io("run cargo", error))?;
    if !output.status.success() {
        return Err(configuration(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()));
    }
    MetadataCommand::parse(String::from_utf8_lossy(&output.stdout))
        .map_err(|error| configuration(error.to_string()))
}

/// The packages to watch.
struct Chosen<'a> {
    packages: Vec<&'a cargo_metadata::Package>,
    /// Whether they are all that the workspace, or the directory that was asked for, has.
    whole: bool,
}

fn choose<'a>(metadata: &'a Metadata, start: &Start, options: &CargoOptions) -> Result<Chosen<'a>, Error> {
    let nothing = |reason: String| Error::NothingToWatch { reason };
    let members = metadata.workspace_packages();
    if !options.packages.is_empty() {
        let find = |name: &&String| {
            let found = members.iter().copied().find(|package| package.name.as_str() == name.as_str());
            let package = found.ok_or_else(|| unknown_package(name, &members))?;
            why_no_widget_crate(package).map_or(Ok(package), |reason| Err(nothing(reason)))
        };
        let names: BTreeSet<&String> = options.packages.iter().collect();
        let packages = names.iter().map(find).collect::<Result<_, _>>()?;
        return Ok(Chosen { packages, whole: false });
    }
    if let Some(folder) = &start.folder {
        return choose_below(folder, metadata).map(|packages| Chosen { packages, whole: true });
    }
    let named = members.iter().copied().find(|package| package.manifest_path.as_std_path() == start.manifest);
    let is_root = start.directory() == metadata.workspace_root.as_std_path();
    if let Some(package) = named.filter(|_| !is_root || members.len() == 1) {
        let packages =
            why_no_widget_crate(package).map_or(Ok(vec![package]), |reason| Err(nothing(reason)))?;
        return Ok(Chosen { packages, whole: is_root });
    }
    let packages: Vec<_> =
        members.into_iter().filter(|package| why_no_widget_crate(package).is_none()).collect();
    if packages.is_empty() {
        return Err(nothing("no member of the workspace is a library that depends on `shrine`".to_owned()));
    }
    Ok(Chosen { packages, whole: true })
}

/// The widget crates in a directory that has no Cargo.toml itself.
fn choose_below<'a>(
    folder: &Path,
    metadata: &'a Metadata,
) -> Result<Vec<&'a cargo_metadata::Package>, Error> {
    let (shown, root) = (folder.display(), &metadata.workspace_root);
    let below = members_below(metadata, folder);
    let reason = if below.is_empty() {
        format!("there is no Cargo.toml in `{shown}`, and no member of the workspace `{root}` below it")
    } else {
        format!("no member of the workspace `{root}` below `{shown}` is a library that depends on `shrine`")
    };
    let packages: Vec<_> =
        below.into_iter().filter(|package| why_no_widget_crate(package).is_none()).collect();
    if packages.is_empty() { Err(Error::NothingToWatch { reason }) } else { Ok(packages) }
}

fn members_below<'a>(metadata: &'a Metadata, folder: &Path) -> Vec<&'a cargo_metadata::Package> {
    let is_below = |package: &&cargo_metadata::Package| {
        local_directory(package).is_some_and(|directory| directory.starts_with(folder))
    };
    metadata.workspace_packages().into_iter().filter(is_below).collect()
}

fn unknown_package(name: &str, members: &[&cargo_metadata::Package]) -> Error {
    let names: BTreeSet<_> = members.iter().map(|package| format!("`{}`", package.name)).collect();
    let names: Vec<_> = names.into_iter().collect();
    Error::Usage {
        reason: format!("no package `{name}` in the workspace"),
        help: format!("there is {}", names.join(", ")),
    }
}

fn why_no_widget_crate(package: &cargo_metadata::Package) -> Option<String> {
    let name = &package.name;
    let uses_shrine = package
        .dependencies
        .iter()
        .any(|dependency| dependency.name == "shrine" && dependency.kind == DependencyKind::Normal);
    if !package.targets.iter().any(is_library) {
        Some(format!("`{name}` has no library (src/lib.rs)"))
    } else if name.starts_with("shrine") && package.source.is_none() && is_part_of_shrine(name) {
        Some(format!("`{name}` is part of shrine itself"))
    } else if !uses_shrine {
        Some(format!("`{name}` does not depend on `shrine`"))
    } else {
        None
    }
}

/// The directory of a package that is no download. Downloads do not change; those are found by having a source.
fn local_directory(package: &cargo_metadata::Package) -> Option<PathBuf> {
    let directory = package.manifest_path.parent().filter(|_| package.source.is_none())?;
    Some(directory.into())
}

fn is_library(target: &cargo_metadata::Target) -> bool {
    let kinds = [TargetKind::Lib, TargetKind::RLib, TargetKind::DyLib, TargetKind::CDyLib];
    target.kind.iter().any(|kind| kinds.contains(kind)) && !target.crate_types.contains(&CrateType::ProcMacro)
}

/// The file that the library of a package begins with.
fn library_of(package: &cargo_metadata::Package) -> Option<PathBuf> {
    package.targets.iter().find(|target| is_library(target)).map(|target| target.src_path.clone().into())
}

fn is_part_of_shrine(name: &str) -> bool {
    ["shrine", "shrine-macros", "shrine-watch"].contains(&name)
}

/// Which package is built from which others.
struct Graph<'a> {
    packages: BTreeMap<&'a PackageId, &'a cargo_metadata::Package>,
    dependencies: BTreeMap<&'a PackageId, Vec<&'a PackageId>>,
    /// What a package calls the libraries of the others.
    names: BTreeMap<&'a PackageId, Vec<(&'a PackageId, &'a str)>>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Metadata) -> Self {
        let nodes = || metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let is_built = |dependency: &&cargo_metadata::NodeDep| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        };
        let dependencies = nodes()
            .map(|node| (&node.id, node.deps.iter().filter(is_built).map(|dep| &dep.pkg).collect()))
            .collect();
        Self {
            packages: metadata.packages.iter().map(|package| (&package.id, package)).collect(),
            dependencies,
            names: nodes()
                .map(|node| {
                    let called = node.deps.iter().filter(is_built);
                    (&node.id, called.map(|dep| (&dep.pkg, dep.name.as_str())).collect())
                })
                .collect(),
        }
    }

    fn describe(&self, package: &'a cargo_metadata::Package) -> Package {
        let local: Vec<_> =
            self.reachable(&package.id).into_iter().filter(|package| package.source.is_none()).collect();
        let scripts =
            local.iter().flat_map(|package| &package.targets).filter(|target| target.is_custom_build());
        Package {
            name: package.name.to_string(),
            id: package.id.repr.clone(),
            manifest: package.manifest_path.clone().into(),
            roots: local.iter().filter_map(|package| local_directory(package)).collect(),
            dependencies: local.iter().skip(1).map(|package| package.id.repr.clone()).collect(),
            features: package.features.keys().cloned().collect(),
            scripts: scripts.map(|target| target.src_path.clone().into()).collect(),
            library: library_of(package).unwrap_or_default(),
            libraries: local.iter().filter_map(|package| self.library(package)).collect(),
        }
    }

    /// The library of a package that is no download.
    fn library(&self, package: &cargo_metadata::Package) -> Option<Library> {
        let called = self.names.get(&package.id).into_iter().flatten();
        let called = called.filter_map(|(id, name)| Some((local_directory(self.packages.get(id)?)?, name)));
        Some(Library {
            package: package.name.to_string(),
            directory: local_directory(package)?,
            root: library_of(package)?,
            calls: called.map(|(directory, name)| (directory, (*name).to_owned())).collect(),
        })
    }

    /// The directories of the packages that are run to build others or that such a package is built from, and of those
    /// that a package outside of the workspace is built from.
    fn tools(&self, metadata: &'a Metadata) -> Vec<PathBuf> {
        let members: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
        let is_macro = |package: &&cargo_metadata::Package| {
            package.targets.iter().any(|target| target.crate_types.contains(&CrateType::ProcMacro))
        };
        let packages = metadata.packages.iter();
        let others = packages.filter(|package| is_macro(package) || !members.contains(&package.id));
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let by_scripts = nodes
            .flat_map(|node| &node.deps)
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Build));
        let starts = others.map(|package| &package.id).chain(by_scripts.map(|dependency| &dependency.pkg));
        let directories: BTreeSet<PathBuf> =
            self.reachable_from(starts.collect()).into_iter().filter_map(local_directory).collect();
        directories.into_iter().collect()
    }

    /// The names of the crates that are edited or may have widgets, and of those that are built from them: libraries that
    /// are no download, other than `shrine` itself, and what depends on that.
    fn unshared(&self) -> BTreeSet<String> {
        let mut above: BTreeMap<&PackageId, Vec<&PackageId>> = BTreeMap::new();
        for (id, dependencies) in &self.dependencies {
            for dependency in dependencies {
                above.entry(dependency).or_default().push(id);
            }
        }
        let is_shrine = |package: &cargo_metadata::Package| package.name == "shrine";
        let is_local = |package: &cargo_metadata::Package| {
            package.source.is_none() && package.targets.iter().any(is_library)
        };
        let packages = self.packages.values();
        let above_shrine = packages.clone().filter(|package| is_shrine(package));
        let above_shrine =
            above_shrine.flat_map(|package| above.get(&package.id).into_iter().flatten().copied());
        let edited = packages.filter(|package| is_local(package) && !is_shrine(package));
        let mut queue: Vec<&PackageId> = edited.map(|package| &package.id).chain(above_shrine).collect();
        let mut seen: BTreeSet<&PackageId> = queue.iter().copied().collect();
        while let Some(id) = queue.pop() {
            queue.extend(above.get(id).into_iter().flatten().filter(|id| seen.insert(**id)));
        }
        let packages = seen.iter().filter_map(|id| self.packages.get(*id));
        let targets = packages.flat_map(|package| &package.targets).filter(|target| is_library(target));
        targets.map(|target| target.name.replace('-', "_")).collect()
    }

    /// The package and what it is built from, itself first.
    fn reachable(&self, start: &'a PackageId) -> Vec<&'a cargo_metadata::Package> {
        self.reachable_from(vec![start])
    }

    fn reachable_from(&self, mut queue: Vec<&'a PackageId>) -> Vec<&'a cargo_metadata::Package> {
        let mut seen: BTreeSet<_> = queue.iter().copied().collect();
        let mut found = Vec::new();
        while let Some(id) = queue.pop() {
            found.extend(self.packages.get(id).copied());
            let next = self.dependencies.get(id).into_iter().flatten().copied();
            queue.extend(next.filter(|id| seen.insert(*id)));
        }
        found
    }
}
