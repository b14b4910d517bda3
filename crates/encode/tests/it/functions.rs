//! Tests of which functions are encoded when their definitions have to be consistent, and of the report on the others.

use btf::Kind;
use encode::{CuOrder, Functions, Options};
use gimli::Register;
use gimli::write::{Address, AttributeValue, Expression, Location, LocationList, UnitEntryId};

use crate::support::{Source, UnitOf, named, one, parse};

const RDI: Register = Register(5);
const RBX: Register = Register(3);
const RSI: Register = Register(4);

fn in_register(register: Register) -> Expression {
    let mut expression = Expression::new();
    expression.op_reg(register);
    expression
}

/// The value that a register had when the function was entered.
fn at_entry(register: Register) -> Expression {
    let mut expression = Expression::new();
    expression.op_entry_value(in_register(register));
    expression.op(gimli::DW_OP_stack_value);
    expression
}

/// Says where the first parameter lies: in one place, or in several one after the other.
fn locate(unit: &mut UnitOf<'_>, function: UnitEntryId, locations: &[Expression]) {
    let param = unit.dwarf.units.get(unit.unit).get(function).children().next().copied().expect("a parameter");
    let location = match locations {
        [only] => AttributeValue::Exprloc(only.clone()),
        several => {
            let list = (0u64..).zip(several).map(|(number, data)| Location::StartEnd {
                begin: Address::Constant(number * 8),
                end: Address::Constant(number * 8 + 8),
                data: data.clone(),
            });
            let list = LocationList(list.collect());
            AttributeValue::LocationListRef(unit.dwarf.units.get_mut(unit.unit).locations.add(list))
        }
    };
    unit.set(param, gimli::DW_AT_location, location);
}

/// How many functions `f` are written of one whose first parameter lies there.
fn written(version: u16, functions: Functions, locations: &[Expression], of_struct: bool) -> usize {
    let mut source = Source::version(version);
    let mut unit = source.unit();
    let int = unit.int();
    let pair = unit.composite(gimli::DW_TAG_structure_type, "pair", 16);
    let pair = unit.to(gimli::DW_TAG_typedef, "pair_t", pair);
    let function = unit.function("f", &[("x", int), ("y", if of_struct { pair } else { int })]);
    locate(&mut unit, function, locations);
    source.function_symbol("f");
    let encoded = source.encode(Options { functions, ..Options::kernel() });
    named(parse(&encoded).alone(), Kind::Func, "f").len()
}

#[test]
fn a_function_that_takes_a_parameter_in_an_unexpected_register_is_left_out() {
    for version in [4, 5] {
        let count = |locations: &[Expression]| written(version, Functions::Consistent, locations, false);
        assert_eq!(count(&[in_register(RDI)]), 1);
        assert_eq!(count(&[in_register(RBX)]), 0);
        assert_eq!(count(&[in_register(RDI), in_register(RBX)]), 1, "it may move later");
        assert_eq!(count(&[in_register(RBX), in_register(RDI)]), 0);
        assert_eq!(count(&[in_register(RBX), at_entry(RDI)]), 1, "it was where it should be at the entry");
        assert_eq!(count(&[at_entry(RSI)]), 0);
        assert_eq!(written(version, Functions::First, &[in_register(RBX)], false), 1, "if that was asked for");
    }
}

#[test]
fn where_a_parameter_is_a_struct_registers_say_nothing() {
    assert_eq!(written(5, Functions::Consistent, &[in_register(RBX)], true), 1);
}

#[test]
fn optimised_out_parameters_do_not_matter() {
    let mut constant = Expression::new();
    constant.op_constu(7);
    constant.op(gimli::DW_OP_stack_value);
    assert_eq!(written(5, Functions::Consistent, &[constant], false), 1);
    assert_eq!(written(5, Functions::Consistent, &[Expression::new()], false), 1);
}

#[test]
fn what_an_instance_shows_holds_of_the_function_in_every_unit() {
    for register in [RDI, RBX] {
        let mut source = Source::new();
        let mut unit = source.unit();
        let int = unit.int();
        let function = unit.function("f", &[("x", int)]);
        let param = unit.dwarf.units.get(unit.unit).get(function).children().next().copied().expect("there is one");
        let instance = unit.add(gimli::DW_TAG_subprogram, "");
        unit.set(instance, gimli::DW_AT_abstract_origin, AttributeValue::UnitRef(function));
        let own = unit.add_in(instance, gimli::DW_TAG_formal_parameter, "");
        unit.set(own, gimli::DW_AT_abstract_origin, AttributeValue::UnitRef(param));
        unit.set(own, gimli::DW_AT_location, AttributeValue::Exprloc(in_register(register)));
        let mut other = source.unit();
        let int = other.int();
        other.function("f", &[("x", int)]);
        source.function_symbol("f");
        let encoded = source.encode(Options::kernel());
        assert_eq!(named(parse(&encoded).alone(), Kind::Func, "f").len(), usize::from(register == RDI));
    }
}

#[test]
fn a_function_of_which_only_optimised_copies_are_left_is_found_by_its_name() {
    for symbol in ["f", "f.isra.0", "f.constprop.0.isra.3", "f.part.1", "f.cold", "g", "ff", "f_more.cold", ".f"] {
        for optimized_functions in [true, false] {
            let mut source = Source::new();
            let mut unit = source.unit();
            let int = unit.int();
            unit.function("f", &[("x", int)]);
            source.function_symbol(symbol);
            let encoded = source.encode(Options { optimized_functions, ..Options::kernel() });
            let expected = symbol == "f" || (optimized_functions && symbol.starts_with("f."));
            assert_eq!(named(parse(&encoded).alone(), Kind::Func, "f").len(), usize::from(expected), "{symbol}");
        }
    }
}

#[test]
fn a_file_without_symbols_has_the_functions_that_others_can_name_or_none() {
    for (options, expected) in [(Options::pahole_1_24(), 1), (Options::kernel(), 0)] {
        let mut source = Source::new();
        let mut unit = source.unit();
        unit.function("hidden", &[]);
        let seen = unit.function("seen", &[]);
        unit.set(seen, gimli::DW_AT_external, AttributeValue::Flag(true));
        let encoded = source.encode(options);
        let btf = parse(&encoded);
        assert_eq!(named(btf.alone(), Kind::Func, "seen").len(), expected);
        assert!(named(btf.alone(), Kind::Func, "hidden").is_empty());
    }
}

/// Two functions, of which `.BTF_ids` lists `listed` with some flags, in a set with some flags.
fn with_ids(set_flags: u32, flags: u32) -> Source {
    const AT: u64 = 0x4000;
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let pointer = unit.to(gimli::DW_TAG_pointer_type, "", int);
    let listed = unit.function("listed", &[("p", pointer), ("q", pointer)]);
    unit.typed(listed, pointer);
    unit.function("other", &[("p", pointer)]);
    let words = [0, 77, 1, set_flags, 0, flags, 0, 0];
    let ids = source.section(".BTF_ids", AT, words.into_iter().flat_map(u32::to_le_bytes).collect());
    source.symbol("__BTF_ID__func__other__1", 1, ids, AT, 8);
    source.symbol("__BTF_ID__set8__set__2", 1, ids, AT + 8, 16);
    source.symbol("__BTF_ID__func__listed__3", 1, ids, AT + 16, 8);
    source.symbol("__BTF_ID__func__other__4", 1, ids, AT + 24, 8);
    source.function_symbol("listed");
    source.function_symbol("other");
    source
}

#[test]
fn functions_that_a_set_of_kfuncs_lists_are_tagged() {
    let plain = Options::kernel();
    let without = Options { decl_tags: false, ..Options::kernel() };
    for (options, set_flags, flags, expected) in [
        (&plain, 1, 0, &["bpf_kfunc"][..]),
        (&plain, 1, 1 << 12, &["bpf_kfunc", "bpf_fastcall"]),
        (&plain, 0, 1 << 12, &[]),
        (&without, 1, 1 << 12, &[]),
        (&Options::pahole_1_24(), 1, 0, &[]),
    ] {
        let encoded = with_ids(set_flags, flags).encode(options.clone());
        let btf = parse(&encoded);
        let view = btf.alone();
        let (listed, _) = one(view, Kind::Func, "listed");
        let tags = view.own_types().filter(|(_, ty)| ty.kind() == Kind::DeclTag);
        let tags: Vec<_> = tags.map(|(_, ty)| (view.name(&ty).expect("a name").to_string(), ty.target())).collect();
        let expected: Vec<_> = expected.iter().map(|name| ((*name).to_owned(), Some(listed))).collect();
        assert_eq!(tags, expected);
    }
}

#[test]
fn pointers_of_kfuncs_into_an_arena_are_marked_where_attributes_are_asked_for() {
    for attributes in [false, true] {
        let encoded = with_ids(1, (1 << 13) | (1 << 15)).encode(Options { attributes, ..Options::kernel() });
        let btf = parse(&encoded);
        let view = btf.alone();
        let prototype = one(view, Kind::Func, "listed").1.target().and_then(|id| view.get(id)).expect("a prototype");
        let pointers = prototype.target().into_iter().chain(prototype.params().map(|param| param.ty));
        let marked: Vec<bool> = pointers
            .map(|pointer| {
                let target =
                    view.get(pointer).and_then(|ty| ty.target()).and_then(|id| view.get(id)).expect("a target");
                let is_tag = target.kind() == Kind::TypeTag;
                assert!(!is_tag || view.name(&target) == Some("address_space(1)".into()));
                is_tag
            })
            .collect();
        assert_eq!(marked, [attributes, false, attributes]);
    }
}

/// Units that define functions `own0`, `own1`, … and each `shared` with a parameter of another name.
fn shared(count: usize) -> Vec<u8> {
    let mut source = Source::new();
    source.function_symbol("shared");
    for number in 0..count {
        let mut unit = source.unit();
        let int = unit.int();
        unit.function(&format!("own{number}"), &[("x", int)]);
        unit.function("shared", &[(&format!("x{number}"), int)]);
        source.function_symbol(&format!("own{number}"));
    }
    source.elf()
}

#[test]
fn cu_order_lets_each_thread_write_the_first_definition_that_it_meets() {
    let elf = kmod::ElfFile::from_bytes(shared(4)).expect("usable");
    let encoder = || encode::Encoder::new(Options::pahole_1_24());
    for (threads, expected) in
        [(vec![vec![0, 1, 2, 3]], 1), (vec![vec![1, 3], vec![0, 2]], 2), (vec![vec![2], vec![0, 1], vec![3]], 3)]
    {
        let shipped = encoder().with_cu_order(CuOrder::new(threads)).encode_elf(&elf).expect("it can be encoded");
        let btf = parse(&shipped);
        assert_eq!(named(btf.alone(), Kind::Func, "shared").len(), expected);
    }
    let definitions = encoder().function_definitions(&elf).expect("it can be read");
    let expected = (0..4).map(|number| [format!("own{number}").into_bytes(), b"shared".to_vec()]);
    assert!(definitions.into_iter().eq(expected), "each CU's functions, in order");
}

#[test]
fn pointers_to_functions_agree_if_their_parameters_do() {
    for wide in [false, true] {
        let mut source = Source::new();
        for second in [false, true] {
            let mut unit = source.unit();
            let int = unit.int();
            let long = unit.base("long int", 8, gimli::DW_ATE_signed);
            let prototype = unit.add(gimli::DW_TAG_subroutine_type, "");
            let param = unit.add_in(prototype, gimli::DW_TAG_formal_parameter, "");
            unit.typed(param, if second && wide { long } else { int });
            let callback = unit.to(gimli::DW_TAG_pointer_type, "", prototype);
            unit.function("register_it", &[("callback", callback)]);
        }
        source.function_symbol("register_it");
        let encoded = source.encode(Options::kernel());
        assert_eq!(named(parse(&encoded).alone(), Kind::Func, "register_it").len(), usize::from(!wide));
    }
}
