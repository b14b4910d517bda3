//! The comparison of two encoders' output, held to what it must see.

use btf::{Btf, Builder, Endian, Enumerator, IntData, Kind, Member, Record, Role, StrOff, TypeId};
use encode_check::differences;

/// One type of every kind. `change` may alter each field before it is written.
fn all_kinds(mut change: impl FnMut(usize, btf::Field) -> u32) -> Vec<u8> {
    let mut builder = Builder::new(Endian::Little);
    let mut name = |text: &str| builder.add_string(text).expect("no NUL");
    let [int, a, b, tag, f, v, s] = ["int", "a", "b", "tag", "f", "v", "s"].map(&mut name);
    let id = TypeId(1);
    let member = |name, ty, bit_offset| Member { name, ty, bit_offset, bitfield_size: 0 };
    let records = [
        Record::int(int, 4, IntData::new(IntData::SIGNED, 0, 32)),
        Record::reference(Kind::Ptr, StrOff::NONE, id),
        Record::array(id, id, 3),
        Record::sized(Kind::Struct, a, 8).member(member(a, id, 0)).member(member(b, TypeId(2), 32)),
        Record::sized(Kind::Union, b, 8).member(member(b, id, 0)),
        Record::sized(Kind::Enum, a, 4).enumerator(b, 7),
        Record::reference(Kind::Fwd, s, TypeId::VOID),
        Record::reference(Kind::Typedef, a, TypeId(4)),
        Record::reference(Kind::Volatile, StrOff::NONE, id),
        Record::reference(Kind::Const, StrOff::NONE, id),
        Record::reference(Kind::Restrict, StrOff::NONE, TypeId(2)),
        Record::reference(Kind::FuncProto, StrOff::NONE, id).param(a, TypeId(4)),
        Record::reference(Kind::Func, f, TypeId(12)),
        Record::reference(Kind::Var, v, id).with(Role::Linkage, 1),
        Record::sized(Kind::Datasec, s, 16).element(&[(Role::Type, 14), (Role::Offset, 4), (Role::Length, 4)]),
        Record::sized(Kind::Float, f, 8),
        Record::reference(Kind::DeclTag, tag, TypeId(4)).with(Role::Component, 1),
        Record::reference(Kind::TypeTag, tag, id),
        Record::sized(Kind::Enum64, b, 8).enumerator(a, 1 << 40),
    ];
    for record in records {
        builder.add(&record).expect("well-formed");
    }
    let plain = builder.to_bytes().expect("small");
    let plain = Btf::parse(&plain).expect("valid");
    let mut builder = Builder::new(Endian::Little);
    for text in ["int", "a", "b", "tag", "f", "v", "s"] {
        builder.add_string(text).expect("no NUL");
    }
    for (place, ty) in plain.iter().enumerate() {
        builder.add_mapped(&ty, |field| change(place, field)).expect("the same byte order");
    }
    builder.to_bytes().expect("small")
}

#[test]
fn a_change_of_any_field_of_any_kind_is_told() {
    let plain = all_kinds(|_, field| field.raw);
    let plain_btf = Btf::parse(&plain).expect("valid");
    assert!(differences(plain_btf.alone(), plain_btf.alone()).is_empty());
    let mut seen = 0;
    for (place, ty) in plain_btf.iter().enumerate() {
        for target in ty.fields().filter(|field| !matches!(field.role, Role::Info | Role::Unused)) {
            let bytes = all_kinds(|at, field| {
                let raw = field.raw;
                match field.role {
                    _ if at != place || field.offset != target.offset => raw,
                    // Another name, another type, another number.
                    Role::Name => {
                        if raw == 1 {
                            5
                        } else {
                            1
                        }
                    }
                    Role::Type | Role::IndexType => {
                        if raw == 6 {
                            16
                        } else {
                            6
                        }
                    }
                    _ => raw ^ 2,
                }
            });
            let other = Btf::parse(&bytes).expect("valid");
            let found = differences(plain_btf.alone(), other.alone());
            let (kind, role) = (ty.kind(), target.role);
            assert!(!found.left.is_empty() && !found.right.is_empty(), "{kind} {role:?} {:?}", target.element);
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen} fields");
}

#[test]
fn order_and_copies_of_strings_do_not_matter_and_missing_copies_of_types_do() {
    let build = |names: &[&str]| {
        let mut builder = Builder::new(Endian::Little);
        for name in names {
            let name = builder.add_string(name).expect("no NUL");
            builder.add(&Record::reference(Kind::Fwd, name, TypeId::VOID)).expect("well-formed");
        }
        builder.to_bytes().expect("small")
    };
    let [one, turned, doubled] = [&["x", "y"][..], &["y", "x"], &["x", "y", "x"]].map(build);
    let [one, turned, doubled] = [&one, &turned, &doubled].map(|bytes| Btf::parse(bytes).expect("valid"));
    assert!(differences(one.alone(), turned.alone()).is_empty());
    let found = differences(one.alone(), doubled.alone());
    assert_eq!((found.left.len(), found.right.len(), found.common), (0, 1, 2));
}

/// What an enumerator of the sample is, so that the sample stays one of each width.
#[test]
fn the_sample_has_every_kind() {
    let bytes = all_kinds(|_, field| field.raw);
    let btf = Btf::parse(&bytes).expect("valid");
    let kinds: Vec<Kind> = btf.iter().map(|ty| ty.kind()).collect();
    assert!(Kind::KNOWN.iter().filter(|kind| **kind != Kind::Void).all(|kind| kinds.contains(kind)));
    let wide: Vec<Enumerator> =
        btf.iter().filter(|ty| ty.kind() == Kind::Enum64).flat_map(|ty| ty.enumerators()).collect();
    assert_eq!(wide.first().map(|value| value.value), Some(1 << 40));
}
