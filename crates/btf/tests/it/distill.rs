//! Tests of the content of a distilled base, type by type. `relocate.rs` shows that it is sufficient.

use btf::distill::{Distilled, Error, distill};
use btf::{Btf, Builder, Endian, Kind, Record, Role, StrOff, TypeId};

use crate::common::every_kind;

/// The result of distilling a module that refers to these types of a base.
fn of(base: &Btf<'_>, references: &[u32]) -> Result<Distilled, Error> {
    let mut builder = Builder::over(base);
    for &id in references {
        builder.add(&Record::reference(Kind::Ptr, StrOff::NONE, TypeId(id))).unwrap();
    }
    let split = builder.to_bytes().unwrap();
    distill(Btf::parse(&split).unwrap().over(base))
}

fn kinds(bytes: &[u8]) -> Vec<Kind> {
    Btf::parse(bytes).unwrap().iter().map(|ty| ty.kind()).collect()
}

#[test]
fn each_kind_goes_where_it_can_be_found_again() {
    for endian in [Endian::Little, Endian::Big] {
        let base = every_kind(endian).to_bytes().unwrap();
        let base = Btf::parse(&base).unwrap();
        let can_be_referred_to = |kind: &Kind| !matches!(kind, Kind::Func | Kind::Var | Kind::Datasec | Kind::DeclTag);
        let (good, bad): (Vec<&Kind>, Vec<&Kind>) = Kind::KNOWN[1..].iter().partition(|kind| can_be_referred_to(kind));
        let ids: Vec<u32> = good.iter().map(|kind| u32::from(kind.number())).collect();
        let distilled = of(&base, &ids).unwrap();
        let below = [Kind::Int, Kind::Struct, Kind::Union, Kind::Enum, Kind::Fwd, Kind::Float, Kind::Enum];
        assert_eq!(kinds(&distilled.base), below);
        let own = [Kind::Ptr; 15];
        let moved = [
            Kind::Ptr,
            Kind::Array,
            Kind::Typedef,
            Kind::Volatile,
            Kind::Const,
            Kind::Restrict,
            Kind::FuncProto,
            Kind::TypeTag,
        ];
        assert_eq!(kinds(&distilled.split), [&own[..], &moved].concat());
        for ty in Btf::parse(&distilled.base).unwrap().iter() {
            assert_eq!((ty.vlen(), ty.kflag()), (0, ty.kind() == Kind::Fwd));
        }
        for &kind in bad {
            let id = TypeId(u32::from(kind.number()));
            assert_eq!(of(&base, &[id.0]), Err(Error::UnexpectedKind { holder: TypeId(20), id, kind }));
        }
    }
}

#[test]
fn members_of_what_has_a_name_are_not_needed_and_of_what_has_none_are() {
    let mut builder = Builder::new(Endian::Little);
    let (named, hidden) = (builder.add_string("named").unwrap(), builder.add_string("hidden").unwrap());
    let containing =
        |name, ty| Record::sized(Kind::Struct, name, 8).element(&[(Role::Name, hidden.0), (Role::Type, ty)]);
    builder.add(&containing(named, 2)).unwrap();
    builder.add(&Record::sized(Kind::Union, hidden, 8)).unwrap();
    builder.add(&containing(StrOff::NONE, 1)).unwrap();
    let bytes = builder.to_bytes().unwrap();
    let base = Btf::parse(&bytes).unwrap();
    let only = of(&base, &[1]).unwrap();
    assert_eq!((kinds(&only.base), kinds(&only.split)), (vec![Kind::Struct], vec![Kind::Ptr]));
    let through = of(&base, &[3]).unwrap();
    assert_eq!((kinds(&through.base), kinds(&through.split)), (vec![Kind::Struct], vec![Kind::Ptr, Kind::Struct]));
    let (below, split) = (Btf::parse(&through.base).unwrap(), Btf::parse(&through.split).unwrap());
    let view = split.over(&below);
    let (id, moved) = view.own_types().last().unwrap();
    assert_eq!(view.own_types().next().unwrap().1.target(), Some(id));
    let member = moved.members().next().unwrap();
    assert_eq!((view.string(member.name).unwrap(), member.ty), (b"hidden".into(), TypeId(1)));
}

#[test]
fn distill_refuses_dangling_references_and_names() {
    let base = every_kind(Endian::Little).to_bytes().unwrap();
    let base = Btf::parse(&base).unwrap();
    assert_eq!(distill(base.alone()), Err(Error::NoBase));
    let error = of(&base, &[99]).unwrap_err();
    assert_eq!(error, Error::NoSuchType { holder: TypeId(20), id: TypeId(99) });
    let mut builder = Builder::over(&base);
    builder.add(&Record::reference(Kind::Typedef, StrOff(9999), TypeId(1))).unwrap();
    let split = builder.to_bytes().unwrap();
    let error = distill(Btf::parse(&split).unwrap().over(&base)).unwrap_err();
    assert_eq!(error, Error::NoSuchString { holder: TypeId(20), offset: StrOff(9999) });
}

#[test]
fn distill_of_an_empty_module_is_empty() {
    let base = every_kind(Endian::Little).to_bytes().unwrap();
    let base = Btf::parse(&base).unwrap();
    let distilled = of(&base, &[]).unwrap();
    assert_eq!((kinds(&distilled.base), kinds(&distilled.split)), (vec![], vec![]));
    assert_eq!((distilled.base.len(), distilled.split.len()), (25, 24), "the empty string is the base's");
}
