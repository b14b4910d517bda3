//! Small ELF files with DWARF, made here.

use btf::{Btf, Kind, Type, TypeId, View};
use encode::{Encoded, Encoder, Options};
use gimli::write::{AttributeValue, Dwarf, Expression, LineProgram, Unit, UnitEntryId, UnitId};
use gimli::{DW_AT_byte_size, DW_AT_encoding, DW_AT_name, DW_AT_type, DwAt, DwAte, DwTag, Encoding, Format};
use kmod::ElfFile;
use test_elf::{Builder, Symbol};

/// Debug information being put together, and the symbols beside it.
pub struct Source {
    pub dwarf: Dwarf,
    version: u16,
    symbols: Vec<Symbol>,
    per_cpu: u64,
    address_size: u8,
    sections: Vec<(&'static str, u64, Vec<u8>)>,
    info: Vec<(usize, u8)>,
    relocations: Vec<(u64, u32)>,
}

/// One unit of a [`Source`].
pub struct UnitOf<'s> {
    pub dwarf: &'s mut Dwarf,
    pub unit: UnitId,
}

const DEBUG_INFO: &str = ".debug_info";

/// The index of `.data..percpu` in the files made here.
const PER_CPU: u16 = 1;

impl Source {
    pub fn new() -> Self {
        Self::version(5)
    }

    pub fn version(version: u16) -> Self {
        Self {
            dwarf: Dwarf::new(),
            version,
            symbols: Vec::new(),
            per_cpu: 0,
            address_size: 8,
            sections: Vec::new(),
            info: Vec::new(),
            relocations: Vec::new(),
        }
    }

    pub fn unit(&mut self) -> UnitOf<'_> {
        let encoding = Encoding { format: Format::Dwarf32, version: self.version, address_size: self.address_size };
        let unit = self.dwarf.units.add(Unit::new(encoding, LineProgram::none()));
        UnitOf { dwarf: &mut self.dwarf, unit }
    }

    pub fn function_symbol(&mut self, name: &str) {
        self.symbols.push(Symbol { name: name.to_owned(), info: 2, section: test_elf::ABS, value: 0, size: 1 });
    }

    /// Of the units made from now on.
    pub fn address_size(&mut self, bytes: u8) {
        self.address_size = bytes;
    }

    /// A section of its own at an address, whose index is given back.
    pub fn section(&mut self, name: &'static str, address: u64, bytes: Vec<u8>) -> u16 {
        self.sections.push((name, address, bytes));
        PER_CPU + u16::try_from(self.sections.len()).expect("few")
    }

    pub fn symbol(&mut self, name: &str, kind: u8, section: u16, value: u64, size: u64) {
        self.symbols.push(Symbol { name: name.to_owned(), info: kind, section, value, size });
    }

    /// Changes a byte of `.debug_info`.
    pub fn patch_info(&mut self, at: usize, byte: u8) {
        self.info.push((at, byte));
    }

    /// Makes the file a relocatable one, in which the address `placeholder` stands for an offset in `.data..percpu`: that
    /// of the last symbol that was added.
    pub fn relocate(&mut self, placeholder: u64) {
        self.relocations.push((placeholder, self.symbols.len() as u32));
    }

    pub fn per_cpu_symbol(&mut self, name: &str, value: u64, size: u64) {
        self.per_cpu = self.per_cpu.max(value + size);
        self.symbols.push(Symbol { name: name.to_owned(), info: 1, section: PER_CPU, value, size });
    }

    /// A linked file, so that no relocations are needed, unless some were asked for.
    pub fn elf(mut self) -> Vec<u8> {
        let per_cpu = vec![0; usize::try_from(self.per_cpu).expect("small")];
        let mut elf = Builder::linked().section(".data..percpu", &per_cpu);
        for (name, address, bytes) in &self.sections {
            elf = elf.section_at(name, *address, bytes);
        }
        let mut relocations = Vec::new();
        for (name, mut bytes) in test_elf::dwarf_sections(&mut self.dwarf) {
            if name == DEBUG_INFO {
                self.info.iter().for_each(|&(at, byte)| bytes[at] = byte);
                for &(placeholder, symbol) in &self.relocations {
                    let found = bytes.windows(8).position(|window| window == placeholder.to_le_bytes());
                    let at = found.expect("the placeholder is there");
                    bytes[at..at + 8].fill(0);
                    relocations.push((at as u64, symbol));
                }
            }
            elf = elf.section(name, &bytes);
        }
        if !relocations.is_empty() {
            elf = elf.elf_type(1).relocations(DEBUG_INFO, &relocations);
        }
        self.symbols.into_iter().fold(elf, Builder::add_symbol).bytes()
    }

    pub fn encode(self, options: Options) -> Encoded {
        let elf = ElfFile::from_bytes(self.elf()).expect("a usable file");
        Encoder::new(options).encode_elf(&elf).expect("it can be encoded")
    }
}

impl UnitOf<'_> {
    /// A DIE in another one, with its name if it has one.
    pub fn add_in(&mut self, parent: UnitEntryId, tag: DwTag, name: &str) -> UnitEntryId {
        let unit = self.dwarf.units.get_mut(self.unit);
        let id = unit.add(parent, tag);
        if !name.is_empty() {
            let name = self.dwarf.strings.add(name);
            self.set(id, DW_AT_name, AttributeValue::StringRef(name));
        }
        id
    }

    pub fn add(&mut self, tag: DwTag, name: &str) -> UnitEntryId {
        let root = self.dwarf.units.get(self.unit).root();
        self.add_in(root, tag, name)
    }

    pub fn set(&mut self, id: UnitEntryId, at: DwAt, value: AttributeValue) -> UnitEntryId {
        self.dwarf.units.get_mut(self.unit).get_mut(id).set(at, value);
        id
    }

    pub fn number(&mut self, id: UnitEntryId, at: DwAt, value: u64) -> UnitEntryId {
        self.set(id, at, AttributeValue::Udata(value))
    }

    pub fn typed(&mut self, id: UnitEntryId, ty: UnitEntryId) -> UnitEntryId {
        self.set(id, DW_AT_type, AttributeValue::UnitRef(ty))
    }

    pub fn base(&mut self, name: &str, size: u64, encoding: DwAte) -> UnitEntryId {
        let id = self.add(gimli::DW_TAG_base_type, name);
        self.number(id, DW_AT_byte_size, size);
        self.set(id, DW_AT_encoding, AttributeValue::Encoding(encoding))
    }

    pub fn int(&mut self) -> UnitEntryId {
        self.base("int", 4, gimli::DW_ATE_signed)
    }

    /// A pointer, qualifier or typedef.
    pub fn to(&mut self, tag: DwTag, name: &str, ty: UnitEntryId) -> UnitEntryId {
        let id = self.add(tag, name);
        self.typed(id, ty)
    }

    pub fn array(&mut self, element: UnitEntryId, counts: &[u64]) -> UnitEntryId {
        let id = self.to(gimli::DW_TAG_array_type, "", element);
        for &count in counts {
            let range = self.add_in(id, gimli::DW_TAG_subrange_type, "");
            self.number(range, gimli::DW_AT_upper_bound, count - 1);
        }
        id
    }

    pub fn composite(&mut self, tag: DwTag, name: &str, size: u64) -> UnitEntryId {
        let id = self.add(tag, name);
        self.number(id, DW_AT_byte_size, size)
    }

    pub fn member(&mut self, composite: UnitEntryId, name: &str, ty: UnitEntryId, byte: u64) -> UnitEntryId {
        let id = self.add_in(composite, gimli::DW_TAG_member, name);
        self.typed(id, ty);
        self.number(id, gimli::DW_AT_data_member_location, byte)
    }

    pub fn declare(&mut self, tag: DwTag, name: &str) -> UnitEntryId {
        let id = self.add(tag, name);
        self.set(id, gimli::DW_AT_declaration, AttributeValue::Flag(true))
    }

    pub fn function(&mut self, name: &str, params: &[(&str, UnitEntryId)]) -> UnitEntryId {
        let id = self.add(gimli::DW_TAG_subprogram, name);
        for &(name, ty) in params {
            let param = self.add_in(id, gimli::DW_TAG_formal_parameter, name);
            self.typed(param, ty);
        }
        id
    }

    pub fn variable(&mut self, name: &str, ty: UnitEntryId, address: u64) -> UnitEntryId {
        let id = self.to(gimli::DW_TAG_variable, name, ty);
        let mut location = Expression::new();
        location.op_addr(gimli::write::Address::Constant(address));
        self.set(id, gimli::DW_AT_location, AttributeValue::Exprloc(location))
    }
}

/// The types of a kind and name.
pub fn named<'v>(view: View<'v>, kind: Kind, name: &str) -> Vec<(TypeId, Type<'v>)> {
    let is_it = |ty: &Type<'_>| ty.kind() == kind && view.name(ty).is_some_and(|found| found == name);
    view.own_types().filter(|(_, ty)| is_it(ty)).collect()
}

/// The one type of a kind and name.
pub fn one<'v>(view: View<'v>, kind: Kind, name: &str) -> (TypeId, Type<'v>) {
    match named(view, kind, name)[..] {
        [one] => one,
        ref other => panic!("{} types {kind} {name}: {}", other.len(), text(view)),
    }
}

/// All types as C-like lines, for messages.
pub fn text(view: View<'_>) -> String {
    let lines = view.own_types().map(|(id, ty)| {
        let fields: Vec<String> = ty.fields().skip(2).map(|field| field.raw.to_string()).collect();
        format!("\n[{id}] {} {:?} {}", ty.kind(), view.name(&ty), fields.join(" "))
    });
    lines.collect()
}

/// Parses what was encoded.
pub fn parse(encoded: &Encoded) -> Btf<'_> {
    Btf::parse(&encoded.btf).expect("what is written can be read")
}
