//! The arguments of a call of rustc, for a call of our own: into other directories, against other libraries.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::unit::{read_option, split};

/// What is other in our own call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changes<'a> {
    /// The directory of the call, which paths are relative to.
    pub(super) directory: &'a Path,
    /// Where the files go.
    pub(super) out_dir: &'a Path,
    /// Where the compiler keeps what it remembers.
    pub(super) incremental: &'a Path,
    /// Whether messages are rendered with colours.
    pub(super) colour: bool,
    /// The libraries that are elsewhere now, by where they were.
    pub(super) moved: &'a BTreeMap<PathBuf, PathBuf>,
}

/// The arguments of our call. The first is the compiler.
pub(super) fn rewrite(arguments: &[OsString], changes: &Changes<'_>) -> Vec<OsString> {
    let mut rewritten: Vec<OsString> = Vec::with_capacity(arguments.len() + 8);
    let mut arguments = arguments.iter();
    rewritten.extend(arguments.next().cloned());
    while let Some(argument) = arguments.next() {
        let Some((name, value)) = read_option(argument, || arguments.next()) else {
            rewritten.push(argument.clone());
            continue;
        };
        if let Some(value) = changes.value(name, value) {
            rewritten.extend([name.to_owned(), value]);
        }
    }
    // After all others: of two files of one crate, the compiler takes the one that what is above it asks for, and the last
    // one if they are the same.
    for directory in changes.searched() {
        rewritten.extend(["-L".into(), joined("dependency", directory)]);
    }
    rewritten
}

impl Changes<'_> {
    /// What an option has in place of its value; none when it is left out.
    fn value(&self, name: &OsStr, value: &OsStr) -> Option<OsString> {
        let parts = split(value, b'=');
        match (name.to_str()?, parts) {
            ("--out-dir", _) => Some(self.out_dir.into()),
            ("--json", _) => self.json(value),
            ("--extern", Some((crate_name, path))) => {
                let moved = self.moved.get(&self.directory.join(path));
                Some(moved.map_or_else(|| value.to_owned(), |moved| joined_os(crate_name, moved)))
            }
            ("-C", Some((option, _))) if option == "incremental" => {
                Some(joined("incremental", self.incremental))
            }
            _ => Some(value.to_owned()),
        }
    }

    /// That a file is made is wanted to be known at once.
    fn json(&self, value: &OsStr) -> Option<OsString> {
        let is_wanted = |part: &&str| match *part {
            "future-incompat" => false,
            "diagnostic-rendered-ansi" => self.colour,
            _ => true,
        };
        let parts: Vec<&str> = value.to_str()?.split(',').filter(is_wanted).collect();
        (!parts.is_empty()).then(|| parts.join(",").into())
    }

    fn searched(&self) -> impl Iterator<Item = &Path> {
        let mut directories: Vec<&Path> = self.moved.values().filter_map(|path| path.parent()).collect();
        directories.sort();
        directories.dedup();
        directories.into_iter()
    }
}

/// `name=path`.
pub(super) fn joined(name: &str, path: &Path) -> OsString {
    joined_os(OsStr::new(name), path)
}

fn joined_os(name: &OsStr, path: &Path) -> OsString {
    let mut joined = name.to_owned();
    joined.push("=");
    joined.push(path);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str, moved: &[(&str, &str)], colour: bool) -> String {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let moved = moved.iter().map(|(from, to)| (PathBuf::from(from), PathBuf::from(to))).collect();
        let changes = Changes {
            directory: Path::new("/w"),
            out_dir: Path::new("/r/7"),
            incremental: Path::new("/r/incremental"),
            colour,
            moved: &moved,
        };
        let words = rewrite(&arguments, &changes);
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_made_goes_elsewhere() {
        let line = "rustc --crate-name counter src/lib.rs --json=diagnostic-rendered-ansi,artifacts,future-incompat \
                    -C metadata=1 --out-dir /t/deps -C incremental=/t/incremental -C prefer-dynamic";
        let expected = "rustc --crate-name counter src/lib.rs --json diagnostic-rendered-ansi,artifacts -C metadata=1 --out-dir /r/7 \
                        -C incremental=/r/incremental -C prefer-dynamic";
        assert_eq!(rewritten(line, &[], true), expected);
    }

    #[test]
    fn of_the_json_options_those_are_left_that_are_wanted() {
        let rewritten = |options: &str| rewritten(&format!("rustc --json={options} a.rs"), &[], false);
        assert_eq!(rewritten("diagnostic-rendered-ansi,artifacts"), "rustc --json artifacts a.rs");
        assert_eq!(rewritten("diagnostic-rendered-ansi,future-incompat"), "rustc a.rs");
    }

    #[test]
    fn only_what_has_moved_is_found_elsewhere() {
        let line = "rustc -L dependency=/t/deps --extern types=/t/deps/libtypes-1.rmeta --extern noprelude:other=/t/deps/libo-2.rlib \
                    --extern=priv:third=t/libthird-3.rlib --extern proc_macro";
        let moved = [
            ("/t/deps/libtypes-1.rmeta", "/r/3/libtypes-1.rmeta"),
            ("/w/t/libthird-3.rlib", "/r/4/libthird-3.rlib"),
        ];
        let expected = "rustc -L dependency=/t/deps --extern types=/r/3/libtypes-1.rmeta --extern noprelude:other=/t/deps/libo-2.rlib \
                        --extern priv:third=/r/4/libthird-3.rlib --extern proc_macro -L dependency=/r/3 -L dependency=/r/4";
        assert_eq!(rewritten(line, &moved, true), expected);
    }

    #[test]
    fn each_way_to_write_an_option_is_understood() {
        let line = "rustc --check-cfg cfg(feature) -Lnative=/n -Cincremental=/i -Cdebuginfo=1 --json-x --edition=2024";
        let expected = "rustc --check-cfg cfg(feature) -L native=/n -C incremental=/r/incremental -C debuginfo=1 --json-x \
                        --edition=2024";
        assert_eq!(rewritten(line, &[], true), expected);
    }
}
