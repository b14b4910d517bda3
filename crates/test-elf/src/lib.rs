//! Small ELF files for tests.
//!
//! [`Builder`] takes sections and symbols in their order and writes them with the `object` crate. What no linker writes is here as
//! well: a section count in the first header of a file with few sections, sections without bytes, any type, flags and link.
//!
//! ```
//! use test_elf::{Builder, X86_64};
//!
//! let file = Builder::new(X86_64).section(".modinfo", b"name=x\0").symbol("here", 4, 1).bytes();
//! assert!(file.starts_with(b"\x7fELF\x02\x01"));
//! ```

use gimli::write::{Dwarf, EndianVec, Sections};
use object::Endianness;
use object::elf::{
    EM_X86_64, ET_EXEC, ET_REL, R_X86_64_64, SHN_ABS, SHN_XINDEX, SHT_NOBITS, SHT_PROGBITS, STB_WEAK, STT_NOTYPE,
};
use object::write::elf::{FileHeader, Rel, SectionHeader, SectionIndex, Sym, Writer};
use util::Endian;

/// The section number of a symbol that is a plain number.
pub const ABS: u16 = SHN_ABS;

/// Class and byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Whether addresses have 64 bits.
    pub is_64: bool,
    /// The byte order.
    pub endian: Endian,
}

/// 64 bits, little endian.
pub const X86_64: Target = Target { is_64: true, endian: Endian::Little };

/// Both classes in both byte orders.
pub const TARGETS: [Target; 4] = [
    X86_64,
    Target { is_64: true, endian: Endian::Big },
    Target { is_64: false, endian: Endian::Little },
    Target { is_64: false, endian: Endian::Big },
];

impl Target {
    /// Two bytes.
    #[must_use]
    pub fn u16(self, number: u16) -> Vec<u8> {
        self.endian.write_u16(number).to_vec()
    }

    /// Four bytes.
    #[must_use]
    pub fn u32(self, number: u32) -> Vec<u8> {
        self.endian.write_u32(number).to_vec()
    }

    /// An `unsigned long`: eight bytes or four.
    #[must_use]
    pub fn word(self, number: u64) -> Vec<u8> {
        if self.is_64 { self.endian.write_u64(number).to_vec() } else { self.u32(number as u32) }
    }
}

/// A section.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// `sh_addr`.
    pub address: u64,
    /// `sh_link`.
    pub link: u32,
    /// `sh_info`.
    pub info: u32,
    /// Its content. Of a section without bytes in the file (`SHT_NOBITS`) only the length counts.
    pub data: Vec<u8>,
}

impl Section {
    /// One of type `SHT_PROGBITS` with this content.
    #[must_use]
    pub fn new(name: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), kind: SHT_PROGBITS, flags: 0, address: 0, link: 0, info: 0, data: data.into() }
    }
}

/// A symbol.
#[derive(Debug, Clone, Default)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// `st_info`: the binding in the upper four bits, the type in the lower.
    pub info: u8,
    /// `st_shndx`: an index of a section, of which the first one added has 1, or a reserved number.
    pub section: u16,
    /// `st_value`.
    pub value: u64,
    /// `st_size`.
    pub size: u64,
}

/// An ELF file in the making.
#[derive(Debug, Clone)]
pub struct Builder {
    target: Target,
    elf_type: u16,
    sections: Vec<Section>,
    symbols: Vec<Symbol>,
    /// The section that relocations are for, and their offsets and symbols.
    relocations: Option<(String, Vec<(u64, u32)>)>,
    count_in_first: bool,
}

impl Builder {
    /// A relocatable file, such as a module.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            elf_type: ET_REL,
            sections: Vec::new(),
            symbols: Vec::new(),
            relocations: None,
            count_in_first: false,
        }
    }

    /// A linked file for x86-64, such as a kernel.
    #[must_use]
    pub fn linked() -> Self {
        Self::new(X86_64).elf_type(ET_EXEC)
    }

    /// Sets `e_type`.
    #[must_use]
    pub fn elf_type(mut self, elf_type: u16) -> Self {
        self.elf_type = elf_type;
        self
    }

    /// Counts sections in the first section header, as files with very many of them do.
    #[must_use]
    pub fn count_in_first(mut self) -> Self {
        self.count_in_first = true;
        self
    }

    /// Adds a section; the first one has index 1.
    #[must_use]
    pub fn section(self, name: &str, data: &[u8]) -> Self {
        self.add_section(Section::new(name, data))
    }

    /// Adds a section that is linked for an address.
    #[must_use]
    pub fn section_at(self, name: &str, address: u64, data: &[u8]) -> Self {
        self.add_section(Section { address, ..Section::new(name, data) })
    }

    /// Adds any section.
    #[must_use]
    pub fn add_section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Adds debug information: each section that is not empty.
    ///
    /// # Panics
    ///
    /// For debug information that cannot be written.
    #[must_use]
    pub fn dwarf(self, dwarf: &mut Dwarf) -> Self {
        dwarf_sections(dwarf).into_iter().fold(self, |builder, (name, data)| builder.section(name, &data))
    }

    /// Adds a local symbol.
    #[must_use]
    pub fn symbol(self, name: &str, value: u64, section: u16) -> Self {
        self.sized_symbol(name, value, 0, section)
    }

    /// Adds a local symbol with a size.
    #[must_use]
    pub fn sized_symbol(self, name: &str, value: u64, size: u64, section: u16) -> Self {
        self.add_symbol(Symbol { name: name.to_owned(), info: 0, section, value, size })
    }

    /// Adds a weak undefined symbol.
    #[must_use]
    pub fn weak(self, name: &str) -> Self {
        self.add_symbol(Symbol { name: name.to_owned(), info: (STB_WEAK << 4) | STT_NOTYPE, ..Symbol::default() })
    }

    /// Adds any symbol; the first one has index 1.
    #[must_use]
    pub fn add_symbol(mut self, symbol: Symbol) -> Self {
        self.symbols.push(symbol);
        self
    }

    /// Adds relocations (`R_X86_64_64`) of a section: each has an offset in it, and the index of a symbol.
    #[must_use]
    pub fn relocations(mut self, section: &str, relocations: &[(u64, u32)]) -> Self {
        self.relocations = Some((section.to_owned(), relocations.to_vec()));
        self
    }

    /// The file: the sections, relocations, symbols if there are any, and the section table.
    ///
    /// # Panics
    ///
    /// For a file that cannot be written, such as one whose numbers do not fit in its class.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let endian = match self.target.endian {
            Endian::Little => Endianness::Little,
            Endian::Big => Endianness::Big,
        };
        let mut writer = Writer::new(endian, self.target.is_64, &mut file);
        let has_symbols = !self.symbols.is_empty();
        let relocations = self.relocations.as_ref().filter(|(_, all)| !all.is_empty());
        let relocations_name = relocations.map(|(name, _)| format!(".rela{name}"));

        writer.reserve_file_header();
        let _ = writer.reserve_null_section_index();
        let ids: Vec<_> = self.sections.iter().map(|it| writer.add_section_name(it.name.as_bytes())).collect();
        for _ in &self.sections {
            let _ = writer.reserve_section_index();
        }
        let relocations_id = relocations_name.as_ref().map(|name| writer.add_section_name(name.as_bytes()));
        if relocations.is_some() {
            let _ = writer.reserve_section_index();
        }
        if has_symbols {
            let _ = writer.reserve_symtab_section_index();
            let _ = writer.reserve_strtab_section_index();
            writer.reserve_null_symbol_index();
        }
        let _ = writer.reserve_shstrtab_section_index();
        let names: Vec<_> = self.symbols.iter().map(|symbol| writer.add_string(symbol.name.as_bytes())).collect();
        for _ in &self.symbols {
            let _ = writer.reserve_symbol_index(None);
        }

        let mut offsets = Vec::new();
        for section in &self.sections {
            let length = if section.kind == SHT_NOBITS { 0 } else { section.data.len() };
            offsets.push(writer.reserve(length, ALIGNMENT));
        }
        let relocations_at = relocations.map(|(_, all)| writer.reserve_relocations(all.len(), true));
        if has_symbols {
            writer.reserve_symtab();
            writer.reserve_strtab();
        }
        writer.reserve_shstrtab();
        writer.reserve_section_headers();

        writer
            .write_file_header(&FileHeader {
                os_abi: 0,
                abi_version: 0,
                e_type: self.elf_type,
                e_machine: EM_X86_64,
                e_entry: 0,
                e_flags: 0,
            })
            .expect("room was reserved");
        for section in &self.sections {
            writer.write_align(ALIGNMENT);
            if section.kind != SHT_NOBITS {
                writer.write(&section.data);
            }
        }
        if let Some((_, all)) = relocations {
            writer.write_align_relocation();
            for &(r_offset, r_sym) in all {
                writer.write_relocation(true, &Rel { r_offset, r_sym, r_type: R_X86_64_64, r_addend: 0 });
            }
        }
        if has_symbols {
            writer.write_null_symbol();
            for (symbol, name) in self.symbols.iter().zip(names) {
                writer.write_symbol(&Sym {
                    name: Some(name),
                    section: None,
                    st_info: symbol.info,
                    st_other: 0,
                    st_shndx: symbol.section,
                    st_value: symbol.value,
                    st_size: symbol.size,
                });
            }
            writer.write_strtab();
        }
        writer.write_shstrtab();

        writer.write_null_section_header();
        for ((section, name), &offset) in self.sections.iter().zip(ids).zip(&offsets) {
            writer.write_section_header(&SectionHeader {
                name: Some(name),
                sh_type: section.kind,
                sh_flags: section.flags,
                sh_addr: section.address,
                sh_offset: offset as u64,
                sh_size: section.data.len() as u64,
                sh_link: section.link,
                sh_info: section.info,
                sh_addralign: ALIGNMENT as u64,
                sh_entsize: 0,
            });
        }
        if let (Some((of, all)), Some(name), Some(at)) = (relocations, relocations_id, relocations_at) {
            let target = self.sections.iter().position(|section| section.name == *of).expect("it has relocations");
            let symtab = writer.symtab_index();
            writer.write_relocation_section_header(name, SectionIndex(target as u32 + 1), symtab, at, all.len(), true);
        }
        if has_symbols {
            writer.write_symtab_section_header(1);
            writer.write_strtab_section_header();
        }
        writer.write_shstrtab_section_header();
        if self.count_in_first { self.move_count_to_first(file) } else { file }
    }

    /// Moves the number of sections, and the index of that with their names, into the first section header.
    fn move_count_to_first(&self, mut file: Vec<u8>) -> Vec<u8> {
        let Target { is_64, endian } = self.target;
        let (table_at, count_at, size_at, link_at) = if is_64 { (40, 60, 32, 40) } else { (32, 48, 20, 24) };
        let number = |at| endian.u16_at(&file, at).expect("a header is there");
        let (count, names) = (number(count_at), number(count_at + 2));
        let table = if is_64 { endian.u64_at(&file, table_at) } else { endian.u32_at(&file, table_at).map(u64::from) };
        let table = usize::try_from(table.expect("a header is there")).expect("it is small");
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(count_at, &self.target.u16(0));
        put(count_at + 2, &self.target.u16(SHN_XINDEX));
        put(table + size_at, &self.target.word(count.into()));
        put(table + link_at, &self.target.u32(names.into()));
        file
    }
}

/// What sections are aligned to, in bytes.
const ALIGNMENT: usize = 8;

/// The sections of debug information that are not empty, little endian, with their names.
///
/// # Panics
///
/// For debug information that cannot be written.
#[must_use]
pub fn dwarf_sections(dwarf: &mut Dwarf) -> Vec<(&'static str, Vec<u8>)> {
    let mut sections = Sections::new(EndianVec::new(gimli::LittleEndian));
    dwarf.write(&mut sections).expect("the debug information is sound");
    let mut found = Vec::new();
    let taken: Result<(), gimli::write::Error> = sections.for_each(|id, data| {
        found.extend((!data.slice().is_empty()).then(|| (id.name(), data.slice().to_vec())));
        Ok(())
    });
    taken.expect("nothing fails");
    found
}
