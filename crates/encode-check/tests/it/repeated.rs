//! What a split has again that its base has, with the reason for it.

use btf::{Btf, Builder, Kind, Record, StrOff, Type, TypeId, View};
use encode_check::{BaseTypes, differences};

use crate::rules::Source;

/// The types of a kind and name.
fn named<'v>(view: View<'v>, kind: Kind, name: &str) -> Vec<(TypeId, Type<'v>)> {
    let is_it = |ty: &Type<'_>| ty.kind() == kind && view.name(ty).is_some_and(|found| found == name);
    view.own_types().filter(|(_, ty)| is_it(ty)).collect()
}

/// The one type of a kind and name.
fn one<'v>(view: View<'v>, kind: Kind, name: &str) -> (TypeId, Type<'v>) {
    match named(view, kind, name)[..] {
        [one] => one,
        ref other => panic!("{} types {kind} {name}", other.len()),
    }
}

/// A base with a cycle that leads to a forward declaration.
fn declaring() -> Vec<u8> {
    let mut base = Source::alone();
    let declared = base.declaration("held");
    // Each struct is the type behind the pointer to it.
    let to_plain = base.pointer(TypeId(3));
    base.structure("plain", 8, &[("m0", to_plain)]);
    let to_cycle = base.pointer(TypeId(6));
    let to_declared = base.pointer(declared);
    base.structure("cycle", 16, &[("m0", to_cycle), ("m1", to_declared)]);
    base.bytes()
}

/// A copy of types of the base in a split over it, cycles included. `held` is added if it is wanted.
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
    let (cycle, ty) = one(base.alone(), Kind::Struct, "cycle");
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
        "{own} leads to the struct, {cycle} does not"
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
    let (cycle, _) = one(base.alone(), Kind::Struct, "cycle");
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
    let own_cycle = one(Btf::parse(&bytes).expect("valid").over(&base), Kind::Struct, "cycle").0;
    let [one, other, both, wrong] = [&[cycle][..], &[own_cycle], &[cycle, own_cycle], &[plain]].map(with_typedefs);
    let [one, other, both, wrong] = [&one, &other, &both, &wrong].map(|bytes| Btf::parse(bytes).expect("valid"));
    for (left, right) in [(&one, &other), (&one, &both), (&both, &other)] {
        assert!(!differences(left.over(&base), right.over(&base)).is_empty());
        assert!(types.differences(left, right).is_empty());
    }
    let found = types.differences(&one, &wrong);
    assert_eq!((found.left.len(), found.right.len()), (1, 1));
    let twice = with_typedefs(&[cycle, cycle]);
    let found = types.differences(&one, &Btf::parse(&twice).expect("valid"));
    assert_eq!((found.left.len(), found.right.len()), (0, 1), "a type that is there twice is no repeated one");
}
