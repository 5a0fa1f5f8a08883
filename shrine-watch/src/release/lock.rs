//! Reads and writes the `shrine.lock` of a crate.

use std::path::{Path, PathBuf};
use std::{fs, io};

use shrine::state::lock::{FILE, Lock};

use crate::error::Error;

/// The lock in that directory; none when nothing was released.
///
/// # Errors
///
/// When the file is there and cannot be understood.
pub fn read(directory: &Path) -> Result<Option<Lock>, Error> {
    let path = path(directory);
    match fs::read_to_string(&path) {
        Ok(text) => Lock::parse(&text).map(Some).map_err(|error| Error::Configuration {
            reason: format!("{}: {error}", path.display()),
            help: format!(
                "take it back to what was committed, as `git checkout HEAD -- {FILE}` does; `cargo shrine release` adds to it"
            ),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("read {}", path.display()), error)),
    }
}

/// Writes the lock so that nobody ever sees half of it.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(directory: &Path, lock: &Lock) -> Result<(), Error> {
    let path = path(directory);
    let beside = path.with_extension(format!("lock.{}", std::process::id()));
    let write = || {
        fs::write(&beside, lock.to_string())?;
        fs::rename(&beside, &path)
    };
    write().map_err(|error| {
        drop(fs::remove_file(&beside));
        Error::io(format!("write {}", path.display()), error)
    })
}

/// The file.
#[must_use]
pub fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}
