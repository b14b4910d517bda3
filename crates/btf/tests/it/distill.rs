//! What makes a module that can be relocated: a distilled base and what is split over it (`btf__distill_base` in
//! `tools/lib/bpf/btf.c`).

use std::collections::{BTreeSet, HashMap};

use btf::{Btf, Builder, Kind, Record, StrOff, Type, TypeId, Value, View};

/// `.BTF.base` and `.BTF`.
pub struct Distilled {
    pub base: Vec<u8>,
    pub split: Vec<u8>,
}

/// Distils what is split over a base.
pub fn distill(view: View<'_>) -> Distilled {
    let needed = needed(view);
    let (lower, upper): (Vec<_>, Vec<_>) =
        needed.into_iter().map(|id| (id, view.get(id).unwrap())).partition(|(_, ty)| stays_below(ty));

    let mut builder = Builder::new(view.own().endian());
    let mut ids = HashMap::from([(TypeId::VOID, TypeId::VOID)]);
    for (id, ty) in &lower {
        let name = builder.add_string(view.name(ty).unwrap()).unwrap();
        ids.insert(*id, builder.add(&without_members(ty, name)).unwrap());
    }
    let base = builder.to_bytes().unwrap();
    let below = Btf::parse(&base).unwrap();

    let mut builder = Builder::over(&below);
    let all: Vec<_> = view.own_types().chain(upper).collect();
    ids.extend((below.len() + 1..).map(TypeId).zip(&all).map(|(new, (old, _))| (*old, new)));
    let mut strings = HashMap::new();
    for (_, ty) in &all {
        for field in ty.fields() {
            let Value::Name(name) = field.value() else { continue };
            strings.insert(name, builder.add_string(view.string(name).unwrap()).unwrap());
        }
    }
    for (_, ty) in &all {
        let map = |field: btf::Field| match field.value() {
            Value::Name(name) => strings[&name].0,
            Value::Type(id) => ids[&id].0,
            Value::Number(number) => number,
        };
        builder.add_mapped(ty, map).unwrap();
    }
    Distilled { split: builder.to_bytes().unwrap(), base }
}

/// The types of the base that the split needs, without what is in a struct or union with a name.
fn needed(view: View<'_>) -> BTreeSet<TypeId> {
    let mut needed = BTreeSet::new();
    let mut left: Vec<Type<'_>> = view.own_types().map(|(_, ty)| ty).collect();
    while let Some(ty) = left.pop() {
        for field in ty.fields() {
            let Value::Type(id) = field.value() else { continue };
            if id != TypeId::VOID && !view.is_own(id) && needed.insert(id) {
                left.extend(view.get(id).filter(|ty| !stays_below(ty)));
            }
        }
    }
    needed
}

fn stays_below(ty: &Type<'_>) -> bool {
    match ty.kind() {
        Kind::Int | Kind::Float | Kind::Fwd => true,
        kind => (kind.is_composite() || kind.is_enum()) && !ty.name().is_none(),
    }
}

fn without_members(ty: &Type<'_>, name: StrOff) -> Record {
    let size = ty.size().unwrap_or(0);
    match ty.kind() {
        Kind::Int => Record::int(name, size, ty.int().unwrap()),
        Kind::Fwd => Record::new(Kind::Fwd).named(name).with_kflag(ty.kflag()),
        kind => Record::sized(if kind.is_enum() { Kind::Enum } else { kind }, name, size),
    }
}
