//! Tests that relocated BTF has the same meaning as before it was distilled.

use btf::compare::{Comparison, Strength};
use btf::distill::{Distilled, distill};
use btf::relocate::{Error, relocate};
use btf::{Btf, Builder, Endian, IntData, Kind, Member, Record, Role, StrOff, TypeId};
use proptest::prelude::*;

/// A type to generate: its kind and whether it has a name, as numbers, and its references.
type Recipe = (u8, bool, u32, u32);

fn recipes(most: usize) -> impl Strategy<Value = Vec<Recipe>> {
    prop::collection::vec((any::<u8>(), any::<bool>(), any::<u32>(), any::<u32>()), 1..most)
}

/// Adds types that may refer to all of the final `count` types. Named types have different names.
fn add(builder: &mut Builder<'_>, recipes: &[Recipe], kinds: &[Kind], count: u32) {
    for &(kind, named, first, second) in recipes {
        let TypeId(id) = builder.next_id();
        let kind = kinds[usize::from(kind) % kinds.len()];
        let (first, second) = (first % count, second % count);
        let must = !(kind.is_composite() || kind.is_enum());
        let name = if named || must { builder.add_string(format!("type_{id}")).unwrap() } else { StrOff::NONE };
        let (one, two) = (builder.add_string("one").unwrap(), builder.add_string(format!("of_{id}")).unwrap());
        let member = |name, ty, bit_offset| Member { name, ty: TypeId(ty), bit_offset, bitfield_size: 0 };
        let target = TypeId(first);
        let record = match kind {
            Kind::Int => Record::int(name, 4, IntData::new(IntData::SIGNED, 0, 32)),
            Kind::Array => Record::array(target, TypeId(second), id),
            Kind::Fwd => Record::new(kind).named(name).with_kflag(named),
            Kind::Float => Record::sized(kind, name, 8),
            kind if kind.is_composite() => {
                Record::sized(kind, name, id).member(member(one, first, 0)).member(member(two, second, 64))
            }
            kind if kind.is_enum() => Record::sized(kind, name, 8).enumerator(one, i64::from(id)).enumerator(two, -1),
            Kind::FuncProto => Record::reference(kind, StrOff::NONE, target).param(one, TypeId(second)),
            Kind::Datasec => Record::sized(kind, name, 4).element(&[(Role::Type, first)]),
            Kind::Typedef | Kind::Func | Kind::Var | Kind::DeclTag | Kind::TypeTag => {
                Record::reference(kind, name, target)
            }
            kind => Record::reference(kind, StrOff::NONE, target),
        };
        builder.add(&record).unwrap();
    }
}

/// The kinds of a base's types to which a module may refer.
const BASE: [Kind; 14] = [
    Kind::Int,
    Kind::Ptr,
    Kind::Array,
    Kind::Struct,
    Kind::Union,
    Kind::Enum,
    Kind::Fwd,
    Kind::Typedef,
    Kind::Volatile,
    Kind::Const,
    Kind::FuncProto,
    Kind::Float,
    Kind::TypeTag,
    Kind::Enum64,
];

fn made(base: &[Recipe], split: &[Recipe]) -> (Vec<u8>, Vec<u8>) {
    let mut builder = Builder::new(Endian::Little);
    let count = u32::try_from(base.len()).unwrap() + 1;
    add(&mut builder, base, &BASE, count);
    let base = builder.to_bytes().unwrap();
    let below = Btf::parse(&base).unwrap();
    let mut builder = Builder::over(&below);
    add(&mut builder, split, &Kind::KNOWN[1..], count + u32::try_from(split.len()).unwrap());
    let split = builder.to_bytes().unwrap();
    (base, split)
}

/// The base after others: a type for each of `before`, with ids and strings that shift all others.
fn behind(base: &Btf<'_>, before: u32) -> Vec<u8> {
    let mut builder = Builder::new(base.endian());
    for number in 0..before {
        let name = builder.add_string(format!("before_{number}")).unwrap();
        builder.add(&Record::sized(Kind::Struct, name, number)).unwrap();
    }
    let names: std::collections::HashMap<_, _> = base
        .iter()
        .flat_map(|ty| ty.fields())
        .filter_map(|field| match field.value() {
            btf::Value::Name(name) => Some(name),
            _ => None,
        })
        .map(|name| (name, builder.add_string(base.alone().string(name).unwrap()).unwrap()))
        .collect();
    for ty in base.iter() {
        let map = |field: btf::Field| match field.value() {
            btf::Value::Name(name) => names[&name].0,
            btf::Value::Type(TypeId(id)) if id > 0 => id + before,
            _ => field.raw,
        };
        builder.add_mapped(&ty, map).unwrap();
    }
    builder.to_bytes().unwrap()
}

proptest! {
    #[test]
    fn it_says_what_it_said(base in recipes(24), split in recipes(12), before in 0..4u32) {
        let (base, split) = made(&base, &split);
        let (base, split) = (Btf::parse(&base).unwrap(), Btf::parse(&split).unwrap());
        let Distilled { base: below, split: distilled } = distill(split.over(&base)).unwrap();
        let (below, distilled) = (Btf::parse(&below).unwrap(), Btf::parse(&distilled).unwrap());
        let to = behind(&base, before);
        let to = Btf::parse(&to).unwrap();
        let relocated = match relocate(&below, &distilled, &to) {
            Ok(relocated) => relocated,
            Err(error) => {
                prop_assert!(matches!(error, Error::Endless { .. }), "{error}");
                return Ok(());
            }
        };
        for (place, id) in relocated.stands_for.iter().enumerate().skip(1) {
            let place = TypeId(u32::try_from(place).unwrap());
            let (wanted, found) = (below.alone().get(place).unwrap(), to.alone().get(*id).unwrap());
            prop_assert_eq!(below.alone().name(&wanted), to.alone().name(&found));
        }
        let moved = Btf::parse(&relocated.bytes).unwrap();
        let comparison = Comparison::new(split.over(&base), moved.over(&to));
        for ((left, _), (right, _)) in comparison.left().own_types().zip(comparison.right().own_types()) {
            let difference = comparison.difference(left, right, Strength::Closure);
            prop_assert!(difference.is_none(), "{left}, {right}: {}", difference.unwrap());
        }
    }

    #[test]
    fn damage_is_survived(
        base in recipes(12),
        split in recipes(8),
        which in 0..3usize,
        words in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u32>(), 0..40u32]), 1..4),
    ) {
        let (base, split) = made(&base, &split);
        let (base, split) = (Btf::parse(&base).unwrap(), Btf::parse(&split).unwrap());
        let Distilled { base: below, split: distilled } = distill(split.over(&base)).unwrap();
        let mut subjects = [below, distilled, base.bytes().to_vec()];
        let damaged = &mut subjects[which];
        for (place, word) in words {
            let place = place.index(damaged.len() / 4) * 4;
            damaged[place..place + 4].copy_from_slice(&word.to_le_bytes());
        }
        let [Ok(below), Ok(distilled), Ok(base)] = subjects.each_ref().map(|bytes| Btf::parse(bytes)) else {
            return Ok(());
        };
        if let Ok(relocated) = relocate(&below, &distilled, &base) {
            prop_assert_eq!(relocated.bytes.len(), distilled.bytes().len());
        }
    }
}
