//! What the compiler keeps between two calls.
//!
//! In `-C incremental`, rustc has a directory for each crate, and in that one for each call: the next call begins with the
//! newest, and removes the others before it goes on. Nobody waits for that if it was done before.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Removes what the next calls would remove. No call may be under way.
pub(super) fn prune(incremental: &Path) {
    for of_crate in entries(incremental) {
        let mut of_calls: Vec<_> = entries(&of_crate).into_iter().filter(|path| path.is_dir()).collect();
        // Their names are `s-<time>-<number>-<hash>`, and end in `-working` where the call has not come to its end.
        of_calls.sort();
        let is_whole = |path: &PathBuf| !name(path).ends_with("-working");
        let newest = of_calls.iter().rposition(is_whole).map(|index| of_calls.swap_remove(index));
        let Some(newest) = newest else { continue };
        for old in of_calls {
            // What is left is left to the compiler.
            let is_removed = fs::remove_dir_all(&old).is_ok();
            let lock = lock(&old).filter(|lock| is_removed && Some(lock) != self::lock(&newest).as_ref());
            let _ = lock.map(fs::remove_file);
        }
    }
}

/// The file by which the compiler knows that a directory is in use.
fn lock(of_call: &Path) -> Option<PathBuf> {
    let (begin, _) = name(of_call).rsplit_once('-')?;
    Some(of_call.with_file_name(format!("{begin}.lock")))
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::rewrite::joined;
    use std::collections::BTreeSet;
    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    #[test]
    fn what_the_last_call_has_left_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let crates = ["a-1", "b-2", "c-3"].map(|name| directory.path().join(name));
        let calls = [
            &["s-aaa1-000-h1", "s-aaa2-111-h2", "s-aaa3-222-working"][..],
            &["s-aaa1-000-working"],
            &["s-aaa2-111-h1"],
        ];
        for (of_crate, calls) in crates.iter().zip(calls) {
            for call in calls {
                fs::create_dir_all(of_crate.join(call)).unwrap();
                fs::write(of_crate.join(call).join("1.o"), "").unwrap();
                fs::write(lock(&of_crate.join(call)).unwrap(), "").unwrap();
            }
        }
        prune(directory.path());
        let left = crates.each_ref().map(|of_crate| {
            let names = entries(of_crate).into_iter().map(|path| name(&path).to_owned());
            names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
        });
        let expected = [
            "s-aaa2-111-h2 s-aaa2-111.lock",
            "s-aaa1-000-working s-aaa1-000.lock",
            "s-aaa2-111-h1 s-aaa2-111.lock",
        ];
        assert_eq!(left, expected);
        prune(&directory.path().join("nowhere"));
    }

    #[test]
    fn the_compiler_goes_on_from_what_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("a.rs");
        let incremental = directory.path().join("incremental");
        let objects = || {
            let calls: Vec<_> = entries(&incremental)
                .iter()
                .flat_map(|path| entries(path))
                .filter(|path| path.is_dir())
                .collect();
            let objects = calls.iter().flat_map(|call| entries(call));
            let objects = objects.filter(|path| path.extension() == Some(OsStr::new("o")));
            let files = objects.map(|path| fs::metadata(path).unwrap().ino());
            (calls.len(), files.collect::<BTreeSet<_>>())
        };
        let compile = |number: u8| {
            fs::write(
                &source,
                format!("pub fn one() -> u8 {{ {number} }}\npub mod two {{ pub fn two() {{}} }}\n"),
            )
            .unwrap();
            let mut command = Command::new("rustc");
            command.args(["--crate-type", "lib", "--out-dir"]).arg(directory.path()).arg(&source);
            let output = command.arg("-C").arg(joined("incremental", &incremental)).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        compile(1);
        compile(2);
        assert_eq!(objects().0, 2);
        prune(&incremental);
        let (calls, before) = objects();
        assert_eq!(calls, 1);
        compile(3);
        let kept = objects().1.intersection(&before).count();
        assert!(kept > 0, "something was not compiled again");
    }
}
