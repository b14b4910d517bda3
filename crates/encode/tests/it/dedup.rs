//! What is equal, and what is not.

use btf::{Btf, Kind};
use encode::{Encoder, Options, PreparedBase};
use gimli::DwTag;
use gimli::write::UnitEntryId;
use kmod::ElfFile;

use crate::support::{Source, UnitOf, named, one, parse, text};

const STRUCT: DwTag = gimli::DW_TAG_structure_type;
const POINTER: DwTag = gimli::DW_TAG_pointer_type;

/// A list whose elements point to each other, which is a cycle.
fn list(unit: &mut UnitOf<'_>) -> UnitEntryId {
    let head = unit.composite(STRUCT, "list_head", 16);
    let pointer = unit.to(POINTER, "", head);
    unit.member(head, "next", pointer, 0);
    unit.member(head, "prev", pointer, 8);
    head
}

#[test]
fn what_two_units_have_in_common_is_written_once() {
    let mut source = Source::new();
    for order in [false, true] {
        let mut unit = source.unit();
        if order {
            unit.base("char", 1, gimli::DW_ATE_signed_char);
        }
        list(&mut unit);
        unit.int();
    }
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    assert_eq!(btf.len(), 4, "{}", text(btf.alone()));
}

/// libbpf from 1.6.1 on merges these two structs, because it compares an array with itself, and one member's type is lost.
#[test]
fn structs_whose_arrays_differ_stay_apart() {
    let mut source = Source::new();
    for second_is_char in [false, true] {
        let mut unit = source.unit();
        let int = unit.int();
        let char = unit.base("char", 1, gimli::DW_ATE_signed_char);
        let composite = unit.composite(STRUCT, "S", 16);
        for (name, element, at) in [("a", int, 0), ("b", if second_is_char { char } else { int }, 8)] {
            let array = unit.array(element, &[4]);
            let pointer = unit.to(POINTER, "", array);
            unit.member(composite, name, pointer, at);
        }
    }
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    assert_eq!(named(btf.alone(), Kind::Struct, "S").len(), 2, "{}", text(btf.alone()));
}

/// pahole before July 2026 never compared the parameters of prototypes.
#[test]
fn structs_whose_prototypes_differ_in_one_parameter_stay_apart() {
    let mut source = Source::new();
    for wide in [false, true] {
        let mut unit = source.unit();
        let int = unit.int();
        let long = unit.base("long int", 8, gimli::DW_ATE_signed);
        let prototype = unit.to(gimli::DW_TAG_subroutine_type, "", int);
        for ty in [int, if wide { long } else { int }] {
            let param = unit.add_in(prototype, gimli::DW_TAG_formal_parameter, "");
            unit.typed(param, ty);
        }
        let pointer = unit.to(POINTER, "", prototype);
        let operations = unit.composite(STRUCT, "operations", 8);
        unit.member(operations, "run", pointer, 0);
    }
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    assert_eq!(named(btf.alone(), Kind::Struct, "operations").len(), 2, "{}", text(btf.alone()));
}

/// Compilers write a type twice in one unit at times.
#[test]
fn copies_within_a_unit_are_one_type() {
    let mut source = Source::new();
    for _ in 0..2 {
        let mut unit = source.unit();
        let int = unit.int();
        let composite = unit.composite(STRUCT, "twins", 16);
        for (name, at) in [("a", 0), ("b", 8)] {
            let array = unit.array(int, &[4]);
            let pointer = unit.to(POINTER, "", array);
            unit.member(composite, name, pointer, at);
        }
    }
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    assert_eq!(btf.len(), 4, "{}", text(btf.alone()));
}

fn holder(unit: &mut UnitOf<'_>, is_declared_only: bool) {
    let held = if is_declared_only {
        unit.declare(STRUCT, "held")
    } else {
        let int = unit.int();
        let held = unit.composite(STRUCT, "held", 4);
        unit.member(held, "x", int, 0);
        held
    };
    let pointer = unit.to(POINTER, "", held);
    let holder = unit.composite(STRUCT, "holder", 8);
    unit.member(holder, "held", pointer, 0);
}

#[test]
fn a_forward_declaration_becomes_what_it_declares_in_either_order() {
    for order in [[true, false], [false, true]] {
        let mut source = Source::new();
        for is_declared_only in order {
            holder(&mut source.unit(), is_declared_only);
        }
        let encoded = source.encode(Options { resolve_forwards: false, ..Options::kernel() });
        let btf = parse(&encoded);
        assert!(named(btf.alone(), Kind::Fwd, "held").is_empty(), "{}", text(btf.alone()));
        assert_eq!(btf.len(), 4, "{}", text(btf.alone()));
    }
}

#[test]
fn a_forward_declaration_of_something_ambiguous_stays() {
    let mut source = Source::new();
    let mut unit = source.unit();
    unit.declare(STRUCT, "held");
    for size in [4, 8] {
        source.unit().composite(STRUCT, "held", size);
    }
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    one(btf.alone(), Kind::Fwd, "held");
}

fn split(source: Source, base: &[u8]) -> Vec<u8> {
    let base = PreparedBase::new(base).expect("a base");
    let elf = ElfFile::from_bytes(source.elf()).expect("a usable file");
    Encoder::over(&base, Options::kernel()).encode_elf(&elf).expect("it can be encoded").btf
}

#[test]
fn over_a_base_only_what_is_new_is_written() {
    let make = |with_more: bool| {
        let mut source = Source::new();
        let mut unit = source.unit();
        let head = list(&mut unit);
        if with_more {
            let composite = unit.composite(STRUCT, "more", 16);
            unit.member(composite, "head", head, 0);
        }
        source
    };
    let base = make(false).encode(Options::kernel()).btf;
    assert_eq!(split(make(false), &base).len(), 24, "a header and nothing else");
    let base_btf = Btf::parse(&base).expect("valid");
    let bytes = split(make(true), &base);
    let btf = Btf::parse(&bytes).expect("valid");
    assert_eq!(btf.len(), 1);
    let view = btf.over(&base_btf);
    let (_, more) = one(view, Kind::Struct, "more");
    let member = more.members().next().expect("a member");
    assert!(!view.is_own(member.ty), "the base's own");
    assert_eq!(view.get(member.ty).map(|ty| ty.kind()), Some(Kind::Struct));
}

/// A module with a base of its own says the same, wherever the types of the kernel's base are.
#[test]
fn a_distilled_module_can_be_relocated() {
    let make = |with_more: bool| {
        let mut source = Source::new();
        let mut unit = source.unit();
        unit.base("long int", 8, gimli::DW_ATE_signed);
        let head = list(&mut unit);
        if with_more {
            let pointer = unit.to(POINTER, "", head);
            let composite = unit.composite(STRUCT, "more", 24);
            unit.member(composite, "head", head, 0);
            unit.member(composite, "other", pointer, 16);
        }
        source
    };
    let bytes = make(false).encode(Options::kernel()).btf;
    let base = PreparedBase::new(&bytes).expect("a base");
    let elf = ElfFile::from_bytes(make(true).elf()).expect("a usable file");
    let encode = |distilled_base| {
        let options = Options { distilled_base, ..Options::kernel() };
        Encoder::over(&base, options).encode_elf(&elf).expect("it can be encoded")
    };
    let (plain, distilled) = (encode(false), encode(true));
    assert_eq!(plain.base, None);
    let below = distilled.base.expect("a base of its own");
    let (below, split) = (Btf::parse(&below).expect("valid"), Btf::parse(&distilled.btf).expect("valid"));
    assert_eq!(below.len(), 1, "{}", text(below.alone()));
    let running = Btf::parse(&bytes).expect("valid");
    let relocated = btf::relocate::relocate(&below, &split, &running).expect("it can be relocated");
    let (relocated, plain) = (Btf::parse(&relocated.bytes).expect("valid"), Btf::parse(&plain.btf).expect("valid"));
    let (one_more, other) = (relocated.over(&running), plain.over(&running));
    let comparison = btf::compare::Comparison::new(one_more, other);
    let (left, right) = (one(one_more, Kind::Struct, "more").0, one(other, Kind::Struct, "more").0);
    assert!(comparison.same(left, right, btf::compare::Strength::Closure), "{}", text(one_more));
}

/// A base cannot be changed, so what would need its forward declarations resolved is written again.
#[test]
fn a_forward_declaration_of_the_base_is_not_resolved_in_the_base() {
    let mut source = Source::new();
    holder(&mut source.unit(), true);
    let base = source.encode(Options::kernel()).btf;
    let mut source = Source::new();
    holder(&mut source.unit(), false);
    let bytes = split(source, &base);
    let (base_btf, btf) = (Btf::parse(&base).expect("valid"), Btf::parse(&bytes).expect("valid"));
    let view = btf.over(&base_btf);
    let (held, _) = one(view, Kind::Struct, "held");
    let member = one(view, Kind::Struct, "holder").1.members().next().expect("a member");
    assert_eq!(view.get(member.ty).and_then(|pointer| pointer.target()), Some(held));
}

#[test]
fn units_that_refer_to_each_other_are_taken_as_one() {
    let mut source = Source::new();
    let (first, int) = {
        let mut unit = source.unit();
        let int = unit.int();
        (unit.unit, int)
    };
    let mut unit = source.unit();
    let id = unit.add(gimli::DW_TAG_typedef, "number");
    let reference = gimli::write::DebugInfoRef::Entry(first, int);
    unit.set(id, gimli::DW_AT_type, gimli::write::AttributeValue::DebugInfoRef(reference));
    let encoded = source.encode(Options::kernel());
    let btf = parse(&encoded);
    let (int, _) = one(btf.alone(), Kind::Int, "int");
    assert_eq!(one(btf.alone(), Kind::Typedef, "number").1.target(), Some(int));
    assert_eq!(encoded.report.dangling_references, 0);
}

#[test]
fn the_bytes_do_not_depend_on_threads() {
    let make = || {
        let mut source = Source::new();
        for number in 0..200u64 {
            let mut unit = source.unit();
            let int = unit.int();
            list(&mut unit);
            holder(&mut unit, number % 3 == 0);
            let own = unit.composite(STRUCT, &format!("own_{}", number % 70), number % 5 * 4);
            unit.member(own, "x", int, 0);
        }
        source.elf()
    };
    let elf = ElfFile::from_bytes(make()).expect("a usable file");
    let encode = |threads| Encoder::new(Options::kernel()).with_threads(threads).encode_elf(&elf).expect("encoded");
    let one = encode(1);
    assert!(one.report.units == 200 && one.report.types > 70);
    for threads in [2, 3, 16] {
        let many = encode(threads);
        assert!(one.btf == many.btf && one.report == many.report, "{threads} threads");
    }
}

#[test]
fn an_error_in_one_of_many_units_ends_all_threads() {
    let mut source = Source::new();
    for _ in 0..200 {
        source.unit().int();
    }
    let file = source.elf();
    // The last unit's abbreviation code is made one that is not in the table.
    let info = ElfFile::from_bytes(file.clone()).expect("usable");
    let head = info.find(".debug_info").expect("it is there");
    let last = usize::try_from(head.offset + head.file_size).expect("small");
    let unit = usize::try_from(head.file_size).expect("small") / 200;
    let mut damaged = file;
    damaged[last - unit + 12] = 0x70;
    let elf = ElfFile::from_bytes(damaged).expect("the headers are as they were");
    for threads in [1, 4] {
        assert!(Encoder::new(Options::kernel()).with_threads(threads).encode_elf(&elf).is_err());
    }
}
