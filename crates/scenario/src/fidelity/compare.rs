//! Comparing a module's types over both bases, and counting those that differ.

use core::cmp::Reverse;

use btf::Btf;
use btf::compare::{Bases, Comparison, Strength};
use rayon::prelude::*;

use super::examples::{ComparedType, RANKS, SOUGHT, examples};
use crate::boots::measured::TypeFidelity;

#[cfg(test)]
mod tests;

/// The number of modules for which examples are kept.
const MODULES: usize = 32;

/// Compares each type of a module's split BTF over both bases: `bases` has its build base on the left and the running
/// one on the right. Create `bases` once for all modules.
#[must_use]
pub fn measure<'a>(bases: &Bases<'a>, module: &str, split: &'a Btf<'a>) -> TypeFidelity {
    type_fidelity(&bases.compare(split, split), module)
}

/// Compares each type on the left with the one at the same position on the right.
pub(super) fn type_fidelity(comparison: &Comparison<'_>, module: &str) -> TypeFidelity {
    let (meant, seen) = (comparison.left(), comparison.right());
    let places = meant.own_types().zip(seen.own_types());
    let mut counts = [0usize; Strength::ALL.len()];
    let mut ranked: [Vec<ComparedType<'_>>; RANKS] = Default::default();
    for ((left, meant), (right, seen)) in places {
        let place = ComparedType { left, right, meant, seen };
        let other = Strength::ALL.map(|strength| !comparison.same(left, right, strength));
        for (count, other) in counts.iter_mut().zip(other) {
            *count += usize::from(other);
        }
        if let Some(weakest) =
            Strength::ALL.into_iter().zip(other).find_map(|(strength, other)| other.then_some(strength))
        {
            let rank = &mut ranked[place.rank(comparison, weakest)];
            if rank.len() < SOUGHT {
                rank.push(place);
            }
        }
    }
    let [other_name_or_kind, other_layout, other_closure] = counts;
    TypeFidelity {
        module: module.to_owned(),
        types: meant.own().len() as usize,
        other_name_or_kind,
        other_layout,
        other_closure,
        examples: examples(comparison, ranked.iter().flatten()),
    }
}

/// Runs [`measure`] for many modules, each with its name, on all processors. The results are in the order of the
/// modules. Examples are kept for the 32 modules with the most differing types.
#[must_use]
pub fn measure_all<'a>(bases: &Bases<'a>, modules: &'a [(String, Btf<'a>)]) -> Vec<TypeFidelity> {
    let mut all: Vec<TypeFidelity> = modules.par_iter().map(|(name, split)| measure(bases, name, split)).collect();
    let mut worst: Vec<&mut TypeFidelity> = all.iter_mut().collect();
    worst.sort_by_key(|module| Reverse((module.other_name_or_kind, module.other_layout, module.other_closure)));
    for module in worst.into_iter().skip(MODULES) {
        module.examples.clear();
    }
    all
}
