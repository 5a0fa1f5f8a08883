//! The build id of the image that a widget is in, read from the image itself.
//!
//! The linker writes a hash of its output into a note (`--build-id`), and the note is mapped with the code. A library
//! that answers with the note of the file that was just built has proved that the new code is what runs: the loader
//! could have handed out an older image, but that one carries an older note.

/// An image that is loaded.
#[derive(Clone, Copy)]
pub(super) struct Image {
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    header: &'static elf::Header,
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
impl Image {
    /// The image that the caller is in. `shrine` itself may be in another one, which several generations share: so this is
    /// compiled where it is called from, and that has to be generic code, which is compiled with the widget.
    #[inline(always)]
    pub(super) fn of_caller() -> Self {
        Self { header: elf::header() }
    }

    /// The build id; empty when the image was linked without one.
    pub(super) fn build_id(self) -> &'static [u8] {
        const PT_NOTE: u32 = 4;
        let header = self.header;
        let mut notes = header
            .programs()
            .filter(|program| program.kind == PT_NOTE)
            .filter_map(|program| header.segment(program));
        notes.find_map(elf::build_id_in).unwrap_or_default()
    }
}

/// No way to ask is known for this platform: without an answer, nothing is reported as proved.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
impl Image {
    pub(super) fn of_caller() -> Self {
        Self {}
    }

    pub(super) fn build_id(self) -> &'static [u8] {
        &[]
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod elf {
    /// `Elf64_Ehdr`, up to the program headers' count.
    #[repr(C)]
    pub(super) struct Header {
        ident: [u8; 16],
        kind: u16,
        machine: u16,
        version: u32,
        entry: u64,
        programs_at: u64,
        sections_at: u64,
        flags: u32,
        size: u16,
        program_size: u16,
        programs: u16,
    }

    /// `Elf64_Phdr`.
    #[repr(C)]
    #[derive(Clone, Copy)]
    pub(super) struct Program {
        pub(super) kind: u32,
        flags: u32,
        offset: u64,
        address: u64,
        physical: u64,
        file_size: u64,
        memory_size: u64,
        alignment: u64,
    }

    unsafe extern "C" {
        /// Defined by the linker, hidden: the ELF header of the image that refers to it.
        #[link_name = "__ehdr_start"]
        static HEADER: Header;
    }

    #[inline(always)]
    pub(super) fn header() -> &'static Header {
        // SAFETY: every linker for ELF (GNU ld, lld, mold) defines the symbol in a loaded segment of the image that
        // refers to it, with the layout of `Header`. Images with widgets are never unloaded, and this code is always
        // compiled into the one that asks.
        unsafe { &HEADER }
    }

    impl Header {
        pub(super) fn programs(&self) -> impl Iterator<Item = Program> {
            let start = std::ptr::from_ref(self).cast::<u8>();
            let (at, size) = (self.programs_at as usize, usize::from(self.program_size));
            (0..usize::from(self.programs)).map(move |index| {
                // SAFETY: the header says that `programs` entries of `program_size` bytes begin `programs_at` bytes
                // behind it, and linkers put them into the first loaded segment, right behind the header, because
                // the dynamic loader itself reads them there.
                unsafe { start.add(at + index * size).cast::<Program>().read_unaligned() }
            })
        }

        /// The bytes of a loaded segment.
        pub(super) fn segment(&self, program: Program) -> Option<&'static [u8]> {
            const PT_LOAD: u32 = 1;
            // The header sits at the start of the file, and of the first segment: what is loaded at virtual address
            // `address` is so far behind it, less the address of that first segment.
            let first = self.programs().find(|program| program.kind == PT_LOAD)?;
            let distance = program.address.checked_sub(first.address)? as usize;
            let start = std::ptr::from_ref(self).cast::<u8>();
            // SAFETY: a note segment lies within a loaded segment, which is mapped as long as this code is.
            Some(unsafe { std::slice::from_raw_parts(start.add(distance), program.file_size as usize) })
        }
    }

    /// Looks through the notes of a segment: name size, content size, type, name, content, each padded to 4 bytes.
    pub(super) fn build_id_in(mut notes: &'static [u8]) -> Option<&'static [u8]> {
        const NT_GNU_BUILD_ID: usize = 3;
        let padded = |size: usize| size.next_multiple_of(4);
        loop {
            let word = |index: usize| -> Option<usize> {
                let bytes = notes.get(4 * index..4 * index + 4)?;
                Some(u32::from_ne_bytes(bytes.try_into().ok()?) as usize)
            };
            let (name_size, content_size, kind) = (word(0)?, word(1)?, word(2)?);
            let content_at = 12 + padded(name_size);
            if kind == NT_GNU_BUILD_ID && notes.get(12..12 + name_size)? == b"GNU\0" {
                return notes.get(content_at..content_at + content_size);
            }
            notes = notes.get(content_at + padded(content_size)..)?;
        }
    }
}
