//! One crate as it is compiled for one purpose: what cargo calls a unit, read from how rustc was called for it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::capture::Invocation;

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// What its note is known by.
    pub(super) key: String,
    /// The name of its crate.
    pub(super) crate_name: String,
    /// The name of its package.
    pub(super) package: String,
    /// The directory of its package.
    pub(super) home: PathBuf,
    /// The file that the crate begins with.
    pub(super) root: PathBuf,
    /// What is made of it.
    pub(super) kind: Kind,
    /// What follows the name of the crate in its file names.
    pub(super) suffix: String,
    /// The files of the crates that it is compiled against.
    pub(super) externs: Vec<PathBuf>,
    /// Where its files were written to.
    pub(super) out_dir: PathBuf,
    /// Where the compiler keeps what it remembers between two calls.
    pub(super) incremental: Option<PathBuf>,
    /// How rustc was called.
    pub(super) call: Invocation,
}

/// What is made of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What other crates are compiled against.
    Library,
    /// What is loaded.
    Dynamic,
    /// What the compiler or cargo runs: macros and build scripts.
    Tool,
}

impl Unit {
    /// Reads a call. None when it is not one of those that cargo makes to compile a crate.
    pub(super) fn read(key: &str, call: Invocation) -> Option<Self> {
        let unit = Self::read_options(key, &call, &Options::of(&call.arguments));
        unit.map(|unit| Self { call, ..unit })
    }

    /// All but the call itself.
    fn read_options(key: &str, call: &Invocation, options: &Options<'_>) -> Option<Self> {
        let text = |name: &str| call.variable(name).and_then(OsStr::to_str).map(str::to_owned);
        let kinds: BTreeSet<&str> = options.all("--crate-type").filter_map(OsStr::to_str).collect();
        let is_all = |known: &[&str]| !kinds.is_empty() && kinds.iter().all(|kind| known.contains(kind));
        let kind = match kinds.len() {
            1 if is_all(&["cdylib"]) => Kind::Dynamic,
            1 if is_all(&["lib", "rlib"]) => Kind::Library,
            _ => Kind::Tool,
        };
        let at = |path: &OsStr| call.directory.join(path);
        let externs =
            options.all("--extern").filter_map(|value| split(value, b'=').map(|(_, path)| at(path)));
        Some(Self {
            key: key.to_owned(),
            crate_name: options.all("--crate-name").next()?.to_str()?.to_owned(),
            package: text("CARGO_PKG_NAME")?,
            home: call.variable("CARGO_MANIFEST_DIR")?.into(),
            root: at(call.arguments.iter().find(|argument| argument.as_bytes().ends_with(b".rs"))?),
            kind,
            suffix: options.codegen("extra-filename").and_then(OsStr::to_str).unwrap_or_default().to_owned(),
            externs: externs.collect(),
            out_dir: at(options.all("--out-dir").next()?),
            incremental: options.codegen("incremental").map(at),
            call: Invocation::default(),
        })
    }

    /// The name of the file of a library that ends in that.
    pub(super) fn library(&self, extension: &str) -> String {
        format!("lib{}{}.{extension}", self.crate_name, self.suffix)
    }

    /// The file in which rustc lists what it has read.
    pub(super) fn dep_info(&self) -> PathBuf {
        self.out_dir.join(format!("{}{}.d", self.crate_name, self.suffix))
    }
}

/// The key of the unit that has made a library which others are compiled against.
pub(super) fn key_of(library: &Path) -> Option<&str> {
    library.file_stem()?.to_str()?.strip_prefix("lib")
}

/// A unit and all that it is made of and there are notes of, each with the keys of those that it is compiled against.
pub(super) fn closure(
    tip: &Unit,
    note: &dyn Fn(&str) -> Option<Unit>,
) -> BTreeMap<String, (Unit, Vec<String>)> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![tip.clone()]);
    while let Some(unit) = waiting.pop() {
        let mut below = Vec::new();
        for key in unit.externs.iter().filter_map(|path| key_of(path)) {
            if found.contains_key(key) || waiting.iter().any(|unit| unit.key == key) || unit.key == key {
                below.push(key.to_owned());
            } else if let Some(unit) = note(key) {
                below.push(key.to_owned());
                waiting.push(unit);
            }
        }
        found.insert(unit.key.clone(), (unit, below));
    }
    found
}

/// The options of a command line, `--name value`, `--name=value`, `-Cname=value` and `-C name=value` alike.
#[derive(Debug)]
pub(super) struct Options<'a>(Vec<(&'a OsStr, &'a OsStr)>);

impl<'a> Options<'a> {
    pub(super) fn of(arguments: &'a [OsString]) -> Self {
        let mut options = Vec::new();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if let Some(option) = read_option(argument, || arguments.next()) {
                options.push(option);
            }
        }
        Self(options)
    }

    pub(super) fn all(&self, name: &'a str) -> impl Iterator<Item = &'a OsStr> + '_ {
        self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The last `-C name=..`.
    pub(super) fn codegen(&self, name: &'a str) -> Option<&'a OsStr> {
        self.all("-C")
            .filter_map(|value| split(value, b'='))
            .filter(|(known, _)| *known == name)
            .last()
            .map(|(_, value)| value)
    }
}

/// The options that matter here, all of which have a value.
pub(super) const NAMES: [&str; 11] = [
    "--cfg",
    "--crate-name",
    "--crate-type",
    "--extern",
    "--out-dir",
    "--json",
    "--target",
    "--sysroot",
    "-C",
    "-L",
    "-Z",
];

/// An option and its value, if the argument begins one of [`NAMES`]; `next` is asked for a value that stands apart.
pub(super) fn read_option<'a>(
    argument: &'a OsStr,
    next: impl FnOnce() -> Option<&'a OsString>,
) -> Option<(&'static OsStr, &'a OsStr)> {
    let name = *NAMES.iter().find(|name| argument.as_bytes().starts_with(name.as_bytes()))?;
    let rest = &argument.as_bytes()[name.len()..];
    let value = match (rest.first(), name.starts_with("--")) {
        (None, _) => next()?.as_os_str(),
        (Some(b'='), true) => OsStr::from_bytes(&rest[1..]),
        // `--json-something` is another option.
        (Some(_), true) => return None,
        (Some(_), false) => OsStr::from_bytes(rest),
    };
    Some((OsStr::new(name), value))
}

/// What is before and after the first separator.
pub(super) fn split(value: &OsStr, separator: u8) -> Option<(&OsStr, &OsStr)> {
    let bytes = value.as_bytes();
    let middle = bytes.iter().position(|byte| *byte == separator)?;
    Some((OsStr::from_bytes(&bytes[..middle]), OsStr::from_bytes(&bytes[middle + 1..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How cargo calls rustc for a crate, below `/w`.
    fn call(line: &str) -> Invocation {
        let variables = [("CARGO_PKG_NAME", "my-sum"), ("CARGO_MANIFEST_DIR", "/w/sum")];
        Invocation {
            directory: "/w".into(),
            arguments: line.split(' ').map(OsString::from).collect(),
            environment: variables.map(|(name, value)| (name.into(), value.into())).to_vec(),
        }
    }

    fn library(name: &str, below: &[&str]) -> Unit {
        let (crate_name, suffix) = name.split_once('-').unwrap();
        let externs: String = below.iter().map(|key| format!(" --extern x=/t/lib{key}.rmeta")).collect();
        let line = format!(
            "rustc --crate-name {crate_name} {crate_name}/src/lib.rs --crate-type lib -C metadata=9 \
             -C extra-filename=-{suffix} --out-dir /t{externs}"
        );
        Unit::read(name, call(&line)).unwrap()
    }

    #[test]
    fn a_call_tells_what_is_made_of_what() {
        let line = "rustc --crate-name sum --edition=2024 sum/src/lib.rs --crate-type cdylib --emit=dep-info,link \
                    -C metadata=0a --out-dir t/deps -C incremental=/t/incremental -L dependency=/t/deps \
                    --extern noprelude:types=/t/deps/libtypes-1b.rlib --extern proc_macro";
        let unit = Unit::read("sum+0a", call(line)).unwrap();
        assert_eq!(
            (unit.kind, unit.crate_name.as_str(), unit.package.as_str()),
            (Kind::Dynamic, "sum", "my-sum")
        );
        assert_eq!(
            (unit.root.as_path(), unit.home.as_path()),
            (Path::new("/w/sum/src/lib.rs"), Path::new("/w/sum"))
        );
        assert_eq!(unit.externs, [PathBuf::from("/t/deps/libtypes-1b.rlib")]);
        assert_eq!(unit.dep_info(), Path::new("/w/t/deps/sum.d"));
        assert_eq!(key_of(&unit.externs[0]), Some("types-1b"));
    }

    #[test]
    fn only_what_is_made_as_one_thing_is_made_by_us() {
        let kind = |kinds: &str| {
            let line = format!("rustc --crate-name a src/lib.rs {kinds} --out-dir /t");
            Unit::read("a-1", call(&line)).map(|unit| unit.kind)
        };
        assert_eq!(kind("--crate-type lib"), Some(Kind::Library));
        assert_eq!(kind("--crate-type=rlib"), Some(Kind::Library));
        assert_eq!(kind("--crate-type proc-macro"), Some(Kind::Tool));
        assert_eq!(kind("--crate-type bin"), Some(Kind::Tool));
        assert_eq!(kind("--crate-type cdylib --crate-type rlib"), Some(Kind::Tool));
        assert_eq!(kind(""), Some(Kind::Tool), "without a word it is a program");
    }

    #[test]
    fn a_call_that_compiles_no_crate_is_none() {
        assert_eq!(Unit::read("x", call("rustc -vV")), None);
        let nowhere =
            Invocation { environment: Vec::new(), ..call("rustc --crate-name a src/lib.rs --out-dir /t") };
        assert_eq!(Unit::read("x", nowhere), None);
    }

    #[test]
    fn units_are_told_apart_by_their_files_and_not_by_their_names() {
        let notes = [
            library("types-1", &["serde-7"]),
            library("types-2", &["serde-7"]),
            library("middle-3", &["types-2"]),
        ];
        let note = |key: &str| notes.iter().find(|unit| unit.key == key).cloned();
        let tip = library("tip-4", &["middle-3", "types-2", "serde-7"]);
        let found = closure(&tip, &note);
        let below = |key: &str| found.get(key).map(|(_, below)| below.clone());
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["middle-3", "tip-4", "types-2"]);
        assert_eq!(below("tip-4"), Some(vec!["middle-3".to_owned(), "types-2".to_owned()]));
        assert_eq!(below("types-2"), Some(Vec::new()), "of what is not noted, nothing is known");
    }
}
