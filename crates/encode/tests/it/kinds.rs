//! Each kind of type.

use btf::{IntData, Kind};
use encode::Options;
use gimli::write::AttributeValue;

use crate::support::{Source, named, one, parse};

#[test]
fn numbers() {
    let mut source = Source::new();
    let mut unit = source.unit();
    unit.int();
    unit.base("_Bool", 1, gimli::DW_ATE_boolean);
    unit.base("char", 1, gimli::DW_ATE_signed_char);
    unit.base("long unsigned int", 8, gimli::DW_ATE_unsigned);
    unit.base("double", 8, gimli::DW_ATE_float);
    unit.base("odd", 3, gimli::DW_ATE_unsigned);
    unit.base("wide", 32, gimli::DW_ATE_signed);
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let int = |name: &str| {
        let (_, ty) = one(btf.alone(), Kind::Int, name);
        let data = ty.int().expect("an integer");
        (ty.size().expect("has a size"), data.encoding(), data.bits())
    };
    assert_eq!(int("int"), (4, IntData::SIGNED, 32));
    assert_eq!(int("_Bool"), (1, IntData::BOOL, 8));
    assert_eq!(int("char"), (1, IntData::SIGNED, 8));
    assert_eq!(int("long unsigned int"), (8, 0, 64));
    assert_eq!(one(btf.alone(), Kind::Float, "double").1.size(), Some(8));
    let fakes = named(btf.alone(), Kind::Int, "__SANITIZED_FAKE_INT__");
    assert_eq!(fakes.len(), 2, "integers of a size that BTF has not become one of 4 bytes, signed or not");
    assert!(fakes.iter().all(|(_, ty)| ty.size() == Some(4)));
}

#[test]
fn floats_are_integers_unless_asked_for() {
    let mut source = Source::new();
    source.unit().base("double", 8, gimli::DW_ATE_float);
    let encoded = source.encode(Options { floats: false, ..Options::kernel() });
    assert_eq!(one(parse(&encoded).alone(), Kind::Int, "double").1.size(), Some(8));
}

#[test]
fn qualifiers_keep_their_kind_and_what_bytes_have_none_for_is_left_out() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let pointer = unit.to(gimli::DW_TAG_pointer_type, "", int);
    let restrict = unit.to(gimli::DW_TAG_restrict_type, "", pointer);
    unit.to(gimli::DW_TAG_typedef, "restricted", restrict);
    let atomic = unit.to(gimli::DW_TAG_atomic_type, "", int);
    let volatile = unit.to(gimli::DW_TAG_volatile_type, "", atomic);
    unit.to(gimli::DW_TAG_typedef, "counted", volatile);
    let nothing = unit.add(gimli::DW_TAG_unspecified_type, "decltype(nullptr)");
    unit.to(gimli::DW_TAG_typedef, "nullptr_t", nothing);
    let bare = unit.add(gimli::DW_TAG_const_type, "");
    unit.to(gimli::DW_TAG_typedef, "opaque", bare);
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let view = btf.alone();
    let target = |name: &str| one(view, Kind::Typedef, name).1.target().and_then(|id| view.get(id)).expect("a target");
    assert_eq!(target("restricted").kind(), Kind::Restrict);
    assert_eq!(target("counted").kind(), Kind::Volatile);
    let qualified = target("counted").target().and_then(|id| view.get(id)).expect("a target");
    assert_eq!(qualified.kind(), Kind::Int, "_Atomic is passed through");
    assert_eq!(target("nullptr_t").kind(), Kind::Void);
    assert_eq!((target("opaque").kind(), target("opaque").target()), (Kind::Const, Some(btf::TypeId::VOID)));
    assert_eq!(encoded.report.dangling_references, 0);
}

#[test]
fn bit_fields_are_placed_alike_in_dwarf_4_and_5() {
    for version in [4, 5] {
        let mut source = Source::version(version);
        let mut unit = source.unit();
        let int = unit.int();
        let flags = unit.composite(gimli::DW_TAG_structure_type, "flags", 8);
        unit.member(flags, "plain", int, 0);
        for (name, first, bits) in [("a", 32, 3), ("b", 35, 11)] {
            let member = unit.add_in(flags, gimli::DW_TAG_member, name);
            unit.typed(member, int);
            unit.number(member, gimli::DW_AT_bit_size, bits);
            if version == 5 {
                unit.number(member, gimli::DW_AT_data_bit_offset, first);
            } else {
                unit.number(member, gimli::DW_AT_byte_size, 4);
                unit.number(member, gimli::DW_AT_data_member_location, 4);
                unit.number(member, gimli::DW_AT_bit_offset, 32 - (first - 32) - bits);
            }
        }
        let encoded = source.encode(Options::kernel());
        let btf = parse(&encoded);
        let (_, flags) = one(btf.alone(), Kind::Struct, "flags");
        let members: Vec<_> = flags.members().map(|member| (member.bit_offset, member.bitfield_size)).collect();
        assert!(flags.kflag());
        assert_eq!(members, [(0, 0), (32, 3), (35, 11)], "DWARF {version}");
    }
}

#[test]
fn members_may_be_unions_without_a_name() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let inner = unit.composite(gimli::DW_TAG_union_type, "", 4);
    unit.member(inner, "x", int, 0);
    let outer = unit.composite(gimli::DW_TAG_structure_type, "outer", 8);
    unit.member(outer, "", inner, 4);
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let member = one(btf.alone(), Kind::Struct, "outer").1.members().next().expect("a member");
    assert_eq!((member.bit_offset, member.name.is_none()), (32, true));
    assert_eq!(btf.alone().get(member.ty).map(|ty| ty.kind()), Some(Kind::Union));
}

#[test]
fn dimensions_are_multiplied_and_indexed_by_int() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let byte = unit.base("char", 1, gimli::DW_ATE_signed_char);
    let array = unit.array(byte, &[4, 2]);
    unit.to(gimli::DW_TAG_typedef, "grid", array);
    let open = unit.to(gimli::DW_TAG_array_type, "", byte);
    unit.add_in(open, gimli::DW_TAG_subrange_type, "");
    unit.to(gimli::DW_TAG_typedef, "flexible", open);
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let view = btf.alone();
    let array = |name: &str| {
        let target = one(view, Kind::Typedef, name).1.target().and_then(|id| view.get(id));
        target.and_then(|ty| ty.array()).expect("an array")
    };
    assert_eq!((array("grid").count, array("flexible").count), (8, 0));
    let (int, _) = one(view, Kind::Int, "int");
    assert_eq!(array("grid").index, int, "made for the purpose, as this unit has no int");
}

#[test]
fn enums_of_both_widths() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let long = unit.base("long int", 8, gimli::DW_ATE_signed);
    for (name, size, values) in [
        ("small", 4, &[("A", 0i64), ("B", 0xffff_ffff)][..]),
        ("negative", 4, &[("C", -1)]),
        ("large", 8, &[("D", -1), ("E", 1 << 40)]),
    ] {
        let id = unit.composite(gimli::DW_TAG_enumeration_type, name, size);
        unit.typed(id, long);
        for &(name, value) in values {
            let value_of = unit.add_in(id, gimli::DW_TAG_enumerator, name);
            let value = match u64::try_from(value) {
                Ok(value) => AttributeValue::Udata(value),
                Err(_) => AttributeValue::Sdata(value),
            };
            unit.set(value_of, gimli::DW_AT_const_value, value);
        }
    }
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let values = |kind, name: &str| {
        let (_, ty) = one(btf.alone(), kind, name);
        (ty.kflag(), ty.enumerators().map(|value| value.value).collect::<Vec<i128>>())
    };
    assert_eq!(values(Kind::Enum, "small"), (false, vec![0, 0xffff_ffff]));
    assert_eq!(values(Kind::Enum, "negative"), (true, vec![-1]));
    assert_eq!(values(Kind::Enum64, "large"), (true, vec![-1, 1 << 40]));
}

#[test]
fn prototypes_and_declarations() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let hidden = unit.declare(gimli::DW_TAG_union_type, "hidden");
    let pointer = unit.to(gimli::DW_TAG_pointer_type, "", hidden);
    let prototype = unit.to(gimli::DW_TAG_subroutine_type, "", int);
    let param = unit.add_in(prototype, gimli::DW_TAG_formal_parameter, "");
    unit.typed(param, pointer);
    unit.add_in(prototype, gimli::DW_TAG_unspecified_parameters, "");
    unit.to(gimli::DW_TAG_typedef, "printer", prototype);
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let view = btf.alone();
    assert!(one(view, Kind::Fwd, "hidden").1.kflag(), "a forward declaration of a union");
    let prototype = one(view, Kind::Typedef, "printer").1.target().and_then(|id| view.get(id)).expect("a target");
    let params: Vec<_> = prototype.params().map(|param| param.ty).collect();
    assert_eq!((params.len(), params[1]), (2, btf::TypeId::VOID), "the second stands for `...`");
}

/// A negative number has ten bytes, of which the last would not fit into an unsigned one. Of a label nothing is read.
#[test]
fn a_negative_number_is_passed_over() {
    let mut source = Source::new();
    let mut unit = source.unit();
    for value in [i64::MIN, -1] {
        let label = unit.add(gimli::DW_TAG_label, "");
        unit.set(label, gimli::DW_AT_const_value, AttributeValue::Sdata(value));
    }
    unit.int();
    let encoded = source.encode(Options::kernel());
    assert_eq!(parse(&encoded).len(), 1);
}
