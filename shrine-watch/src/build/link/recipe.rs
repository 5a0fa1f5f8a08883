//! What goes into a shared library, and who is linked to it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Plain;
use super::line::{Line, crate_name};
use crate::build::capture::Invocation;
use crate::build::unit::{Options, Unit, split};

/// What rustc calls when it is told nothing else.
const DRIVER: &str = "cc";

/// A library that is to be linked: how it is compiled, and how the linker was called for it.
#[derive(Debug, Clone)]
pub(super) struct Tip<'a> {
    pub(super) unit: &'a Unit,
    pub(super) line: Line,
}

/// How a shared library is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    /// A call of the compiler whose directory and environment are right for it.
    pub(super) call: Invocation,
    /// What links it.
    pub(super) driver: OsString,
    /// The flags of the compiler that decide about the machine, the linker, and what code means.
    flags: Vec<OsString>,
    /// The arguments of the driver before and after the crates.
    pub(super) around: [Vec<OsString>; 2],
    /// The crates that it consists of, with all that they depend on: static libraries.
    pub(super) crates: BTreeSet<PathBuf>,
}

/// The shared libraries that widget crates can be linked to, and for each crate which one, or why none. Crates share
/// one when they are compiled with the same flags. Crates named in `unshared` stay where they are.
pub(super) fn choose(
    tips: &[Tip<'_>],
    unshared: &BTreeSet<String>,
    standard: &Path,
) -> (Vec<Recipe>, Vec<Result<usize, Plain>>) {
    let mut recipes: Vec<Recipe> = Vec::new();
    let choices = tips.iter().map(|tip| {
        let recipe = Recipe::of(tip, unshared, standard)?;
        let is_alike = |other: &Recipe| other.flags == recipe.flags && other.driver == recipe.driver;
        if let Some(index) = recipes.iter().position(is_alike) {
            let known = &mut recipes[index];
            known.crates.extend(recipe.crates);
            for (known, words) in known.around.iter_mut().zip(recipe.around) {
                add_libraries(known, &words);
            }
            return Ok(index);
        }
        recipes.push(recipe);
        Ok(recipes.len() - 1)
    });
    let choices = choices.collect();
    (recipes, choices)
}

/// Adds what a call names of libraries, and where it looks for them, as far as it is not there yet.
fn add_libraries(known: &mut Vec<OsString>, words: &[OsString]) {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let found = match word.as_bytes() {
            b"-L" => words.next().map(|directory| vec![word.clone(), directory.clone()]),
            bytes if bytes.starts_with(b"-l") || bytes.starts_with(b"-L") => Some(vec![word.clone()]),
            _ => None,
        };
        if let Some(found) = found
            && !known.windows(found.len()).any(|window| window == found)
        {
            known.extend(found);
        }
    }
}

impl Recipe {
    /// What one crate alone would be linked to.
    ///
    /// # Errors
    ///
    /// When it has to be linked plainly.
    pub(super) fn of(tip: &Tip<'_>, unshared: &BTreeSet<String>, standard: &Path) -> Result<Self, Plain> {
        let options = Options::of(&tip.unit.call.arguments);
        let is_shared = |path: &&Path| crate_name(path).is_some_and(|name| !unshared.contains(name));
        let crates: BTreeSet<PathBuf> =
            tip.line.crates(standard).filter(is_shared).map(Path::to_owned).collect();
        if crates.is_empty() {
            return Err(Plain::Nothing);
        }
        if let Some(dynamic) = tip.line.dynamic(standard).next() {
            return Err(Plain::Dynamic { name: crate_name(dynamic).unwrap_or_default().to_owned() });
        }
        Ok(Self {
            driver: driver(&options).to_owned(),
            flags: kept_flags(&options),
            around: tip.line.around_crates(standard),
            crates,
            call: tip.unit.call.clone(),
        })
    }

    /// What tells the shared library from every other: what it is made of, as it is now, and how. `standard` is the
    /// directory with the shared std, whose name tells the compiler. None when a file is missing.
    pub(super) fn key(&self, standard: &Path) -> Option<String> {
        let mut hasher = DefaultHasher::new();
        let mut feed = |bytes: &[u8]| {
            hasher.write(bytes);
            hasher.write_u8(0);
        };
        feed(concat!(env!("CARGO_PKG_VERSION"), " 2").as_bytes());
        feed(standard.as_os_str().as_bytes());
        for name in std_names(standard) {
            feed(name.as_bytes());
        }
        feed(self.driver.as_bytes());
        self.flags.iter().for_each(|flag| feed(flag.as_bytes()));
        for words in &self.around {
            feed(b"--");
            words.iter().for_each(|word| feed(word.as_bytes()));
        }
        for path in &self.crates {
            let Looks { size, seconds, nanoseconds } = Looks::of(path)?;
            feed(path.as_os_str().as_bytes());
            feed(&size.to_le_bytes());
            feed(&seconds.to_le_bytes());
            feed(&nanoseconds.to_le_bytes());
        }
        Some(format!("{:016x}", hasher.finish()))
    }
}

/// What tells whether a file was written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looks {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Looks {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { size: metadata.size(), seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() })
    }
}

/// The names of the shared std, which contain a hash of the compiler.
fn std_names(standard: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(standard).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).filter(|name| name.as_bytes().starts_with(b"libstd-")).collect()
}

/// What rustc calls to link.
pub(super) fn driver<'a>(options: &Options<'a>) -> &'a OsStr {
    options.codegen("linker").unwrap_or(OsStr::new(DRIVER))
}

/// A flag with which there is no dynamic linking between crates, or with which it would mean something else; or with which
/// the linker is called in another way.
pub(super) fn refused_flag(options: &Options<'_>) -> Option<String> {
    const OFF: [&str; 5] = ["off", "no", "n", "false", "thin-local"];
    const REFUSED: [&str; 4] =
        ["instrument-coverage", "profile-generate", "profile-use", "linker-plugin-lto"];
    let is_refused = |value: &&OsStr| {
        let (name, setting) = split(value, b'=').unwrap_or((value, OsStr::new("")));
        let name = name.to_str().unwrap_or_default();
        let is_off = setting.to_str().is_some_and(|setting| OFF.contains(&setting));
        match name {
            "lto" => !is_off,
            "panic" => setting == "abort",
            "linker-flavor" => true,
            "linker" => is_linker(setting),
            "target-feature" => {
                setting.to_str().is_some_and(|list| list.split(',').any(|one| one == "+crt-static"))
            }
            _ => REFUSED.contains(&name) && !is_off,
        }
    };
    options.all("-C").find(is_refused).map(|value| format!("-C {}", value.to_string_lossy()))
}

/// Whether it is a linker and no compiler driver, judged by its name as rustc does.
fn is_linker(program: &OsStr) -> bool {
    let stem = Path::new(program).file_stem().and_then(OsStr::to_str).unwrap_or_default();
    stem.rsplit('-').next().is_some_and(|last| ["ld", "lld", "link", "mold", "wild"].contains(&last))
}

/// The flags that a shared library must have in common with what is linked to it.
fn kept_flags(options: &Options<'_>) -> Vec<OsString> {
    const KEPT: [&str; 8] = [
        "linker",
        "linker-flavor",
        "link-self-contained",
        "target-cpu",
        "target-feature",
        "relocation-model",
        "code-model",
        "default-linker-libraries",
    ];
    /// Arguments for the linker that choose it, and say where it looks for its own.
    const CHOOSES: [&str; 4] = ["-fuse-ld", "--ld-path", "-B", "--sysroot"];
    let is_kept = |value: &&OsStr| {
        let Some((name, setting)) = split(value, b'=') else { return false };
        let name = name.to_str().unwrap_or_default();
        let chooses = || CHOOSES.iter().any(|start| setting.as_bytes().starts_with(start.as_bytes()));
        KEPT.contains(&name) || (["link-arg", "link-args"].contains(&name) && chooses())
    };
    let named = ["--target", "--sysroot", "-Z"].into_iter();
    let named = named.flat_map(|name| options.all(name).map(move |value| (name, value)));
    let codegen = options.all("-C").filter(is_kept).map(|value| ("-C", value));
    named.chain(codegen).flat_map(|(name, value)| [OsString::from(name), value.to_owned()]).collect()
}
