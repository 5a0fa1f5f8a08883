//! What the system lets a user watch, and how much of it is in use.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::build::Project;
use crate::doctor::WatchFacts;
use crate::watch;

/// Looks at the limits, and tries whether the project can be watched.
pub(super) fn look(project: &Project) -> WatchFacts {
    let limit = |name: &str| {
        let text = fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?;
        text.trim().parse().ok()
    };
    let (used_instances, used_watches) = used();
    let (needed, tried) = watch::try_out(project);
    WatchFacts {
        needed: needed as u64,
        max_watches: limit("max_user_watches"),
        used_watches,
        max_instances: limit("max_user_instances"),
        used_instances,
        refused: tried.err().map(|error| error.to_string()),
    }
}

/// How many programs of this user watch, and how many directories and files.
fn used() -> (u64, u64) {
    let Ok(own) = fs::metadata("/proc/self") else { return (0, 0) };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_own = |entry: &fs::DirEntry| {
        entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
            && entry.metadata().is_ok_and(|found| found.uid() == own.uid())
    };
    let (mut instances, mut watches) = (0, 0);
    for process in processes.filter(is_own) {
        for file in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            if !fs::read_link(file.path()).is_ok_and(|target| target == Path::new("anon_inode:inotify")) {
                continue;
            }
            let info = fs::read_to_string(process.path().join("fdinfo").join(file.file_name()));
            instances += 1;
            let lines = info.unwrap_or_default();
            watches += lines.lines().filter(|line| line.starts_with("inotify wd:")).count() as u64;
        }
    }
    (instances, watches)
}
