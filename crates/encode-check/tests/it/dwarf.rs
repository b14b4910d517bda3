//! Files with debug information, as small as can be.

use gimli::write::{AttributeValue, Dwarf, EndianVec, LineProgram, Sections};
use gimli::{Encoding, Format, LittleEndian};

/// A unit with one type, and functions that take one parameter of it.
pub(crate) struct Unit<'a> {
    pub(crate) ty: &'a str,
    pub(crate) size: u8,
    pub(crate) functions: [&'a str; 2],
}

/// A linked file of these units, without symbols.
pub(crate) fn elf(units: &[Unit<'_>]) -> Vec<u8> {
    let mut dwarf = Dwarf::new();
    for unit in units {
        add(&mut dwarf, unit);
    }
    let mut sections = Sections::new(EndianVec::new(LittleEndian));
    dwarf.write(&mut sections).expect("well-formed");
    let mut parts = vec![(String::new(), Vec::new())];
    sections
        .for_each(|id, data| {
            parts.extend((!data.slice().is_empty()).then(|| (id.name().to_owned(), data.slice().to_vec())));
            Ok::<(), gimli::write::Error>(())
        })
        .expect("nothing fails");
    file(parts)
}

fn add(dwarf: &mut Dwarf, unit: &Unit<'_>) {
    let encoding = Encoding { format: Format::Dwarf32, version: 5, address_size: 8 };
    let id = dwarf.units.add(gimli::write::Unit::new(encoding, LineProgram::none()));
    let name = |dwarf: &mut Dwarf, name: &str| AttributeValue::StringRef(dwarf.strings.add(name));
    let root = dwarf.units.get(id).root();
    let ty = dwarf.units.get_mut(id).add(root, gimli::DW_TAG_base_type);
    let type_name = name(dwarf, unit.ty);
    let entry = dwarf.units.get_mut(id).get_mut(ty);
    entry.set(gimli::DW_AT_name, type_name);
    entry.set(gimli::DW_AT_byte_size, AttributeValue::Udata(unit.size.into()));
    entry.set(gimli::DW_AT_encoding, AttributeValue::Encoding(gimli::DW_ATE_signed));
    for function in unit.functions {
        let (function_name, parameter_name) = (name(dwarf, function), name(dwarf, "x"));
        let unit = dwarf.units.get_mut(id);
        let function = unit.add(root, gimli::DW_TAG_subprogram);
        unit.get_mut(function).set(gimli::DW_AT_name, function_name);
        unit.get_mut(function).set(gimli::DW_AT_external, AttributeValue::Flag(true));
        let parameter = unit.add(function, gimli::DW_TAG_formal_parameter);
        unit.get_mut(parameter).set(gimli::DW_AT_name, parameter_name);
        unit.get_mut(parameter).set(gimli::DW_AT_type, AttributeValue::UnitRef(ty));
    }
}

/// An ELF file of x86-64 with these sections, the first one being that without a name.
fn file(mut parts: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    parts.push((".shstrtab".into(), Vec::new()));
    let names: Vec<u8> = parts.iter().flat_map(|(name, _)| name.bytes().chain([0])).collect();
    parts.last_mut().expect("just added").1 = names;
    let (mut content, mut heads) = (Vec::<u8>::new(), Vec::<u8>::new());
    let mut name_at = 0u32;
    for (name, bytes) in &parts {
        let kind = match name.as_str() {
            "" => 0u32,
            ".shstrtab" => 3,
            _ => 1,
        };
        heads.extend([name_at, kind].map(u32::to_le_bytes).concat());
        let words = [0, 0, 64 + content.len() as u64, bytes.len() as u64, 0, 1, 0];
        heads.extend(words.map(u64::to_le_bytes).concat());
        name_at += u32::try_from(name.len()).expect("short") + 1;
        content.extend(bytes);
    }
    let count = u16::try_from(parts.len()).expect("few");
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([2, 62].map(u16::to_le_bytes).concat());
    file.extend([1, 0, 0, 0]);
    file.extend([0, 0, 64 + content.len() as u64].map(u64::to_le_bytes).concat());
    file.extend([0; 4]);
    file.extend([64, 0, 0, 64, count, count - 1].map(u16::to_le_bytes).concat());
    file.extend(content);
    file.extend(heads);
    file
}
