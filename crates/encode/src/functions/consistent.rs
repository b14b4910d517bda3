//! Whether the definitions of one function agree.

use btf::Kind;

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::declarations::SavedFunction;
use crate::encoded;

/// How deep types without names are followed; what agrees so far agrees.
const MAX_DEPTH: u32 = 50;

/// Whether two functions of one name return the same and take the same (`funcs__match` and `types__match` in pahole's
/// `btf_encoder.c`). Prototypes that are pointed to are compared with their parameters, which pahole leaves out by mistake up
/// to 1.31; no function of a kernel that was looked at depends on it.
pub(crate) fn functions(
    types: &CanonicalTypes<'_>,
    params: &[(u32, u32)],
    left: &SavedFunction,
    right: &SavedFunction,
) -> bool {
    let (params_left, params_right) = (left.params(params), right.params(params));
    let mut pairs = params_left.iter().zip(params_right);
    left.param_count == right.param_count
        && types_match(types, left.returns, right.returns, 0)
        && pairs.all(|(&(_, left), &(_, right))| types_match(types, left, right, 0))
}

/// Whether types agree: loosely, as `const` does not matter and the name of a type stands for it.
fn types_match(types: &CanonicalTypes<'_>, mut left: u32, mut right: u32, depth: u32) -> bool {
    for _ in depth..MAX_DEPTH {
        (left, right) = (types.resolved(left), types.resolved(right));
        if left == right {
            return true;
        }
        if left == 0 || right == 0 {
            return false;
        }
        let (words, others) = (types.get(left), types.get(right));
        let (kind, other_kind) = (declared_kind(words), declared_kind(others));
        match (kind, other_kind) {
            _ if kind == other_kind => {}
            (Kind::Const, _) => {
                left = encoded::word(words);
                continue;
            }
            (_, Kind::Const) => {
                right = encoded::word(others);
                continue;
            }
            _ => return false,
        }
        match kind {
            Kind::Typedef | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => {
                return encoded::name(words) == encoded::name(others);
            }
            Kind::Ptr | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                (left, right) = (encoded::word(words), encoded::word(others));
            }
            // Anything else agrees if its numbers and names do, and what it refers to agrees.
            _ => {
                let next = depth.saturating_add(1);
                return encoded::compare(words, others, |left, right| types_match(types, left, right, next));
            }
        }
    }
    true
}

/// The kind; of a forward declaration that of what it declares.
fn declared_kind(words: &[u32]) -> Kind {
    match encoded::kind(words) {
        Kind::Fwd if encoded::info(words) >> 31 == 1 => Kind::Union,
        Kind::Fwd => Kind::Struct,
        kind => kind,
    }
}
