//! Units of other kinds and languages: each is encoded, or left out and counted.

use btf::Kind;
use encode::Options;
use gimli::write::{AttributeValue, DebugInfoRef};
use gimli::{DW_UT_partial, DW_UT_skeleton, DW_UT_type};

use crate::support::{Source, named, one, parse};

/// Where the kind of the first unit stands in `.debug_info` (DWARF 5, section 7.5.1.1).
const KIND: usize = 6;

#[test]
fn units_of_a_kind_that_is_not_encoded_are_counted_with_the_reason() {
    for (kind, reason) in [
        (DW_UT_partial, "a partial unit, as dwz makes them"),
        (DW_UT_skeleton, "a skeleton unit, whose contents are in another file"),
        (DW_UT_type, "a type unit"),
    ] {
        let mut source = Source::new();
        let mut hidden = source.unit();
        for name in ["hidden", "other", "more"] {
            hidden.base(name, 4, gimli::DW_ATE_signed);
        }
        source.unit().int();
        source.patch_info(KIND, kind.0);
        let encoded = source.encode(Options::kernel());
        let btf = parse(&encoded);
        assert_eq!(btf.len(), 1);
        one(btf.alone(), Kind::Int, "int");
        assert_eq!(encoded.report.skipped_units.get(reason), Some(&1));
        assert_eq!(encoded.report.units, 1);
        assert!(encoded.report.to_string().contains(reason), "{}", encoded.report);
    }
}

#[test]
fn a_skeleton_of_dwarf_4_is_counted_too() {
    let mut source = Source::version(4);
    let unit = source.unit();
    let root = unit.dwarf.units.get(unit.unit).root();
    let unit_of_root = unit.dwarf.units.get_mut(unit.unit).get_mut(root);
    unit_of_root.set(gimli::DW_AT_GNU_dwo_name, AttributeValue::String(b"a.dwo".to_vec()));
    let encoded = source.encode(Options::kernel());
    assert_eq!(encoded.report.skipped_units.values().sum::<u32>(), 1);
    assert_eq!(encoded.report.units, 0);
}

#[test]
fn a_partial_unit_that_others_refer_to_is_encoded_with_them() {
    let mut source = Source::new();
    let mut partial = source.unit();
    let shared = partial.composite(gimli::DW_TAG_structure_type, "shared", 8);
    let partial_id = partial.unit;
    let mut unit = source.unit();
    let int = unit.int();
    let holder = unit.composite(gimli::DW_TAG_structure_type, "holder", 16);
    unit.member(holder, "count", int, 0);
    let member = unit.add_in(holder, gimli::DW_TAG_member, "shared");
    unit.number(member, gimli::DW_AT_data_member_location, 8);
    unit.set(member, gimli::DW_AT_type, AttributeValue::DebugInfoRef(DebugInfoRef::Entry(partial_id, shared)));
    source.patch_info(KIND, DW_UT_partial.0);
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let view = btf.alone();
    let (shared, _) = one(view, Kind::Struct, "shared");
    let types: Vec<_> = one(view, Kind::Struct, "holder").1.members().map(|member| member.ty).collect();
    assert_eq!(types.get(1), Some(&shared));
    assert!(encoded.report.skipped_units.is_empty() && encoded.report.dangling_references == 0);
}

#[test]
fn a_reference_to_a_type_unit_is_counted_and_void() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let pointer = unit.add(gimli::DW_TAG_pointer_type, "");
    unit.set(pointer, gimli::DW_AT_type, AttributeValue::DebugTypesRef(gimli::DebugTypeSignature(7)));
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let pointers = named(btf.alone(), Kind::Ptr, "");
    assert_eq!(pointers[0].1.target(), Some(btf::TypeId(0)));
    assert_eq!(encoded.report.unsupported_forms.get(&gimli::DW_FORM_ref_sig8.0), Some(&1));
}

#[test]
fn what_only_other_languages_have_does_not_end_a_file() {
    let mut source = Source::new();
    let mut unit = source.unit();
    let int = unit.int();
    let class = unit.composite(gimli::DW_TAG_class_type, "shape", 8);
    let base = unit.add_in(class, gimli::DW_TAG_inheritance, "");
    unit.typed(base, int);
    let reference = unit.to(gimli::DW_TAG_reference_type, "", class);
    unit.to(gimli::DW_TAG_rvalue_reference_type, "", class);
    let atomic = unit.to(gimli::DW_TAG_atomic_type, "", int);
    let to_member = unit.to(gimli::DW_TAG_ptr_to_member_type, "", int);
    let null = unit.add(gimli::DW_TAG_unspecified_type, "decltype(nullptr)");
    let holder = unit.composite(gimli::DW_TAG_structure_type, "holder", 32);
    for (name, ty) in [("reference", reference), ("atomic", atomic), ("to_member", to_member), ("null", null)] {
        unit.member(holder, name, ty, 0);
    }
    let name_space = unit.add(gimli::DW_TAG_namespace, "inner");
    let inner = unit.add_in(name_space, gimli::DW_TAG_structure_type, "within");
    unit.number(inner, gimli::DW_AT_byte_size, 1);
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let view = btf.alone();
    one(view, Kind::Struct, "within");
    let (int, _) = one(view, Kind::Int, "int");
    let kinds: Vec<_> = one(view, Kind::Struct, "holder").1.members().map(|member| member.ty).collect();
    assert_eq!(view.get(kinds[0]).map(|ty| ty.kind()), Some(Kind::Ptr));
    assert_eq!([kinds[1], kinds[2], kinds[3]], [int, btf::TypeId(0), btf::TypeId(0)]);
    let left_out = &encoded.report.unsupported_tags;
    assert_eq!(left_out.get(&gimli::DW_TAG_inheritance.0), Some(&1));
    assert_eq!(left_out.get(&gimli::DW_TAG_ptr_to_member_type.0), Some(&1));
    assert_eq!(encoded.report.dangling_references, 1);
}

#[test]
fn members_of_rust_are_put_in_the_order_in_which_they_lie() {
    for language in [gimli::DW_LANG_Rust, gimli::DW_LANG_C11] {
        let mut source = Source::new();
        let mut unit = source.unit();
        let root = unit.dwarf.units.get(unit.unit).root();
        unit.set(root, gimli::DW_AT_language, AttributeValue::Language(language));
        let int = unit.int();
        let holder = unit.composite(gimli::DW_TAG_structure_type, "holder", 12);
        for (name, at) in [("b", 4), ("c", 8), ("a", 0)] {
            unit.member(holder, name, int, at);
        }
        let encoded = source.encode(Options { exclude_rust: false, ..Options::kernel() });
        let btf = parse(&encoded);
        let offsets: Vec<_> = one(btf.alone(), Kind::Struct, "holder").1.members().map(|it| it.bit_offset).collect();
        assert_eq!(offsets, if language == gimli::DW_LANG_Rust { [0, 32, 64] } else { [32, 64, 0] });
    }
}

#[test]
fn a_unit_s_strings_are_those_of_its_part_of_the_table() {
    let mut source = Source::new();
    // A unit that says where its part of the table begins, and a base type.
    let abbreviations = [1, 0x11, 1, 0x72, 0x17, 0, 0, 2, 0x24, 0, 3, 0x25, 0x0b, 0x0b, 0x3e, 0x0b, 0, 0, 0];
    let mut info = vec![18, 0, 0, 0, 5, 0, 1, 8, 0, 0, 0, 0];
    info.extend([1, 24, 0, 0, 0, 2, 1, 4, 5, 0]);
    let header = [12, 0, 0, 0, 5, 0, 0, 0];
    let offsets = [&header[..], &[0; 8], &header, &[0, 0, 0, 0, 6, 0, 0, 0]].concat();
    source.section(".debug_abbrev", 0, abbreviations.to_vec());
    source.section(".debug_info", 0, info);
    source.section(".debug_str", 0, b"wrong\0int\0".to_vec());
    source.section(".debug_str_offsets", 0, offsets);
    let encoded = source.encode(Options::kernel());
    one(parse(&encoded).alone(), Kind::Int, "int");
}
