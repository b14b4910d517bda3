//! Whether a split says again what its base says.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use btf::{Btf, Kind, Type, TypeId, Value, View};

use super::{Differences, refine, shown, surplus, told_apart};

/// The types of a base, made ready to be looked for in the splits over it.
///
/// It is worked out once and can be shared between threads.
#[derive(Debug)]
pub struct BaseTypes<'b> {
    base: &'b Btf<'b>,
    /// The classes of all types after each round of refinement; types with one class in the last are equal.
    rounds: Vec<Vec<u64>>,
    /// The first type of each class.
    first: HashMap<u64, TypeId>,
    users: OnceLock<Users>,
}

/// A type of a split that equals one of its base in everything that can be reached from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repeated {
    /// The split's type.
    pub own: TypeId,
    /// The first type of the base that it equals.
    pub base: TypeId,
    /// Why it was written again: a forward declaration that can be reached from the base's type, of a struct or union that
    /// the split has. `None` where there is none, so that there was no reason for it.
    pub forward: Option<TypeId>,
}

impl<'b> BaseTypes<'b> {
    /// Tells the types of a base apart.
    #[must_use]
    pub fn new(base: &'b Btf<'b>) -> Self {
        let view = base.alone();
        let mut rounds = vec![shown(view)];
        let mut count = 0;
        while let Some(last) = rounds.last() {
            let distinct = last.iter().collect::<HashSet<_>>().len();
            if distinct <= count {
                break;
            }
            count = distinct;
            let next = refine(view, last, |_| 1);
            rounds.push(next);
        }
        let mut first = HashMap::new();
        for ((id, _), &class) in view.own_types().zip(rounds.last().into_iter().flatten()) {
            first.entry(class).or_insert(id);
        }
        Self { base, rounds, first, users: OnceLock::new() }
    }

    /// The types of a split that its base has as well. A minimal split has none without a [`Repeated::forward`].
    ///
    /// libbpf resolves no forward declaration of a base, since a base cannot be changed: where the module has the struct and
    /// the base only declares it, types that lead to it are written again (`btf_dedup_is_equiv`, `hypot_adjust_canon`). So far
    /// they differ from the base's. But the first of them that a unit has is written again as a whole, though what it refers
    /// to is found in the base a moment later, when the forward declaration is known to stand for the struct
    /// (`btf_dedup_merge_hypot_map`). Such a type is repeated for its `forward`.
    ///
    /// Variables and data sections are not looked at: each is one of its own.
    #[must_use]
    pub fn repeated_in(&self, split: &Btf<'_>) -> Vec<Repeated> {
        let view = split.over(self.base);
        let repeated = self.stand_ins(view);
        if repeated.iter().all(Option::is_none) {
            return Vec::new();
        }
        let declared = self.users.get_or_init(|| Users::of(self.base)).of_declared(view);
        let found = view.own_types().zip(repeated).filter_map(|((own, _), base)| Some((own, base?)));
        found
            .map(|(own, base)| Repeated { own, base, forward: declared.get(base.0 as usize).copied().flatten() })
            .collect()
    }

    /// What differs between two splits over this base if every type that repeats one of the base is taken for that, and types of
    /// one side that are equal then for one. A type that is there again just as it is has to be there as often on both sides.
    ///
    /// Whether a unit's struct becomes the base's or the copy that was written again depends, in libbpf, on which of them is
    /// met first on the way through all units' types as they were read (`btf_dedup_merge_hypot_map` takes the first in
    /// `hypot_list`). Here types of earlier units are canonical by then, so another one may be met first. Both are equal, so
    /// types that refer to one or the other mean the same; this tells whether that is all.
    #[must_use]
    pub fn differences(&self, left: &Btf<'_>, right: &Btf<'_>) -> Differences {
        let sides = [left, right].map(|split| split.over(self.base));
        let repeated = sides.map(|view| self.stand_ins(view));
        let classes = told_apart(sides, [&repeated[0], &repeated[1]]);
        let known = [&classes[0], &classes[1]].map(|classes| classes.iter().copied().collect::<HashSet<u64>>());
        let only = |view: View<'_>, classes: &[u64], repeated: &[Option<TypeId>], other: &HashSet<u64>| {
            let mut seen = HashSet::new();
            let types = view.own_types().zip(classes).zip(repeated);
            types
                .filter(|&((_, class), repeated)| repeated.is_none() && !other.contains(class) && seen.insert(*class))
                .map(|(((id, _), _), _)| id)
                .collect()
        };
        let common = known[0].intersection(&known[1]).count();
        let mut left: Vec<TypeId> = only(sides[0], &classes[0], &repeated[0], &known[1]);
        let mut right: Vec<TypeId> = only(sides[1], &classes[1], &repeated[1], &known[0]);
        let exact = told_apart(sides, [&[], &[]]);
        left.extend(too_often(sides[0], &exact[0], &exact[1]));
        right.extend(too_often(sides[1], &exact[1], &exact[0]));
        Differences { left, right, common }
    }

    /// For each type of a split the type of the base that it equals.
    fn stand_ins(&self, view: View<'_>) -> Vec<Option<TypeId>> {
        let classes = self.classes(view);
        let mut found: Vec<Option<TypeId>> = view
            .own_types()
            .zip(&classes)
            .map(|((_, ty), class)| {
                let is_looked_at = !matches!(ty.kind(), Kind::Var | Kind::Datasec);
                self.first.get(class).copied().filter(|_| is_looked_at)
            })
            .collect();
        // Classes say that types look the same as far as was looked. They are the same if what they refer to is, all along.
        loop {
            let before = found.iter().flatten().count();
            for (place, (_, ty)) in view.own_types().enumerate() {
                let other = found.get(place).copied().flatten().and_then(|id| view.get(id));
                let same = other.is_some_and(|other| self.same(view, &found, (&ty, &other)));
                if let Some(found) = found.get_mut(place).filter(|_| !same) {
                    *found = None;
                }
            }
            if found.iter().flatten().count() == before {
                return found;
            }
        }
    }

    fn classes(&self, view: View<'_>) -> Vec<u64> {
        let mut classes = shown(view);
        for round in self.rounds.iter().take(self.rounds.len().saturating_sub(1)) {
            classes = refine(view, &classes, |id| class(round, id));
        }
        classes
    }

    /// Whether a type of the split equals one of the base, if those in `found` do.
    fn same(&self, view: View<'_>, found: &[Option<TypeId>], (own, other): (&Type<'_>, &Type<'_>)) -> bool {
        let last = self.rounds.last().map_or(&[][..], Vec::as_slice);
        own.fields().zip(other.fields()).all(|(own, other)| match (own.value(), other.value()) {
            (Value::Type(own), Value::Type(other)) => {
                let stands_for = match own.0.checked_sub(view.first_id().0) {
                    None => Some(own),
                    Some(place) => found.get(place as usize).copied().flatten(),
                };
                stands_for.is_some_and(|id| id == other || (class(last, id) == class(last, other)))
            }
            (Value::Name(own), Value::Name(other)) => view.string(own) == view.string(other),
            (own, other) => own == other,
        })
    }
}

/// The types of a side that the other has as well, but not as often.
fn too_often(view: View<'_>, classes: &[u64], others: &[u64]) -> Vec<TypeId> {
    let known: HashMap<u64, i64> = others.iter().fold(HashMap::new(), |mut known, class| {
        *known.entry(*class).or_default() += 1;
        known
    });
    let surplus = surplus(view, classes, &mut known.clone());
    let class = |id: TypeId| classes.get(id.0.saturating_sub(view.first_id().0) as usize);
    surplus.into_iter().filter(|id| class(*id).is_some_and(|class| known.contains_key(class))).collect()
}

/// The class of a type of the base; `void` has one of its own.
fn class(classes: &[u64], TypeId(id): TypeId) -> u64 {
    let place = id.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| classes.get(place)).copied().unwrap_or(1)
}

/// Which types refer to each type of a base.
#[derive(Debug)]
struct Users {
    /// Where the users of each type begin in `users`, by id, and where the last ones end.
    starts: Vec<u32>,
    users: Vec<TypeId>,
}

impl Users {
    fn of(base: &Btf<'_>) -> Self {
        let view = base.alone();
        let references = || {
            view.own_types().flat_map(|(user, ty)| {
                ty.fields().filter_map(move |field| match field.value() {
                    Value::Type(used) => Some((used, user)),
                    _ => None,
                })
            })
        };
        let mut pairs: Vec<(TypeId, TypeId)> = references().collect();
        pairs.sort_unstable();
        let start = |id| u32::try_from(pairs.partition_point(|&(used, _)| used.0 < id)).unwrap_or(u32::MAX);
        let starts = (0..=view.type_count()).map(start).collect();
        Self { starts, users: pairs.into_iter().map(|(_, user)| user).collect() }
    }

    fn users(&self, TypeId(id): TypeId) -> &[TypeId] {
        let place = id as usize;
        let ends = self.starts.get(place).copied().zip(self.starts.get(place.saturating_add(1)).copied());
        ends.and_then(|(start, end)| self.users.get(start as usize..end as usize)).unwrap_or_default()
    }

    /// For each type of the base, by id, the first forward declaration that it leads to of what the split on top has.
    fn of_declared(&self, view: View<'_>) -> Vec<Option<TypeId>> {
        let has: HashSet<_> = view
            .own_types()
            .filter(|(_, ty)| ty.kind().is_composite())
            .map(|(_, ty)| (view.name(&ty), ty.kind() == Kind::Union))
            .collect();
        let mut lead: Vec<Option<TypeId>> = vec![None; view.first_id().0 as usize];
        let base = view.base_view().into_iter().flat_map(|base| base.own_types());
        for (forward, _) in base.filter(|(_, ty)| ty.kind() == Kind::Fwd && has.contains(&(view.name(ty), ty.kflag())))
        {
            let mut stack = vec![forward];
            while let Some(id) = stack.pop() {
                if let Some(slot) = lead.get_mut(id.0 as usize).filter(|slot| slot.is_none()) {
                    *slot = Some(forward);
                    stack.extend(self.users(id));
                }
            }
        }
        lead
    }
}
