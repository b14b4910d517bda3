//! Tests of the comparison: the differences that each strength detects, and a bound on its work.

use std::collections::HashSet;

use super::facet::Facet;
use super::side::Side;
use super::*;
use crate::{Btf, TypeId, View};
use crate::{Builder, Endian, IntData, Kind, Member, Record, Role, StrOff, Value};

/// The bytes of BTF that `fill` builds.
fn made(mut builder: Builder<'_>, fill: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    fill(&mut builder);
    builder.to_bytes().unwrap()
}

fn alone(fill: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    made(Builder::new(Endian::NATIVE), fill)
}

fn string(b: &mut Builder<'_>, name: &str) -> StrOff {
    b.add_string(name).unwrap()
}

fn int(b: &mut Builder<'_>, name: &str, size: u32) -> TypeId {
    let name = string(b, name);
    b.add(&Record::int(name, size, IntData::new(IntData::SIGNED, 0, (size * 8) as u8))).unwrap()
}

fn reference(b: &mut Builder<'_>, kind: Kind, name: &str, target: TypeId) -> TypeId {
    let name = string(b, name);
    b.add(&Record::reference(kind, name, target)).unwrap()
}

fn composite(b: &mut Builder<'_>, kind: Kind, name: &str, size: u32, members: &[(&str, TypeId, u32)]) -> TypeId {
    let mut record = Record::sized(kind, string(b, name), size);
    for &(name, ty, bit_offset) in members {
        record = record.member(Member { name: string(b, name), ty, bit_offset, bitfield_size: 0 });
    }
    b.add(&record).unwrap()
}

/// The number of strengths at which two types of BTF without a base are equal.
fn strengths(left: &[u8], right: &[u8], ids: (u32, u32)) -> usize {
    let (left, right) = (Btf::parse(left).unwrap(), Btf::parse(right).unwrap());
    let comparison = Comparison::new(left.alone(), right.alone());
    let ids = (TypeId(ids.0), TypeId(ids.1));
    let same = Strength::ALL.map(|strength| comparison.same(ids.0, ids.1, strength));
    for (same, strength) in same.into_iter().zip(Strength::ALL) {
        assert_eq!(same, comparison.difference(ids.0, ids.1, strength).is_none(), "{strength:?}");
    }
    assert!(
        same.is_sorted_by(|weaker, stronger| weaker >= stronger),
        "each strength includes the weaker ones: {same:?}"
    );
    same.into_iter().filter(|&same| same).count()
}

/// `struct node { struct node *next; struct item <value>; }` as id 3, with the given size of the item and name of its
/// member.
fn list(first: &str, item_size: u32, item_member: &str) -> Vec<u8> {
    alone(|b| {
        let int = int(b, first, 4);
        reference(b, Kind::Ptr, "", TypeId(3));
        composite(b, Kind::Struct, "node", 16, &[("next", TypeId(2), 0), ("value", TypeId(4), 64)]);
        composite(b, Kind::Struct, "item", item_size, &[(item_member, int, 0)]);
    })
}

#[test]
fn equal_types_of_different_strings_and_ids_are_equal() {
    let shifted = alone(|b| {
        string(b, "something that shifts all offsets");
        int(b, "char", 1);
        let int = int(b, "int", 4);
        let item = composite(b, Kind::Struct, "item", 4, &[("a", int, 0)]);
        let node = TypeId(b.next_id().0 + 1);
        let ptr = reference(b, Kind::Ptr, "", node);
        composite(b, Kind::Struct, "node", 16, &[("next", ptr, 0), ("value", item, 64)]);
    });
    assert_eq!(strengths(&list("int", 4, "a"), &shifted, (3, 5)), 3);
    assert_eq!(strengths(&list("int", 4, "a"), &shifted, (3, 3)), 0);
}

#[test]
fn strengths_differ_by_how_far_they_look() {
    let original = list("int", 4, "a");
    // A member by value: its type's members and size belong to the layout, but not to the names.
    assert_eq!(strengths(&original, &list("int", 8, "a"), (3, 3)), 1);
    assert_eq!(strengths(&original, &list("int", 4, "b"), (3, 3)), 1);
    assert_eq!(strengths(&original, &list("unsigned int", 4, "a"), (3, 3)), 1);
    // A pointer to it: only the closure includes its target.
    assert_eq!(strengths(&original, &list("int", 8, "a"), (2, 2)), 2);
    // A typedef whose target has another name.
    assert_eq!(strengths(&original, &list("unsigned int", 4, "a"), (4, 4)), 0);
}

#[test]
fn types_without_a_name_are_known_by_what_they_are_made_of() {
    let pointing = |target: &str, count| {
        alone(|b| {
            let target = composite(b, Kind::Struct, target, 0, &[]);
            let constant = reference(b, Kind::Const, "", target);
            let pointer = reference(b, Kind::Ptr, "", constant);
            let array = b.add(&Record::array(pointer, pointer, count)).unwrap();
            composite(b, Kind::Struct, "holder", 8, &[("member", array, 0)]);
        })
    };
    assert_eq!(strengths(&pointing("a", 1), &pointing("a", 1), (5, 5)), 3);
    assert_eq!(strengths(&pointing("a", 1), &pointing("a", 2), (5, 5)), 1);
    assert_eq!(strengths(&pointing("a", 1), &pointing("b", 1), (5, 5)), 0);
}

#[test]
fn a_prototype_behind_a_pointer_is_known_by_its_parameters() {
    let calling = |parameter: &str, size| {
        alone(|b| {
            let int = int(b, "int", size);
            let parameter = string(b, parameter);
            let proto = b.add(&Record::reference(Kind::FuncProto, StrOff::NONE, int).param(parameter, int)).unwrap();
            let pointer = reference(b, Kind::Ptr, "", proto);
            composite(b, Kind::Struct, "ops", 8, &[("call", pointer, 0)]);
        })
    };
    assert_eq!(strengths(&calling("a", 4), &calling("a", 8), (4, 4)), 2);
    assert_eq!(strengths(&calling("a", 4), &calling("b", 4), (4, 4)), 0);
}

#[test]
fn dangling_types_equal_nothing_not_even_themselves() {
    let dangling = alone(|b| {
        reference(b, Kind::Ptr, "", TypeId(1000));
        b.add(&Record::reference(Kind::Typedef, StrOff(9999), TypeId::VOID)).unwrap();
        let outer = composite(b, Kind::Struct, "outer", 8, &[("member", TypeId(1), 0)]);
        reference(b, Kind::Ptr, "", outer);
    });
    assert_eq!(strengths(&dangling, &dangling, (1, 1)), 0);
    assert_eq!(strengths(&dangling, &dangling, (2, 2)), 0);
    assert_eq!(strengths(&dangling, &dangling, (3, 3)), 0, "its member's type cannot be named");
    assert_eq!(strengths(&dangling, &dangling, (4, 4)), 2);
    assert_eq!(strengths(&dangling, &dangling, (0, 0)), 3, "void");
    assert_eq!(strengths(&dangling, &dangling, (5, 5)), 0, "no type");
    let btf = Btf::parse(&dangling).unwrap();
    let comparison = Comparison::new(btf.alone(), btf.alone());
    let difference = comparison.difference(TypeId(4), TypeId(4), Strength::Closure).unwrap();
    assert_eq!(difference.to_string(), "PTR > STRUCT outer.member > PTR > no such type on either side");
}

#[test]
fn byte_order_does_not_matter() {
    let btf = list("int", 4, "a");
    let parsed = Btf::parse(&btf).unwrap();
    let swapped = Builder::copy_in(parsed.alone(), Endian::NATIVE.swapped()).unwrap();
    assert_eq!(strengths(&btf, &swapped.to_bytes().unwrap(), (3, 3)), 3);
}

#[test]
fn a_difference_is_explained_along_the_shortest_way() {
    let (left, right) = (list("int", 4, "a"), list("int", 8, "a"));
    let (left, right) = (Btf::parse(&left).unwrap(), Btf::parse(&right).unwrap());
    let comparison = Comparison::new(left.alone(), right.alone());
    let difference = comparison.difference(TypeId(2), TypeId(2), Strength::Closure).unwrap();
    assert_eq!((difference.left, difference.right), (TypeId(4), TypeId(4)));
    assert_eq!(difference.to_string(), "PTR > STRUCT node.value > Size 4, 8");
}

#[test]
fn very_deep_input_ends() {
    const DEPTH: u32 = 200_000;
    let chain = |last: &str| {
        alone(|b| {
            for next in 2..DEPTH {
                reference(b, Kind::Const, "", TypeId(next));
            }
            int(b, last, 4);
        })
    };
    assert_eq!(strengths(&chain("int"), &chain("int"), (1, 1)), 3);
    let (int, char) = (chain("int"), chain("char"));
    let (left, right) = (Btf::parse(&int).unwrap(), Btf::parse(&char).unwrap());
    let comparison = Comparison::new(left.alone(), right.alone());
    let first = TypeId(1);
    assert!(Strength::ALL.iter().all(|&strength| !comparison.same(first, first, strength)));
    assert_eq!(comparison.difference(first, first, Strength::Closure).unwrap().what, What::Far);
}

/// Each of many members has a different name of nearly a megabyte: a tail of one string.
#[test]
fn names_that_are_absurdly_long_in_all_equal_nothing() {
    let bytes = alone(|b| {
        let int = int(b, "int", 4);
        let long = string(b, &"n".repeat(1 << 20));
        let member = |tail| Member { name: StrOff(long.0 + tail), ty: int, bit_offset: 0, bitfield_size: 0 };
        let name = string(b, "long");
        b.add(&(0..2000).fold(Record::sized(Kind::Struct, name, 4), |record, tail| record.member(member(tail))))
            .unwrap();
        b.add(&Record::sized(Kind::Struct, name, 4).member(member(0))).unwrap();
        b.add(&(0..2000).fold(Record::sized(Kind::Struct, name, 4), |record, tail| record.member(member(tail))))
            .unwrap();
    });
    assert_eq!(strengths(&bytes, &bytes, (1, 1)), 3);
    assert_eq!(strengths(&bytes, &bytes, (2, 2)), 0);
    let btf = Btf::parse(&bytes).unwrap();
    let comparison = Comparison::new(btf.alone(), btf.alone());
    let difference = comparison.difference(TypeId(2), TypeId(4), Strength::NameAndKind).unwrap();
    assert_eq!(difference.what, What::Far);
}

#[test]
fn bases_are_shared_by_modules() {
    let base = list("int", 4, "a");
    let other = list("int", 8, "a");
    let (base, other) = (Btf::parse(&base).unwrap(), Btf::parse(&other).unwrap());
    let bases = Bases::new(&base, &other);
    for target in 1..=4 {
        let module = made(Builder::over(&base), |b| {
            reference(b, Kind::Ptr, "", TypeId(target));
        });
        let module = Btf::parse(&module).unwrap();
        let comparison = bases.compare(&module, &module);
        let own = comparison.left().first_id();
        assert!(comparison.same(own, own, Strength::Layout));
        assert_eq!(comparison.same(own, own, Strength::Closure), target == 1);
    }
}

/// Pseudo-random numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % limit
    }
}

/// Types that are easily confused: few names, few kinds, references in all directions.
fn tangle(builder: Builder<'_>, random: &mut Random) -> Vec<u8> {
    made(builder, |b| {
        let first = b.next_id().0;
        let count = 1 + random.below(9);
        for _ in 0..count {
            let target = |random: &mut Random| match random.below(40) {
                0 => TypeId(first + count),
                // References to the split's own types are more frequent than to the base's.
                n if n % 2 == 0 => TypeId(first + random.below(count)),
                _ => TypeId(random.below(first + count)),
            };
            let name = ["", "a"][random.below(2) as usize];
            match random.below(4) {
                0 | 1 => reference(b, Kind::Ptr, "", target(random)),
                2 => reference(b, Kind::Typedef, "a", target(random)),
                _ => {
                    let members = [("m", target(random), 0), ("m", target(random), 0)];
                    composite(b, Kind::Struct, name, 8, &members[..random.below(3) as usize])
                }
            };
        }
    })
}

/// All pairs of equal types, found by starting with all pairs and removing those that differ until nothing changes.
fn plainly(comparison: &Comparison<'_>, facet: Facet) -> HashSet<(TypeId, TypeId)> {
    let ids = |view: View<'_>| (0..view.type_count()).map(TypeId);
    let designation = if facet == Facet::Layout { plainly(comparison, Facet::Designation) } else { HashSet::new() };
    let all = ids(comparison.left()).flat_map(|left| ids(comparison.right()).map(move |right| (left, right)));
    let mut pairs: HashSet<_> = all.collect();
    let holds = |pairs: &HashSet<(TypeId, TypeId)>, (left, right)| {
        let (view_left, left) = comparison.home(Side::Left, left).unwrap();
        let (view_right, right) = comparison.home(Side::Right, right).unwrap();
        let name = |view: View<'_>, name| view.string(name).map(|name| name.to_vec());
        let leaf = facet == Facet::Designation && name(view_left, left.name()).is_some_and(|name| !name.is_empty());
        let numbers = matches!(facet, Facet::Layout | Facet::Closure);
        let fields = left.fields().zip(right.fields()).all(|(l, r)| match (l.value(), r.value()) {
            _ if leaf && l.role != Role::Name => true,
            _ if leaf && l.element.is_some() => true,
            (Value::Name(l), Value::Name(r)) => {
                name(view_left, l).is_some() && name(view_left, l) == name(view_right, r)
            }
            // A type of a base refers only to types of that base.
            (Value::Type(l), Value::Type(r)) if view_left.get(l).is_none() || view_right.get(r).is_none() => false,
            (Value::Type(l), Value::Type(r)) if facet == Facet::Layout && left.kind() == Kind::Ptr => {
                designation.contains(&(l, r))
            }
            (Value::Type(l), Value::Type(r)) => pairs.contains(&(l, r)),
            (Value::Number(l), Value::Number(r)) => !numbers || l == r,
            _ => false,
        });
        left.kind() == right.kind() && (leaf || left.vlen() == right.vlen()) && fields
    };
    loop {
        let left: HashSet<_> = pairs.iter().copied().filter(|&pair| holds(&pairs, pair)).collect();
        if left.len() == pairs.len() {
            return pairs;
        }
        pairs = left;
    }
}

#[test]
fn it_agrees_with_plain_coinduction() {
    let mut random = Random(1);
    let mut equal_across_layers = 0;
    for round in 0..400 {
        let base_left = tangle(Builder::new(Endian::NATIVE), &mut random);
        let base_right =
            if round % 2 == 0 { base_left.clone() } else { tangle(Builder::new(Endian::NATIVE), &mut random) };
        let (base_left, base_right) = (Btf::parse(&base_left).unwrap(), Btf::parse(&base_right).unwrap());
        let left = tangle(Builder::over(&base_left), &mut random);
        let right = if round % 3 == 0 { left.clone() } else { tangle(Builder::over(&base_right), &mut random) };
        let (left, right) = (Btf::parse(&left).unwrap(), Btf::parse(&right).unwrap());
        let comparison = Comparison::new(left.over(&base_left), right.over(&base_right));
        let (own_left, own_right) = (comparison.left().first_id(), comparison.right().first_id());
        for facet in [Facet::Designation, Facet::Layout, Facet::Closure] {
            let pairs = plainly(&comparison, facet);
            for left in (0..comparison.left().type_count()).map(TypeId) {
                for right in (0..comparison.right().type_count()).map(TypeId) {
                    let equal = comparison.equal(facet, left, right);
                    assert_eq!(equal, pairs.contains(&(left, right)), "round {round}, {facet:?}, {left} and {right}");
                    let across = facet == Facet::Closure && (left < own_left) != (right < own_right);
                    equal_across_layers += u32::from(equal && across && left != TypeId::VOID);
                }
            }
        }
    }
    assert!(equal_across_layers > 20, "types on top equal some of a base: {equal_across_layers}");
}

#[test]
fn in_left_base_finds_what_the_base_has_as_well() {
    let base = list("item", 16, "value");
    let base = Btf::parse(&base).unwrap();
    // The same list again, and one of another size.
    let copy = |size| {
        made(Builder::over(&base), |b| {
            let shift = b.next_id().0 - 1;
            for (_, ty) in base.alone().own_types() {
                let map = |field: crate::Field| match field.value() {
                    Value::Type(TypeId(id)) if id != 0 => id + shift,
                    Value::Number(16) if field.role == Role::Size => size,
                    _ => field.raw,
                };
                b.add_mapped(&ty, map).unwrap();
            }
        })
    };
    for (size, is_in_base) in [(16, true), (24, false)] {
        let split = copy(size);
        let split = Btf::parse(&split).unwrap();
        let comparison = Comparison::new(split.over(&base), split.over(&base));
        for (id, ty) in split.over(&base).own_types().filter(|(_, ty)| ty.kind().is_composite()) {
            let expected = TypeId(id.0 - base.len());
            assert_eq!(comparison.in_left_base(id), Some(expected).filter(|_| is_in_base), "{ty:?}");
            assert_eq!(comparison.in_left_base(expected), Some(expected));
        }
    }
}
