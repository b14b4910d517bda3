//! An ELF file in memory, with named sections and symbols.

use goblin::elf::{header, section_header};
use util::Endian;

use super::headers::{ElfHeaders, file_extent};
use super::section::Section;
use super::symbol::{Symbol, symbols};
use crate::error::Error;

/// An ELF file in memory, with its section table.
#[derive(Debug, Clone)]
pub struct Elf {
    data: Vec<u8>,
    headers: ElfHeaders,
}

impl Elf {
    /// Parses the headers of `data`, and checks that every section lies inside it, as the kernel does
    /// (`kernel/module/main.c`, `elf_validity_check`).
    ///
    /// # Errors
    ///
    /// [`Error::Goblin`], [`Error::Elf`] or [`Error::OutOfBounds`] if the headers are unusable.
    pub fn parse(data: Vec<u8>) -> Result<Self, Error> {
        let headers = ElfHeaders::read(data.as_slice())?;
        Ok(Self { data, headers })
    }

    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Returns the file's bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.data
    }

    /// Whether addresses have 64 bits.
    #[must_use]
    pub fn is_64(&self) -> bool {
        self.headers.is_64()
    }

    /// Its byte order.
    #[must_use]
    pub fn endian(&self) -> Endian {
        self.headers.endian()
    }

    /// Whether numbers are little endian.
    #[must_use]
    pub fn is_little_endian(&self) -> bool {
        self.endian() == Endian::Little
    }

    /// `e_type`: 1 is a relocatable file, such as a module.
    #[must_use]
    pub fn elf_type(&self) -> u16 {
        self.headers.elf_type()
    }

    /// Whether this is a relocatable file (`ET_REL`), such as a module.
    #[must_use]
    pub fn is_relocatable(&self) -> bool {
        self.elf_type() == header::ET_REL
    }

    /// `e_machine`: 62 is x86-64, 183 AArch64.
    #[must_use]
    pub fn machine(&self) -> u16 {
        self.headers.machine()
    }

    /// The bytes of the first section of that name that has bytes in the file, which is the one that the kernel finds
    /// (`kernel/module/main.c`, `find_any_sec`). No symbols are read.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        self.headers.find(name).map(|(offset, len)| self.slice(offset, len))
    }

    /// Like [`Elf::section`], with the section's headers.
    #[must_use]
    pub fn find_section(&self, name: &str) -> Option<Section<'_>> {
        self.headers.find_index(name).and_then(|index| self.section_at(index))
    }

    /// The section of that index.
    #[must_use]
    pub fn section_at(&self, index: usize) -> Option<Section<'_>> {
        let header = self.headers.sections().get(index)?;
        let (offset, len) = file_extent(header);
        Some(Section {
            index,
            name: self.headers.name(header),
            kind: header.sh_type,
            flags: header.sh_flags,
            address: header.sh_addr,
            link: header.sh_link,
            info: header.sh_info,
            offset,
            data: self.slice(offset, len),
        })
    }

    /// All sections, in the order of the table.
    pub fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        (0..self.headers.sections().len()).filter_map(|index| self.section_at(index))
    }

    /// The symbols of the first symbol table, in its order; empty if there is no table.
    ///
    /// # Errors
    ///
    /// For the whole table if it cannot be read; for a single symbol if its name is not inside the string table.
    pub fn symbols(&self) -> Result<impl Iterator<Item = Result<Symbol<'_>, Error>>, Error> {
        let sections = self.headers.sections();
        let table = sections.iter().position(|section| section.sh_type == section_header::SHT_SYMTAB);
        let table = table.and_then(|index| self.section_at(index)).filter(|table| !table.data.is_empty());
        let (data, names) = match table {
            Some(table) => (table.data, self.section_at(table.link as usize).map_or(&[][..], |names| names.data)),
            None => (&[][..], &[][..]),
        };
        symbols(data, names, self.headers.ctx())
    }

    /// `len` bytes of the file from `offset`, which [`ElfHeaders::check_sections`] has checked.
    fn slice(&self, offset: u64, len: u64) -> &[u8] {
        let range = usize::try_from(offset).ok().zip(usize::try_from(offset.saturating_add(len)).ok());
        range.and_then(|(start, end)| self.data.get(start..end)).unwrap_or_default()
    }
}
