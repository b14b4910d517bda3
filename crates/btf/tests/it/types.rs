//! Tests of the typed access to every kind, and of the walk on which it is based.

use crate::common::every_kind;
use btf::{
    Array, Btf, Endian, Enumerator, Info, IntData, Kind, Member, Param, Role, SectionVar, StrOff, Type, TypeId, View,
};

fn check(view: View<'_>) {
    let get = |kind: Kind| view.get(TypeId(u32::from(kind.number()))).unwrap();
    let text = |offset: StrOff| view.string(offset).unwrap().to_string();
    let name = |ty: Type<'_>| text(ty.name());

    let int = get(Kind::Int);
    let data = int.int().unwrap();
    assert_eq!((name(int).as_str(), int.size()), ("int", Some(4)));
    assert_eq!((data.encoding(), data.bit_offset(), data.bits()), (IntData::SIGNED, 0, 32));
    assert_eq!(get(Kind::Array).array(), Some(Array { element: TypeId(2), index: TypeId(1), count: 7 }));
    let device = get(Kind::Struct);
    let members: Vec<_> = device.members().map(|m| (text(m.name), m.bit_offset, m.bitfield_size)).collect();
    assert_eq!(members, [("id".into(), 0, 0), ("up".into(), 32, 3), ("down".into(), 35, 29)]);
    assert_eq!((device.size(), device.target()), (Some(8), None));
    let union_members: Vec<Member> = get(Kind::Union).members().collect();
    assert_eq!(union_members.len(), 1);
    let values =
        |kind| get(kind).enumerators().map(|Enumerator { name, value }| (text(name), value)).collect::<Vec<_>>();
    assert_eq!(values(Kind::Enum), [("MINUS".into(), -1), ("PLUS".into(), 1)]);
    assert_eq!(values(Kind::Enum64), [("HIGH".into(), 0x0123_4567_89ab_cdef)]);
    assert!(get(Kind::Fwd).kflag());
    assert_eq!((get(Kind::Func).linkage(), get(Kind::Func).target()), (Some(1), Some(TypeId(13))));
    let params: Vec<Param> = get(Kind::FuncProto).params().collect();
    assert_eq!(params.iter().map(|p| p.ty.0).collect::<Vec<_>>(), [2, 0]);
    assert_eq!(get(Kind::FuncProto).target(), Some(TypeId(1)));
    assert_eq!(get(Kind::Var).linkage(), Some(1));
    let vars: Vec<SectionVar> = get(Kind::Datasec).section_vars().collect();
    assert_eq!(vars, [SectionVar { ty: TypeId(14), offset: 8, size: 4 }]);
    assert_eq!((get(Kind::Float).size(), get(Kind::Float).int()), (Some(8), None));
    assert_eq!(get(Kind::DeclTag).component(), Some(-1));
    assert_eq!((name(get(Kind::TypeTag)), get(Kind::TypeTag).target()), ("user".into(), Some(TypeId(1))));
    assert_eq!(get(Kind::Ptr).array(), None);
    assert_eq!(get(Kind::Ptr).members().count(), 0);
}

#[test]
fn every_kind_has_what_was_put_into_it() {
    for endian in [Endian::Little, Endian::Big] {
        let bytes = every_kind(endian).to_bytes().unwrap();
        check(Btf::parse(&bytes).unwrap().alone());
    }
}

#[test]
fn the_walk_names_every_word() {
    let bytes = every_kind(Endian::Little).to_bytes().unwrap();
    let btf = Btf::parse(&bytes).unwrap();
    let fields: Vec<_> = btf.nth(3).unwrap().fields().map(|f| (f.role, f.element, f.offset)).collect();
    use Role::{BitOffset, Info, Name, Size, Type};
    let head = [(Name, None, 0), (Info, None, 4), (Size, None, 8)];
    let member =
        |n: u32| [(Name, Some(n), 12 * n + 12), (Type, Some(n), 12 * n + 16), (BitOffset, Some(n), 12 * n + 20)];
    assert_eq!(fields, [&head[..], &member(0), &member(1), &member(2)].concat());
}

#[test]
fn a_signed_value_needs_kflag() {
    use btf::{Builder, Record};
    for (kind, unsigned) in [(Kind::Enum, i128::from(u32::MAX)), (Kind::Enum64, i128::from(u64::MAX))] {
        for (kflag, value) in [(true, -1), (false, unsigned)] {
            let mut builder = Builder::new(Endian::Big);
            let record = Record::sized(kind, StrOff::NONE, 8).with_kflag(kflag).enumerator(StrOff::NONE, -1);
            builder.add(&record).unwrap();
            let bytes = builder.to_bytes().unwrap();
            let btf = Btf::parse(&bytes).unwrap();
            assert_eq!(btf.nth(0).unwrap().enumerators().next().unwrap().value, value, "{kind} {kflag}");
        }
    }
}

#[test]
fn the_info_word_of_old_and_new_kernels() {
    let old = Info::from_raw(0x8400_ffff);
    assert_eq!((old.kind(), old.vlen(), old.kflag()), (Kind::Struct, 0xffff, true));
    assert_eq!(old.raw() & Info::NARROW_RESERVED, 0);
    let new = Info::from_raw(0x7fff_ffff);
    assert_eq!((new.kind(), new.vlen(), new.kflag()), (Kind::Other(0x7f), 0x00ff_ffff, false));
    assert_eq!(Info::new(Kind::Enum64, 0x01_0000, true), Some(Info::from_raw(0x9301_0000)));
    assert_eq!(Info::new(Kind::Enum, Info::MAX_VLEN + 1, false), None);
    assert_eq!(Info::new(Kind::Other(0x80), 0, false), None);
}

#[test]
fn void_is_a_type_without_anything() {
    assert_eq!((Type::VOID.kind(), Type::VOID.name(), Type::VOID.vlen()), (Kind::Void, StrOff::NONE, 0));
    assert_eq!((Type::VOID.size(), Type::VOID.target()), (None, None));
}
