//! Looks through a library before the dynamic loader does.
//!
//! The loader trusts what it maps: a file that is cut short ends the process with a bus error. So the file must be whole,
//! for this machine, linked to a shared std, and have widgets, before it is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::size_of;

use object::elf::{self, FileHeader64};
use object::endian::Endianness;
use object::read::archive::ArchiveFile;
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader, SectionHeader};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use shrine::abi::{Descriptor, SYMBOL_PREFIX, TRANSFORM_PREFIX, TransformDescriptor};

use super::LoadError;
use crate::build::SHARED_PREFIX;

/// What a library says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The symbols of its widgets.
    pub widgets: Vec<String>,
    /// The symbols of its transforms. A library without widgets has some.
    pub transforms: Vec<String>,
    /// Its build id.
    pub build_id: Vec<u8>,
    /// What it was built with.
    pub toolchain: Toolchain,
    /// What libraries have in common whose states may lie alike in memory, if that can be proved: the compiler, which
    /// orders fields in its usual way, and the libraries that it may allocate from.
    pub origin: Option<String>,
}

/// What a library was built with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Toolchain {
    /// The file name of the shared std: it contains a hash of the compiler.
    pub std: String,
    /// The compiler, as `rustc version 1.95.0 (59807616e 2026-04-14)`; empty when the file does not say.
    pub compiler: String,
}

impl Toolchain {
    /// Checks that a library can be loaded beside those of this toolchain.
    ///
    /// # Errors
    ///
    /// When it was built with another toolchain: its std would be another one, with its own statics and types.
    pub fn check_same(&self, other: &Self) -> Result<(), LoadError> {
        let differs = self.std != other.std
            || (self.compiler != other.compiler && !self.compiler.is_empty() && !other.compiler.is_empty());
        if !differs {
            return Ok(());
        }
        let describe = |toolchain: &Self| match toolchain.compiler.as_str() {
            "" => toolchain.std.clone(),
            compiler => format!("{compiler}, {}", toolchain.std),
        };
        Err(LoadError::new(
            format!("built with another toolchain ({}) than what runs ({})", describe(other), describe(self)),
            "go back to the toolchain that runs, or restart `cargo shrine watch`",
        ))
    }
}

/// Checks the bytes of a file.
///
/// # Errors
///
/// When the dynamic loader should not see it.
pub fn check(bytes: &[u8]) -> Result<Checked, LoadError> {
    check_whole(bytes).map_err(|reason| {
        LoadError::new(
            format!("the library is not complete: {reason}"),
            "save again to rebuild it; if that does not help, remove the target directory",
        )
    })?;
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(|error| damaged(&error))?;
    let widgets = symbols(&file, SYMBOL_PREFIX, size_of::<Descriptor>());
    let transforms = symbols(&file, TRANSFORM_PREFIX, size_of::<TransformDescriptor>());
    if widgets.is_empty() && transforms.is_empty() {
        return Err(LoadError::no_widgets());
    }
    let needed = needed(&file)?;
    let std = needed.iter().find(|name| name.starts_with("libstd-")).cloned().ok_or_else(|| {
        LoadError::new(
            "the library has its own copy of std",
            "build it with `-C prefer-dynamic`, as `cargo shrine` does; check `rustflags` in .cargo/config.toml",
        )
    })?;
    let build_id = file.build_id().map_err(|error| damaged(&error))?.unwrap_or_default().to_vec();
    if build_id.is_empty() {
        return Err(LoadError::new(
            "the library has no build id, so it cannot prove that it is what runs",
            "let the linker write one: `-C link-arg=-Wl,--build-id`",
        ));
    }
    let toolchain = Toolchain { std, compiler: compiler(&file) };
    let origin = origin(&file, &needed, &toolchain.compiler);
    Ok(Checked { widgets, transforms, build_id, toolchain, origin })
}

/// The build id in a file, in hexadecimal, and the symbols of its widgets; none when it is no library with a build id.
#[must_use]
pub fn glance(bytes: &[u8]) -> Option<(String, Vec<String>)> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let id = file.build_id().ok()??;
    let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut found = symbols(&file, SYMBOL_PREFIX, size_of::<Descriptor>());
    found.extend(symbols(&file, TRANSFORM_PREFIX, size_of::<TransformDescriptor>()));
    Some((id, found))
}

/// Whether a static library of Rust code, with its objects in an archive, has a widget or a transform; none when that
/// cannot be seen.
#[must_use]
pub fn has_widgets(archive: &[u8]) -> Option<bool> {
    let mut has = false;
    for member in ArchiveFile::parse(archive).ok()?.members() {
        let member = member.ok()?;
        let bytes = member.data(archive).ok()?;
        // What the compiler knows of the crate, for itself.
        if member.name() == b"lib.rmeta" {
            continue;
        }
        let object = ElfFile64::<Endianness>::parse(bytes).ok()?;
        has |= object.symbols().filter(ObjectSymbol::is_definition).any(|symbol| {
            let name = symbol.name_bytes().unwrap_or_default();
            [SYMBOL_PREFIX, TRANSFORM_PREFIX].iter().any(|prefix| name.starts_with(prefix.as_bytes()))
        });
    }
    Some(has)
}

/// The linker that made a file, if it has signed it, as `LLD 22.1.2` or `mold 2.40.0`.
#[must_use]
pub fn linker(bytes: &[u8]) -> Option<String> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let comments = comments(&file);
    let signed = comments.iter().find_map(|comment| {
        comment.strip_prefix("Linker: ").or_else(|| comment.starts_with("mold ").then_some(comment.as_str()))
    })?;
    let words: Vec<_> = signed.split(' ').take(2).collect();
    Some(words.join(" "))
}

/// What can be seen of a library that is no library of widgets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspected {
    /// The libraries that it is linked to.
    pub needed: Vec<String>,
    /// Whether it brings an allocator for Rust code.
    pub has_allocator: bool,
    /// A section that the linker gathers for code that walks over it, if there is one.
    pub gathered: Option<String>,
}

/// Looks at a library; none when it is none, or is not whole.
#[must_use]
pub fn inspect(bytes: &[u8]) -> Option<Inspected> {
    check_whole(bytes).ok()?;
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let mut defined = file.dynamic_symbols().chain(file.symbols()).filter(ObjectSymbol::is_definition);
    // `#[global_allocator]` expands to a function of this name, in the namespace of the compiler.
    let is_allocator = |name: &str| name.ends_with("__rust_alloc");
    Some(Inspected {
        needed: needed(&file).ok()?,
        has_allocator: defined.any(|symbol| symbol.name().is_ok_and(is_allocator)),
        gathered: file.sections().find_map(|section| gathered(&section)),
    })
}

/// What a library gives to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    Function,
    Data,
    ThreadLocal,
}

/// The name that a dynamic library is known by, if it says one; none when it cannot be read.
pub(crate) fn soname(bytes: &[u8]) -> Option<Option<String>> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    Some(named(&file, elf::DT_SONAME).ok()?.into_iter().next())
}

/// What a dynamic library gives to others, by name.
pub(crate) fn exports(bytes: &[u8]) -> Option<BTreeMap<String, Export>> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let defined = file.dynamic_symbols().filter(|symbol| !symbol.is_undefined() && symbol.is_global());
    let export = |symbol: object::read::elf::ElfSymbol64<'_, '_>| {
        let export = match symbol.kind() {
            SymbolKind::Text => Export::Function,
            SymbolKind::Tls => Export::ThreadLocal,
            _ => Export::Data,
        };
        Some((symbol.name().ok()?.to_owned(), export))
    };
    Some(defined.filter_map(export).collect())
}

/// What a dynamic library takes from others, by name.
pub(crate) fn imports(bytes: &[u8]) -> Option<BTreeSet<String>> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let taken = file.dynamic_symbols().filter(ObjectSymbol::is_undefined);
    Some(taken.filter_map(|symbol| symbol.name().ok().map(str::to_owned)).collect())
}

/// The name of a section for which linkers define symbols at its start and its end: one that is loaded, and is named as
/// things are in C.
fn gathered<'data>(section: &impl ObjectSection<'data>) -> Option<String> {
    let name = section.name().ok()?;
    let is_loaded = section.address() != 0;
    let is_identifier =
        |name: &str| name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_') && !name.is_empty();
    (is_loaded && is_identifier(name)).then(|| name.to_owned())
}

/// Checks that everything that the headers promise is in the file.
fn check_whole(bytes: &[u8]) -> Result<(), String> {
    let header = FileHeader64::<Endianness>::parse(bytes).map_err(|error| error.to_string())?;
    let endian = header.endian().map_err(|error| error.to_string())?;
    if header.e_type(endian) != elf::ET_DYN {
        return Err("it is not a shared library".to_owned());
    }
    if Some(header.e_machine(endian)) != this_machine() {
        return Err("it is for another kind of machine".to_owned());
    }
    let length = bytes.len() as u64;
    let fits = |offset: u64, size: u64| offset.checked_add(size).is_some_and(|end| end <= length);
    let programs = header.program_headers(endian, bytes).map_err(|error| error.to_string())?;
    for program in programs {
        if !fits(program.p_offset(endian), program.p_filesz(endian)) {
            return Err("a segment ends behind the end of the file".to_owned());
        }
        if program.p_type(endian) == elf::PT_LOAD && program.p_memsz(endian) < program.p_filesz(endian) {
            return Err("a segment is longer in the file than in memory".to_owned());
        }
    }
    let sections = header.sections(endian, bytes).map_err(|error| error.to_string())?;
    // The table of sections is the last thing in a file: where it is well-formed, nothing before it was cut off.
    if sections.is_empty() || sections.section_by_name(endian, b".dynsym").is_none() {
        return Err("the table of sections is missing".to_owned());
    }
    for section in sections.iter() {
        let in_file = ![elf::SHT_NULL, elf::SHT_NOBITS].contains(&section.sh_type(endian));
        if in_file && !fits(section.sh_offset(endian), section.sh_size(endian)) {
            return Err("a section ends behind the end of the file".to_owned());
        }
    }
    check_dynamic(programs, endian, bytes)
}

/// Checks that what the dynamic loader follows leads into loaded segments.
fn check_dynamic(
    programs: &[elf::ProgramHeader64<Endianness>],
    endian: Endianness,
    bytes: &[u8],
) -> Result<(), String> {
    let entries = programs.iter().find_map(|program| program.dynamic(endian, bytes).transpose());
    let entries = entries.ok_or("it has no dynamic section")?.map_err(|error| error.to_string())?;
    let is_loaded = |address: u64| {
        let contains = |program: &elf::ProgramHeader64<Endianness>| {
            let start = program.p_vaddr(endian);
            program.p_type(endian) == elf::PT_LOAD
                && (start..start.saturating_add(program.p_filesz(endian))).contains(&address)
        };
        programs.iter().any(contains)
    };
    let tables = [elf::DT_STRTAB, elf::DT_SYMTAB];
    let value_of = |tag| entries.iter().find(|entry| entry.tag(endian) == tag).map(|entry| entry.val(endian));
    for tag in tables {
        if !value_of(tag).is_some_and(is_loaded) {
            return Err("its symbol table is missing".to_owned());
        }
    }
    let optional = [
        elf::DT_HASH,
        elf::DT_GNU_HASH,
        elf::DT_RELA,
        elf::DT_JMPREL,
        elf::DT_INIT_ARRAY,
        elf::DT_FINI_ARRAY,
    ];
    if optional.into_iter().filter_map(value_of).any(|address| address != 0 && !is_loaded(address)) {
        return Err("a table of the dynamic section leads out of the file".to_owned());
    }
    Ok(())
}

fn this_machine() -> Option<elf::Machine> {
    match std::env::consts::ARCH {
        "x86_64" => Some(elf::EM_X86_64),
        "aarch64" => Some(elf::EM_AARCH64),
        "riscv64" => Some(elf::EM_RISCV),
        _ => None,
    }
}

fn damaged(error: &object::read::Error) -> LoadError {
    LoadError::new(format!("the library is damaged: {error}"), "remove the target directory and build again")
}

/// The libraries that it is linked to.
fn needed(file: &ElfFile64<'_>) -> Result<Vec<String>, LoadError> {
    named(file, elf::DT_NEEDED)
}

/// The names in the entries of that kind that the dynamic loader reads.
fn named(file: &ElfFile64<'_>, kind: elf::DynamicTag) -> Result<Vec<String>, LoadError> {
    let (endian, bytes) = (file.endian(), file.data());
    let sections = file.elf_section_table();
    let Some((entries, link)) = sections.dynamic(endian, bytes).map_err(|error| damaged(&error))? else {
        return Ok(Vec::new());
    };
    let strings = sections.strings(endian, bytes, link).map_err(|error| damaged(&error))?;
    let names = entries.iter().filter(|entry| entry.tag(endian) == kind);
    let name = |entry: &elf::Dyn64<Endianness>| {
        let offset = u32::try_from(entry.val(endian)).ok()?;
        strings.get(offset).ok().map(|name| String::from_utf8_lossy(name).into_owned())
    };
    Ok(names.filter_map(name).collect())
}

/// The symbols of its descriptors: data, as large as a descriptor, and in a part of the file that is loaded.
fn symbols(file: &ElfFile64<'_>, prefix: &str, size: usize) -> Vec<String> {
    let endian = file.endian();
    let is_loaded = |address: u64| {
        let end = address.checked_add(size as u64);
        let contains = |program: &elf::ProgramHeader64<Endianness>| {
            let start = program.p_vaddr(endian);
            let until = start.saturating_add(program.p_filesz(endian));
            program.p_type(endian) == elf::PT_LOAD && address >= start && end.is_some_and(|end| end <= until)
        };
        file.elf_program_headers().iter().any(contains)
    };
    let is_descriptor = |symbol: &object::read::elf::ElfSymbol64<'_, '_>| {
        // A symbol of no section is an address as it stands, wherever the library is loaded.
        symbol.is_definition()
            && symbol.section_index().is_some()
            && symbol.kind() == SymbolKind::Data
            && symbol.size() >= size as u64
            && is_loaded(symbol.address())
    };
    let symbols = file.dynamic_symbols().filter(is_descriptor);
    let names = symbols.filter_map(|symbol| symbol.name().ok().map(str::to_owned));
    let mut found: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    found.sort();
    found
}

/// What proves that states of two libraries lie alike in memory, if their types say so: see `shrine::abi::handle::Alike`.
///
/// The compiler has to be a released one: others can be told to order fields at random. And the library has to take its
/// allocator from outside, as all do that are linked to a shared std and have no `#[global_allocator]`. Which libraries it
/// needs is part of it, because that is where the allocator comes from.
fn origin(file: &ElfFile64<'_>, needed: &[String], compiler: &str) -> Option<String> {
    let is_released =
        !compiler.is_empty() && !["-nightly", "-dev"].iter().any(|kind| compiler.contains(kind));
    // The names are mangled: `_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc`.
    let is_allocator = |symbol: &object::read::elf::ElfSymbol64<'_, '_>| {
        let is_named = |name: &str| {
            ["__rust_alloc", "__rust_dealloc", "__rg_alloc", "__rdl_alloc"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        symbol.name().is_ok_and(is_named)
    };
    let is_taken = file.dynamic_symbols().any(|symbol| is_allocator(&symbol) && symbol.is_undefined());
    let is_own = file
        .dynamic_symbols()
        .chain(file.symbols())
        .any(|symbol| is_allocator(&symbol) && !symbol.is_undefined());
    // Neither a shared library of dependencies has an allocator for Rust code, nor has what std itself is linked to.
    const WITHOUT: [&str; 9] = [
        SHARED_PREFIX,
        "libc.",
        "libm.",
        "libgcc_s.",
        "libpthread.",
        "libdl.",
        "librt.",
        "libutil.",
        "ld-linux",
    ];
    let has_none = |name: &String| WITHOUT.iter().any(|start| name.starts_with(start));
    (is_released && is_taken && !is_own).then(|| {
        let mut origin: Vec<&str> =
            needed.iter().filter(|name| !has_none(name)).map(String::as_str).collect();
        origin.sort_unstable();
        format!("{compiler}, {}", origin.join(", "))
    })
}

/// The compiler, from the comments that each object file leaves.
fn compiler(file: &ElfFile64<'_>) -> String {
    comments(file).into_iter().find(|comment| comment.starts_with("rustc version")).unwrap_or_default()
}

/// What compilers and linkers have left in a file about themselves.
fn comments(file: &ElfFile64<'_>) -> Vec<String> {
    let section = file.section_by_name(".comment").and_then(|section| section.data().ok());
    let comments = section.unwrap_or_default().split(|byte| *byte == 0).map(String::from_utf8_lossy);
    comments.map(std::borrow::Cow::into_owned).collect()
}

#[cfg(test)]
mod tests;
