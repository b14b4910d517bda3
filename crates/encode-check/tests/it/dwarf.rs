//! Files with debug information, as small as can be.

use gimli::write::{AttributeValue, Dwarf, LineProgram};
use gimli::{Encoding, Format};
use test_elf::Builder;

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
    Builder::linked().dwarf(&mut dwarf).bytes()
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
