//! Libraries that stand for large ones while something is linked.
//!
//! A linker reads all symbols of the libraries that it is given, which are tens of thousands. What it writes depends only on
//! those that are used, and on the name of the library. So it is given a *stub*, which has that name and those symbols, and
//! nothing else. Where an edit uses a symbol that the stub has not, linking fails, and is done with the library itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::driver::Driver;
use crate::load::check::{self, Export};

/// What a library is known by, and what it has.
#[derive(Debug, Clone)]
pub(super) struct Exports {
    name: String,
    symbols: BTreeMap<String, Export>,
}

impl Exports {
    /// Those of a library; none when it cannot be read.
    pub(super) fn read(library: &Path) -> Option<Self> {
        let bytes = fs::read(library).ok()?;
        let named = check::soname(&bytes)?;
        let name = named.or_else(|| library.file_name()?.to_str().map(str::to_owned))?;
        Some(Self { name, symbols: check::exports(&bytes)? })
    }

    /// A stub with those of `used` that the library has, in a directory. None when there can be none.
    pub(super) fn stub(
        &self,
        used: &BTreeSet<String>,
        directory: &Path,
        driver: Driver<'_>,
        flags: &[OsString],
    ) -> Option<PathBuf> {
        let source = self.source(used)?;
        let path = directory.join(&self.name);
        let assembly = directory.join("stub.s");
        let draft = directory.join("stub.so");
        fs::write(&assembly, source).ok()?;
        let mut arguments: Vec<OsString> = ["-shared", "-nostdlib", "-o"].map(OsString::from).into();
        arguments.push(draft.clone().into());
        arguments.extend(flags.iter().cloned());
        arguments.extend(["-x".into(), "assembler".into(), assembly.into()]);
        arguments.extend(["-Xlinker", "-soname", "-Xlinker", &self.name].map(OsString::from));
        let output = driver.run(&arguments).ok()??;
        fs::rename(draft, &path).ok().filter(|()| output.status.success())?;
        Some(path)
    }

    fn source(&self, used: &BTreeSet<String>) -> Option<String> {
        let mut source = String::new();
        let mut section = None;
        let found = used.iter().filter_map(|name| Some((name, *self.symbols.get(name)?)));
        for (name, export) in found {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.$".contains(&byte);
            if !name.bytes().all(is_plain) {
                return None;
            }
            let (kind, own) = match export {
                Export::Function => ("function", ".text"),
                Export::Data => ("object", ".data"),
                Export::ThreadLocal => ("tls_object", ".section .tbss,\"awT\",%nobits"),
            };
            if section.replace(own) != Some(own) {
                writeln!(source, "{own}").ok()?;
            }
            writeln!(source, ".globl \"{name}\"\n.type \"{name}\",%{kind}\n\"{name}\":\n.zero 8").ok()?;
        }
        source.push_str(".section .note.GNU-stack,\"\",%progbits\n");
        Some(source)
    }
}

/// The flags of a line by which a driver knows the machine and the linker.
pub(super) fn flags(words: &[OsString]) -> Vec<OsString> {
    const STARTS: [&str; 6] = ["-m", "-fuse-ld", "--ld-path", "-B", "--target", "--sysroot"];
    let is_one = |word: &&OsString| STARTS.iter().any(|start| word.as_bytes().starts_with(start.as_bytes()));
    words.iter().filter(is_one).cloned().collect()
}

/// The symbols that a library takes from others.
pub(super) fn imports(library: &Path) -> Option<BTreeSet<String>> {
    check::imports(&fs::read(library).ok()?)
}
