//! A running program that says when its code answers otherwise; the other end of what `project/program.rs` writes.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::bench::failure::{Context, Failure};

/// Where the program connects to.
pub(super) struct Door(UnixListener);

impl Door {
    pub(super) fn open(socket: &Path) -> Result<Self, Failure> {
        let listener = UnixListener::bind(socket).context(format_args!("listen at {}", socket.display()))?;
        listener.set_nonblocking(true).context("listen without waiting")?;
        Ok(Self(listener))
    }

    /// Waits for the program. `alive` answers why it will not come, if so.
    pub(super) fn wait(
        &self,
        limit: Duration,
        mut alive: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Program, Failure> {
        let end = Instant::now() + limit;
        loop {
            match self.0.accept() {
                Ok((stream, _)) => return Program::new(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => alive()?,
                Err(error) => return Err(Failure::new(format!("cannot take the program's call: {error}"))),
            }
            if Instant::now() > end {
                return Err(Failure::new(format!("the program did not start within {} s", limit.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The program, while it runs.
pub(super) struct Program {
    write: UnixStream,
    read: BufReader<UnixStream>,
}

impl Program {
    fn new(stream: UnixStream) -> Result<Self, Failure> {
        stream.set_nonblocking(false).context("wait for the program")?;
        let write = stream.try_clone().context("write to the program")?;
        Ok(Self { write, read: BufReader::new(stream) })
    }

    /// Waits until all answers of the program contain `wanted`.
    pub(super) fn answers(&mut self, wanted: &str, limit: Duration) -> Result<(), Failure> {
        let gone =
            |error| Failure::new(format!("the program has ended before it answered `{wanted}`: {error}"));
        self.read.get_ref().set_read_timeout(Some(limit)).context("wait for the program")?;
        writeln!(self.write, "{wanted}").map_err(gone)?;
        let mut line = String::new();
        match self.read.read_line(&mut line) {
            Ok(0) => Err(Failure::new(format!("the program has ended before it answered `{wanted}`"))),
            Ok(_) if line.contains(wanted) => Ok(()),
            Ok(_) => {
                Err(Failure::new(format!("the program should answer `{wanted}`, and the answer was {line}")))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Failure::new(format!("no answer `{wanted}` within {} s", limit.as_secs_f64())))
            }
            Err(error) => Err(gone(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that answers each line by what the function makes of it, and ends without.
    fn program(answer: fn(&str) -> Option<String>) -> (tempfile::TempDir, Program) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let door = Door::open(&socket).unwrap();
        std::thread::spawn(move || {
            let mut stream = UnixStream::connect(socket).unwrap();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let Some(answer) = answer(&line.unwrap()) else { return };
                writeln!(stream, "{answer}").unwrap();
            }
        });
        let program = door.wait(Duration::from_secs(60), || Ok(())).unwrap();
        (folder, program)
    }

    #[test]
    fn an_answer_is_held_to_what_was_asked() {
        let limit = Duration::from_secs(60);
        let (_folder, mut echo) = program(|line| Some(format!("1 {line}")));
        assert_eq!(echo.answers("edit-000001", limit), Ok(()));
        let (_folder, mut stale) = program(|_| Some("1 edit-000000".to_owned()));
        let failure = stale.answers("edit-000001", limit).unwrap_err().to_string();
        assert!(
            failure.contains("should answer `edit-000001`, and the answer was 1 edit-000000"),
            "{failure}"
        );
        let (_folder, mut gone) = program(|_| None);
        assert!(gone.answers("edit-000001", limit).unwrap_err().to_string().contains("has ended"));
    }

    #[test]
    fn why_a_program_does_not_come_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let door = Door::open(&folder.path().join("socket")).unwrap();
        let result = door.wait(Duration::from_secs(60), || Err(Failure::new("it crashed")));
        assert_eq!(result.err().unwrap().to_string(), "it crashed");
    }
}
