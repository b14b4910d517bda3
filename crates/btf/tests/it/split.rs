//! Tests of split BTF over its base, over another base, and without a base.

use crate::common::SAMPLES;
use crate::exercise;
use btf::{Btf, Builder, Endian, IntData, Kind, Member, Record, StrOff, TypeId};

/// A base with an int and structs of these names.
fn base(names: &[&str]) -> Vec<u8> {
    let mut btf = Builder::new(Endian::Little);
    let int = btf.add_string("int").unwrap();
    btf.add(&Record::int(int, 4, IntData::new(IntData::SIGNED, 0, 32))).unwrap();
    for name in names {
        let name = btf.add_string(name).unwrap();
        btf.add(&Record::sized(Kind::Struct, name, 4)).unwrap();
    }
    btf.to_bytes().unwrap()
}

/// A split with its own struct, whose member uses a name and a type of the base.
fn split(base: &Btf<'_>) -> Vec<u8> {
    let mut btf = Builder::over(base);
    let (own, shared) = (btf.add_string("own").unwrap(), btf.add_string("primary_device").unwrap());
    assert!(shared.0 < base.header().strings.length, "a string that the base has is taken from there");
    assert_eq!(own.0, base.header().strings.length);
    let member = Member { name: shared, ty: TypeId(2), bit_offset: 0, bitfield_size: 0 };
    let id = btf.add(&Record::sized(Kind::Struct, own, 4).member(member)).unwrap();
    assert_eq!(id.0, base.len() + 1);
    btf.add(&Record::reference(Kind::Ptr, StrOff::NONE, id)).unwrap();
    btf.to_bytes().unwrap()
}

#[test]
fn ids_and_strings_go_on_after_the_base() {
    let base = base(&["primary_device", "audio"]);
    let base = Btf::parse(&base).unwrap();
    let bytes = split(&base);
    let split = Btf::parse(&bytes).unwrap();
    let view = split.over(&base);
    assert_eq!((view.first_id(), view.type_count()), (TypeId(4), 6));
    let own = view.get(TypeId(4)).unwrap();
    assert_eq!(view.name(&own).unwrap(), "own");
    let member = own.members().next().unwrap();
    assert_eq!(view.string(member.name).unwrap(), "primary_device");
    assert_eq!(view.name(&view.get(member.ty).unwrap()).unwrap(), "primary_device");
    let pointer = view.get(TypeId(5)).unwrap();
    assert_eq!((pointer.kind(), pointer.target()), (Kind::Ptr, Some(TypeId(4))));
    assert_eq!(view.get(TypeId::VOID).unwrap().kind(), Kind::Void);
    assert!(view.get(TypeId(6)).is_none());
    assert!(view.types().map(|(id, _)| id.0).eq(1..6));
    assert!(view.is_own(TypeId(4)) && !view.is_own(TypeId(3)) && !view.is_own(TypeId(6)));
}

/// The view of a kernel of another build: the same bytes resolve to other names, including tails of strings.
#[test]
fn over_another_base_the_same_bytes_mean_something_else() {
    let [made_with, running] =
        [base(&["primary_device", "audio"]), base(&["x", "yz", "audio", "whatever", "primary_device"])];
    let (made_with, running) = (Btf::parse(&made_with).unwrap(), Btf::parse(&running).unwrap());
    let bytes = split(&made_with);
    let split = Btf::parse(&bytes).unwrap();
    let (own_id, view) = (split.over(&running).first_id(), split.over(&running));
    assert_eq!(own_id, TypeId(7));
    let own = view.get(own_id).unwrap();
    assert_eq!(view.name(&own).unwrap(), "rimary_device");
    let member = own.members().next().unwrap();
    assert_eq!(view.string(member.name).unwrap(), "x");
    assert_eq!(view.name(&view.get(member.ty).unwrap()).unwrap(), "x");
    let pointer = view.get(TypeId(8)).unwrap();
    assert_eq!(pointer.target(), Some(TypeId(4)), "which is a type of the base's here");
}

#[test]
fn over_a_smaller_base_references_dangle() {
    let [made_with, running] = [base(&["primary_device", "audio"]), base(&[])];
    let (made_with, running) = (Btf::parse(&made_with).unwrap(), Btf::parse(&running).unwrap());
    let bytes = split(&made_with);
    let split = Btf::parse(&bytes).unwrap();
    let view = split.over(&running);
    let own = view.get(view.first_id()).unwrap();
    assert_eq!(view.name(&own), None, "an offset past the end of all strings");
    assert!(view.get(TypeId(4)).is_none());
}

#[test]
fn a_base_can_have_the_other_byte_order() {
    let base = base(&["primary_device"]);
    let base = Btf::parse(&base).unwrap();
    let swapped = Builder::copy_in(base.alone(), Endian::Big).unwrap().to_bytes().unwrap();
    let swapped = Btf::parse(&swapped).unwrap();
    let bytes = split(&base);
    let split = Btf::parse(&bytes).unwrap();
    let [a, b] = [&base, &swapped].map(|base| split.over(base).types().map(|(_, ty)| ty.fields().collect::<Vec<_>>()));
    assert!(a.eq(b));
}

#[test]
fn real_modules_over_anything() {
    let base = base(&["primary_device", "audio"]);
    for (_, bytes) in SAMPLES {
        exercise::split(&base, bytes).unwrap();
        for (_, other) in SAMPLES {
            exercise::split(other, bytes).unwrap();
        }
    }
}

#[test]
fn a_string_of_a_split_can_be_shared_after_a_copy() {
    let base = base(&["primary_device"]);
    let base = Btf::parse(&base).unwrap();
    let bytes = split(&base);
    let split = Btf::parse(&bytes).unwrap();
    let mut copy = Builder::copy_of(split.over(&base)).unwrap();
    assert_eq!(copy.add_string("own").unwrap(), split.over(&base).first_string());
    assert_eq!(copy.add_string("int").unwrap(), StrOff(1));
    let new = copy.add_string("new").unwrap();
    assert_eq!(new.0, base.header().strings.length + 4);
    assert_eq!(copy.next_id(), TypeId(5));
}
