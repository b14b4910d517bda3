//! The rule for references to a type that the module has a copy of: the base's type or the copy.

use btf::Btf;

use super::rule::Rule;
use crate::meaning::BaseTypes;

pub(crate) const RULE: Rule = Rule {
    name: "repeated",
    predicts: "one of the two has types again that the base has, each leading to a struct that the base only declares and the \
               module defines; with each of them taken for the base's type both are the same",
    cause: "libbpf, btf.c, btf_dedup_is_equiv and btf_dedup_merge_hypot_map: the first struct of a unit that leads to such a \
            declaration is written again, and whether what comes later refers to it or to the base's depends on which of them \
            is met first",
};

/// Whether that is all that two splits over a base differ in.
pub(crate) fn explains(base: &BaseTypes<'_>, ours: &Btf<'_>, shipped: &Btf<'_>) -> bool {
    let repeated = [ours, shipped].map(|split| base.repeated_in(split)).concat();
    let has_reason = !repeated.is_empty() && repeated.iter().all(|it| it.forward.is_some());
    has_reason && base.differences(ours, shipped).is_empty()
}
