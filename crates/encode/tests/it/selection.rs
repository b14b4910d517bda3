//! Which functions and variables are written.

use btf::Kind;
use encode::{Functions, Options};
use gimli::write::AttributeValue;

use crate::support::{Source, named, one, parse};

#[test]
fn functions_have_a_symbol_a_definition_and_named_parameters() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let main = unit.function("main", &[("count", int)]);
    unit.typed(main, int);
    unit.function("unnamed", &[("", int)]);
    unit.function("no_symbol", &[]);
    let declared = unit.function("declared", &[]);
    unit.set(declared, gimli::DW_AT_declaration, AttributeValue::Flag(true));
    for name in ["main", "unnamed", "declared"] {
        source.function_symbol(name);
    }
    let encoded = source.encode(Options::pahole_1_24());
    let btf = parse(&encoded);
    let view = btf.alone();
    let functions: Vec<_> = view.own_types().filter(|(_, ty)| ty.kind() == Kind::Func).collect();
    assert_eq!(functions.len(), 1);
    let prototype = one(view, Kind::Func, "main").1.target().and_then(|id| view.get(id)).expect("a prototype");
    let names: Vec<_> = prototype.params().filter_map(|param| view.string(param.name)).collect();
    assert_eq!(names, ["count"]);
    assert_eq!(encoded.report.functions, 1);
}

#[test]
fn an_instance_has_the_name_and_parameters_of_what_it_is_an_instance_of() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let hidden = unit.function("inlined", &[]);
    unit.set(hidden, gimli::DW_AT_declaration, AttributeValue::Flag(true));
    let param = unit.add_in(hidden, gimli::DW_TAG_formal_parameter, "x");
    unit.typed(param, int);
    unit.typed(hidden, int);
    let instance = unit.add(gimli::DW_TAG_subprogram, "");
    unit.set(instance, gimli::DW_AT_abstract_origin, AttributeValue::UnitRef(hidden));
    let instance_param = unit.add_in(instance, gimli::DW_TAG_formal_parameter, "");
    unit.set(instance_param, gimli::DW_AT_abstract_origin, AttributeValue::UnitRef(param));
    source.function_symbol("inlined");
    let encoded = source.encode(Options::pahole_1_24());
    let btf = parse(&encoded);
    let view = btf.alone();
    let (int, _) = one(view, Kind::Int, "int");
    let prototype = one(view, Kind::Func, "inlined").1.target().and_then(|id| view.get(id)).expect("a prototype");
    assert_eq!(prototype.target(), Some(int));
    let params: Vec<_> = prototype.params().map(|param| (view.string(param.name), param.ty)).collect();
    assert_eq!(params, [(Some("x".into()), int)]);
}

#[test]
fn types_inside_functions_are_found() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let function = unit.function("f", &[]);
    let block = unit.add_in(function, gimli::DW_TAG_lexical_block, "");
    let local = unit.add_in(block, gimli::DW_TAG_structure_type, "local");
    unit.number(local, gimli::DW_AT_byte_size, 4);
    let encoded = source.encode(Options::kernel());
    one(parse(&encoded).alone(), Kind::Struct, "local");
}

#[test]
fn per_cpu_variables_are_those_in_their_section() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let empty = unit.composite(gimli::DW_TAG_structure_type, "empty", 0);
    unit.variable("first", int, 0);
    unit.variable("discarded", int, 0);
    unit.variable("second", int, 8);
    unit.variable("empty_one", empty, 12);
    unit.variable("elsewhere", int, 4096);
    let external = unit.variable("third", int, 16);
    unit.set(external, gimli::DW_AT_external, AttributeValue::Flag(true));
    for (name, at) in [("first", 0), ("second", 8), ("third", 16)] {
        source.per_cpu_symbol(name, at, 4);
    }
    let elf = source.elf();
    for options in [Options::pahole_1_24(), Options::kernel()] {
        let elf = kmod::ElfFile::from_bytes(elf.clone()).expect("usable");
        let encoded = encode::Encoder::new(options).encode_elf(&elf).expect("it can be encoded");
        let btf = parse(&encoded);
        let view = btf.alone();
        let (_, section) = one(view, Kind::Datasec, ".data..percpu");
        let variables: Vec<_> = section
            .section_vars()
            .map(|var| (view.get(var.ty).and_then(|ty| view.name(&ty)), var.offset, var.size))
            .collect();
        let expected = [("first", 0, 4), ("second", 8, 4), ("third", 16, 4)];
        assert_eq!(variables, expected.map(|(name, at, size)| (Some(name.into()), at, size)));
        assert_eq!(section.size(), Some(20));
        assert_eq!(one(view, Kind::Var, "third").1.linkage(), Some(1));
        assert_eq!(one(view, Kind::Var, "first").1.linkage(), Some(0));
        assert!(named(view, Kind::Var, "discarded").is_empty(), "it has the address 0 because it is nowhere");
    }
}

#[test]
fn without_per_cpu_variables_there_is_no_section() {
    let mut source = Source::new();
    source.unit().int();
    let encoded = source.encode(Options::kernel());
    assert_eq!(parse(&encoded).len(), 1);
}

#[test]
fn a_function_whose_definitions_disagree_is_left_out_where_they_have_to_agree() {
    for (wide, expected) in [(false, [1, 1]), (true, [1, 0])] {
        let counts = [Functions::First, Functions::Consistent].map(|functions| {
            let mut source = Source::new();
            for second in [false, true] {
                let mut unit = source.unit();
                let int = unit.int();
                let long = unit.base("long int", 8, gimli::DW_ATE_signed);
                let constant = unit.to(gimli::DW_TAG_const_type, "", int);
                unit.function(
                    "twice",
                    &[(
                        "x",
                        if second && wide {
                            long
                        } else if second {
                            constant
                        } else {
                            int
                        },
                    )],
                );
            }
            source.function_symbol("twice");
            let encoded = source.encode(Options { functions, ..Options::kernel() });
            named(parse(&encoded).alone(), Kind::Func, "twice").len()
        });
        assert_eq!(counts, expected, "`const` does not matter, the type does");
    }
}

#[test]
fn units_in_rust_are_left_out_and_counted() {
    for exclude_rust in [true, false] {
        let mut source = Source::new();
        let mut unit = source.unit();
        unit.int();
        let root = unit.dwarf.units.get(unit.unit).root();
        unit.set(root, gimli::DW_AT_language, AttributeValue::Language(gimli::DW_LANG_Rust));
        let encoded = source.encode(Options { exclude_rust, ..Options::kernel() });
        assert_eq!(parse(&encoded).len(), u32::from(!exclude_rust));
        assert_eq!(encoded.report.skipped_units.get("written in Rust"), exclude_rust.then_some(&1));
    }
}
