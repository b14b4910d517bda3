//! Relocation of distilled bases, as the kernel does it and where it refuses.

use super::*;
use crate::{Builder, Endian, Info, IntData, KindLayout, Member, Record, Role};

/// A type of a base without references: kind, name, size in bytes, kflag.
#[derive(Clone, Copy)]
struct Leaf(Kind, &'static str, u32, bool);

const INT: Leaf = Leaf(Kind::Int, "int", 4, false);

fn structure(name: &'static str, size: u32) -> Leaf {
    Leaf(Kind::Struct, name, size, false)
}

/// A distilled or a full base; ids count from 1.
fn base(leaves: &[Leaf]) -> Vec<u8> {
    let mut b = Builder::new(Endian::Little);
    for &Leaf(kind, name, size, kflag) in leaves {
        let name = b.add_string(name).unwrap();
        let record = match kind {
            Kind::Int => Record::int(name, size, IntData::new(IntData::SIGNED, 0, 32)),
            kind => Record::sized(kind, name, size),
        };
        b.add(&record.with_kflag(kflag)).unwrap();
    }
    b.to_bytes().unwrap()
}

/// How a module uses a type of the base.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    Pointer,
    /// As a member, through `const`, a typedef and an array.
    Value,
}

/// A module with `struct own` that has a member of the type with id `used`.
fn module(distilled: &Btf<'_>, used: u32, how: Use) -> Vec<u8> {
    let mut b = Builder::over(distilled);
    let ty = if how == Use::Pointer {
        b.add(&Record::reference(Kind::Ptr, StrOff::NONE, TypeId(used))).unwrap()
    } else {
        let constant = b.add(&Record::reference(Kind::Const, StrOff::NONE, TypeId(used))).unwrap();
        let alias = Record::reference(Kind::Typedef, b.add_string("alias").unwrap(), constant);
        let alias = b.add(&alias).unwrap();
        b.add(&Record::array(alias, TypeId(1), 2)).unwrap()
    };
    let name = b.add_string("member").unwrap();
    let own = Record::sized(Kind::Struct, b.add_string("own").unwrap(), 8);
    b.add(&own.member(Member { name, ty, bit_offset: 0, bitfield_size: 0 })).unwrap();
    b.to_bytes().unwrap()
}

fn parsed(bytes: &[u8]) -> Btf<'_> {
    Btf::parse(bytes).unwrap()
}

/// What stands for the last of the distilled types, which a module uses as said.
fn found(distilled: &[Leaf], running: &[Leaf], how: Use) -> Result<u32, Error> {
    let (below, running) = (base(distilled), base(running));
    let below = parsed(&below);
    let module = module(&below, u32::try_from(distilled.len()).unwrap(), how);
    let relocated = relocate(&below, &parsed(&module), &parsed(&running))?;
    assert_eq!(relocated.stands_for.len(), distilled.len() + 1);
    Ok(relocated.stands_for.last().unwrap().0)
}

fn not_mapped(found: &Result<u32, Error>) -> bool {
    matches!(found, Err(Error::NotMapped { .. }))
}

#[test]
fn nothing_but_ids_and_offsets_of_names_changes() {
    let (below, running) =
        (base(&[INT, structure("list", 16)]), base(&[structure("more", 4), structure("list", 16), INT]));
    let (below, running) = (parsed(&below), parsed(&running));
    let mut b = Builder::over(&below);
    b.set_layout([KindLayout { fixed: 0, element: 0, flags: 0 }]);
    let name = b.add_string("list").unwrap();
    let own = b.add_string("own").unwrap();
    assert_eq!((name, own), (StrOff(5), StrOff(10)), "one is the distilled base's, one is the module's");
    // Numbers that would change if they were taken for an id or for an offset.
    let array = b.add(&Record::array(TypeId(2), TypeId(1), 2)).unwrap();
    let member = Member { name, ty: array, bit_offset: 2, bitfield_size: 0 };
    b.add(&Record::sized(Kind::Struct, own, 5).member(member)).unwrap();
    b.add(&Record::sized(Kind::Enum, StrOff::NONE, 1).enumerator(own, 1)).unwrap();
    let module = b.to_bytes().unwrap();
    let relocated = relocate(&below, &parsed(&module), &running).unwrap();

    assert_eq!(relocated.stands_for, [0, 3, 2].map(TypeId));
    let words =
        |bytes: &[u8]| -> Vec<u32> { bytes.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)).collect() };
    let (header, types) = (32 / 4, parsed(&module).types_bytes().len() / 4);
    let after = words(&relocated.bytes);
    assert_eq!(words(&module)[..header], after[..header]);
    assert_eq!(words(&module)[header + types..], after[header + types..]);
    let info = |kind, vlen| Info::new(kind, vlen, false).unwrap().raw();
    let expected = [
        vec![0, info(Kind::Array, 0), 0, 2, 3, 2],
        // The running base has 15 bytes of strings and the distilled one 10; it has 3 types and that 2.
        vec![15, info(Kind::Struct, 1), 5, 6, 4, 2],
        vec![0, info(Kind::Enum, 1), 1, 15, 1],
    ];
    assert_eq!(after[header..header + types], expected.concat());
    let seen = parsed(&relocated.bytes);
    let view = seen.over(&running);
    let own = view.get(TypeId(5)).unwrap();
    assert_eq!(view.name(&own).unwrap(), "own");
    assert_eq!(view.string(own.members().next().unwrap().name).unwrap(), "list");
}

#[test]
fn the_other_byte_order() {
    let swapped = |bytes: Vec<u8>| Builder::copy_in(parsed(&bytes).alone(), Endian::Big).unwrap().to_bytes().unwrap();
    let (below, running) = (base(&[INT]), base(&[structure("more", 4), INT]));
    let module = module(&parsed(&below), 1, Use::Value);
    let little = relocate(&parsed(&below), &parsed(&module), &parsed(&running)).unwrap();
    let [below, running, module] = [below, running, module].map(swapped);
    let big = relocate(&parsed(&below), &parsed(&module), &parsed(&running)).unwrap();
    assert_eq!(big, Relocated { bytes: swapped(little.bytes), ..little });
}

#[test]
fn what_is_contained_keeps_its_size() {
    let list = [INT, structure("list", 16)];
    for (how, refused) in [(Use::Pointer, false), (Use::Value, true)] {
        assert_eq!(found(&list, &[INT, structure("list", 16)], how), Ok(2));
        let grown = found(&list, &[INT, structure("list", 24)], how);
        assert_eq!(not_mapped(&grown), refused, "{how:?}: {grown:?}");
    }
    assert!(not_mapped(&found(&list, &[INT], Use::Pointer)));
}

#[test]
fn numbers_keep_size_and_encoding() {
    let double = Leaf(Kind::Float, "double", 8, false);
    let of_size = |leaf: Leaf, size| Leaf(leaf.0, leaf.1, size, leaf.3);
    for leaf in [INT, double, Leaf(Kind::Enum, "state", 4, false)] {
        assert_eq!(found(&[leaf], &[structure("first", 1), leaf], Use::Pointer), Ok(2));
        assert!(not_mapped(&found(&[leaf], &[of_size(leaf, 16)], Use::Pointer)));
        assert!(not_mapped(&found(&[leaf], &[Leaf(Kind::Union, leaf.1, leaf.2, leaf.3)], Use::Pointer)));
    }
    let int = |encoding, bits| {
        let mut b = Builder::new(Endian::Little);
        let name = b.add_string("int").unwrap();
        b.add(&Record::int(name, 4, IntData::new(encoding, 0, bits))).unwrap();
        b.to_bytes().unwrap()
    };
    let below = base(&[INT]);
    let module = module(&parsed(&below), 1, Use::Pointer);
    let mapped = |running: &[u8]| relocate(&parsed(&below), &parsed(&module), &parsed(running)).is_ok();
    assert!(!mapped(&int(IntData::CHAR, 32)));
    assert!(mapped(&int(IntData::SIGNED, 16)), "the number of bits is not looked at");
    assert!(mapped(&base(&[Leaf(Kind::Int, "int", 4, true)])));
}

#[test]
fn an_enum_of_either_width_stands_for_an_enum() {
    let state = [Leaf(Kind::Enum, "state", 8, false)];
    assert_eq!(found(&state, &[Leaf(Kind::Enum64, "state", 8, true)], Use::Pointer), Ok(1));
    assert!(not_mapped(&found(&state, &[Leaf(Kind::Int, "state", 8, false)], Use::Pointer)));
}

#[test]
fn a_forward_declaration_takes_the_structs_own_kflag_for_its_own() {
    let declared = |union, kind, kflag| {
        found(&[Leaf(Kind::Fwd, "list", 0, union)], &[Leaf(kind, "list", 0, kflag)], Use::Pointer).is_ok()
    };
    for union in [false, true] {
        for kflag in [false, true] {
            assert_eq!(declared(union, Kind::Fwd, kflag), union == kflag);
            assert_eq!(declared(union, Kind::Struct, kflag), !kflag, "whatever was declared");
            assert_eq!(declared(union, Kind::Union, kflag), kflag, "whatever was declared");
        }
        assert!(!declared(union, Kind::Enum, false));
    }
}

#[test]
fn nothing_compares_the_kind_of_what_stands_for_a_struct() {
    let size = |kind| if kind == Kind::Fwd { 0 } else { 16 };
    for distilled in [Kind::Struct, Kind::Union] {
        for kind in [Kind::Struct, Kind::Union, Kind::Fwd, Kind::Enum, Kind::Enum64, Kind::Int, Kind::Float] {
            for how in [Use::Pointer, Use::Value] {
                let found =
                    found(&[INT, Leaf(distilled, "a", 16, false)], &[INT, Leaf(kind, "a", size(kind), false)], how);
                let fits = how == Use::Pointer || size(kind) == 16;
                assert_eq!(found == Ok(2), fits, "{distilled} by {kind}: {found:?}");
            }
        }
    }
    // An enum is looked up by size even where a struct of the name is not.
    assert!(not_mapped(&found(&[structure("a", 16)], &[Leaf(Kind::Enum, "a", 4, false)], Use::Pointer)));
    for kind in [Kind::Typedef, Kind::Ptr, Kind::Func, Kind::Datasec] {
        assert!(not_mapped(&found(&[structure("a", 16)], &[Leaf(kind, "a", 16, false)], Use::Pointer)));
    }
}

#[test]
fn of_several_structs_with_a_name_the_size_decides() {
    let two = [structure("list", 16), Leaf(Kind::Union, "list", 24, false)];
    let list = |size| found(&[structure("list", size)], &two, Use::Pointer);
    assert_eq!((list(16), list(24)), (Ok(1), Ok(2)));
    assert!(not_mapped(&list(32)), "the size is asked for only now that there are two");
    // A forward declaration beside them is looked for by name alone.
    let three = [two[0], two[1], Leaf(Kind::Fwd, "list", 0, false)];
    let error = found(&[structure("list", 24)], &three, Use::Pointer).unwrap_err();
    let expected =
        "distilled base BTF type 'list' [1], size 0 has multiple candidates of the same size (ids [3, 2]) in base BTF";
    assert_eq!(error.kernel_line().unwrap(), expected);

    let error = found(&[structure("list", 16)], &[two[0], two[0]], Use::Pointer).unwrap_err();
    let line =
        "distilled base BTF type 'list' [1], size 16 has multiple candidates of the same size (ids [2, 1]) in base BTF";
    assert_eq!((error.errno(), error.kernel_line()), (Some(22), Some(line.into())));

    // Sizes are compared without their highest bit.
    assert_eq!(found(&[structure("list", 16)], &[structure("list", 0x8000_0010), two[1]], Use::Pointer), Ok(1));
}

#[test]
fn names_are_counted_by_where_they_lie() {
    // The same name twice in the strings: two structs of other sizes, and none is looked for by size.
    let mut running = base(&[structure("list", 16), structure("tsil", 24)]);
    let at = running.windows(4).position(|bytes| bytes == b"tsil").unwrap();
    running[at..at + 4].copy_from_slice(b"list");
    let below = base(&[structure("list", 16)]);
    let module = module(&parsed(&below), 1, Use::Pointer);
    let error = relocate(&parsed(&below), &parsed(&module), &parsed(&running)).unwrap_err();
    let candidates = [TypeId(1), TypeId(2)];
    assert_eq!(error, Error::Ambiguous { name: "list".into(), distilled: TypeId(1), size: 24, candidates });
}

#[test]
fn equal_distilled_types_share_what_stands_for_them() {
    let (below, running) = (base(&[structure("list", 16), structure("list", 24)]), base(&[INT, structure("list", 8)]));
    let module = module(&parsed(&below), 1, Use::Pointer);
    let relocated = relocate(&parsed(&below), &parsed(&module), &parsed(&running)).unwrap();
    assert_eq!(relocated.stands_for, [0, 2, 2].map(TypeId));
}

#[test]
fn a_distilled_base_holds_what_has_a_name() {
    let line = |leaf| {
        let error = found(&[leaf], &[INT], Use::Pointer).unwrap_err();
        (error.errno(), error.kernel_line().unwrap().to_string())
    };
    for kind in [Kind::Int, Kind::Float, Kind::Enum, Kind::Struct, Kind::Union, Kind::Fwd] {
        let number = kind.number();
        let expected = format!("type [1], kind [{number}] is invalid for distilled base BTF; it is anonymous");
        assert_eq!(line(Leaf(kind, "", 4, false)), (Some(22), expected));
    }
    for kind in [Kind::Ptr, Kind::Typedef, Kind::Func, Kind::Datasec, Kind::Enum64] {
        for name in ["", "named"] {
            let expected = format!("type [1] in distilled based BTF has unexpected kind [{}]", kind.number());
            assert_eq!(line(Leaf(kind, name, 4, false)), (Some(22), expected), "its kind is looked at first");
        }
    }
}

#[test]
fn what_the_kernel_says() {
    let error = found(&[INT, structure("lost", 4)], &[INT], Use::Pointer).unwrap_err();
    assert_eq!(error.kernel_line().unwrap(), "distilled base BTF type 'lost' [2] is not mapped to base BTF id");
    assert_eq!(error.errno(), Some(22));

    // A name that is empty although it has an offset: it is that of `void`.
    let mut b = Builder::new(Endian::Little);
    b.add_string("a").unwrap();
    b.add(&Record::new(Kind::Fwd).named(StrOff(2))).unwrap();
    let (running, below) = (b.to_bytes().unwrap(), base(&[INT]));
    let module = module(&parsed(&below), 1, Use::Pointer);
    let error = relocate(&parsed(&below), &parsed(&module), &parsed(&running)).unwrap_err();
    assert_eq!(error.kernel_line().unwrap(), "base BTF id [1] maps to invalid distilled base BTF id [0]");
    assert_eq!(error.errno(), Some(22));
}

#[test]
fn names_begin_where_those_of_distilled_types_do() {
    let below = base(&[INT, structure("first_second", 4)]);
    let below = parsed(&below);
    let named = |offset| {
        let mut b = Builder::over(&below);
        b.add(&Record::reference(Kind::Typedef, StrOff(offset), TypeId(1))).unwrap();
        let module = b.to_bytes().unwrap();
        relocate(&below, &parsed(&module), &below).map(|relocated| relocated.bytes == module)
    };
    assert_eq!((named(0), named(1), named(5)), (Ok(true), Ok(true), Ok(true)));
    let error = named(11).unwrap_err();
    let string = "second".into();
    assert_eq!(error, Error::StringNotMapped { holder: TypeId(3), offset: StrOff(11), string });
    assert_eq!(
        (error.errno(), error.kernel_line()),
        (Some(2), Some("string '' [offset 11] is not mapped to base BTF".into()))
    );
}

/// What relocating a module of these types to the base that it was distilled from comes to.
fn with_types(records: &[Record]) -> Result<Relocated, Error> {
    let below = base(&[INT, structure("list", 16)]);
    let below = parsed(&below);
    let mut b = Builder::over(&below);
    for record in records {
        b.add(record).unwrap();
    }
    relocate(&below, &parsed(&b.to_bytes().unwrap()), &below)
}

fn containing(ty: u32) -> Record {
    Record::sized(Kind::Struct, StrOff::NONE, 4).element(&[(Role::Type, ty)])
}

#[test]
fn what_the_kernel_does_not_foresee() {
    let loops = [
        Record::array(TypeId(4), TypeId(1), 1),
        Record::reference(Kind::Const, StrOff::NONE, TypeId(3)),
        containing(4),
    ];
    let error = with_types(&loops).unwrap_err();
    assert_eq!((error.errno(), error.kernel_line()), (None, None));
    assert_eq!(error, Error::Endless { id: TypeId(4) });
    assert!(with_types(&loops[..2]).is_ok(), "nothing follows them");
    let around = [containing(4), Record::array(TypeId(3), TypeId(1), 1)];
    assert!(with_types(&around).is_ok(), "a struct is not looked into");

    let error = with_types(&[Record::reference(Kind::Ptr, StrOff::NONE, TypeId(4))]).unwrap_err();
    assert_eq!(error, Error::NoSuchType { holder: TypeId(3), id: TypeId(4) });
    assert_eq!(error.errno(), None);
    let error = with_types(&[containing(4), Record::reference(Kind::Const, StrOff::NONE, TypeId(5))]).unwrap_err();
    assert_eq!(error, Error::NoSuchType { holder: TypeId(4), id: TypeId(5) });
}

#[test]
fn a_kind_that_is_only_stepped_over_is_not_relocated() {
    let below = base(&[INT]);
    let below = parsed(&below);
    let mut b = Builder::over(&below);
    b.set_layout([KindLayout { fixed: 0, element: 0, flags: 0 }; 31]);
    b.add(&Record::new(Kind::Other(30))).unwrap();
    let error = relocate(&below, &parsed(&b.to_bytes().unwrap()), &below).unwrap_err();
    assert_eq!(error, Error::UnknownKind { id: TypeId(2), kind: 30 });
    assert_eq!((error.errno(), error.kernel_line()), (Some(22), None));
}

#[test]
fn a_long_way_down_is_gone_once() {
    // Each array holds the one before it, and each struct the last of them: 22 billion steps for who goes each time.
    const ARRAYS: u32 = 150_000;
    let arrays = (0..ARRAYS).map(|n| Record::array(TypeId(if n == 0 { 2 } else { n + 2 }), TypeId(1), 1));
    let structs = (0..ARRAYS).map(|_| containing(ARRAYS + 2));
    let records: Vec<_> = arrays.chain(structs).collect();
    let embedded = with_types(&records).unwrap();
    assert_eq!(embedded.stands_for, [0, 1, 2].map(TypeId));
}

#[test]
fn types_of_one_name_are_not_compared_each_with_each() {
    // Declarations of a struct and of a union fit neither way: 10 billion steps for those who compare them all.
    const TYPES: usize = 100_000;
    let [distilled, running] = [false, true].map(|is_union| base(&vec![Leaf(Kind::Fwd, "same", 0, is_union); TYPES]));
    let distilled = parsed(&distilled);
    let split = Builder::over(&distilled).to_bytes().unwrap();
    let error = relocate(&distilled, &parsed(&split), &parsed(&running)).unwrap_err();
    assert!(matches!(error, Error::NotMapped { distilled: TypeId(1), .. }), "{error}");
}
