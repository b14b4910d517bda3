//! The comparison is itself held to what it has to see: whatever field of whatever kind is another, it is reported, and no rule
//! excuses it.

use btf::{Btf, Builder, Endian, Enumerator, Field, IntData, Kind, Member, Record, Role, StrOff, TypeId};
use encode::{Options, PreparedBase};
use encode_check::FileChecker;
use proptest::prelude::*;

/// Every name there is, so that one can take the place of another.
const NAMES: [&str; 12] =
    ["int", "list_head", "next", "prev", "ops", "state", "flags", "do_it", "counter", ".data..percpu", "user", "spare"];

fn base() -> Vec<u8> {
    let mut builder = Builder::new(Endian::Little);
    let [int, list] = ["int", "list_head"].map(|name| builder.add_string(name).expect("no NUL"));
    let [next, prev] = ["next", "prev"].map(|name| builder.add_string(name).expect("no NUL"));
    let member = |name, ty, bit_offset| Member { name, ty, bit_offset, bitfield_size: 0 };
    let records = [
        Record::int(int, 4, IntData::new(IntData::SIGNED, 0, 32)),
        Record::sized(Kind::Struct, list, 16).member(member(next, TypeId(3), 0)).member(member(prev, TypeId(3), 64)),
        Record::reference(Kind::Ptr, StrOff::NONE, TypeId(2)),
    ];
    for record in &records {
        builder.add(record).expect("well-formed");
    }
    builder.to_bytes().expect("small")
}

/// A module's BTF with every kind, each field passed through `change`: the place of the type, and the field.
fn module(base: &Btf<'_>, mut change: impl FnMut(usize, Field) -> u32) -> Vec<u8> {
    let mut builder = Builder::over(base);
    let names = NAMES.map(|name| builder.add_string(name).expect("no NUL"));
    let [int, list, next, _, ops, state, flags, do_it, counter, section, user, _] = names;
    let own = |place: u32| TypeId(4 + place);
    let member = |name, ty, bit_offset, bitfield_size| Member { name, ty, bit_offset, bitfield_size };
    let records = [
        Record::sized(Kind::Struct, ops, 24).member(member(do_it, own(2), 0, 0)).member(member(next, TypeId(2), 64, 0)),
        Record::reference(Kind::FuncProto, StrOff::NONE, TypeId(1)).param(user, own(3)).param(flags, TypeId(1)),
        Record::reference(Kind::Ptr, StrOff::NONE, own(1)),
        Record::reference(Kind::Ptr, StrOff::NONE, own(4)),
        Record::reference(Kind::Const, StrOff::NONE, own(0)),
        Record::sized(Kind::Union, user, 8).member(member(list, own(3), 0, 0)),
        Record::sized(Kind::Enum, state, 4).enumerator(next, 7).enumerator(ops, 9),
        Record::sized(Kind::Enum64, flags, 8).enumerator(user, 1 << 40),
        Record::reference(Kind::Fwd, counter, TypeId::VOID),
        Record::reference(Kind::Typedef, do_it, own(2)),
        Record::reference(Kind::Volatile, StrOff::NONE, own(8)),
        Record::reference(Kind::Restrict, StrOff::NONE, own(3)),
        Record::array(own(6), TypeId(1), 5),
        Record::reference(Kind::Func, do_it, own(1)),
        Record::reference(Kind::Var, counter, TypeId(1)).with(Role::Linkage, 1),
        Record::sized(Kind::Datasec, section, 64).element(&[
            (Role::Type, own(14).0),
            (Role::Offset, 8),
            (Role::Length, 4),
        ]),
        Record::sized(Kind::Float, list, 8),
        Record::reference(Kind::DeclTag, user, own(13)).with(Role::Component, 1),
        Record::reference(Kind::TypeTag, user, own(0)),
        Record::int(state, 2, IntData::new(IntData::BOOL, 0, 16)),
        Record::sized(Kind::Struct, int, 4).member(member(state, TypeId(1), 0, 3)).member(member(
            flags,
            TypeId(1),
            3,
            5,
        )),
    ];
    for record in &records {
        builder.add(record).expect("well-formed");
    }
    let plain = builder.to_bytes().expect("small");
    let plain = Btf::parse(&plain).expect("valid");
    let mut builder = Builder::over(base);
    for name in NAMES {
        builder.add_string(name).expect("no NUL");
    }
    for (place, ty) in plain.iter().enumerate() {
        builder.add_mapped(&ty, |field| change(place, field)).expect("the same byte order");
    }
    builder.to_bytes().expect("small")
}

/// The fields that mean something, each with the place of its type.
fn targets(plain: &Btf<'_>) -> Vec<(usize, Kind, Field)> {
    let mut all = Vec::new();
    for (place, ty) in plain.iter().enumerate() {
        let fields = ty.fields().filter(|field| !matches!(field.role, Role::Info | Role::Unused));
        // The name of what has none would make it another kind of thing, which no encoder writes.
        let fields = fields.filter(|field| field.role != Role::Name || field.raw != 0);
        all.extend(fields.map(|field| (place, ty.kind(), field)));
    }
    all
}

/// How many differences no rule explains, after one field became `value`.
fn open_after(place: usize, target: Field, value: u32) -> usize {
    let base = base();
    let parsed = Btf::parse(&base).expect("valid");
    let prepared = PreparedBase::new(&base).expect("usable");
    let plain = module(&parsed, |_, field| field.raw);
    let changed = module(&parsed, |at, field| match field.offset == target.offset && at == place {
        true => value,
        false => field.raw,
    });
    let reference = FileChecker::new(Some((&parsed, &prepared)), Options::kernel());
    let open = |ours: &[u8], shipped: &[u8]| {
        let compared = reference.compare_bytes(ours, shipped).expect("it can be compared");
        compared.differences.iter().filter(|it| it.rule.is_none()).count()
    };
    assert_eq!(open(&plain, &plain), 0);
    open(&plain, &changed).min(open(&changed, &plain))
}

/// Other values of a field: other names, references and numbers.
fn others(target: Field, plain: &Btf<'_>, base: &Btf<'_>) -> Vec<u32> {
    match target.role {
        Role::Name => {
            let first = plain.over(base).first_string().0;
            let lengths = NAMES.iter().scan(first + 1, |at, name| {
                let start = *at;
                *at += u32::try_from(name.len()).expect("short") + 1;
                Some(start)
            });
            lengths.filter(|offset| *offset != target.raw).collect()
        }
        // A struct, a union, an enum of the module's, and the base's struct: none is like another.
        Role::Type | Role::IndexType => [4, 9, 10, 2].into_iter().filter(|id| *id != target.raw).collect(),
        _ => [1, 2, 1 << 7].map(|bit| target.raw ^ bit).into(),
    }
}

#[test]
fn every_kind_is_in_the_sample_and_the_change_of_any_field_is_reported() {
    let base = base();
    let parsed = Btf::parse(&base).expect("valid");
    let bytes = module(&parsed, |_, field| field.raw);
    let plain = Btf::parse(&bytes).expect("valid");
    let missing: Vec<_> =
        Kind::KNOWN.iter().filter(|kind| **kind != Kind::Void && plain.iter().all(|ty| ty.kind() != **kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let wide: Vec<Enumerator> = plain.iter().flat_map(|ty| ty.enumerators()).collect();
    assert!(wide.iter().any(|value| value.value == 1 << 40));
    let mut roles = std::collections::BTreeSet::new();
    for (place, kind, target) in targets(&plain) {
        for value in others(target, &plain, &parsed) {
            let open = open_after(place, target, value);
            assert!(open > 0, "{kind} at {place}: {target:?} became {value}");
        }
        roles.insert((kind, target.role));
    }
    // Every role of every shape was among them, but for what has no name and what has no meaning.
    for kind in Kind::KNOWN.iter().filter(|kind| **kind != Kind::Void) {
        let shape = kind.shape().expect("known");
        let all = std::iter::once(&shape.word).chain(shape.fixed).chain(shape.element);
        for role in all.filter(|role| **role != Role::Unused) {
            assert!(roles.contains(&(*kind, *role)), "{kind} {role:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_other_number_in_any_field_is_reported(pick in any::<prop::sample::Index>(), value in any::<u32>()) {
        let base = base();
        let parsed = Btf::parse(&base).expect("valid");
        let bytes = module(&parsed, |_, field| field.raw);
        let plain = Btf::parse(&bytes).expect("valid");
        let numbers: Vec<_> = targets(&plain)
            .into_iter()
            .filter(|(_, _, field)| !matches!(field.role, Role::Name | Role::Type | Role::IndexType))
            .collect();
        let (place, kind, target) = numbers[pick.index(numbers.len())];
        prop_assume!(value != target.raw);
        prop_assert!(open_after(place, target, value) > 0, "{} at {}: {:?} became {}", kind, place, target, value);
    }

    #[test]
    fn a_type_that_is_left_out_or_there_twice_is_reported(pick in any::<prop::sample::Index>(), twice in any::<bool>()) {
        let base = base();
        let parsed = Btf::parse(&base).expect("valid");
        let prepared = PreparedBase::new(&base).expect("usable");
        let bytes = module(&parsed, |_, field| field.raw);
        let plain = Btf::parse(&bytes).expect("valid");
        let mut builder = Builder::over(&parsed);
        for name in NAMES {
            builder.add_string(name).expect("no NUL");
        }
        // What comes last is referred to by nobody, so it can go without another change; any can come once more.
        let last = plain.len() as usize - 1;
        let chosen = if twice { pick.index(last + 1) } else { last };
        for (place, ty) in plain.iter().enumerate() {
            for _ in 0..if place == chosen { usize::from(twice) } else { 1 } {
                builder.add_mapped(&ty, |field| field.raw).expect("the same byte order");
            }
        }
        if twice {
            let ty = plain.nth(u32::try_from(chosen).expect("small")).expect("there");
            builder.add_mapped(&ty, |field| field.raw).expect("the same byte order");
        }
        let changed = builder.to_bytes().expect("small");
        let reference = FileChecker::new(Some((&parsed, &prepared)), Options::kernel());
        let compared = reference.compare_bytes(&bytes, &changed).expect("it can be compared");
        prop_assert!(compared.differences.iter().any(|it| it.rule.is_none()), "{} {}", chosen, twice);
    }
}
