//! ELF files as named sections and symbols, all bounds checked once.

use goblin::container::Ctx;
use goblin::elf::{Elf as GoblinElf, Header, SectionHeader, Symtab, header, section_header, sym};
use util::Endian;

use crate::Error;
use crate::elf_file::SectionHead;
use crate::source::Source;

/// The longest name of a symbol or section that is read, in bytes; the kernel's own limit is 512 (`KSYM_NAME_LEN`).
pub(crate) const MAX_NAME: usize = 4096;

/// An ELF file in memory, with its section table.
#[derive(Debug, Clone)]
pub struct Elf {
    data: Vec<u8>,
    layout: Layout,
}

/// Where an ELF file's sections are.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    header: Header,
    ctx: Ctx,
    sections: Vec<SectionHeader>,
    names: Vec<u8>,
    names_index: usize,
}

/// One section of an [`Elf`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section<'a> {
    /// Its index in the section table.
    pub index: usize,
    /// Its name, without the closing NUL; at most the first 4096 bytes of it.
    pub name: &'a [u8],
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// `sh_addr`: the address for which it is linked; 0 in modules.
    pub address: u64,
    /// `sh_link`.
    pub link: u32,
    /// `sh_info`.
    pub info: u32,
    /// Where its bytes begin in the file; 0 for `SHT_NOBITS`, which has none there.
    pub offset: u64,
    /// Its bytes; empty for `SHT_NOBITS`.
    pub data: &'a [u8],
}

/// One symbol of an [`Elf`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Symbol<'a> {
    /// Its name, without the closing NUL.
    pub name: &'a [u8],
    /// `st_value`: an offset into its section in relocatable files, else an address.
    pub value: u64,
    /// `st_size`, in bytes.
    pub size: u64,
    /// `st_shndx`: the index of its section, or one of the reserved `SHN_…` numbers.
    pub section: usize,
    /// The binding: `STB_LOCAL`, `STB_GLOBAL`, `STB_WEAK`.
    pub binding: u8,
    /// The type: `STT_FUNC`, `STT_OBJECT`, ….
    pub kind: u8,
}

impl Symbol<'_> {
    /// Whether the symbol has to come from elsewhere (`SHN_UNDEF`).
    #[must_use]
    pub fn is_undefined(&self) -> bool {
        self.section == section_header::SHN_UNDEF as usize
    }

    /// Whether the value is a plain number (`SHN_ABS`).
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        self.section == section_header::SHN_ABS as usize
    }
}

/// Whether a file begins like an ELF file, and is as long as the header.
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

impl Layout {
    /// Reads the headers, and nothing else, of `source`.
    pub(crate) fn read(source: &(impl Source + ?Sized)) -> Result<Self, Error> {
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

    /// Reads the section table; the index of the section with their names. Where there are very many sections, both their
    /// number and that index are in the first section's header.
    fn read_sections(&mut self, source: &(impl Source + ?Sized)) -> Result<usize, Error> {
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

    fn read_names(&self, source: &(impl Source + ?Sized), index: usize) -> Result<Vec<u8>, Error> {
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

    /// The first header is not a section's, whatever is in it.
    fn find_index(&self, name: &str) -> Option<usize> {
        let is_it = |section: &SectionHeader| {
            let after = self.names.get(section.sh_name..).and_then(|rest| rest.strip_prefix(name.as_bytes()));
            after.is_some_and(|after| after.first() == Some(&0)) && section.sh_type != section_header::SHT_NOBITS
        };
        self.sections.iter().skip(1).position(is_it).map(|place| place + 1)
    }

    /// The file's header.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// The section headers as they are in the file.
    pub(crate) fn headers(&self) -> &[SectionHeader] {
        &self.sections
    }

    /// The names of the sections, and the index of the section that they are in.
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

    fn name(&self, section: &SectionHeader) -> &[u8] {
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

impl Elf {
    /// Reads the headers of `data`, and checks that every section lies inside it, as the kernel does
    /// (`kernel/module/main.c`, `elf_validity_check`).
    ///
    /// # Errors
    ///
    /// [`Error::Goblin`], [`Error::Elf`] or [`Error::OutOfBounds`] where the headers are not usable.
    pub fn parse(data: Vec<u8>) -> Result<Self, Error> {
        let layout = Layout::read(data.as_slice())?;
        Ok(Self { data, layout })
    }

    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Gives the file back.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.data
    }

    /// Whether addresses have 64 bits.
    #[must_use]
    pub fn is_64(&self) -> bool {
        self.layout.ctx.container.is_big()
    }

    /// Its byte order.
    #[must_use]
    pub fn endian(&self) -> Endian {
        self.layout.endian()
    }

    /// Whether numbers are little endian.
    #[must_use]
    pub fn is_little_endian(&self) -> bool {
        self.endian() == Endian::Little
    }

    /// `e_type`: 1 is a relocatable file, such as a module.
    #[must_use]
    pub fn elf_type(&self) -> u16 {
        self.layout.elf_type()
    }

    /// Whether this is a relocatable file (`ET_REL`), such as a module.
    #[must_use]
    pub fn is_relocatable(&self) -> bool {
        self.elf_type() == header::ET_REL
    }

    /// `e_machine`: 62 is x86-64, 183 AArch64.
    #[must_use]
    pub fn machine(&self) -> u16 {
        self.layout.header.e_machine
    }

    /// The bytes of the first section of that name that has bytes in the file, as the kernel looks sections up
    /// (`kernel/module/main.c`, `find_any_sec`). No symbol is read for it.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        self.layout.find(name).map(|(offset, len)| self.slice(offset, len))
    }

    /// Like [`Elf::section`], with the section's headers.
    #[must_use]
    pub fn find_section(&self, name: &str) -> Option<Section<'_>> {
        self.layout.find_index(name).and_then(|index| self.section_at(index))
    }

    /// The section of that index.
    #[must_use]
    pub fn section_at(&self, index: usize) -> Option<Section<'_>> {
        let header = self.layout.sections.get(index)?;
        let (offset, len) = file_extent(header);
        Some(Section {
            index,
            name: self.layout.name(header),
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
        (0..self.layout.sections.len()).filter_map(|index| self.section_at(index))
    }

    /// The symbols of the first symbol table, in its order; none where there is no table.
    ///
    /// # Errors
    ///
    /// For the whole table, if it cannot be read; for a single symbol, if its name is not inside the table of names.
    pub fn symbols(&self) -> Result<impl Iterator<Item = Result<Symbol<'_>, Error>>, Error> {
        let headers = &self.layout.sections;
        let table = headers.iter().position(|section| section.sh_type == section_header::SHT_SYMTAB);
        let table = table.and_then(|index| self.section_at(index)).filter(|table| !table.data.is_empty());
        let (data, names) = match table {
            Some(table) => (table.data, self.section_at(table.link as usize).map_or(&[][..], |names| names.data)),
            None => (&[][..], &[][..]),
        };
        let count = data.len() / sym::Sym::size(self.layout.ctx.container);
        let symbols = if count == 0 {
            Symtab::default()
        } else {
            Symtab::parse(data, 0, count, self.layout.ctx)
                .map_err(|source| Error::Goblin { what: "symbol table", source })?
        };
        Ok((0..count).filter_map(move |index| symbols.get(index)).map(move |symbol| {
            Ok(Symbol {
                name: symbol_name(names, symbol.st_name)?,
                value: symbol.st_value,
                size: symbol.st_size,
                section: symbol.st_shndx,
                binding: symbol.st_bind(),
                kind: symbol.st_type(),
            })
        }))
    }

    /// `len` bytes of the file from `offset`, which [`Layout::check_sections`] has found to be inside it.
    fn slice(&self, offset: u64, len: u64) -> &[u8] {
        let range = usize::try_from(offset).ok().zip(usize::try_from(offset.saturating_add(len)).ok());
        range.and_then(|(start, end)| self.data.get(start..end)).unwrap_or_default()
    }
}

fn symbol_name(names: &[u8], offset: usize) -> Result<&[u8], Error> {
    if offset == 0 {
        return Ok(&[]);
    }
    let out_of_bounds =
        || Error::OutOfBounds { what: "a symbol's name", offset: offset as u64, len: 1, have: names.len() as u64 };
    let rest = names.get(offset..).ok_or_else(out_of_bounds)?;
    let window = &rest[..rest.len().min(MAX_NAME)];
    let end = window.iter().position(|&byte| byte == 0).ok_or_else(out_of_bounds)?;
    Ok(&window[..end])
}

/// `name` as text, or the reason why it is none.
pub(crate) fn utf8(name: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(name).map_err(|_| format!("the name {} is not UTF-8", name.escape_ascii()))
}
