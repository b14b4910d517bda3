//! Which of the definitions of one name pahole's threads came to first.

use btf::{Kind, TypeId};

use super::Rule;
use crate::Difference;
use crate::case::{Case, Side};

pub(super) const RULE: Rule = Rule {
    name: "choice",
    predicts: "several units define a function of this name with different types; both have one of these definitions, and the \
               shipped BTF another one, or more than one",
    cause: "pahole up to 1.28 with -j: pahole.c, pahole_stealer gives each thread an encoder of its own, and each writes the \
            first function of a name that it comes to (btf_encoder.c, btf_encoder__encode_cu)",
    chance: true,
    take,
};

fn take(case: &mut Case<'_>) -> Vec<Difference> {
    let mut differences = Vec::new();
    for side in Side::BOTH {
        let chosen: Vec<TypeId> = case.open(side).iter().copied().filter(|id| is_choice(case, side, *id)).collect();
        for id in chosen {
            let what = format!("only {} has this definition of several", side.word());
            differences.push(case.alone(side, id, what, Some(RULE.name)));
            case.close(side, id);
            let prototype = case.of(side).view.get(id).and_then(|ty| ty.target());
            let Some(prototype) = prototype.filter(|prototype| case.open(side).contains(prototype)) else { continue };
            if case.of(side).kind(prototype) == Kind::FuncProto {
                let what = format!("the prototype of {}, of which several are defined", case.of(side).name(id));
                differences.push(case.alone(side, prototype, what, Some(RULE.name)));
                case.close(side, prototype);
            }
        }
    }
    differences
}

/// Whether a type is a function, one of several definitions that there are, and the other side has one as well.
fn is_choice(case: &Case<'_>, side: Side, id: TypeId) -> bool {
    let (Some(every), meant) = (&case.every, case.of(side)) else { return false };
    if meant.kind(id) != Kind::Func {
        return false;
    }
    let name = meant.name(id);
    let defined = every.functions(name);
    let others = case.of(side.other()).functions(name);
    let is_defined = meant.meaning(id).is_some_and(|meaning| defined.contains(&meaning));
    defined.len() > 1 && is_defined && !others.is_disjoint(&defined)
}
