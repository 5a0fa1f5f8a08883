//! A compiler that has been started before there is anything to compile.
//!
//! It takes a while until rustc has loaded its own libraries. So one is started after each build, for what was compiled last,
//! which is what will most likely be edited next. It reads its arguments from its standard input, and so waits until they
//! come. If they never do, as when we are killed, that ends, and so does it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Replayer;
use crate::build::Project;
use crate::build::capture::Invocation;
use crate::build::child::{Cancel, Running};

/// What rustc reads its arguments from.
const ARGUMENTS: &str = "@/dev/stdin";

/// A compiler that waits.
#[derive(Debug)]
pub(super) struct Spare {
    running: Running,
    call: Invocation,
    /// Which directory it is in: another one may have its name by now.
    place: Place,
}

/// A directory, whatever its name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u64, u64);

impl Place {
    fn of(directory: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(directory)?;
        Ok(Self(metadata.dev(), metadata.ino()))
    }
}

impl Spare {
    /// Starts one for calls like that.
    fn start(call: &Invocation) -> io::Result<Option<Self>> {
        let place = Place::of(&call.directory)?;
        let Some(program) = call.arguments.first() else { return Ok(None) };
        let mut command = Command::new(program);
        command.arg(ARGUMENTS).current_dir(&call.directory).env_clear().envs(super::run::variables(call));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let running = Cancel::default().spawn(command)?;
        Ok(running.map(|running| Self { running, call: call.clone(), place }))
    }

    /// Whether it is one for calls like that.
    fn is_for(&self, call: &Invocation) -> bool {
        self.call == *call && Place::of(&call.directory).is_ok_and(|place| place == self.place)
    }

    /// Has it compile what a command would; none when it cannot.
    pub(super) fn compile(self, command: &Command, cancel: &Cancel) -> Option<Running> {
        let mut lines = Vec::new();
        for argument in command.get_args() {
            // An argument is a line.
            if argument.as_bytes().contains(&b'\n') {
                return None;
            }
            lines.extend_from_slice(argument.as_bytes());
            lines.push(b'\n');
        }
        let mut running = cancel.adopt(self.running)?;
        running.child.stdin.take()?.write_all(&lines).ok()?;
        Some(running)
    }
}

impl Replayer {
    /// Starts compilers for what is likely to be compiled next: what was compiled last.
    pub(in crate::build) fn lay_in(&mut self, project: &Project) {
        let only_one = || match &self.tips.values().collect::<Vec<_>>()[..] {
            [Ok(tip)] => vec![tip.key.clone()],
            _ => Vec::new(),
        };
        let next = if self.compiled.is_empty() { only_one() } else { self.compiled.clone() };
        self.spares.retain(|key, _| next.contains(key));
        for key in next {
            let Some(call) = self.units.get(&key).map(|made| &made.unit.call) else { continue };
            if self.spares.get(&key).is_some_and(|spare| spare.is_for(call)) {
                continue;
            }
            // Without one, it only takes longer.
            let spare = if self.calls_compiler(project, call) { Spare::start(call) } else { Ok(None) };
            match spare {
                Ok(Some(spare)) => drop(self.spares.insert(key, spare)),
                _ => drop(self.spares.remove(&key)),
            }
        }
    }

    /// The compiler that waits for a unit, if there is one.
    pub(super) fn spare(&mut self, key: &str) -> Option<Spare> {
        let spare = self.spares.remove(key)?;
        spare.is_for(&self.units.get(key)?.unit.call).then_some(spare)
    }

    /// Whether a call is of the compiler itself. What somebody has put in its place may want to know what is compiled before
    /// it starts.
    fn calls_compiler(&self, project: &Project, call: &Invocation) -> bool {
        // `lib/rustlib/<target>/lib` and `bin` are in one directory.
        let own = project.library_directory.ancestors().nth(4).map(|directory| directory.join("bin/rustc"));
        let program = call.arguments.first().map(PathBuf::from);
        self.programs.is_empty() && own.is_some() && program == own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(directory: &Path) -> Invocation {
        let environment = std::env::vars_os().collect();
        Invocation { directory: directory.to_owned(), arguments: vec!["rustc".into()], environment }
    }

    #[test]
    fn a_compiler_that_waits_does_what_another_would() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("it's a.rs"), "pub fn one() {}").unwrap();
        let call = call(directory.path());
        let spare = Spare::start(&call).unwrap().unwrap();
        assert!(spare.is_for(&call));
        let mut command = Command::new("rustc");
        command.args(["--crate-type", "lib", "it's a.rs", "--crate-name", "a", "--emit=metadata"]);
        let running = spare.compile(&command, &Cancel::default()).unwrap();
        let output = running.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(directory.path().join("liba.rmeta").is_file());
    }

    #[test]
    fn it_is_for_one_directory_and_not_for_another_of_its_name() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a");
        fs::create_dir(&directory).unwrap();
        let call = call(&directory);
        let spare = Spare::start(&call).unwrap().unwrap();
        let arguments = vec!["other".into()];
        assert!(!spare.is_for(&Invocation { arguments, ..call.clone() }));
        fs::rename(&directory, parent.path().join("b")).unwrap();
        assert!(!spare.is_for(&call));
        fs::create_dir(&directory).unwrap();
        assert!(!spare.is_for(&call));
        let other = Invocation { environment: Vec::new(), ..call };
        assert!(!spare.is_for(&other));
    }

    #[test]
    fn one_that_is_not_needed_ends() {
        let directory = tempfile::tempdir().unwrap();
        let spare = Spare::start(&call(directory.path())).unwrap().unwrap();
        let process = Path::new("/proc").join(spare.running.child.id().to_string());
        assert!(process.exists());
        drop(spare);
        assert!(!process.exists());
        let cancel = Cancel::default();
        cancel.cancel();
        let spare = Spare::start(&call(directory.path())).unwrap().unwrap();
        let process = Path::new("/proc").join(spare.running.child.id().to_string());
        assert!(spare.compile(&Command::new("rustc"), &cancel).is_none());
        assert!(!process.exists());
    }

    #[test]
    fn arguments_that_are_several_lines_are_not_handed_over() {
        let directory = tempfile::tempdir().unwrap();
        let spare = Spare::start(&call(directory.path())).unwrap().unwrap();
        let mut command = Command::new("rustc");
        assert!(spare.compile(command.arg("--cfg=a=\"b\n\""), &Cancel::default()).is_none());
    }
}
