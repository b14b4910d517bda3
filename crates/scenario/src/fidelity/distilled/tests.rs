//! Tests of modules with a distilled base, on kernels with another base.

use btf::{Builder, Endian, IntData, Kind, Member, Record, StrOff, TypeId};

use super::*;

/// A struct of a base: its name, its size in bytes and the names of its members, 4 bytes each.
type Struct = (&'static str, u32, &'static [&'static str]);

const DEVICE: Struct = ("device", 8, &["users", "state"]);
const LIST: Struct = ("list", 8, &["head", "tail"]);

/// A base: an `int` and structs, whose ids count from 2.
fn base(structs: &[Struct]) -> Vec<u8> {
    let mut b = Builder::new(Endian::Little);
    let name = b.add_string("int").unwrap();
    let int = b.add(&Record::int(name, 4, IntData::new(IntData::SIGNED, 0, 32))).unwrap();
    for &(name, size, members) in structs {
        let mut record = Record::sized(Kind::Struct, b.add_string(name).unwrap(), size);
        for (name, bit_offset) in members.iter().zip((0..).step_by(32)) {
            let name = b.add_string(name).unwrap();
            record = record.member(Member { name, ty: int, bit_offset, bitfield_size: 0 });
        }
        b.add(&record).unwrap();
    }
    b.to_bytes().unwrap()
}

/// Measures a module with `struct own { struct device *device; struct list list; }`, built over one base, on another.
fn over(built: &[Struct], running: &[Struct]) -> Result<DistilledFidelity, DistilledError> {
    let below = base(&[("device", 8, &[]), ("list", 8, &[])]);
    let below = Btf::parse(&below).unwrap();
    let mut b = Builder::over(&below);
    let pointer = b.add(&Record::reference(Kind::Ptr, StrOff::NONE, TypeId(2))).unwrap();
    let mut record = Record::sized(Kind::Struct, b.add_string("own").unwrap(), 16);
    for (name, ty, bit_offset) in [("device", pointer, 0), ("list", TypeId(3), 64)] {
        record = record.member(Member { name: b.add_string(name).unwrap(), ty, bit_offset, bitfield_size: 0 });
    }
    b.add(&record).unwrap();
    let split = b.to_bytes().unwrap();
    let (built, running) = (base(built), base(running));
    let (built, running) = (Btf::parse(&built).unwrap(), Btf::parse(&running).unwrap());
    measure_distilled(&Bases::new(&built, &running), "sample", &below, &Btf::parse(&split).unwrap())
}

fn counts(distilled: &DistilledFidelity) -> [usize; 3] {
    let fidelity = &distilled.fidelity;
    [fidelity.other_name_or_kind, fidelity.other_layout, fidelity.other_closure]
}

#[test]
fn it_stays_true_where_ids_and_strings_move() {
    let same = over(&[DEVICE, LIST], &[DEVICE, LIST]).unwrap();
    let moved = over(&[DEVICE, LIST], &[("added", 64, &["more"]), LIST, ("between", 4, &[]), DEVICE]).unwrap();
    for distilled in [&same, &moved] {
        assert!(distilled.fidelity.holds() && distilled.fidelity.examples.is_empty());
        assert_eq!((distilled.fidelity.module.as_str(), distilled.fidelity.types), ("sample", 2));
    }
    assert_ne!(same.relocated, moved.relocated);
    let running = base(&[("added", 64, &["more"]), LIST, ("between", 4, &[]), DEVICE]);
    let (running, relocated) = (Btf::parse(&running).unwrap(), Btf::parse(&moved.relocated).unwrap());
    let view = relocated.over(&running);
    let (_, pointer) = view.own_types().next().unwrap();
    assert_eq!(view.name(&view.get(pointer.target().unwrap()).unwrap()).unwrap(), "device");
}

#[test]
fn members_that_a_distilled_base_lacks_may_become_wrong() {
    let swapped = over(&[DEVICE, LIST], &[("device", 8, &["state", "users"]), LIST]).unwrap();
    assert_eq!(counts(&swapped), [0, 0, 2], "it is behind a pointer");
    let expected = "struct own: STRUCT own.device > PTR > ";
    let example = &swapped.fidelity.examples[0];
    assert!(example.meant.starts_with(expected) && example.meant.contains("users"), "{example:?}");
    assert!(example.seen.starts_with(expected) && example.seen.contains("state"), "{example:?}");

    let swapped = over(&[DEVICE, LIST], &[DEVICE, ("list", 8, &["tail", "head"])]).unwrap();
    assert_eq!(counts(&swapped), [0, 1, 1], "it is contained");
    let grown = over(&[DEVICE, LIST], &[("device", 80, &["users", "state"]), LIST]).unwrap();
    assert_eq!(counts(&grown), [0, 0, 2]);
}

#[test]
fn refusals_of_the_two_kernels_are_different_errors() {
    let grown = ("list", 16, LIST.2);
    let error = over(&[DEVICE, LIST], &[DEVICE, grown]).unwrap_err();
    let DistilledError::Running { module, source } = error else { panic!("{error}") };
    assert_eq!((module.as_str(), source.errno()), ("sample", Some(22)));
    assert_eq!(source.kernel_line().unwrap(), "distilled base BTF type 'list' [3] is not mapped to base BTF id");

    let error = over(&[DEVICE, grown], &[DEVICE, LIST]).unwrap_err();
    assert!(matches!(error, DistilledError::Built { .. }), "{error}");
    let error = over(&[DEVICE], &[LIST]).unwrap_err();
    let DistilledError::Running { source, .. } = error else { panic!("{error}") };
    assert!(source.to_string().contains("`device`"), "{source}");
}
