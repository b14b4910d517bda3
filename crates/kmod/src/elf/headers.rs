//! The headers of an ELF file: its section table and section names. Every bound is checked once.

use goblin::container::Ctx;
use goblin::elf::{Elf as GoblinElf, Header, SectionHeader, header, section_header};
use util::Endian;

use super::section::SectionHead;
use crate::error::Error;
use crate::source::ByteSource;

/// The longest name of a symbol or section that is read, in bytes; the kernel's own limit is 512 (`KSYM_NAME_LEN`).
pub(crate) const MAX_NAME: usize = 4096;

/// The section table of an ELF file.
#[derive(Debug, Clone)]
pub(crate) struct ElfHeaders {
    header: Header,
    ctx: Ctx,
    sections: Vec<SectionHeader>,
    names: Vec<u8>,
    names_index: usize,
}

/// Checks that a file begins with the ELF magic and has a complete header.
fn check_start(start: &[u8]) -> Result<(), Error> {
    if start.is_empty() {
        return Err(Error::Elf { reason: "the file is empty".into() });
    }
    if !start.starts_with(header::ELFMAG) {
        let begins = hex::encode(start.get(..8).unwrap_or(start));
        return Err(Error::Elf { reason: format!("this is no ELF file: it begins with {begins}, not with 7f454c46") });
    }
    let have = start.len() as u64;
    let len = if start.get(header::EI_CLASS) == Some(&header::ELFCLASS32) { 52 } else { 64 };
    if have < len {
        return Err(Error::OutOfBounds { what: "the ELF header", offset: 0, len, have });
    }
    Ok(())
}

impl ElfHeaders {
    /// Reads only the headers of `source`.
    pub(crate) fn read(source: &(impl ByteSource + ?Sized)) -> Result<Self, Error> {
        let start = source.read(0, source.len().min(64), "the ELF header")?;
        check_start(&start)?;
        let header = GoblinElf::parse_header(&start).map_err(|source| Error::Goblin { what: "header", source })?;
        let goblin = |what| move |source| Error::Goblin { what, source };
        let container = header.container().map_err(goblin("class"))?;
        let ctx = Ctx::new(container, header.endianness().map_err(goblin("endianness"))?);
        let mut layout = Self { header, ctx, sections: Vec::new(), names: Vec::new(), names_index: 0 };
        if header.e_shoff > 0 {
            let names_index = layout.read_sections(source)?;
            layout.check_sections(source.len())?;
            layout.names = layout.read_names(source, names_index)?;
            layout.names_index = names_index;
        }
        Ok(layout)
    }

    /// Reads the section table. Returns the index of the section with the names. If there are very many sections, the
    /// first section's header has both their number and that index.
    fn read_sections(&mut self, source: &(impl ByteSource + ?Sized)) -> Result<usize, Error> {
        let Self { header, ctx, .. } = *self;
        let failed = |source| Error::Goblin { what: "section headers", source };
        let entry = SectionHeader::size(ctx);
        if usize::from(header.e_shentsize) != entry {
            let reason = format!("a section header has {} bytes instead of {entry}", header.e_shentsize);
            return Err(Error::Elf { reason });
        }
        let first = source.read(header.e_shoff, entry as u64, "the first section header")?;
        let first = SectionHeader::parse_from(&first, 0, 1, ctx).map_err(failed)?;
        let first = first.first().ok_or_else(|| Error::Elf { reason: "no first section header".to_owned() })?;
        let count = if header.e_shnum == 0 { first.sh_size } else { u64::from(header.e_shnum) };
        let table_len = count.saturating_mul(entry as u64);
        let table = source.read(header.e_shoff, table_len, "the section headers")?;
        if count > 0 {
            self.sections = SectionHeader::parse_from(&table, 0, table.len() / entry, ctx).map_err(failed)?;
        }
        Ok(if u32::from(header.e_shstrndx) == section_header::SHN_XINDEX {
            first.sh_link as usize
        } else {
            usize::from(header.e_shstrndx)
        })
    }

    fn check_sections(&self, file_len: u64) -> Result<(), Error> {
        for section in &self.sections {
            let (offset, len) = file_extent(section);
            if offset.checked_add(len).is_none_or(|end| end > file_len) {
                return Err(Error::OutOfBounds { what: "an ELF section", offset, len, have: file_len });
            }
        }
        Ok(())
    }

    fn read_names(&self, source: &(impl ByteSource + ?Sized), index: usize) -> Result<Vec<u8>, Error> {
        if self.sections.is_empty() {
            return Ok(Vec::new());
        }
        let Some(section) = self.sections.get(index) else {
            let reason = format!("the section names are in section {index}, of {}", self.sections.len());
            return Err(Error::Elf { reason });
        };
        let (offset, len) = file_extent(section);
        let names = source.read(offset, len, "the section names")?.into_owned();
        if names.last() != Some(&0) {
            return Err(Error::Elf { reason: "the section names do not end with a NUL".to_owned() });
        }
        match self.sections.iter().position(|section| section.sh_name >= names.len()) {
            Some(index) => {
                let reason = format!(
                    "the name of section {index} is at {:#x} of {:#x} bytes of names",
                    self.sections[index].sh_name,
                    names.len()
                );
                Err(Error::Elf { reason })
            }
            None => Ok(names),
        }
    }

    /// Offset and length of the first section called `name` that has bytes in the file.
    pub(crate) fn find(&self, name: &str) -> Option<(u64, u64)> {
        self.find_index(name).map(|index| file_extent(&self.sections[index]))
    }

    /// Skips the first header, which never describes a section.
    pub(super) fn find_index(&self, name: &str) -> Option<usize> {
        let is_it = |section: &SectionHeader| {
            let after = self.names.get(section.sh_name..).and_then(|rest| rest.strip_prefix(name.as_bytes()));
            after.is_some_and(|after| after.first() == Some(&0)) && section.sh_type != section_header::SHT_NOBITS
        };
        self.sections.iter().skip(1).position(is_it).map(|place| place + 1)
    }

    /// The class and byte order, in goblin's form.
    pub(super) fn ctx(&self) -> Ctx {
        self.ctx
    }

    /// The file's header.
    pub(crate) fn file_header(&self) -> &Header {
        &self.header
    }

    /// The section headers as they are in the file.
    pub(crate) fn sections(&self) -> &[SectionHeader] {
        &self.sections
    }

    /// The section names, and the index of the section that holds them.
    pub(crate) fn names(&self) -> (&[u8], usize) {
        (&self.names, self.names_index)
    }

    pub(crate) fn elf_type(&self) -> u16 {
        self.header.e_type
    }

    pub(crate) fn is_64(&self) -> bool {
        self.ctx.container.is_big()
    }

    pub(crate) fn endian(&self) -> Endian {
        if self.ctx.le.is_little() { Endian::Little } else { Endian::Big }
    }

    pub(crate) fn machine(&self) -> u16 {
        self.header.e_machine
    }

    /// The header of the section with that index.
    pub(crate) fn head(&self, index: usize) -> Option<SectionHead<'_>> {
        let header = self.sections.get(index)?;
        let (offset, file_size) = file_extent(header);
        Some(SectionHead {
            index,
            name: self.name(header),
            kind: header.sh_type,
            flags: header.sh_flags,
            address: header.sh_addr,
            size: header.sh_size,
            link: header.sh_link,
            info: header.sh_info,
            offset,
            file_size,
        })
    }

    /// The headers of all sections, in the order of the table.
    pub(crate) fn heads(&self) -> impl Iterator<Item = SectionHead<'_>> {
        (0..self.sections.len()).filter_map(|index| self.head(index))
    }

    /// The name of a section, without the closing NUL.
    pub(super) fn name(&self, section: &SectionHeader) -> &[u8] {
        let rest = self.names.get(section.sh_name..).unwrap_or_default();
        let window = &rest[..rest.len().min(MAX_NAME)];
        window.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

/// Offset and length of a section's bytes in the file.
pub(crate) fn file_extent(section: &SectionHeader) -> (u64, u64) {
    match section.sh_type {
        section_header::SHT_NOBITS | section_header::SHT_NULL => (0, 0),
        _ => (section.sh_offset, section.sh_size),
    }
}
