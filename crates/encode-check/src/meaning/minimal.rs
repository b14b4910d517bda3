//! Whether a split repeats types of its base.

use std::collections::HashSet;
use std::sync::OnceLock;

use btf::compare::Bases;
use btf::{Btf, Kind, TypeId, Value, View};

use super::{Blocks, Differences, count, surplus};

/// The types of a base, prepared for looking for them in the splits over it.
///
/// It is made once and can be shared between threads.
#[derive(Debug)]
pub struct BaseTypes<'b> {
    base: &'b Btf<'b>,
    /// The base on both sides.
    bases: Bases<'b>,
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
    /// Why it was written again: a forward declaration that can be reached from the base's type, of a struct or union that the split
    /// defines. `None` if there is no such declaration, so that there was no reason to write it.
    pub forward: Option<TypeId>,
}

impl<'b> BaseTypes<'b> {
    /// Prepares the types of a base.
    #[must_use]
    pub fn new(base: &'b Btf<'b>) -> Self {
        Self { base, bases: Bases::new(base, base), users: OnceLock::new() }
    }

    /// The types of a split that its base has as well. A minimal split has none without a [`Repeated::forward`].
    ///
    /// libbpf does not resolve forward declarations of a base, since a base cannot be changed. Where the module defines a struct that
    /// the base only declares, types that lead to the struct are written again (`btf_dedup_is_equiv`, `hypot_adjust_canon`). Most of
    /// them differ from the base's. But the first such type of a CU is written again as a whole, though what it refers to is found in
    /// the base a moment later, when the declaration is known to stand for the struct (`btf_dedup_merge_hypot_map`). Such a type is
    /// repeated for its `forward`.
    ///
    /// Variables and data sections are left out: none of them equals another one.
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

    /// What differs between two splits over this base if every type that repeats one of the base is taken for the base's type, and
    /// types of one side that are equal then are taken for one. A type that a side has several times, in the same form, must be there
    /// equally often on the other side.
    ///
    /// Whether a CU's struct becomes the base's or the copy that was written again depends, in libbpf, on which of the two comes first
    /// on the way through the types of all CUs as they were read (`btf_dedup_merge_hypot_map` takes the first in `hypot_list`). Our
    /// encoder has merged the types of earlier CUs by then, so another one may come first. Both are equal, so types that refer to one
    /// or the other mean the same. This tells whether the two splits differ in nothing else.
    #[must_use]
    pub fn differences(&self, left: &Btf<'_>, right: &Btf<'_>) -> Differences {
        let views = [left, right].map(|split| split.over(self.base));
        let repeated = views.map(|view| self.stand_ins(view));
        let blocks = Blocks::of(views, [&repeated[0], &repeated[1]]);
        let known = [&blocks.left, &blocks.right].map(|blocks| blocks.iter().copied().collect::<HashSet<u32>>());
        let only = |view: View<'_>, blocks: &[u32], repeated: &[Option<TypeId>], other: &HashSet<u32>| {
            let mut seen = HashSet::new();
            let types = view.own_types().zip(blocks).zip(repeated);
            types
                .filter(|&((_, block), repeated)| repeated.is_none() && !other.contains(block) && seen.insert(*block))
                .map(|(((id, _), _), _)| id)
                .collect()
        };
        let common = known[0].intersection(&known[1]).count();
        let mut left: Vec<TypeId> = only(views[0], &blocks.left, &repeated[0], &known[1]);
        let mut right: Vec<TypeId> = only(views[1], &blocks.right, &repeated[1], &known[0]);
        let exact = Blocks::of(views, [&[], &[]]);
        left.extend(too_often(views[0], &exact.left, &exact.right));
        right.extend(too_often(views[1], &exact.right, &exact.left));
        Differences { left, right, common }
    }

    /// For each type of a split the first type of the base that it equals.
    fn stand_ins(&self, view: View<'_>) -> Vec<Option<TypeId>> {
        let comparison = self.bases.compare(view.own(), view.own());
        let stand_in = |(id, ty): (TypeId, btf::Type<'_>)| match ty.kind() {
            Kind::Var | Kind::Datasec => None,
            _ => comparison.in_left_base(id),
        };
        view.own_types().map(stand_in).collect()
    }
}

/// The types of a side that the other side has as well, but not as often.
fn too_often(view: View<'_>, blocks: &[u32], others: &[u32]) -> Vec<TypeId> {
    let known = count(others);
    let block = |id: TypeId| blocks.get(id.0.saturating_sub(view.first_id().0) as usize);
    let surplus = surplus(view, blocks, &known).into_iter();
    surplus.filter(|id| block(*id).is_some_and(|block| known.contains_key(block))).collect()
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
