//! What a compiler driver would call the linker with, so that the linker can be called without it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use super::line::{EXPORTS, Line, Word};
use super::script::Command;
use crate::build::capture::Invocation;
use crate::build::child::Cancel;

/// A compiler driver, as it is called for a crate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Driver<'a> {
    pub(super) program: &'a OsStr,
    /// The call of rustc that it is called in: for its directory and environment.
    pub(super) call: &'a Invocation,
    pub(super) cancel: &'a Cancel,
}

impl Driver<'_> {
    /// Runs it to its end; none when that was cancelled.
    pub(super) fn run(&self, arguments: &[OsString]) -> io::Result<Option<Output>> {
        let mut command = std::process::Command::new(self.program);
        command.args(arguments).current_dir(&self.call.directory).env_clear();
        command.envs(self.call.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Some(running) = self.cancel.spawn(command)? else { return Ok(None) };
        let output = running.output()?;
        Ok((!self.cancel.is_cancelled()).then_some(output))
    }

    /// The call of the linker that it would make of a line. None when that cannot be told: then it has to be called itself.
    pub(super) fn linker(&self, line: &Line, scratch: &Path) -> Option<Command> {
        let (object, exports) = (scratch.join("stands-for-all.o"), scratch.join("stands-for-all.list"));
        // It looks whether they are there.
        fs::write(&object, []).ok()?;
        fs::write(&exports, []).ok()?;
        let mut arguments = line.arguments(object.as_os_str(), &exports);
        arguments.push("-###".into());
        let output = self.run(&arguments).ok()??;
        if !output.status.success() {
            return None;
        }
        let words = last_command(&output.stderr)?;
        let (program, words) = words.split_first()?;
        let mut line = Vec::with_capacity(words.len());
        let mut chosen = None;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let bytes = word.as_bytes();
            if *word == object {
                line.push(Word::Objects);
            } else if bytes.strip_prefix(EXPORTS[1].as_bytes()) == Some(exports.as_os_str().as_bytes()) {
                line.push(Word::Exports(EXPORTS[1]));
            } else if word == "-plugin" {
                // It is for objects that are not compiled to the end.
                words.next();
            } else if let Some(name) = bytes.strip_prefix(b"-fuse-ld=") {
                chosen = Some(OsStr::from_bytes(name));
            } else if !bytes.starts_with(b"-plugin-opt=") {
                line.push(Word::Fixed(word.clone()));
            }
        }
        let is_whole = line.contains(&Word::Objects) && line.contains(&Word::Exports(EXPORTS[1]));
        let linker = self.program_of(program, chosen, &arguments)?;
        is_whole.then(|| Command { program: linker, line: Line::of(line) })
    }

    /// The linker itself. `collect2` of GCC looks for it, which takes time.
    fn program_of(
        &self,
        program: &OsStr,
        chosen: Option<&OsStr>,
        arguments: &[OsString],
    ) -> Option<Vec<OsString>> {
        let mut path = PathBuf::from(program);
        if path.file_name()? == "collect2" {
            let mut question = OsString::from("-print-prog-name=ld");
            if let Some(chosen) = chosen {
                question.push(".");
                question.push(chosen);
            }
            let places = arguments.iter().filter(|word| word.as_bytes().starts_with(b"-B")).cloned();
            let output = self.run(&places.chain([question]).collect::<Vec<_>>()).ok()??;
            let answer = output.stdout.strip_suffix(b"\n")?;
            path = PathBuf::from(OsString::from_vec(answer.to_vec()));
        }
        let path = if path.is_absolute() { path } else { self.found(&path)? };
        if !path.is_file() {
            return None;
        }
        // What the compiler brings is called through a small program, which only finds it.
        if path.ends_with("gcc-ld/ld.lld")
            && let Some(own) = path.parent().and_then(Path::parent).map(|bin| bin.join("rust-lld"))
            && own.is_file()
        {
            return Some(vec![own.into(), "-flavor".into(), "gnu".into()]);
        }
        Some(vec![path.into()])
    }

    /// A program that is looked for where programs are.
    fn found(&self, name: &Path) -> Option<PathBuf> {
        let places = self.call.variable("PATH")?;
        std::env::split_paths(places).map(|place| place.join(name)).find(|path| path.is_file())
    }
}

/// The last command in what a driver says that it would do.
fn last_command(said: &[u8]) -> Option<Vec<OsString>> {
    let mut lines = said.rsplit(|byte| *byte == b'\n').filter(|line| line.starts_with(b" "));
    let words = lines.next().map(split)?;
    (words.len() > 4).then_some(words)
}

/// The words of a line: each is quoted, or has nothing in it that would have to be.
fn split(line: &[u8]) -> Vec<OsString> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), None::<Vec<u8>>, false);
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            b'\\' => word.get_or_insert_default().extend(bytes.next()),
            b' ' if !is_quoted => words.extend(word.take()),
            byte => word.get_or_insert_default().push(*byte),
        }
    }
    words.extend(word);
    words.into_iter().map(OsString::from_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::link::line::tests::{USUAL, edited, words};

    #[test]
    fn the_words_of_a_driver_are_read_as_it_quotes_them() {
        let words = split(br#" /usr/collect2 "-plugin" "a \"b\" \\c" "" -o x "#);
        assert_eq!(words, ["/usr/collect2", "-plugin", "a \"b\" \\c", "", "-o", "x"]);
        assert_eq!(last_command(b"COLLECT_GCC=cc\nTarget: x\n"), None);
        assert_eq!(last_command(b" cc1 a b c d\n ld \"a\" b c d\nend\n").unwrap()[0], "ld");
    }

    #[test]
    fn the_driver_of_this_machine_tells_how_it_calls_the_linker() {
        let scratch = tempfile::Builder::new().prefix("a scratch").tempdir().unwrap();
        let call = Invocation {
            directory: scratch.path().to_owned(),
            arguments: Vec::new(),
            environment: std::env::vars_os().collect(),
        };
        let cancel = Cancel::default();
        let driver = Driver { program: OsStr::new("cc"), call: &call, cancel: &cancel };
        let usual = Line::read(&words(USUAL), edited()).unwrap();
        let Command { program, line } = driver.linker(&usual, scratch.path()).expect("a linker");
        assert!(Path::new(&program[0]).is_file(), "{program:?}");
        let objects = line.words().iter().filter(|word| **word == Word::Objects).count();
        assert_eq!(objects, 1, "{line:?}");
        assert_eq!(line.output(), Some(Path::new("/o/liba.so")));
        assert!(line.words().contains(&Word::Fixed("--gc-sections".into())), "{line:?}");
        let wrong = Driver { program: OsStr::new("false"), ..driver };
        assert_eq!(wrong.linker(&usual, scratch.path()), None);
    }
}
