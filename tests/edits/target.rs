//! Target directories that keep what the crates of this test are made of, and nothing of these themselves.

use std::path::Path;
use std::{fs, io};

/// The folders in which cargo has one entry, or one for each file, of a crate.
const FOLDERS: [&str; 3] = ["deps", "build", ".fingerprint"];

/// Leaves in `target` what cargo has built of other crates, so that these are not built again. All that was made of the
/// crates of this test goes, and all that is not cargo's.
pub(crate) fn clean(target: &Path) -> io::Result<()> {
    let debug = target.join("debug");
    remove_unless(target, |name| name == "debug")?;
    remove_unless(&debug, |name| FOLDERS.contains(&name))?;
    for folder in FOLDERS {
        remove_unless(&debug.join(folder), |name| !name.replace('_', "-").contains("edits-"))?;
    }
    Ok(())
}

fn remove_unless(folder: &Path, stays: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        if stays(&entry.file_name().to_string_lossy()) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}
