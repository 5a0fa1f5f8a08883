//! What goes into the shared library, and who is linked to it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Plain;
use crate::build::capture::Invocation;
use crate::build::unit::{Options, Unit, split};

/// A widget crate, with the libraries that it and the crates of the workspace below it are compiled against.
#[derive(Debug, Clone)]
pub(in crate::build) struct Tip<'a> {
    /// How it is compiled.
    pub(in crate::build) unit: &'a Unit,
    /// The libraries.
    pub(in crate::build) libraries: BTreeSet<PathBuf>,
    /// The one of them that is `shrine`, where it is now.
    pub(in crate::build) shrine: Option<PathBuf>,
}

/// How a shared library is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    /// A call of the compiler whose program, directory and environment are right for it.
    pub(super) call: Invocation,
    /// The flags that decide about the machine, the linker, and what code means.
    pub(super) flags: Vec<OsString>,
    /// Where the compiler looks for libraries: values of `-L`.
    pub(super) search: Vec<OsString>,
    /// The libraries that it consists of, with all that they depend on.
    pub(super) libraries: BTreeSet<PathBuf>,
}

/// The shared libraries that widget crates can be linked to, and for each crate which one, or why none. Crates share
/// one when they are compiled with the same flags. Crates named in `unshared` stay where they are.
pub(super) fn choose(
    tips: &[Tip<'_>],
    unshared: &BTreeSet<String>,
) -> (Vec<Recipe>, Vec<Result<usize, Plain>>) {
    let mut recipes: Vec<Recipe> = Vec::new();
    let choices = tips.iter().map(|tip| {
        let recipe = Recipe::of(tip, unshared)?;
        let is_alike = |other: &Recipe| {
            other.flags == recipe.flags && other.call.arguments.first() == recipe.call.arguments.first()
        };
        if let Some(index) = recipes.iter().position(is_alike) {
            let known = &mut recipes[index];
            known.libraries.extend(recipe.libraries);
            let new: Vec<_> =
                recipe.search.into_iter().filter(|value| !known.search.contains(value)).collect();
            known.search.extend(new);
            return Ok(index);
        }
        recipes.push(recipe);
        Ok(recipes.len() - 1)
    });
    let choices = choices.collect();
    (recipes, choices)
}

impl Recipe {
    /// What one crate alone would be linked to.
    ///
    /// # Errors
    ///
    /// When it has to be linked plainly.
    pub(super) fn of(tip: &Tip<'_>, unshared: &BTreeSet<String>) -> Result<Self, Plain> {
        let call = &tip.unit.call;
        let options = Options::of(&call.arguments);
        if let Some(flag) = refused_flag(&options) {
            return Err(Plain::Flag { flag });
        }
        tip.shrine.as_ref().ok_or(Plain::NoShrine)?;
        let mut libraries = BTreeSet::new();
        for path in &tip.libraries {
            if crate_name(path).is_some_and(|name| unshared.contains(name)) {
                continue;
            }
            match path.extension().and_then(OsStr::to_str) {
                // A crate below the tip is compiled against the description alone; the code lies beside it.
                Some("rmeta" | "rlib") => drop(libraries.insert(path.with_extension("rlib"))),
                _ if is_macro(path) => {}
                _ => return Err(Plain::Dynamic { name: crate_name(path).unwrap_or_default().to_owned() }),
            }
        }
        if libraries.is_empty() {
            return Err(Plain::Nothing);
        }
        let mut search: Vec<OsString> = Vec::new();
        for value in options.all("-L") {
            if !search.iter().any(|known| known == value) {
                search.push(value.to_owned());
            }
        }
        Ok(Self { flags: kept_flags(&options), search, libraries, call: call.clone() })
    }

    /// What tells the shared library from every other: what it is made of, as it is now, and how. `standard` is the
    /// directory with the shared std, whose name tells the compiler. None when a file is missing.
    pub(super) fn key(&self, standard: &Path) -> Option<String> {
        let mut hasher = DefaultHasher::new();
        let mut feed = |bytes: &[u8]| {
            hasher.write(bytes);
            hasher.write_u8(0);
        };
        feed(concat!(env!("CARGO_PKG_VERSION"), " 1").as_bytes());
        feed(standard.as_os_str().as_bytes());
        for name in std_names(standard) {
            feed(name.as_bytes());
        }
        feed(self.call.arguments.first()?.as_bytes());
        self.flags.iter().for_each(|flag| feed(flag.as_bytes()));
        for path in &self.libraries {
            let metadata = fs::metadata(path).ok()?;
            feed(path.as_os_str().as_bytes());
            feed(&metadata.size().to_le_bytes());
            feed(&metadata.mtime().to_le_bytes());
            feed(&metadata.mtime_nsec().to_le_bytes());
        }
        Some(format!("{:016x}", hasher.finish()))
    }
}

impl<'a> Tip<'a> {
    /// A widget crate and the crates of the workspace below it. Some libraries are elsewhere now than cargo has put
    /// them: `moved` tells where.
    pub(in crate::build) fn new(
        unit: &'a Unit,
        below: impl Iterator<Item = &'a Unit>,
        moved: impl Fn(&Path) -> Option<PathBuf>,
    ) -> Self {
        let libraries = std::iter::once(unit).chain(below).flat_map(|unit| &unit.externs).cloned().collect();
        let shrine = unit.externs.iter().find(|path| crate_name(path) == Some("shrine"));
        let shrine = shrine.map(|path| moved(path).unwrap_or_else(|| path.clone()));
        Self { unit, libraries, shrine }
    }
}

/// The name of the crate in a file that cargo has named: `serde_json` of `libserde_json-0a1b.rlib`.
fn crate_name(path: &Path) -> Option<&str> {
    let stem = path.file_stem()?.to_str()?.strip_prefix("lib")?;
    // The name of a crate has no hyphen.
    Some(stem.split_once('-').map_or(stem, |(name, _)| name))
}

/// Whether a dynamic library is one of macros: the compiler loads it, and nothing is linked to it.
fn is_macro(path: &Path) -> bool {
    use object::Object as _;
    let Ok(bytes) = fs::read(path) else { return false };
    let Ok(file) = object::read::elf::ElfFile64::<object::Endianness>::parse(&*bytes) else { return false };
    let mut names = file.dynamic_symbols();
    names.any(|symbol| {
        use object::ObjectSymbol as _;
        symbol.name().is_ok_and(|name| name.starts_with("__rustc_proc_macro_decls_"))
    })
}

/// The names of the shared std, which contain a hash of the compiler.
fn std_names(standard: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(standard).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).filter(|name| name.as_bytes().starts_with(b"libstd-")).collect()
}

/// A flag with which there is no dynamic linking between crates, or with which it would mean something else.
fn refused_flag(options: &Options<'_>) -> Option<String> {
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
            "target-feature" => {
                setting.to_str().is_some_and(|list| list.split(',').any(|one| one == "+crt-static"))
            }
            _ => REFUSED.contains(&name) && !is_off,
        }
    };
    options.all("-C").find(is_refused).map(|value| format!("-C {}", value.to_string_lossy()))
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
