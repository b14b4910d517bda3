//! Forward declarations of a base, and what is written again because of them.

use btf::{Btf, Builder, Kind, Record, StrOff, TypeId};
use encode::check::BaseTypes;
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

/// A base with a circle that leads to a forward declaration.
fn declaring() -> Vec<u8> {
    base(|source| {
        let mut unit = source.unit();
        let declared = unit.declare(STRUCT, "held");
        let plain = unit.composite(STRUCT, "plain", 8);
        fill(&mut unit, plain, &[plain]);
        let circle = unit.composite(STRUCT, "circle", 16);
        fill(&mut unit, circle, &[circle, declared]);
    })
}

/// A copy of types of the base in a split over it, circles included. `held` is added if it is wanted.
fn copy(base: &Btf<'_>, kinds: &[Kind], with_held: bool) -> Vec<u8> {
    let mut builder = Builder::over(base);
    let first = base.len() + 1;
    let types: Vec<_> = base.alone().own_types().filter(|(_, ty)| kinds.contains(&ty.kind())).collect();
    for (_, ty) in &types {
        let place = |id: u32| types.iter().position(|(own, _)| own.0 == id);
        let map = |field: btf::Field| match field.value() {
            btf::Value::Type(id) => place(id.0).map_or(id.0, |place| first + u32::try_from(place).expect("few")),
            _ => field.raw,
        };
        builder.add_mapped(ty, map).expect("the same byte order");
    }
    if with_held {
        let name = builder.add_string("held").expect("no NUL");
        builder.add(&Record::sized(Kind::Struct, name, 4)).expect("well-formed");
    }
    builder.to_bytes().expect("small")
}

#[test]
fn repeated_types_are_found_with_their_reason() {
    let base = declaring();
    let base = Btf::parse(&base).expect("valid");
    let types = BaseTypes::new(&base);
    let (plain, _) = one(base.alone(), Kind::Struct, "plain");
    for with_held in [false, true] {
        let bytes = copy(&base, &[Kind::Struct, Kind::Ptr], with_held);
        let btf = Btf::parse(&bytes).expect("valid");
        let repeated = types.repeated_in(&btf);
        assert_eq!(repeated.len(), 5, "two structs and three pointers: {repeated:?}");
        let forward = named(base.alone(), Kind::Fwd, "held")[0].0;
        for repeated in &repeated {
            let ty = btf.over(&base).get(repeated.own).expect("it is there");
            assert_eq!(Some(ty.kind()), base.alone().get(repeated.base).map(|ty| ty.kind()));
            let leads_there = repeated.base != plain && ty.target() != Some(TypeId(plain.0 + base.len()));
            let is_explained = repeated.forward == Some(forward);
            if repeated.base == plain {
                assert_eq!(repeated.forward, None);
            } else if leads_there && ty.kind() == Kind::Struct {
                assert_eq!(is_explained, with_held, "{repeated:?}");
            }
        }
    }
}

#[test]
fn what_looks_like_a_type_of_the_base_and_leads_elsewhere_is_not_repeated() {
    let base = declaring();
    let base = Btf::parse(&base).expect("valid");
    let types = BaseTypes::new(&base);
    let mut builder = Builder::over(&base);
    let held = builder.add_string("held").expect("no NUL");
    let held = builder.add(&Record::sized(Kind::Struct, held, 4)).expect("well-formed");
    let pointer = builder.add(&Record::reference(Kind::Ptr, StrOff::NONE, held)).expect("well-formed");
    let (circle, ty) = one(base.alone(), Kind::Struct, "circle");
    let declared = named(base.alone(), Kind::Fwd, "held")[0].0;
    let map = |field: btf::Field| match field.value() {
        btf::Value::Type(id) if base.alone().get(id).and_then(|ty| ty.target()) == Some(declared) => pointer.0,
        _ => field.raw,
    };
    let own = builder.add_mapped(&ty, map).expect("the same byte order");
    let bytes = builder.to_bytes().expect("small");
    assert_eq!(
        types.repeated_in(&Btf::parse(&bytes).expect("valid")),
        [],
        "{own} leads to the struct, {circle} does not"
    );
    let bytes = copy(&base, &[], false);
    assert_eq!(types.repeated_in(&Btf::parse(&bytes).expect("valid")), []);
}

/// Typedefs to one or the other of two equal types mean the same, and to a third one not.
#[test]
fn repeated_types_are_taken_for_the_bases() {
    let base = declaring();
    let base = Btf::parse(&base).expect("valid");
    let types = BaseTypes::new(&base);
    let (circle, _) = one(base.alone(), Kind::Struct, "circle");
    let (plain, _) = one(base.alone(), Kind::Struct, "plain");
    let with_typedefs = |targets: &[TypeId]| {
        let bytes = copy(&base, &[Kind::Struct, Kind::Ptr], true);
        let btf = Btf::parse(&bytes).expect("valid");
        let mut builder = Builder::copy_of(btf.over(&base)).expect("it can be copied");
        let name = builder.add_string("alias").expect("no NUL");
        for &target in targets {
            builder.add(&Record::reference(Kind::Typedef, name, target)).expect("well-formed");
        }
        builder.to_bytes().expect("small")
    };
    let bytes = with_typedefs(&[]);
    let own_circle = one(Btf::parse(&bytes).expect("valid").over(&base), Kind::Struct, "circle").0;
    let [one, other, both, wrong] = [&[circle][..], &[own_circle], &[circle, own_circle], &[plain]].map(with_typedefs);
    let [one, other, both, wrong] = [&one, &other, &both, &wrong].map(|bytes| Btf::parse(bytes).expect("valid"));
    for (left, right) in [(&one, &other), (&one, &both), (&both, &other)] {
        assert!(!encode::check::differences(left.over(&base), right.over(&base)).is_empty());
        assert!(types.differences(left, right).is_empty());
    }
    let found = types.differences(&one, &wrong);
    assert_eq!((found.left.len(), found.right.len()), (1, 1));
    let twice = with_typedefs(&[circle, circle]);
    let found = types.differences(&one, &Btf::parse(&twice).expect("valid"));
    assert_eq!((found.left.len(), found.right.len()), (0, 1), "a type that is there twice is no repeated one");
}
