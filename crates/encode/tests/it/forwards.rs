//! Forward declarations of a base, and what is written again because of them.

use btf::{Btf, Kind, TypeId};
use encode::{Encoder, Options, PreparedBase};
use gimli::DwTag;
use gimli::write::UnitEntryId;
use kmod::ElfFile;

use crate::support::{Source, UnitOf, named, one, text};

const STRUCT: DwTag = gimli::DW_TAG_structure_type;
const POINTER: DwTag = gimli::DW_TAG_pointer_type;

/// Adds a struct of pointers to these.
fn pointers(unit: &mut UnitOf<'_>, name: &str, to: &[UnitEntryId]) -> UnitEntryId {
    let composite = unit.composite(STRUCT, name, 8 * to.len() as u64);
    fill(unit, composite, to);
    composite
}

fn fill(unit: &mut UnitOf<'_>, composite: UnitEntryId, to: &[UnitEntryId]) {
    for (place, &to) in (0..).zip(to) {
        let pointer = unit.to(POINTER, "", to);
        unit.member(composite, &format!("m{place}"), pointer, 8 * place);
    }
}

fn options() -> Options {
    Options { resolve_forwards: false, ..Options::kernel() }
}

fn base(make: impl FnOnce(&mut Source)) -> Vec<u8> {
    let mut source = Source::new();
    make(&mut source);
    source.encode(options()).btf
}

fn split(base: &[u8], make: impl FnOnce(&mut Source)) -> Vec<u8> {
    let base = PreparedBase::new(base).expect("a base");
    let mut source = Source::new();
    make(&mut source);
    let elf = ElfFile::from_bytes(source.elf()).expect("a usable file");
    Encoder::over(&base, options()).encode_elf(&elf).expect("it can be encoded").btf
}

/// What `holder` in the base only declares, one unit of the module has, and another one something else. The second unit's
/// `holder` is the first one's, whatever more of the base it would have needed.
#[test]
fn what_is_written_again_stands_for_later_copies() {
    let base = base(|source| {
        let mut unit = source.unit();
        let declared = ["one", "two"].map(|name| unit.declare(STRUCT, name));
        pointers(&mut unit, "holder", &declared);
    });
    let bytes = split(&base, |source| {
        let mut unit = source.unit();
        let has = [unit.composite(STRUCT, "one", 4), unit.declare(STRUCT, "two")];
        pointers(&mut unit, "holder", &has);
        let mut unit = source.unit();
        let has = [unit.declare(STRUCT, "one"), unit.composite(STRUCT, "two", 8)];
        let holder = pointers(&mut unit, "holder", &has);
        unit.to(gimli::DW_TAG_typedef, "second", holder);
    });
    let (base, btf) = (Btf::parse(&base).expect("valid"), Btf::parse(&bytes).expect("valid"));
    let view = btf.over(&base);
    let (holder, _) = one(view, Kind::Struct, "holder");
    assert_eq!(one(view, Kind::Typedef, "second").1.target(), Some(holder), "{}", text(view));
}

/// From the base's `outer` the way leads to `middle`, which the base declares and the first unit has, and on to `inner`, which
/// both only declare and the second unit has. That declaration is the module's, as is the way to it, so it can be resolved.
#[test]
fn behind_a_struct_of_the_module_forward_declarations_are_its_own() {
    let base = base(|source| {
        let mut unit = source.unit();
        let declared = ["middle", "inner"].map(|name| unit.declare(STRUCT, name));
        pointers(&mut unit, "outer", &declared[..1]);
        pointers(&mut unit, "seen", &declared[..1]);
        pointers(&mut unit, "other", &declared[1..]);
    });
    let bytes = split(&base, |source| {
        let mut unit = source.unit();
        let inner = unit.declare(STRUCT, "inner");
        let middle = pointers(&mut unit, "middle", &[inner]);
        pointers(&mut unit, "seen", &[middle]);
        let mut unit = source.unit();
        // The struct that leads there comes first.
        let outer = unit.composite(STRUCT, "outer", 8);
        let inner = unit.composite(STRUCT, "inner", 4);
        let middle = pointers(&mut unit, "middle", &[inner]);
        fill(&mut unit, outer, &[middle]);
    });
    let (base, btf) = (Btf::parse(&base).expect("valid"), Btf::parse(&bytes).expect("valid"));
    let view = btf.over(&base);
    assert!(named(view, Kind::Struct, "outer").is_empty(), "it is the base's: {}", text(view));
    one(view, Kind::Struct, "seen");
}

/// The base's `outer` leads to `inner` and on to `held`, which it only declares. The first unit has `held`: it writes `inner`
/// again, and finds `outer` in the base a moment later. What another unit's `inner` is depends on the way to it: from the
/// module's `user` it is the first unit's, from `outer` alone the base's.
#[test]
fn behind_a_struct_of_the_base_comes_the_copy_of_the_unit_that_led_there() {
    let base = base(|source| {
        let mut unit = source.unit();
        let held = unit.declare(STRUCT, "held");
        let inner = pointers(&mut unit, "inner", &[held]);
        pointers(&mut unit, "outer", &[inner]);
    });
    let bytes = split(&base, |source| {
        let mut unit = source.unit();
        let held = unit.composite(STRUCT, "held", 4);
        let inner = pointers(&mut unit, "inner", &[held]);
        let outer = pointers(&mut unit, "outer", &[inner]);
        pointers(&mut unit, "user", &[outer]);
        for (first, typedef) in [("user", "of_user"), ("outer", "of_outer")] {
            let mut unit = source.unit();
            // What the way begins with comes first.
            let first = unit.composite(STRUCT, first, 8);
            let held = unit.composite(STRUCT, "held", 4);
            let inner = pointers(&mut unit, "inner", &[held]);
            let next = if typedef == "of_user" { pointers(&mut unit, "outer", &[inner]) } else { inner };
            fill(&mut unit, first, &[next]);
            unit.to(gimli::DW_TAG_typedef, typedef, inner);
        }
    });
    let (base, btf) = (Btf::parse(&base).expect("valid"), Btf::parse(&bytes).expect("valid"));
    let view = btf.over(&base);
    assert!(named(view, Kind::Struct, "outer").is_empty(), "it is the base's: {}", text(view));
    let copy = one(view, Kind::Struct, "inner").0;
    let of_base = named(base.alone(), Kind::Struct, "inner")[0].0;
    let leads_to = |typedef| one(view, Kind::Typedef, typedef).1.target();
    assert_eq!([leads_to("of_user"), leads_to("of_outer")], [Some(copy), Some(of_base)], "{}", text(view));
}

/// The first unit has a pointer to `held`, which it and the base only declare; a later one has `held`. So the pointer becomes the
/// module's, and stands where the first unit has it, as with pahole, which knows as little of `held` there.
#[test]
fn what_replaces_a_type_of_the_base_stands_where_that_was_met_first() {
    let base = base(|source| {
        let mut unit = source.unit();
        let held = unit.declare(STRUCT, "held");
        pointers(&mut unit, "holder", &[held]);
    });
    let bytes = split(&base, |source| {
        let mut unit = source.unit();
        unit.composite(STRUCT, "before", 4);
        let held = unit.declare(STRUCT, "held");
        pointers(&mut unit, "holder", &[held]);
        unit.composite(STRUCT, "behind", 4);
        let mut unit = source.unit();
        let held = unit.composite(STRUCT, "held", 4);
        pointers(&mut unit, "holder", &[held]);
    });
    let (base, btf) = (Btf::parse(&base).expect("valid"), Btf::parse(&bytes).expect("valid"));
    let view = btf.over(&base);
    let [before, held, behind] = ["before", "held", "behind"].map(|name| one(view, Kind::Struct, name).0);
    let to_held: Vec<TypeId> =
        view.own_types().filter(|(_, ty)| ty.kind() == Kind::Ptr && ty.target() == Some(held)).map(|it| it.0).collect();
    assert_eq!(to_held.len(), 1, "{}", text(view));
    assert!(before < to_held[0] && to_held[0] < behind && behind < held, "{}", text(view));
}
