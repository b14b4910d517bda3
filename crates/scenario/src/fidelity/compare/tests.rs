//! Tests of modules over bases that are equal, shifted, reordered or extended.

use btf::{Builder, Endian, IntData, Kind, Member, Record, StrOff, TypeId};

use super::*;
use crate::boots::measured::Example;

/// A base: strings that precede all others, and structs from id 2 on, each given by name, size in bytes and the name
/// of its only member. Id 1 is an `int`.
fn base(before: &[&str], structs: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut b = Builder::new(Endian::Little);
    for string in before {
        b.add_string(string).unwrap();
    }
    let name = b.add_string("int").unwrap();
    let int = b.add(&Record::int(name, 4, IntData::new(IntData::SIGNED, 0, 32))).unwrap();
    for &(name, size, member) in structs {
        let record = Record::sized(Kind::Struct, b.add_string(name).unwrap(), size);
        let name = b.add_string(member).unwrap();
        b.add(&record.member(Member { name, ty: int, bit_offset: 0, bitfield_size: 0 })).unwrap();
    }
    b.to_bytes().unwrap()
}

/// A module with `struct own { struct <first of the base> *first; struct <second> second; }` and the types it needs.
/// The members have the names of structs of the base.
fn module(base: &Btf<'_>) -> Vec<u8> {
    let mut b = Builder::over(base);
    let [first, second] = [2, 3].map(|id| base.alone().name(&base.alone().get(TypeId(id)).unwrap()).unwrap());
    let pointer = b.add(&Record::reference(Kind::Ptr, StrOff::NONE, TypeId(2))).unwrap();
    let mut record = Record::sized(Kind::Struct, b.add_string("own").unwrap(), 16);
    for (name, ty, bit_offset) in [(first, pointer, 0), (second, TypeId(3), 64)] {
        record = record.member(Member { name: b.add_string(name).unwrap(), ty, bit_offset, bitfield_size: 0 });
    }
    b.add(&record).unwrap();
    b.to_bytes().unwrap()
}

/// Measures [`module`] over another base than the one it was made against.
fn over(build: &[u8], running: &[u8]) -> TypeFidelity {
    let (build, running) = (Btf::parse(build).unwrap(), Btf::parse(running).unwrap());
    let module = module(&build);
    let split = Btf::parse(&module).unwrap();
    measure(&Bases::new(&build, &running), "sample", &split)
}

fn counts(fidelity: &TypeFidelity) -> [usize; 3] {
    [fidelity.other_name_or_kind, fidelity.other_layout, fidelity.other_closure]
}

const STRUCTS: [(&str, u32, &str); 3] = [("primary_device", 8, "a"), ("block_dio", 4, "b"), ("unused", 4, "c")];

#[test]
fn over_the_base_that_it_was_made_with_everything_is_true() {
    let fidelity = over(&base(&[], &STRUCTS), &base(&[], &STRUCTS));
    assert_eq!((fidelity.types, counts(&fidelity)), (2, [0, 0, 0]));
    assert!(fidelity.holds() && fidelity.examples.is_empty());
}

#[test]
fn shifted_strings_garble_names_that_the_module_takes_from_the_base() {
    let mut as_long = STRUCTS;
    as_long[2].0 = "varied";
    assert!(over(&base(&[], &STRUCTS), &base(&[], &as_long)).holds(), "nothing in use has moved");

    // With one byte less before them, the offsets point one byte further into each name.
    let fidelity = over(&base(&["xy"], &STRUCTS), &base(&["x"], &STRUCTS));
    assert_eq!(counts(&fidelity), [1, 1, 1], "the pointer's target has its name from the base, so it is what it was");
    let expected = Example {
        meant: "struct own { struct primary_device *primary_device; struct block_dio block_dio; }".to_owned(),
        seen: "struct wn { struct primary_device *rimary_device; struct block_dio lock_dio; }".to_owned(),
    };
    // `own` is in the module's strings, whose first offset also moved.
    assert_eq!(fidelity.examples, [expected]);
}

#[test]
fn shifted_ids_land_on_other_types() {
    // The strings are the same, so only the ids differ, and the kernel reports nothing.
    let strings = ["int", "primary_device", "a", "block_dio", "b", "unused", "c"];
    let [first, second, third] = STRUCTS;
    let reordered = base(&strings, &[second, first, third]);
    let original = base(&strings, &STRUCTS);
    assert_eq!(original.len(), reordered.len());
    let fidelity = over(&original, &reordered);
    assert_eq!(counts(&fidelity), [2, 2, 2]);
    let first = &fidelity.examples[0];
    assert_eq!(first.meant, "struct own { struct primary_device *primary_device; struct block_dio block_dio; }");
    assert_eq!(first.seen, "struct own { struct block_dio *primary_device; struct primary_device block_dio; }");

    let mut more = STRUCTS.to_vec();
    more.push(("added", 4, "d"));
    let longer = [&strings[..], &["added", "d"]].concat();
    let fidelity = over(&base(&longer, &STRUCTS), &base(&longer, &more));
    // The module's own ids also move, so references to the module's own types lead elsewhere.
    assert_eq!(counts(&fidelity), [1, 1, 1]);
    assert_eq!(fidelity.examples.len(), 1);
}

#[test]
fn a_struct_that_grew_matters_by_how_it_is_used() {
    let strings = ["int", "primary_device", "a", "block_dio", "b", "unused", "c"];
    let mut grown = STRUCTS;
    grown[0].1 = 64;
    let fidelity = over(&base(&strings, &STRUCTS), &base(&strings, &grown));
    assert_eq!(counts(&fidelity), [0, 0, 2], "it is behind a pointer");
    assert_eq!(fidelity.examples[0].meant, "struct own: STRUCT own.primary_device > PTR > 8 bytes");
    assert_eq!(fidelity.examples[0].seen, "struct own: STRUCT own.primary_device > PTR > 64 bytes");

    let mut grown = STRUCTS;
    grown[1].1 = 64;
    let fidelity = over(&base(&strings, &STRUCTS), &base(&strings, &grown));
    assert_eq!(counts(&fidelity), [0, 1, 1], "it is contained");
}

#[test]
fn many_modules_are_measured_in_their_order() {
    let (build, running) = (base(&["xy"], &STRUCTS), base(&["x"], &STRUCTS));
    let (build, running) = (Btf::parse(&build).unwrap(), Btf::parse(&running).unwrap());
    let module = module(&build);
    let modules: Vec<_> = ["b", "a", "c"].map(|name| (name.to_owned(), Btf::parse(&module).unwrap())).into();
    let bases = Bases::new(&build, &running);
    let all = measure_all(&bases, &modules);
    assert_eq!(all.iter().map(|fidelity| fidelity.module.as_str()).collect::<Vec<_>>(), ["b", "a", "c"]);
    assert!(all.iter().all(|fidelity| counts(fidelity) == [1, 1, 1]));
}
