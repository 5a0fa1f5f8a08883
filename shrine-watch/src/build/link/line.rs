//! How rustc calls the linker for a library, word by word.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The arguments of a call of the linker, or of the compiler driver that calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    words: Vec<Word>,
}

/// An argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// The same each time.
    Fixed(OsString),
    /// The objects of the crate itself, and the crates that were compiled after edits: other files each time.
    Objects,
    /// The file that lists what is exported, which is another one each time; with what stands before its path.
    Exports(&'static str),
}

/// What stands before the path of the list of exports, for a driver and for a linker.
pub(super) const EXPORTS: [&str; 2] = ["-Wl,--version-script=", "--version-script="];

/// What is left out: an empty directory that is another one each time.
pub(super) const EMPTY: &str = "/raw-dylibs";

/// Libraries of C that each Rust library may be linked to.
const OF_STD: [&str; 7] = ["gcc_s", "util", "rt", "pthread", "m", "dl", "c"];

impl Line {
    /// Reads the arguments that rustc has called the linker with. What is compiled after edits is below `edited`.
    ///
    /// # Errors
    ///
    /// When they are not as those of a dynamic library usually are.
    pub(super) fn read(arguments: &[OsString], edited: &Path) -> Result<Self, String> {
        let mut words = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let bytes = argument.as_bytes();
            // The objects are handed on in a file in which these mean something.
            let is_odd = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n');
            if bytes.starts_with(b"@") || bytes.contains(&b'\n') {
                return Err(format!("rustc calls the linker with `{}`", argument.display()));
            } else if is_object(argument, edited) {
                if bytes.starts_with(b"-") || bytes.iter().any(is_odd) {
                    return Err(format!("rustc links `{}`", argument.display()));
                }
                if !words.contains(&Word::Objects) {
                    words.push(Word::Objects);
                }
            } else if bytes.starts_with(EXPORTS[0].as_bytes()) {
                words.push(Word::Exports(EXPORTS[0]));
            } else if bytes.ends_with(EMPTY.as_bytes()) {
                if words.last() == Some(&Word::Fixed("-L".into())) {
                    words.pop();
                }
            } else {
                words.push(Word::Fixed(argument.clone()));
            }
        }
        let line = Self { words };
        let count = |is_it: fn(&&Word) -> bool| line.words.iter().filter(is_it).count();
        let is_usual = count(|word| **word == Word::Objects) == 1
            && count(|word| matches!(word, Word::Exports(_))) == 1
            && line.fixed().any(|word| word == "-shared")
            && line.output().is_some();
        if is_usual { Ok(line) } else { Err("rustc calls the linker in an unusual way".to_owned()) }
    }

    /// A line of these words.
    pub(super) fn of(words: Vec<Word>) -> Self {
        Self { words }
    }

    pub(super) fn words(&self) -> &[Word] {
        &self.words
    }

    fn fixed(&self) -> impl Iterator<Item = &OsString> {
        self.words.iter().filter_map(|word| match word {
            Word::Fixed(word) => Some(word),
            _ => None,
        })
    }

    /// The file that is made.
    pub(super) fn output(&self) -> Option<&Path> {
        let mut words = self.fixed();
        words.find(|word| *word == "-o")?;
        words.next().map(Path::new)
    }

    /// The static libraries of Rust code, those of the compiler left out, which lie in `standard`.
    pub(super) fn crates<'a>(&'a self, standard: &'a Path) -> impl Iterator<Item = &'a Path> {
        let paths = self.fixed().map(Path::new).filter(|path| is_crate(path));
        paths.filter(move |path| !path.starts_with(standard))
    }

    /// The dynamic libraries that are given by their paths, those of the compiler left out.
    pub(super) fn dynamic<'a>(&'a self, standard: &'a Path) -> impl Iterator<Item = &'a Path> {
        let is_option = |word: &OsString| word.as_bytes().starts_with(b"-");
        let paths = self.fixed().filter(move |word| !is_option(word)).map(Path::new);
        paths.filter(move |path| {
            let is_other = !path.starts_with(standard) && self.output() != Some(path);
            path.extension() == Some(OsStr::new("so")) && is_other
        })
    }

    /// The shared std.
    pub(super) fn std(&self, standard: &Path) -> Option<&Path> {
        let is_std = |name: &OsStr| name.as_bytes().starts_with(b"libstd-");
        let mut paths = self.fixed().map(Path::new).filter(|path| path.starts_with(standard));
        paths.find(|path| path.extension() == Some(OsStr::new("so")) && path.file_name().is_some_and(is_std))
    }

    /// Whether symbols can come from nowhere else than the crates, their shared library, std, and what std is linked to.
    pub(super) fn is_closed(&self) -> bool {
        self.fixed().all(|word| {
            let name = word.to_str().and_then(|word| word.strip_prefix("-l"));
            name.is_none_or(|name| OF_STD.contains(&name)) && !word.as_bytes().ends_with(b".a")
        })
    }

    /// The line with a shared library in place of the crates that are in it.
    pub(super) fn linked_to(&self, library: &Path, crates: &BTreeSet<PathBuf>) -> Self {
        let mut words = Vec::with_capacity(self.words.len() + 16);
        let fixed = |word: &str| Word::Fixed(word.into());
        let mut is_linked = false;
        for word in &self.words {
            match word {
                Word::Fixed(path) if crates.contains(Path::new(path)) => {
                    if !std::mem::replace(&mut is_linked, true) {
                        words.push(fixed("-Wl,--push-state,-Bdynamic,--no-as-needed"));
                        words.push(Word::Fixed(library.into()));
                        words.push(fixed("-Wl,--pop-state"));
                    }
                }
                // What a crate exports may be in the shared library now.
                Word::Fixed(word) if word == "-Wl,--no-undefined-version" => {
                    words.push(fixed("-Wl,--undefined-version"));
                }
                word => words.push(word.clone()),
            }
        }
        words.extend(rpath(library.parent().unwrap_or(Path::new("/"))).map(Word::Fixed));
        // What is missing in the shared library would be found missing only when the library is opened.
        words.push(fixed("-Wl,-z,defs"));
        Self { words }
    }

    /// The line with other files in place of some of its words.
    pub(super) fn with(&self, others: &[(&Path, &Path)]) -> Self {
        let replaced = |word: &Word| match word {
            Word::Fixed(path) => {
                let other = others.iter().find(|(known, _)| known.as_os_str() == path);
                Word::Fixed(other.map_or_else(|| path.clone(), |(_, other)| (*other).into()))
            }
            word => word.clone(),
        };
        Self { words: self.words.iter().map(replaced).collect() }
    }

    /// The arguments with these files.
    pub(super) fn arguments(&self, objects: &OsStr, exports: &Path) -> Vec<OsString> {
        let argument = |word: &Word| match word {
            Word::Fixed(word) => word.clone(),
            Word::Objects => objects.to_owned(),
            Word::Exports(before) => {
                let mut word = OsString::from(before);
                word.push(exports);
                word
            }
        };
        self.words.iter().map(argument).collect()
    }

    /// What stands before and after the crates when they all go into one shared library.
    pub(super) fn around_crates(&self, standard: &Path) -> [Vec<OsString>; 2] {
        const LEFT_OUT: [&str; 3] = ["-shared", "-Wl,--gc-sections", "-Wl,--no-undefined-version"];
        let crates: BTreeSet<&Path> = self.crates(standard).collect();
        let [mut before, mut after] = [Vec::new(), Vec::new()];
        let mut words = self.fixed();
        let mut is_after = false;
        while let Some(word) = words.next() {
            if word == "-o" {
                words.next();
            } else if crates.contains(Path::new(word)) {
                is_after = true;
            } else if !LEFT_OUT.iter().any(|left_out| word == left_out) {
                if is_after { &mut after } else { &mut before }.push(word.clone());
            }
        }
        [before, after]
    }
}

/// Whether an argument is one of those files that are others each time.
pub(super) fn is_object(argument: &OsStr, edited: &Path) -> bool {
    let path = Path::new(argument);
    argument.as_bytes().ends_with(b".o") || (is_crate(path) && path.starts_with(edited))
}

/// Whether it is a static library of Rust code.
fn is_crate(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("rlib"))
}

/// What makes the dynamic loader look for libraries in a directory. `-Xlinker` hands on each argument as it is, whatever
/// commas are in the path.
fn rpath(directory: &Path) -> [OsString; 4] {
    ["-Xlinker".into(), "-rpath".into(), "-Xlinker".into(), directory.into()]
}

/// The name of the crate in a file that cargo has named: `serde_json` of `libserde_json-0a1b.rlib`.
pub(super) fn crate_name(path: &Path) -> Option<&str> {
    let stem = path.file_stem()?.to_str()?.strip_prefix("lib")?;
    // The name of a crate has no hyphen.
    Some(stem.split_once('-').map_or(stem, |(name, _)| name))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A line as rustc writes it.
    pub(in crate::build::link) const USUAL: &str = "-Wl,--version-script=/o/rustcAb/list -Wl,--no-undefined-version -m64 /o/rustcAb/symbols.o \
        /o/a.1.rcgu.o /o/a.2.rcgu.o -Wl,--as-needed -Wl,-Bstatic /t/libmine-1.rlib /t/libshrine-2.rlib /t/librmp-3.rlib \
        -Wl,-Bdynamic /s/libstd-4.so -Wl,-Bstatic /s/libcompiler_builtins-5.rlib -Wl,-Bdynamic -lgcc_s -lc -L /o/rustcAb/raw-dylibs \
        -L /s -o /o/liba.so -Wl,--gc-sections -shared -nodefaultlibs";

    pub(in crate::build::link) fn edited() -> &'static Path {
        Path::new("/e")
    }

    pub(in crate::build::link) fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn text(words: &[OsString]) -> String {
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    fn usual() -> Line {
        Line::read(&words(USUAL), edited()).unwrap()
    }

    fn paths<'a>(paths: impl Iterator<Item = &'a Path>) -> String {
        paths.map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_other_each_time_is_told_apart() {
        let line = usual();
        let again = USUAL.replace("rustcAb", "rustcCd").replace("/o/a.2", "/o/a.3");
        let again = again.replace("/o/a.3", "/e/units/7/libbelow-1.rlib /o/a.3");
        assert_eq!(Line::read(&words(&again), edited()), Ok(line.clone()));
        assert_eq!(line.output(), Some(Path::new("/o/liba.so")));
        let standard = Path::new("/s");
        assert_eq!(paths(line.crates(standard)), "/t/libmine-1.rlib /t/libshrine-2.rlib /t/librmp-3.rlib");
        assert_eq!(paths(line.dynamic(standard)), "");
        assert_eq!(paths(line.dynamic(Path::new("/else"))), "/s/libstd-4.so");
        assert_eq!(line.std(standard), Some(Path::new("/s/libstd-4.so")));
        let written = text(&line.arguments(OsStr::new("@/w/objects"), Path::new("/w/list")));
        assert!(written.starts_with(
            "-Wl,--version-script=/w/list -Wl,--no-undefined-version -m64 @/w/objects -Wl,--as"
        ));
        assert!(written.contains("-lc -L /s -o"), "{written}");
    }

    #[test]
    fn a_library_stands_for_the_crates_that_are_in_it() {
        let crates = ["/t/libshrine-2.rlib", "/t/librmp-3.rlib"].map(PathBuf::from).into();
        let line = usual().linked_to(Path::new("/d/k/liball.so"), &crates);
        let written = text(&line.arguments(OsStr::new("O"), Path::new("L")));
        let expected = "-Wl,--version-script=L -Wl,--undefined-version -m64 O -Wl,--as-needed -Wl,-Bstatic /t/libmine-1.rlib \
            -Wl,--push-state,-Bdynamic,--no-as-needed /d/k/liball.so -Wl,--pop-state -Wl,-Bdynamic /s/libstd-4.so -Wl,-Bstatic \
            /s/libcompiler_builtins-5.rlib -Wl,-Bdynamic -lgcc_s -lc -L /s -o /o/liba.so -Wl,--gc-sections -shared -nodefaultlibs \
            -Xlinker -rpath -Xlinker /d/k -Wl,-z,defs";
        assert_eq!(written, expected);
        let other = line.with(&[(Path::new("/d/k/liball.so"), Path::new("/stub.so"))]);
        assert!(text(&other.arguments(OsStr::new("O"), Path::new("L"))).contains("needed /stub.so -Wl"));
    }

    #[test]
    fn what_a_shared_library_is_linked_with_is_what_its_crates_are() {
        let [before, after] = usual().around_crates(Path::new("/s"));
        assert_eq!(text(&before), "-m64 -Wl,--as-needed -Wl,-Bstatic");
        let expected = "-Wl,-Bdynamic /s/libstd-4.so -Wl,-Bstatic /s/libcompiler_builtins-5.rlib -Wl,-Bdynamic -lgcc_s -lc -L /s \
            -nodefaultlibs";
        assert_eq!(text(&after), expected);
    }

    #[test]
    fn where_a_symbol_may_come_from_elsewhere_is_seen() {
        assert!(usual().is_closed());
        for other in ["-lz", "/t/libz.a"] {
            let line = Line::read(&words(&format!("{USUAL} {other}")), edited()).unwrap();
            assert!(!line.is_closed(), "{other}");
        }
    }

    #[test]
    fn what_is_unusual_is_not_read() {
        for odd in ["@/o/arguments", "-Wl,x.o", "/o/a\"b.o", "-Wl,--version-script=/own"] {
            assert!(Line::read(&words(&format!("{USUAL} {odd}")), edited()).is_err(), "{odd}");
        }
        for left_out in ["-shared", "-Wl,--version-script=/o/rustcAb/list", "-o"] {
            assert!(Line::read(&words(&USUAL.replace(left_out, "")), edited()).is_err(), "{left_out}");
        }
    }

    #[test]
    fn the_name_of_a_crate_is_that_of_its_file() {
        assert_eq!(crate_name(Path::new("/t/libserde_json-0a1b.rlib")), Some("serde_json"));
        assert_eq!(crate_name(Path::new("/t/libone.rlib")), Some("one"));
        assert_eq!(crate_name(Path::new("/t/one.rlib")), None);
    }
}
