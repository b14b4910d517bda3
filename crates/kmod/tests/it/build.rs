//! Builds small ELF files of either class and byte order.

use kmod::Module;

/// `sh_type` of what the tests need.
pub const PROGBITS: u32 = 1;
pub const SYMTAB: u32 = 2;
pub const STRTAB: u32 = 3;
pub const NOBITS: u32 = 8;

/// `st_shndx` of a symbol that is a plain number.
pub const ABS: u16 = 0xfff1;

/// Class and byte order.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub is_64: bool,
    pub big_endian: bool,
}

pub const X86_64: Target = Target { is_64: true, big_endian: false };

pub const TARGETS: [Target; 4] = [
    X86_64,
    Target { is_64: true, big_endian: true },
    Target { is_64: false, big_endian: false },
    Target { is_64: false, big_endian: true },
];

impl Target {
    pub fn u16(self, number: u16) -> Vec<u8> {
        if self.big_endian { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
    }

    pub fn u32(self, number: u32) -> Vec<u8> {
        if self.big_endian { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
    }

    /// An `unsigned long`.
    pub fn word(self, number: u64) -> Vec<u8> {
        match (self.is_64, self.big_endian) {
            (true, true) => number.to_be_bytes().to_vec(),
            (true, false) => number.to_le_bytes().to_vec(),
            (false, _) => self.u32(number as u32),
        }
    }

    /// The bytes of `__versions`.
    pub fn versions(self, versions: &[(&str, u32)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, (name, crc)) in versions.iter().enumerate() {
            bytes.extend(self.word(u64::from(*crc)));
            bytes.extend(name.as_bytes());
            bytes.resize((index + 1) * 64, 0);
        }
        bytes
    }
}

struct Section {
    name: String,
    kind: u32,
    address: u64,
    link: u32,
    data: Vec<u8>,
}

/// An ELF file in the making.
pub struct Builder {
    target: Target,
    elf_type: u16,
    sections: Vec<Section>,
    symbols: Vec<(String, u64, u64, u16, u8)>,
    extended_numbering: bool,
}

impl Builder {
    /// A relocatable file.
    pub fn new(target: Target) -> Self {
        Self { target, elf_type: 1, sections: Vec::new(), symbols: Vec::new(), extended_numbering: false }
    }

    /// A module called `sample` with BTF, versions, an import and two exports.
    pub fn module(target: Target) -> Self {
        Self::new(target)
            .section(".BTF", b"\x9f\xebtypes")
            .section(".modinfo", b"\0depends=libx,y-z\0name=sample\0vermagic=6.1.0-56 SMP mod_unload modversions \0")
            .section("__versions", &target.versions(&[("module_layout", 0xfedc_ba98), ("used", 7)]))
            .section("__ksymtab", &[0; 12])
            .section("__ksymtab_gpl", &[0; 12])
            .section("__kcrctab", &target.u32(0x1234_5678))
            .section("__kcrctab_gpl", &target.u32(0x9abc_def0))
            .section("__ksymtab_strings", b"plain\0\0fancy\0NS\0")
            .symbol("__ksymtab_plain", 0, 4)
            .symbol("__ksymtab_fancy", 0, 5)
            .symbol("__crc_plain", 0, 6)
            .symbol("__crc_fancy", 0, 7)
            .symbol("__kstrtabns_plain", 6, 8)
            .symbol("__kstrtabns_fancy", 13, 8)
            .symbol("used", 0, 0)
            .weak("perhaps")
    }

    pub fn elf_type(mut self, elf_type: u16) -> Self {
        self.elf_type = elf_type;
        self
    }

    /// Counts sections in the first section header, as files with very many of them do.
    pub fn extended_numbering(mut self) -> Self {
        self.extended_numbering = true;
        self
    }

    /// Adds a section; the first one has index 1.
    pub fn section(self, name: &str, data: &[u8]) -> Self {
        self.section_at(name, 0, data)
    }

    pub fn section_at(self, name: &str, address: u64, data: &[u8]) -> Self {
        self.any_section(name, PROGBITS, address, 0, data)
    }

    pub fn any_section(mut self, name: &str, kind: u32, address: u64, link: u32, data: &[u8]) -> Self {
        self.sections.push(Section { name: name.to_owned(), kind, address, link, data: data.to_vec() });
        self
    }

    /// Adds a local symbol.
    pub fn symbol(self, name: &str, value: u64, section: u16) -> Self {
        self.sized_symbol(name, value, 0, section)
    }

    /// Adds a local symbol with a size.
    pub fn sized_symbol(mut self, name: &str, value: u64, size: u64, section: u16) -> Self {
        self.symbols.push((name.to_owned(), value, size, section, 0));
        self
    }

    /// Adds a weak undefined symbol.
    pub fn weak(mut self, name: &str) -> Self {
        self.symbols.push((name.to_owned(), 0, 0, 0, 2 << 4));
        self
    }

    fn symbol_tables(&self) -> (Vec<u8>, Vec<u8>) {
        let target = self.target;
        let mut table = vec![0; if target.is_64 { 24 } else { 16 }];
        let mut names = vec![0];
        for (name, value, size, section, info) in &self.symbols {
            table.extend(target.u32(names.len() as u32));
            if target.is_64 {
                table.extend([*info, 0]);
                table.extend(target.u16(*section));
                table.extend(target.word(*value));
                table.extend(target.word(*size));
            } else {
                table.extend(target.word(*value));
                table.extend(target.word(*size));
                table.extend([*info, 0]);
                table.extend(target.u16(*section));
            }
            names.extend(name.as_bytes());
            names.push(0);
        }
        (table, names)
    }

    /// The file.
    pub fn bytes(mut self) -> Vec<u8> {
        let target = self.target;
        if !self.symbols.is_empty() {
            let (table, names) = self.symbol_tables();
            let link = self.sections.len() as u32 + 2;
            self = self.any_section(".symtab", SYMTAB, 0, link, &table).any_section(".strtab", STRTAB, 0, 0, &names);
        }
        let mut names = vec![0];
        let mut name_offsets = Vec::new();
        self = self.any_section(".shstrtab", STRTAB, 0, 0, &[]);
        for section in &self.sections {
            name_offsets.push(names.len() as u32);
            names.extend(section.name.as_bytes());
            names.push(0);
        }
        self.sections.last_mut().unwrap().data = names;

        let header_len = if target.is_64 { 64 } else { 52 };
        let mut body: Vec<u8> = Vec::new();
        let (count, names_index) = (self.sections.len() as u64 + 1, self.sections.len() as u32);
        let (in_first, link_of_first) = if self.extended_numbering { (count, names_index) } else { (0, 0) };
        let mut table = section_header(target, 0, 0, 0, (0, in_first), link_of_first);
        for (section, name) in self.sections.iter().zip(name_offsets) {
            let extent = (header_len + body.len() as u64, section.data.len() as u64);
            table.extend(section_header(target, name, section.kind, section.address, extent, section.link));
            if section.kind != NOBITS {
                body.extend(&section.data);
            }
        }
        let mut file = b"\x7fELF".to_vec();
        file.extend([if target.is_64 { 2 } else { 1 }, if target.big_endian { 2 } else { 1 }, 1]);
        file.resize(16, 0);
        file.extend(target.u16(self.elf_type));
        file.extend(target.u16(62));
        file.extend(target.u32(1));
        file.extend(target.word(0));
        file.extend(target.word(0));
        file.extend(target.word(header_len + body.len() as u64));
        file.extend(target.u32(0));
        let (count, names_index) =
            if self.extended_numbering { (0, 0xffff) } else { (count as u16, names_index as u16) };
        let header_len = header_len as u16;
        for number in [header_len, 0, 0, if target.is_64 { 64 } else { 40 }, count, names_index] {
            file.extend(target.u16(number));
        }
        file.extend(body);
        file.extend(table);
        file
    }

    /// The file, read as a module.
    pub fn read(self) -> Module {
        Module::from_bytes(self.bytes()).unwrap()
    }
}

fn section_header(target: Target, name: u32, kind: u32, address: u64, (offset, len): (u64, u64), link: u32) -> Vec<u8> {
    let mut header = target.u32(name);
    header.extend(target.u32(kind));
    for word in [0, address, offset, len] {
        header.extend(target.word(word));
    }
    header.extend(target.u32(link));
    header.extend(target.u32(0));
    header.extend(target.word(1));
    header.extend(target.word(0));
    header
}
