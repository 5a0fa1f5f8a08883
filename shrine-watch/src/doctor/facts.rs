//! What there is to know about a machine and a project, as plain values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The version of `cargo-shrine`.
    pub version: String,
    /// The revision of the boundary that it understands.
    pub abi: u64,
    /// The compiler and cargo.
    pub toolchain: ToolchainFacts,
    /// How widgets are built.
    pub build: BuildFacts,
    /// Where builds go; none without a project.
    pub target: Option<Place>,
    /// The directories of the sources, as far as they are on different file systems.
    pub sources: Vec<Place>,
    /// What the system lets be watched.
    pub watch: WatchFacts,
    /// The project.
    pub project: ProjectFacts,
}

/// The compiler and cargo, as they run in the directory of the project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolchainFacts {
    /// The compiler.
    pub rustc: Program,
    /// Cargo.
    pub cargo: Program,
    /// The file that says which toolchain it should be.
    pub file: Option<ToolchainFile>,
    /// Where the compiler has its libraries.
    pub library_directory: PathBuf,
    /// The shared std in there, by its file name.
    pub shared_std: Option<String>,
}

/// A program that was asked for its version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Program {
    /// As `1.95.0`; none when it could not be run.
    pub release: Option<String>,
    /// The machine that it is for, as `x86_64-unknown-linux-gnu`.
    pub host: String,
    /// Why it could not be run.
    pub problem: String,
}

/// A `rust-toolchain` file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolchainFile {
    /// The file.
    pub path: PathBuf,
    /// The channel in it, as `1.90` or `nightly`; none when it names none.
    pub channel: Option<String>,
    /// Why it cannot be read.
    pub problem: String,
}

/// How widgets are built.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildFacts {
    /// The programs that run in front of the compiler.
    pub wrappers: Vec<Wrapper>,
    /// The flags that are added for the compiler, with `-C` and its value as one.
    pub flags: Vec<Setting>,
    /// The machine that is built for, where that is set.
    pub machine: Option<Setting>,
    /// The name of the profile.
    pub profile: String,
    /// What was set of it, by the names of Cargo.toml.
    pub settings: BTreeMap<String, Setting>,
    /// The trial; none when it was not made.
    pub trial: Option<Trial>,
    /// The linkers that are installed beside the one that is used.
    pub linkers: Vec<String>,
}

/// A value, and where it was set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// The value.
    pub value: String,
    /// Where, as a person would say it.
    pub from: String,
}

/// A program that runs in front of the compiler.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wrapper {
    /// The program, and where it was set.
    #[serde(flatten)]
    pub setting: Setting,
    /// Whether there is such a program.
    pub exists: bool,
    /// Whether it wraps the crates of the workspace alone.
    pub workspace: bool,
}

/// A small library, built with the flags, the profile and the configuration of the project, and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// It could be loaded.
    Good {
        /// The linker, as it signs its work.
        linker: Option<String>,
        /// The file name of the shared std that it needs.
        std: String,
    },
    /// It was not built.
    Failed {
        /// What was said.
        said: String,
    },
    /// It was built, and could not be loaded.
    Unloadable {
        /// Why.
        reason: String,
        /// What to do.
        help: String,
    },
}

/// A directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The directory.
    pub path: PathBuf,
    /// The kind of its file system, as `ext4`; empty when nobody can tell.
    pub file_system: String,
    /// Whether nothing in it can be run.
    pub no_exec: bool,
    /// How many bytes are free.
    pub free: Option<u64>,
    /// Why nothing can be written into it.
    pub problem: String,
    /// The program that copies it to other machines.
    pub synced_by: Option<String>,
}

/// What the system lets a user watch, and how much of that is in use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchFacts {
    /// How many directories of this project have to be watched.
    pub needed: u64,
    /// How many directories may be watched at most.
    pub max_watches: Option<u64>,
    /// How many are watched by the programs of this user that can be looked into.
    pub used_watches: u64,
    /// How many programs may watch.
    pub max_instances: Option<u64>,
    /// How many of this user do.
    pub used_instances: u64,
    /// Why the directories could not be watched when it was tried.
    pub refused: Option<String>,
}

/// The project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectFacts {
    /// The directory that was asked for.
    pub directory: PathBuf,
    /// What was found in it.
    pub found: Found,
    /// All packages called `shrine` in the graph.
    pub shrines: Vec<ShrinePackage>,
    /// The mistakes in `shrine.toml`, each as it is printed.
    pub scene: Vec<Problem>,
    /// The locks.
    pub locks: Vec<Lock>,
    /// Whether git leaves the target directory out; none when it is in no working tree, or outside of it.
    pub target_is_ignored: Option<bool>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Widget crates, by name.
    Crates(Vec<String>),
    /// No widget crate.
    Nothing(Problem),
    /// Something that cargo does not understand.
    Broken(Problem),
}

impl Default for Found {
    fn default() -> Self {
        Self::Crates(Vec::new())
    }
}

/// What is wrong, and what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// What is wrong.
    pub reason: String,
    /// What to do; empty where the reason says it.
    pub help: String,
}

/// A package called `shrine`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShrinePackage {
    /// Its version.
    pub version: String,
    /// Where it comes from: a directory, or what cargo says.
    pub source: String,
    /// The revision of the boundary that it writes; none when it does not say, and so is another crate.
    pub abi: Option<u64>,
    /// The version of its macros.
    pub macros: Option<String>,
    /// The oldest compiler that it can be built with.
    pub rust_version: Option<String>,
    /// The widget crates that depend on it.
    pub users: Vec<String>,
}

/// A `shrine.lock`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Option<Problem>,
    /// Whether git leaves it out.
    pub is_ignored: bool,
}
