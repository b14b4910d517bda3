//! Tests of which variables are encoded, and of their offsets.

use btf::{Kind, View};
use encode::Options;
use gimli::write::{AttributeValue, Expression};

use crate::support::{Source, named, one, parse};

/// The variables of a data section, with place and size.
fn section(view: View<'_>, name: &str) -> Vec<(String, u32, u32)> {
    let Some((_, section)) = named(view, Kind::Datasec, name).first().copied() else { return Vec::new() };
    let name = |id| view.get(id).and_then(|ty| view.name(&ty)).map_or_else(String::new, |name| name.to_string());
    section.section_vars().map(|var| (name(var.ty), var.offset, var.size)).collect()
}

#[test]
fn all_sections_are_looked_at_if_that_is_asked_for() {
    for (variables, global_variables, expected) in
        [(true, false, [1, 0, 0]), (true, true, [1, 2, 1]), (false, true, [1, 2, 1]), (false, false, [0, 0, 0])]
    {
        let mut source = Source::new();
        source.section(".data", 0x1000, vec![0; 32]);
        source.section(".init.data", 0x2000, vec![0; 8]);
        let mut unit = source.unit();
        let int = unit.int();
        for (name, at) in
            [("one", 0x1004), ("__UNIQUE_ID_x", 0x1008), ("two", 0x101c), ("early", 0x2004), ("per_cpu", 4)]
        {
            unit.variable(name, int, at);
        }
        source.per_cpu_symbol("per_cpu", 4, 4);
        let encoded = source.encode(Options { variables, global_variables, ..Options::kernel() });
        let btf = parse(&encoded);
        let view = btf.alone();
        let found = [".data..percpu", ".data", ".init.data"].map(|name| section(view, name).len());
        assert_eq!(found, expected, "{variables} {global_variables}");
        if global_variables {
            assert_eq!(section(view, ".data"), [("one".to_owned(), 4, 4), ("two".to_owned(), 0x1c, 4)]);
        }
    }
}

#[test]
fn what_is_at_address_0_has_to_say_the_name_of_the_symbol_itself_before_1_29() {
    for (options, expected) in [(Options::pahole_1_24(), 0), (Options::kernel(), 1)] {
        let mut source = Source::new();
        let mut unit = source.unit();
        let int = unit.int();
        let declared = unit.declare(gimli::DW_TAG_variable, "fixed");
        unit.typed(declared, int);
        let defined = unit.add(gimli::DW_TAG_variable, "");
        unit.set(defined, gimli::DW_AT_specification, AttributeValue::UnitRef(declared));
        let mut location = Expression::new();
        location.op_addr(gimli::write::Address::Constant(0));
        unit.set(defined, gimli::DW_AT_location, AttributeValue::Exprloc(location));
        source.per_cpu_symbol("fixed", 0, 4);
        let encoded = source.encode(options);
        assert_eq!(section(parse(&encoded).alone(), ".data..percpu").len(), expected);
    }
}

#[test]
fn a_pointer_is_as_long_as_addresses_are() {
    for address_size in [4, 8] {
        let mut source = Source::new();
        source.address_size(address_size);
        let mut unit = source.unit();
        let int = unit.int();
        let pointer = unit.to(gimli::DW_TAG_pointer_type, "", int);
        let pointers = unit.array(pointer, &[3]);
        unit.variable("pointers", pointers, 16);
        source.per_cpu_symbol("pointers", 16, 24);
        let encoded = source.encode(Options::kernel());
        let expected = [("pointers".to_owned(), 16, 3 * u32::from(address_size))];
        assert_eq!(section(parse(&encoded).alone(), ".data..percpu"), expected);
    }
}

#[test]
fn artificial_and_local_variables_are_left_out_since_1_26() {
    for (options, expected) in [(Options::pahole_1_24(), 3), (Options::kernel(), 1)] {
        let mut source = Source::new();
        let mut unit = source.unit();
        let int = unit.int();
        unit.variable("plain", int, 4);
        let artificial = unit.variable("made_up", int, 8);
        unit.set(artificial, gimli::DW_AT_artificial, AttributeValue::Flag(true));
        let function = unit.function("f", &[]);
        let local = unit.add_in(function, gimli::DW_TAG_variable, "local");
        unit.typed(local, int);
        let mut location = Expression::new();
        location.op_addr(gimli::write::Address::Constant(12));
        unit.set(local, gimli::DW_AT_location, AttributeValue::Exprloc(location));
        for (name, at) in [("plain", 4), ("made_up", 8), ("local", 12)] {
            source.per_cpu_symbol(name, at, 4);
        }
        source.function_symbol("f");
        let encoded = source.encode(options);
        let btf = parse(&encoded);
        assert_eq!(section(btf.alone(), ".data..percpu").len(), expected);
        one(btf.alone(), Kind::Var, "plain");
    }
}

#[test]
fn the_per_cpu_variables_of_a_module_are_found_by_their_relocations() {
    const PLACEHOLDERS: [u64; 3] = [0x1122_3344_5566_7701, 0x1122_3344_5566_7702, 0x1122_3344_5566_7703];
    for options in [Options::pahole_1_24(), Options::kernel()] {
        let mut source = Source::new();
        let other = source.section(".data", 0, vec![0; 64]);
        let mut unit = source.unit();
        let int = unit.int();
        for (name, placeholder) in ["first", "second", "elsewhere"].into_iter().zip(PLACEHOLDERS) {
            unit.variable(name, int, placeholder);
        }
        source.per_cpu_symbol("first", 0, 4);
        source.relocate(PLACEHOLDERS[0]);
        source.per_cpu_symbol("second", 16, 4);
        source.relocate(PLACEHOLDERS[1]);
        source.symbol("elsewhere", 1, other, 8, 4);
        source.relocate(PLACEHOLDERS[2]);
        let encoded = source.encode(options);
        let expected = [("first".to_owned(), 0, 4), ("second".to_owned(), 16, 4)];
        assert_eq!(section(parse(&encoded).alone(), ".data..percpu"), expected);
    }
}

#[test]
fn merged_variables_lie_behind_each_other() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    for (name, more) in [("first", 0), ("second", 200)] {
        let variable = unit.variable(name, int, 0);
        let mut location = Expression::new();
        location.op_addr(gimli::write::Address::Constant(8));
        location.op_plus_uconst(more);
        unit.set(variable, gimli::DW_AT_location, AttributeValue::Exprloc(location));
    }
    source.per_cpu_symbol("merged", 8, 204);
    let encoded = source.encode(Options::kernel());
    let expected = [("first".to_owned(), 8, 4), ("second".to_owned(), 208, 4)];
    assert_eq!(section(parse(&encoded).alone(), ".data..percpu"), expected);
}
