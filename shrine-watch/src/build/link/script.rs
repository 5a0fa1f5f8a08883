//! What rustc calls in place of the linker: a script that links as it was found to be fastest, where the call is the one
//! that this was found for, and calls the linker as rustc has wanted it otherwise.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::line::{EMPTY, EXPORTS, Line, Word, is_object};
use crate::build::shell;

/// What is run, the same for all crates.
const SCRIPT: &[u8] =
    b"#!/bin/sh\n# Written by `cargo shrine`: links one library, as the file beside it says.\n. \"${0%/*}/ways\"\n";

/// The script of a crate, in a directory of its own.
#[derive(Debug)]
pub(super) struct Script {
    directory: PathBuf,
    /// What rustc would call.
    driver: OsString,
    /// Below it is what is compiled after edits.
    edited: PathBuf,
}

/// A way to link that is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// The program, with what stands before all else.
    pub(super) program: Vec<OsString>,
    /// The other arguments.
    pub(super) line: Line,
}

/// How a library was linked at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// In the way of this number.
    Way(usize),
    /// As rustc has wanted it.
    Plain,
}

impl Script {
    /// The one in a directory that nobody else writes to, for a driver. It has the file name of the driver, because rustc
    /// chooses by that how to call it.
    pub(super) fn new(directory: PathBuf, driver: OsString, edited: PathBuf) -> Self {
        Self { directory, driver, edited }
    }

    /// What rustc calls.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(Path::new(&self.driver).file_name().unwrap_or(OsStr::new("cc")))
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn driver(&self) -> &OsStr {
        &self.driver
    }

    /// Writes it: from now on, a call as `known` is linked in the first of these ways in which that succeeds.
    pub(super) fn install(&self, known: Option<&[OsString]>, ways: &[Command]) -> io::Result<()> {
        shell::install(&self.path(), SCRIPT)?;
        let draft = self.directory.join("draft-ways");
        fs::write(&draft, self.text(known, ways))?;
        fs::rename(draft, self.directory.join("ways"))
    }

    /// The arguments of the last call that was linked as rustc has wanted it, or was not linked.
    pub(super) fn note(&self) -> Option<Vec<OsString>> {
        let bytes = fs::read(self.directory.join("arguments")).ok()?;
        let words = bytes.strip_suffix(b"\0")?.split(|byte| *byte == 0);
        Some(words.map(|word| OsString::from_vec(word.to_vec())).collect())
    }

    /// How the last call was linked, if one was.
    pub(super) fn taken(&self) -> Option<Taken> {
        let word = fs::read_to_string(self.directory.join("way")).ok()?;
        match word.trim_end() {
            "plain" => Some(Taken::Plain),
            number => number.parse().ok().map(Taken::Way),
        }
    }

    /// What the linker has said in the last way that did not succeed.
    pub(super) fn said(&self) -> String {
        let said = fs::read(self.directory.join("said")).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// What is compared of a call: the arguments that are the same each time, a line each.
    pub(super) fn rest(&self, arguments: &[OsString]) -> OsString {
        let is_other = |argument: &&OsString| {
            let bytes = argument.as_bytes();
            is_object(argument, &self.edited)
                || bytes.starts_with(EXPORTS[0].as_bytes())
                || bytes.ends_with(EMPTY.as_bytes())
        };
        let mut rest = OsString::new();
        for argument in arguments.iter().filter(|argument| !is_other(argument)) {
            rest.push(argument);
            rest.push("\n");
        }
        rest
    }

    /// What was called, read.
    ///
    /// # Errors
    ///
    /// When it is not as usual.
    pub(super) fn read(&self, arguments: &[OsString]) -> Result<Line, String> {
        Line::read(arguments, &self.edited)
    }

    fn text(&self, known: Option<&[OsString]>, ways: &[Command]) -> Vec<u8> {
        let mut text = b"# Written by `cargo shrine`: how one library is linked.\nown=".to_vec();
        shell::push_quoted(&mut text, self.directory.as_os_str());
        text.extend_from_slice(b"\necho plain >\"$own/way\"\n");
        if let Some(known) = known {
            text.extend_from_slice(b"edited=");
            shell::push_quoted(&mut text, self.edited.as_os_str());
            // What is compared is all but what is other each time.
            text.extend_from_slice(
                format!(
                    "\nexports= rest=\nfor argument do\n    case $argument in\n        *.o | \"$edited\"/*.rlib) printf '\"%s\"\\n' \"$argument\" ;;\n        \
                     {}*) exports=${{argument#*=}} ;;\n        *{EMPTY}) ;;\n        *) rest=\"$rest$argument\n\" ;;\n    esac\n\
                     done >\"$own/objects\"\nif [ \"$rest\" = ",
                    EXPORTS[0]
                )
                .as_bytes(),
            );
            shell::push_quoted(&mut text, &self.rest(known));
            text.extend_from_slice(b" ]; then\n");
            for (number, way) in ways.iter().enumerate() {
                text.extend_from_slice(b"    ");
                self.push_command(&mut text, way);
                text.extend_from_slice(
                    format!(" >\"$own/said\" 2>&1 && echo {number} >\"$own/way\" && exit\n").as_bytes(),
                );
            }
            text.extend_from_slice(b"fi\n");
        }
        text.extend_from_slice(
            b"printf '%s\\0' \"$@\" >\"$own/draft\" && mv -f \"$own/draft\" \"$own/arguments\"\nexec ",
        );
        shell::push_quoted(&mut text, &self.driver);
        text.extend_from_slice(b" \"$@\"\n");
        text
    }

    fn push_command(&self, text: &mut Vec<u8>, Command { program, line }: &Command) {
        for word in program {
            shell::push_quoted(text, word);
            text.push(b' ');
        }
        for word in line.words() {
            match word {
                Word::Fixed(word) => shell::push_quoted(text, word),
                Word::Objects => text.extend_from_slice(b"@\"$own/objects\""),
                Word::Exports(before) => text.extend_from_slice(format!("{before}\"$exports\"").as_bytes()),
            }
            text.push(b' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::link::line::tests::{USUAL, words};
    use std::process;

    /// A script whose driver and ways say what they are called with.
    struct Case {
        script: Script,
        _directory: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Self {
            let directory = tempfile::Builder::new().prefix("it's a").tempdir().unwrap();
            let driver = directory.path().join("gcc-12");
            shell::install(&driver, b"#!/bin/sh\necho driver \"$@\"\n").unwrap();
            let script = Script::new(directory.path().join("own"), driver.into(), "/e".into());
            Self { script, _directory: directory }
        }

        /// A way that succeeds or not.
        fn way(succeeds: bool) -> Command {
            let code = format!("echo \"$0\" \"$@\"; exit {}", u8::from(!succeeds));
            let program = ["sh", "-c", &code, "a 'way'"].map(OsString::from).to_vec();
            let line = Line::of(vec![
                Word::Fixed("-x".into()),
                Word::Objects,
                Word::Exports(EXPORTS[1]),
                Word::Fixed("l'ast".into()),
            ]);
            Command { program, line }
        }

        fn run(&self, arguments: &str) -> String {
            let output = process::Command::new(self.script.path()).args(words(arguments)).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        }
    }

    #[test]
    fn a_call_is_noted_and_passed_on() {
        let case = Case::new();
        assert_eq!((case.script.note(), case.script.taken()), (None, None));
        case.script.install(None, &[]).unwrap();
        assert_eq!(case.script.path().file_name(), Some(OsStr::new("gcc-12")));
        assert_eq!(case.run("-a b.o"), "driver -a b.o\n");
        assert_eq!(case.script.note(), Some(words("-a b.o")));
        assert_eq!(case.script.taken(), Some(Taken::Plain));
    }

    #[test]
    fn a_call_that_is_known_goes_the_first_way_that_succeeds() {
        let case = Case::new();
        let again =
            USUAL.replace("rustcAb", "rustcXy").replace("/o/a.2.rcgu.o", "/o/a.3.rcgu.o /e/5/liba.rlib");
        let known = words(USUAL);
        case.script.install(Some(&known), &[Case::way(true)]).unwrap();
        assert_eq!(case.run(&again), "");
        assert_eq!((case.script.note(), case.script.taken()), (None, Some(Taken::Way(0))));
        let own = case.script.directory().display();
        assert_eq!(
            case.script.said(),
            format!("a 'way' -x @{own}/objects --version-script=/o/rustcXy/list l'ast\n")
        );
        let objects = fs::read_to_string(case.script.directory().join("objects")).unwrap();
        assert_eq!(
            objects,
            "\"/o/rustcXy/symbols.o\"\n\"/o/a.1.rcgu.o\"\n\"/o/a.3.rcgu.o\"\n\"/e/5/liba.rlib\"\n"
        );
        case.script.install(Some(&known), &[Case::way(false), Case::way(true)]).unwrap();
        assert_eq!(case.run(&again), "");
        assert_eq!(case.script.taken(), Some(Taken::Way(1)));
        case.script.install(Some(&known), &[Case::way(false)]).unwrap();
        assert_eq!(case.run(&again), format!("driver {}\n", words(&again).join(OsStr::new(" ")).display()));
        assert_eq!((case.script.note(), case.script.taken()), (Some(words(&again)), Some(Taken::Plain)));
    }

    #[test]
    fn any_other_call_is_passed_on() {
        let case = Case::new();
        case.script.install(Some(&words(USUAL)), &[Case::way(true)]).unwrap();
        for other in [format!("{USUAL} -lz"), USUAL.replace("librmp-3", "librmp-4"), "-v".to_owned()] {
            assert!(case.run(&other).starts_with("driver "), "{other}");
            assert_eq!(case.script.taken(), Some(Taken::Plain));
        }
    }
}
