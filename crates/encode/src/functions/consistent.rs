//! Whether the definitions of one function are consistent.

use btf::Kind;

use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::declarations::SavedFunction;
use crate::encoded;
use crate::error::EncodeError;
use crate::hash::IdMap;
use crate::ids::{CanonicalId, NameId};

/// Compares definitions of functions (`funcs__match` and `types__match` in pahole's `btf_encoder.c`).
///
/// Prototypes that are pointed to are compared with their parameters, which pahole omits by mistake up to 1.31; no function
/// of a kernel that was looked at depends on it.
///
/// Types without names form a graph with shared parts, and prototypes that take each other twice have exponentially many
/// paths. So each pair of types is decided once, and the result is kept for all functions of the file.
pub(super) struct Consistency<'t, 'b> {
    types: &'t CanonicalTypes<'b>,
    params: &'t [(NameId, Option<CanonicalId>)],
    /// What is known of each pair of types: whether they match. A pair that is being compared is taken to match.
    known: IdMap<TypePair, bool>,
    /// The pairs that are left to compare; behind one whose parts were pushed, `true`.
    pending: Vec<(TypePair, bool)>,
    /// How many pairs were looked at.
    #[cfg(test)]
    steps: usize,
}

/// Two types, each of which may be `void`.
type TypePair = (Option<CanonicalId>, Option<CanonicalId>);

/// What one look at two types shows.
enum Comparison {
    /// They match.
    Match,
    /// They differ.
    Differ,
    /// They match if what was pushed to `pending` does.
    Parts,
}

impl<'t, 'b> Consistency<'t, 'b> {
    pub(super) fn new(types: &'t CanonicalTypes<'b>, params: &'t [(NameId, Option<CanonicalId>)]) -> Self {
        Self {
            types,
            params,
            known: IdMap::default(),
            pending: Vec::new(),
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Whether two functions of one name return the same and take the same.
    pub(super) fn functions(&mut self, left: &SavedFunction, right: &SavedFunction) -> Result<bool, EncodeError> {
        let (params_left, params_right) = (left.params(self.params)?, right.params(self.params)?);
        let mut pairs = params_left.iter().zip(params_right);
        Ok(left.param_count == right.param_count
            && self.types(left.returns, right.returns)
            && pairs.all(|(&(_, left), &(_, right))| self.types(left, right)))
    }

    /// Whether types match: loosely, as `const` does not matter and the name of a type stands for it.
    fn types(&mut self, left: Option<CanonicalId>, right: Option<CanonicalId>) -> bool {
        self.pending.clear();
        self.pending.push(((left, right), false));
        while let Some((pair, is_done)) = self.pending.pop() {
            if is_done || self.known.get(&pair) == Some(&true) {
                continue;
            }
            let is_known_to_differ = self.known.get(&pair) == Some(&false);
            let place = self.pending.len();
            self.pending.push((pair, true));
            match if is_known_to_differ { Comparison::Differ } else { self.compare(pair) } {
                Comparison::Match => self.pending.truncate(place),
                Comparison::Parts => {
                    self.known.insert(pair, true);
                }
                Comparison::Differ => {
                    // This pair differs, and so do those that led to it.
                    for &(pair, _) in self.pending.iter().filter(|&&(_, is_done)| is_done) {
                        self.known.insert(pair, false);
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Compares two types without what they refer to, which is pushed to `pending`.
    fn compare(&mut self, (left, right): TypePair) -> Comparison {
        #[cfg(test)]
        {
            self.steps += 1;
        }
        let (left, right) = match (left, right) {
            (Some(left), Some(right)) => (self.types.resolved(left), self.types.resolved(right)),
            (None, None) => return Comparison::Match,
            (Some(_), None) | (None, Some(_)) => return Comparison::Differ,
        };
        if left == right {
            return Comparison::Match;
        }
        let (words, others) = (self.types.get(left), self.types.get(right));
        let (kind, other_kind) = (declared_kind(words), declared_kind(others));
        let mut part = |left, right| {
            self.pending.push(((CanonicalId::from_word(left), CanonicalId::from_word(right)), false));
            true
        };
        match (kind, other_kind) {
            _ if kind == other_kind => {}
            (Kind::Const, _) => {
                part(encoded::word(words), right.raw());
                return Comparison::Parts;
            }
            (_, Kind::Const) => {
                part(left.raw(), encoded::word(others));
                return Comparison::Parts;
            }
            _ => return Comparison::Differ,
        }
        let is_equal = match kind {
            Kind::Typedef | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => {
                encoded::name(words) == encoded::name(others)
            }
            Kind::Ptr | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => {
                part(encoded::word(words), encoded::word(others))
            }
            // Anything else matches if its numbers and names do, and what it refers to matches.
            _ => encoded::compare(words, others, part),
        };
        if is_equal { Comparison::Parts } else { Comparison::Differ }
    }
}

/// The kind; of a forward declaration that of what it declares.
fn declared_kind(words: &[u32]) -> Kind {
    match encoded::kind(words) {
        Kind::Fwd if encoded::info(words) >> 31 == 1 => Kind::Union,
        Kind::Fwd => Kind::Struct,
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::emit_order::{EmitOrder, EmitPhase};
    use crate::encoded::{head, make_info};
    use crate::ids::CuNumber;

    fn add(types: &mut CanonicalTypes<'_>, words: &[u32]) -> u32 {
        let order = EmitOrder::new(CuNumber::from_raw(0), EmitPhase::Types, 0);
        types.intern(words, order).expect("few types").raw()
    }

    fn is_match(consistency: &mut Consistency<'_, '_>, left: u32, right: u32) -> bool {
        consistency.types(CanonicalId::from_word(left), CanonicalId::from_word(right))
    }

    /// A chain of pointers to prototypes, each of which takes the next one twice: 2^length paths lead to the leaf.
    fn chain(types: &mut CanonicalTypes<'_>, leaf: u32, length: usize) -> u32 {
        (0..length).fold(leaf, |ty, _| {
            let prototype = add(types, &[0, make_info(Kind::FuncProto, 2, false), 0, 0, ty, 0, ty]);
            add(types, &head(Kind::Ptr, NameId::EMPTY, 0, false, prototype))
        })
    }

    #[test]
    fn types_without_names_are_compared_once_for_each_pair() {
        const LENGTH: usize = 500;
        let mut types = CanonicalTypes::new(None);
        let int = add(&mut types, &[1, make_info(Kind::Int, 0, false), 4, 32]);
        let long = add(&mut types, &[2, make_info(Kind::Int, 0, false), 8, 64]);
        let constant = add(&mut types, &head(Kind::Const, NameId::EMPTY, 0, false, int));
        let [ints, constants, longs] = [int, constant, long].map(|leaf| chain(&mut types, leaf, LENGTH));
        let mut consistency = Consistency::new(&types, &[]);
        for (right, expected) in [(ints, true), (constants, true), (longs, false)] {
            // Of two comparisons, and of a further prototype that shares all, only the first one costs anything.
            for _ in 0..3 {
                assert_eq!(is_match(&mut consistency, ints, right), expected);
            }
        }
        assert!(consistency.steps <= 6 * LENGTH + 16, "{} steps", consistency.steps);
    }

    #[test]
    fn a_difference_is_kept_for_all_that_leads_to_it() {
        let mut types = CanonicalTypes::new(None);
        let int = add(&mut types, &[1, make_info(Kind::Int, 0, false), 4, 32]);
        let long = add(&mut types, &[2, make_info(Kind::Int, 0, false), 8, 64]);
        let [left, right] = [int, long].map(|leaf| chain(&mut types, leaf, 300));
        let users = [left, right].map(|ty| {
            let make = |n| [0, make_info(Kind::FuncProto, 2, false), 0, 0, ty, n, 0];
            (10..200).map(|n| add(&mut types, &make(n))).collect::<Vec<u32>>()
        });
        let mut consistency = Consistency::new(&types, &[]);
        for (&left, &right) in users[0].iter().zip(&users[1]) {
            assert!(!is_match(&mut consistency, left, right));
        }
        assert!(consistency.steps <= 2 * 300 + 2 * 190 + 16, "{} steps", consistency.steps);
    }

    #[test]
    fn const_does_not_matter_except_on_void() {
        let mut types = CanonicalTypes::new(None);
        let int = add(&mut types, &[1, make_info(Kind::Int, 0, false), 4, 32]);
        let constant = add(&mut types, &head(Kind::Const, NameId::EMPTY, 0, false, int));
        let const_void = add(&mut types, &head(Kind::Const, NameId::EMPTY, 0, false, 0));
        let volatile = add(&mut types, &head(Kind::Volatile, NameId::EMPTY, 0, false, int));
        let mut consistency = Consistency::new(&types, &[]);
        let mut is_match = |left, right| is_match(&mut consistency, left, right);
        assert!(is_match(int, constant) && is_match(constant, int));
        assert!(!is_match(const_void, 0) && !is_match(volatile, constant));
    }
}
