//! Which of several copies of a type something refers to.

use std::collections::HashMap;

use btf::{TypeId, Value};

use super::Rule;
use crate::Difference;
use crate::case::{Case, Side};
use crate::meaning::Meaning;

pub(super) const RULE: Rule = Rule {
    name: "copies",
    predicts: "both refer to a struct of this name that is defined as the other's, one to another copy of it or to a \
               declaration of it; what is copied more often is in the base or on the other side",
    cause: "libbpf, btf.c, btf_dedup_is_equiv and btf_dedup_resolve_fwds: a declaration stands for the definition that it met \
            first, which depends on the order of the units, and one of the base never becomes a definition",
    chance: false,
    take,
};

fn take(case: &mut Case<'_>) -> Vec<Difference> {
    let mut differences = Vec::new();
    for [ours, shipped] in pairs(case) {
        let what = "refers to another copy of the same type".to_owned();
        let mut difference = case.pair([ours, shipped], what, Some(RULE.name));
        difference.follows = !chooses_itself(case, ours, shipped);
        if difference.follows {
            difference.what = "refers to what refers to another copy of the same type".to_owned();
        }
        differences.push(difference);
        case.close(Side::Ours, ours);
        case.close(Side::Shipped, shipped);
    }
    for side in Side::BOTH {
        let surplus: Vec<TypeId> = case.open(side).iter().copied().filter(|id| is_copy(case, side, *id)).collect();
        for id in surplus {
            let what = format!("only {} has one more copy of it", side.word());
            differences.push(case.alone(side, id, what, Some(RULE.name)));
            case.close(side, id);
        }
    }
    differences
}

/// The types that each side has in its way, and that mean the same.
fn pairs(case: &Case<'_>) -> Vec<[TypeId; 2]> {
    let mut waiting: HashMap<Meaning, Vec<TypeId>> = HashMap::new();
    for &id in case.open(Side::Ours).iter().rev() {
        if let Some(meaning) = case.of(Side::Ours).meaning(id) {
            waiting.entry(meaning).or_default().push(id);
        }
    }
    let partner = |&shipped: &TypeId| {
        let meaning = case.of(Side::Shipped).meaning(shipped)?;
        Some([waiting.get_mut(&meaning)?.pop()?, shipped])
    };
    case.open(Side::Shipped).iter().filter_map(partner).collect()
}

/// Whether two types that mean the same refer, themselves, to another copy: one of the base on one side at least. Else what they
/// refer to differs in its turn.
fn chooses_itself(case: &Case<'_>, ours: TypeId, shipped: TypeId) -> bool {
    let references = |side, id| {
        let fields = case.of(side).view.get(id).into_iter().flat_map(|ty| ty.fields());
        let is_reference = |value| match value {
            Value::Type(id) => Some(id),
            _ => None,
        };
        fields.filter_map(|field| is_reference(field.value())).collect::<Vec<_>>()
    };
    let first = case.of(Side::Ours).view.first_id();
    references(Side::Ours, ours)
        .into_iter()
        .zip(references(Side::Shipped, shipped))
        .any(|(left, right)| left != right && (left < first || right < first))
}

/// Whether a type is one that the base or the other side has as well.
fn is_copy(case: &Case<'_>, side: Side, id: TypeId) -> bool {
    let Some(meaning) = case.of(side).meaning(id) else { return false };
    case.base.has(meaning) || case.of(side.other()).has(meaning)
}
