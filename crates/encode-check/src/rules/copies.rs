//! One more copy of a type that nothing refers to.

use std::collections::HashSet;

use btf::{TypeId, Value, View};
use encode::check::Differences;

use super::Rule;
use crate::meaning::{Meaning, Meanings};

pub(crate) const RULE: Rule = Rule {
    name: "copies",
    predicts: "one of the two has one more type without a user, such as the prototype behind a pointer, that leads to another \
               copy of a struct than the same type of the other one, or to a declaration of it",
    cause: "libbpf, btf.c, btf_dedup_is_equiv and btf_dedup_merge_hypot_map: which copy of a struct a unit's types become \
            depends on which is met first on the way through all units' types as they were read",
};

/// The types that only one side has, of each side, that are further copies: what they mean the base or the other side has,
/// nothing refers to them but others of them, and they are not simply there twice.
pub(crate) fn of(base: &Meanings<'_>, sides: [View<'_>; 2], found: &Differences) -> [HashSet<TypeId>; 2] {
    let meanings = base.classes(&sides);
    let [ours, shipped] = &meanings[..] else { return [HashSet::new(), HashSet::new()] };
    [side(base, sides[0], ours, &found.left, shipped), side(base, sides[1], shipped, &found.right, ours)]
}

fn side(base: &Meanings<'_>, view: View<'_>, own: &[Meaning], open: &[TypeId], others: &[Meaning]) -> HashSet<TypeId> {
    if open.is_empty() {
        return HashSet::new();
    }
    let others: HashSet<Meaning> = others.iter().copied().collect();
    let meaning = |id: TypeId| own.get(id.0.checked_sub(view.first_id().0)? as usize).copied();
    let is_known = |id: &TypeId| meaning(*id).is_some_and(|it| base.has(it) || others.contains(&it));
    let mut copies: HashSet<TypeId> = open.iter().copied().filter(|id| is_known(id) && !is_twice(view, *id)).collect();
    // What something else refers to is no copy without a user, and so is what that refers to.
    loop {
        let used: Vec<TypeId> = view
            .own_types()
            .filter(|(user, _)| !copies.contains(user))
            .flat_map(|(_, ty)| ty.fields().filter_map(|field| reference(field.value())).collect::<Vec<_>>())
            .filter(|used| copies.contains(used))
            .collect();
        if used.is_empty() {
            return copies;
        }
        used.iter().for_each(|id| {
            copies.remove(id);
        });
    }
}

/// Whether a side has a type again just as it is.
fn is_twice(view: View<'_>, id: TypeId) -> bool {
    let fields = |id| view.get(id).into_iter().flat_map(|ty| ty.fields()).map(|field| field.raw);
    view.own_types().any(|(other, _)| other != id && fields(other).eq(fields(id)))
}

const fn reference(value: Value) -> Option<TypeId> {
    match value {
        Value::Type(id) => Some(id),
        _ => None,
    }
}
