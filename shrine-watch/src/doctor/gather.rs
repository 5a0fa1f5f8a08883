//! Looks at the machine and the project: the one part of the doctor that has effects.

mod config;
mod inotify;
mod places;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::Metadata;
use shrine::abi::ABI_VERSION;
use shrine::scene::{self, Scene};
use toml_edit::DocumentMut;

use super::facts::{
    BuildFacts, Facts, Found, Lock, Problem, Program, ProjectFacts, ShrinePackage, ToolchainFacts,
    ToolchainFile, Wrapper,
};
use crate::build::project::{Start, read_metadata};
use crate::build::{CargoOptions, Project, cargo};
use crate::error::Error;
use crate::release::lock;
use config::Config;

/// Looks at everything, in the directory that would be watched. `progress` is told what takes its time.
pub fn facts(path: Option<&Path>, options: &CargoOptions, progress: &mut dyn FnMut(&str)) -> Facts {
    let start = Start::at(path);
    let directory = match &start {
        Ok(start) => start.directory().to_owned(),
        Err(_) => path.filter(|path| path.is_dir()).unwrap_or(Path::new(".")).to_owned(),
    };
    let directory = directory.canonicalize().unwrap_or(directory);
    progress("asks rustc and cargo");
    let toolchain = toolchain(&directory);
    let has_tools = toolchain.rustc.release.is_some() && toolchain.cargo.release.is_some();
    let mut project = ProjectFacts { directory: directory.clone(), ..ProjectFacts::default() };
    let mut watched = None;
    match start {
        Err(error) => project.found = Found::Nothing(problem(&error)),
        // What cargo would say then was said of the tools already.
        Ok(_) if !has_tools => {}
        Ok(start) => match read_project(&start, options, &mut project) {
            Ok(found) => watched = Some(found),
            Err(error @ Error::NothingToWatch { .. }) => project.found = Found::Nothing(problem(&error)),
            Err(error) => project.found = Found::Broken(problem(&error)),
        },
    }
    let root = watched.as_ref().map_or(directory.as_path(), |project| project.root.as_path());
    let config = Config::read(&directory, root, &config::target_of(&toolchain, &directory));
    let mut build = build(&config, &directory, options);
    let target = watched.as_ref().map(|project| places::look(&project.target_directory));
    if has_tools && build.wrappers.iter().all(|wrapper| wrapper.exists) {
        progress("builds a library of one function");
        let is_usable = target.as_ref().is_some_and(|target| target.problem.is_empty() && !target.no_exec);
        let place = watched.as_ref().map(|project| project.target_directory.clone()).filter(|_| is_usable);
        let place = place.unwrap_or_else(std::env::temp_dir);
        build.trial = Some(trial::make(&place, &directory, root, &toolchain.library_directory, options));
    }
    progress("looks at what can be watched");
    let watch = watched.as_ref().map(inotify::look).unwrap_or_default();
    let sources = watched.as_ref().map(places::of_sources).unwrap_or_default();
    if let Some(found) = &watched {
        read_files(found, &mut project);
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Facts { version, abi: ABI_VERSION.into(), toolchain, build, target, sources, watch, project }
}

fn problem(error: &Error) -> Problem {
    Problem { reason: error.to_string(), help: error.help().unwrap_or_default() }
}

fn toolchain(directory: &Path) -> ToolchainFacts {
    let library_directory = cargo::library_directory(directory).unwrap_or_default();
    let names = fs::read_dir(&library_directory).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_std = |name: &String| name.starts_with("libstd-") && name.ends_with(std::env::consts::DLL_SUFFIX);
    ToolchainFacts {
        rustc: ask(cargo::rustc(directory).arg("-vV")),
        cargo: ask(cargo::cargo(directory).arg("-vV")),
        file: cargo::toolchain_file(directory).map(toolchain_file),
        shared_std: names.filter(is_std).min(),
        library_directory,
    }
}

/// What a program says of its version.
fn ask(command: &mut Command) -> Program {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Program { problem: error.to_string(), ..Program::default() },
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let value = |name: &str| {
        said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
    };
    let release = value("release").filter(|_| output.status.success());
    let problem = match release {
        Some(_) => String::new(),
        None => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            if said.is_empty() { format!("it does not say its version ({})", output.status) } else { said }
        }
    };
    Program { release, host: value("host").unwrap_or_default(), problem }
}

fn toolchain_file(path: PathBuf) -> ToolchainFile {
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return ToolchainFile { path, problem: error.to_string(), channel: None },
    };
    let (channel, problem) = channel(&text, path.extension().is_none());
    ToolchainFile { path, channel, problem }
}

/// The channel that a `rust-toolchain` file names, or why it cannot be read. A file without an extension may be the name
/// alone.
fn channel(text: &str, may_be_name: bool) -> (Option<String>, String) {
    let mut words = text.split_whitespace();
    if let (true, Some(word), None) = (may_be_name, words.next(), words.next())
        && !word.starts_with('[')
    {
        return (Some(word.to_owned()), String::new());
    }
    match text.parse::<DocumentMut>() {
        Ok(document) => {
            let toolchain = document.get("toolchain");
            let channel = toolchain.and_then(|table| table.get("channel")?.as_str()).map(str::to_owned);
            let problem = if toolchain.is_none() { "it has no section `[toolchain]`" } else { "" };
            (channel, problem.to_owned())
        }
        Err(error) => (None, error.message().to_owned()),
    }
}

/// What cargo says of the project, noted in `facts`.
fn read_project(start: &Start, options: &CargoOptions, facts: &mut ProjectFacts) -> Result<Project, Error> {
    let metadata = read_metadata(start, options)?;
    let project = Project::discover(start, options)?;
    facts.directory.clone_from(&project.directory);
    facts.found = Found::Crates(project.packages.iter().map(|package| package.name.clone()).collect());
    facts.shrines = shrines(&metadata, &project);
    Ok(project)
}

fn shrines(metadata: &Metadata, project: &Project) -> Vec<ShrinePackage> {
    let nodes = || metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let named =
        |name: &'static str| metadata.packages.iter().filter(move |package| package.name.as_str() == name);
    let describe = |shrine: &cargo_metadata::Package| {
        let uses = |id: &str| {
            nodes().any(|node| {
                node.id.repr == id && node.deps.iter().any(|dependency| dependency.pkg == shrine.id)
            })
        };
        let users = project.packages.iter().filter(|package| uses(&package.id));
        let own = nodes().find(|node| node.id == shrine.id);
        let macros = named("shrine-macros").find(|macros| {
            own.is_some_and(|node| node.deps.iter().any(|dependency| dependency.pkg == macros.id))
        });
        let directory = shrine.manifest_path.parent().map(ToString::to_string).unwrap_or_default();
        ShrinePackage {
            version: shrine.version.to_string(),
            source: shrine.source.as_ref().map_or(directory, ToString::to_string),
            abi: shrine.metadata.pointer("/shrine/abi").and_then(serde_json::Value::as_u64),
            macros: macros.map(|package| package.version.to_string()),
            rust_version: shrine.rust_version.as_ref().map(ToString::to_string),
            users: users.map(|package| package.name.clone()).collect(),
        }
    };
    named("shrine").map(describe).collect()
}

fn build(config: &Config, directory: &Path, options: &CargoOptions) -> BuildFacts {
    let wrapper = |workspace: bool| {
        let setting = config.wrapper(workspace)?;
        let exists = program(&setting.value, directory).is_some();
        Some(Wrapper { setting, exists, workspace })
    };
    let profile = match (&options.profile, options.release) {
        (Some(profile), _) => profile.as_str(),
        (None, true) => "release",
        (None, false) => "dev",
    };
    let linkers = [("mold", "mold"), ("lld", "ld.lld")];
    let linkers = linkers.into_iter().filter(|(_, file)| program(file, directory).is_some());
    BuildFacts {
        wrappers: [false, true].into_iter().filter_map(wrapper).collect(),
        flags: config.flags(),
        machine: config.machine(),
        profile: profile.to_owned(),
        settings: config.profile(profile),
        trial: None,
        linkers: linkers.map(|(name, _)| name.to_owned()).collect(),
    }
}

/// Finds a program as the system does: by its path, or in PATH.
fn program(name: &str, directory: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let is_program = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(directory.join(name)).filter(is_program);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|place| place.join(name)).find(is_program)
}

/// Reads the files of a project that the watcher reads, and asks git which of them it leaves out.
fn read_files(project: &Project, facts: &mut ProjectFacts) {
    facts.target_is_ignored = is_ignored(&project.root, &project.target_directory, true);
    let file = project.directory.join(scene::FILE);
    facts.scene = match fs::read_to_string(&file) {
        Ok(text) => {
            let mistakes = Scene::parse(&text).err().unwrap_or_default();
            let shown = file.display().to_string();
            let describe = |mistake: &scene::SceneError| Problem {
                reason: mistake.render(&shown),
                help: mistake.help.clone().unwrap_or_default(),
            };
            mistakes.iter().map(describe).collect()
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let reason = format!("cannot read {}: {error}", file.display());
            vec![Problem { reason, help: String::new() }]
        }
    };
    for package in &project.packages {
        let path = lock::path(package.directory());
        let problem = match lock::read(package.directory()) {
            Ok(None) => continue,
            Ok(Some(_)) => None,
            Err(error) => Some(problem(&error)),
        };
        let is_ignored = is_ignored(package.directory(), &path, false) == Some(true);
        facts.locks.push(Lock { path, problem, is_ignored });
    }
}

/// Whether git leaves a file out; none when that is not for the working tree around `directory` to say.
fn is_ignored(directory: &Path, path: &Path, is_directory: bool) -> Option<bool> {
    let mut path = path.as_os_str().to_owned();
    if is_directory {
        path.push("/");
    }
    let mut git = Command::new("git");
    git.arg("-C").arg(directory).args(["check-ignore", "--quiet", "--"]).arg(path);
    match git.output().ok()?.status.code()? {
        0 => Some(true),
        1 => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_file_names_a_channel() {
        let read = |text: &str, may_be_name| channel(text, may_be_name);
        assert_eq!(read("1.90.0\n", true).0.as_deref(), Some("1.90.0"));
        assert_eq!(read("[toolchain]\nchannel = \"nightly\"\n", true).0.as_deref(), Some("nightly"));
        assert_eq!(read("[toolchain]\npath = \"/x\"\n", false), (None, String::new()));
        assert!(read("1.90.0\n", false).1.contains("key"), "{:?}", read("1.90.0\n", false));
        assert!(read("[tools]\n", false).1.contains("[toolchain]"));
    }

    #[test]
    fn the_manifest_of_shrine_says_which_boundary_it_has() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shrine/Cargo.toml");
        let manifest: DocumentMut = fs::read_to_string(manifest).unwrap().parse().unwrap();
        let abi = manifest["package"]["metadata"]["shrine"]["abi"].as_integer();
        assert_eq!(abi, Some(ABI_VERSION.into()));
    }
}
