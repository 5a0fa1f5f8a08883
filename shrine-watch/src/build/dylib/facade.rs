//! What a crate is compiled against in place of `shrine`, so that it is linked to a shared library.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use cargo_metadata::diagnostic::Diagnostic;

use super::make::file_name;
use crate::build::unit::{read_option, split};

/// The source of a facade. `real` is the name that it knows the real crate by.
pub(super) const SOURCE: &str =
    "#![no_implicit_prelude]\n#[doc(inline)]\npub use ::real::*;\nextern crate shrine_deps as _;\n";

/// How a crate is linked to a shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) struct Linked {
    /// The real `shrine` that the crate is compiled against.
    pub(super) shrine: PathBuf,
    /// What stands for it.
    pub(super) facade: PathBuf,
    /// The directory of the shared library.
    pub(super) directory: PathBuf,
}

impl Linked {
    /// Whether the files are still there.
    pub(super) fn is_there(&self) -> bool {
        self.facade.is_file() && self.library().is_file()
    }

    /// The shared library.
    pub(in crate::build) fn library(&self) -> PathBuf {
        let key = self.directory.file_name().unwrap_or_default().to_string_lossy();
        self.directory.join(file_name(&key))
    }

    /// The arguments of a call in `directory`, for a library that is linked to the shared one. None when the call is
    /// not against the `shrine` that this facade is of.
    pub(in crate::build) fn arguments(
        &self,
        arguments: &[OsString],
        directory: &Path,
    ) -> Option<Vec<OsString>> {
        let mut rewritten = Vec::with_capacity(arguments.len() + 14);
        let mut is_found = false;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let Some((name, value)) = read_option(argument, || rest.next()) else {
                rewritten.push(argument.clone());
                continue;
            };
            rewritten.push(name.to_owned());
            match split(value, b'=').filter(|_| name == "--extern") {
                Some((known_as, path)) if directory.join(path) == self.shrine => {
                    is_found = true;
                    rewritten.push(joined(known_as, &self.facade));
                }
                _ => rewritten.push(value.to_owned()),
            }
        }
        rewritten.extend(["-L".into(), joined(OsStr::new("dependency"), &self.directory)]);
        // What is missing in the shared library would be found missing only when the library is opened.
        let defined = OsString::from("link-arg=-Wl,-z,defs");
        let rpath = rpath(&self.directory);
        for argument in std::iter::once(defined).chain(rpath) {
            rewritten.extend(["-C".into(), argument]);
        }
        is_found.then_some(rewritten)
    }
}

/// Takes out of a diagnostic what is said because there are two crates by the name of `shrine`. That one of them stands
/// for the other is nobody's mistake.
pub(in crate::build) fn strip_notes(diagnostic: &mut Diagnostic) {
    const NOTES: [&str; 2] = [
        "there are multiple different versions of crate `shrine` in the dependency graph",
        "you can use `cargo tree` to explore your dependency tree",
    ];
    if !diagnostic.children.iter().any(|child| child.message == NOTES[0]) {
        return;
    }
    diagnostic.children.retain(|child| !NOTES.contains(&child.message.as_str()));
    if let Some(rendered) = &mut diagnostic.rendered {
        let is_note = |line: &&str| NOTES.iter().any(|note| line.contains(note));
        *rendered = rendered.split_inclusive('\n').filter(|line| !is_note(line)).collect();
    }
}

/// What makes the dynamic loader look for libraries in a directory: values of `-C`. `-Xlinker` hands on each argument
/// as it is, whatever commas and spaces are in the path.
pub(super) fn rpath(directory: &Path) -> [OsString; 4] {
    let mut path = OsString::from("link-arg=");
    path.push(directory);
    ["link-arg=-Xlinker".into(), "link-arg=-rpath".into(), "link-arg=-Xlinker".into(), path]
}

/// `name=path`.
pub(super) fn joined(name: &OsStr, path: &Path) -> OsString {
    let mut joined = name.to_owned();
    joined.push("=");
    joined.push(path);
    joined
}
