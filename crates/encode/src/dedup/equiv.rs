//! Whether a type of a CU is equivalent to a canonical one.
//!
//! A walk goes over two graphs side by side and ends at the first difference. That pair differs, and so do all pairs that led to
//! it. They are remembered while the CU is merged. Otherwise a chain of K structs that differs at its end would be walked over
//! K times.
//!
//! A pair that differs stays different when other types are merged, with two exceptions, at which all differences are forgotten:
//!
//! - Two different enums may both equal a forward declaration of an enum, and so may structs that contain them.
//! - A CU may have a copy of a struct of the base, which replaces that struct in later walks (`as_read`).

use btf::Kind;

use crate::cu::reference::{LocalId, Reference, Target};
use crate::dedup::reached::{Reached, Way};
use crate::dedup::unit::{Met, Pending, Scratch, UnitDedup, words};
use crate::encoded;
use crate::enum_index::is_forward;
use crate::ids::{CanonicalId, id32};

/// What a walk found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Equivalence {
    /// A difference.
    Different,
    /// None.
    Equal,
    /// None, if a forward declaration of the base stood for a struct or union that the base does not have. A base cannot
    /// be changed, so the types are not equal.
    NeedsBase,
}

/// What is known of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noted {
    /// Nothing so far: it is noted.
    New,
    /// It was compared in this walk.
    Before,
    /// It differs.
    Different,
}

impl UnitDedup<'_, '_> {
    /// Whether a struct or union of the CU is equivalent to a canonical one. If so, all pairs of the walk are noted as equal.
    pub(super) fn is_equiv(&mut self, local: LocalId, canonical: CanonicalId) -> bool {
        let reader = self.types.cu_of(canonical);
        if !self.types.copies.is_empty() && self.scratch.reader != reader {
            self.scratch.forget_differences();
        }
        self.scratch.reader = reader;
        let equivalence = self.walk(local, canonical);
        if equivalence != Equivalence::Different {
            self.apply(equivalence);
        }
        equivalence == Equivalence::Equal
    }

    fn walk(&mut self, local: LocalId, canonical: CanonicalId) -> Equivalence {
        self.scratch.walk = self.scratch.walk.wrapping_add(1);
        self.scratch.stack.clear();
        self.scratch.trail.clear();
        self.scratch.forwards.clear();
        self.scratch.more_pairs.clear();
        self.scratch.has_enum_forward = false;
        let mut equivalence = Equivalence::Equal;
        let mut stack = std::mem::take(&mut self.scratch.stack);
        let canonical = Reference::from(canonical);
        self.push_pair(&mut stack, local.into(), canonical, self.way(canonical), 0);
        while let Some(pending) = stack.pop() {
            match self.pair(&mut stack, pending) {
                Equivalence::Equal => {}
                Equivalence::NeedsBase => equivalence = Equivalence::NeedsBase,
                Equivalence::Different => {
                    equivalence = Equivalence::Different;
                    break;
                }
            }
        }
        self.scratch.stack = stack;
        equivalence
    }

    /// The way on from a canonical type that was not reached through a reference.
    fn way(&self, canonical: Reference) -> Way {
        match canonical.target() {
            Target::Canonical(id) if self.types.place(id).is_none() => Way::Base,
            _ => Way::Cu,
        }
    }

    /// Notes two types to be compared, unless it is known what they are. Whether they may be equal.
    #[inline]
    fn push_pair(
        &self,
        stack: &mut Vec<Pending>,
        local: Reference,
        canonical: Reference,
        way: Way,
        parent: u32,
    ) -> bool {
        let canonical = if way == Way::Cu { self.as_read(canonical) } else { canonical };
        if local == canonical {
            return true;
        }
        let (known, known_canonical) = (self.known(local), self.known(canonical));
        if known == known_canonical {
            return true;
        }
        if local.is_void() || canonical.is_void() {
            return false;
        }
        stack.push(Pending { local, canonical: Reached::new(canonical, way), parent });
        true
    }

    /// Replaces a struct of the base, reached from a canonical type of the module, by the copy of it in the CU that the canonical type
    /// is from, if there is one. libbpf (`btf_dedup_is_equiv`) follows the CU's types as they were read, so it would come to that
    /// copy.
    #[inline]
    fn as_read(&self, canonical: Reference) -> Reference {
        if self.types.copies.is_empty() {
            return canonical;
        }
        let (Some(cu), Target::Canonical(id)) = (self.scratch.reader, canonical.target()) else { return canonical };
        self.types.copies.get(&(cu, id)).map_or(canonical, |&copy| copy.into())
    }

    /// Compares two types, all but what they refer to, which is noted to be compared.
    fn pair(&mut self, stack: &mut Vec<Pending>, pending: Pending) -> Equivalence {
        #[cfg(test)]
        {
            self.scratch.steps += 1;
        }
        let met = pending.canonical.reference();
        let canonical = self.declared(met);
        let way = if canonical == met { pending.canonical.way() } else { self.way(canonical) };
        let Some(local) = pending.local.local() else {
            // Something canonical other than the canonical type: the type of an index.
            return if self.words(self.known(pending.local)) == self.words(canonical) {
                Equivalence::Equal
            } else {
                self.difference(pending.parent)
            };
        };
        let own = id32(self.scratch.trail.len());
        match self.note_pair(Met { local, canonical: Reached::new(canonical, way), parent: pending.parent }) {
            Noted::New => {}
            Noted::Before => return Equivalence::Equal,
            Noted::Different => return self.difference(pending.parent),
        }
        let (left, right) = (self.cu.get(local), words(self.types, self.cu, canonical));
        if encoded::name(left) != encoded::name(right) {
            return self.difference(own);
        }
        let (kind, kind_canonical) = (encoded::kind(left), encoded::kind(right));
        if kind == Kind::Fwd || kind_canonical == Kind::Fwd {
            self.scratch.forwards.push((local, canonical));
        }
        if kind != kind_canonical || kind.is_enum() {
            self.scratch.has_enum_forward |= kind.is_enum() && left != right;
            return match pair_of_kinds(left, right, way == Way::Cu) {
                Equivalence::Different => self.difference(own),
                equivalence => equivalence,
            };
        }
        let before = stack.len();
        let is_equal = encoded::compare(left, right, |left, right| {
            self.push_pair(stack, Reference::from_word(left), Reference::from_word(right), way, own)
        });
        if !is_equal {
            return self.difference(own);
        }
        // Depth first and in the order of the fields, as libbpf goes: where a type is paired with two, the first pair counts.
        if let Some(pushed) = stack.get_mut(before..) {
            pushed.reverse();
        }
        Equivalence::Equal
    }

    /// What a canonical forward declaration stands for, if that is known.
    fn declared(&self, canonical: Reference) -> Reference {
        if self.kind(canonical) != Kind::Fwd {
            return canonical;
        }
        let known = self.known(canonical);
        if self.kind(known) == Kind::Fwd { canonical } else { known }
    }

    /// Notes a pair, unless it was compared in this walk or is known to differ.
    #[inline]
    fn note_pair(&mut self, met: Met) -> Noted {
        let Scratch { paired, more_pairs, trail, walk, more_different, forgotten, .. } = self.scratch;
        let Met { local, canonical, .. } = met;
        let Some(slot) = paired.get_mut(local.place()) else { return Noted::Before };
        if slot.differs_in > *forgotten && (slot.different == canonical || more_different.contains(&(local, canonical)))
        {
            return Noted::Different;
        }
        if slot.walk != *walk {
            (slot.walk, slot.canonical) = (*walk, canonical);
        } else if slot.canonical == canonical || !more_pairs.insert((local, canonical)) {
            return Noted::Before;
        }
        trail.push(met);
        Noted::New
    }

    /// Notes that a pair of the trail differs, and so do those that led to it.
    #[cold]
    fn difference(&mut self, mut place: u32) -> Equivalence {
        let Scratch { paired, trail, walk, more_different, forgotten, .. } = self.scratch;
        while let Some(&Met { local, canonical, parent }) = trail.get(place as usize) {
            let Some(slot) = paired.get_mut(local.place()) else { break };
            if slot.differs_in <= *forgotten {
                (slot.differs_in, slot.different) = (*walk, canonical);
            } else if slot.different != canonical {
                more_different.insert((local, canonical));
            }
            if parent >= place {
                break;
            }
            place = parent;
        }
        Equivalence::Different
    }

    /// Notes what the pairs of a walk without a difference show.
    fn apply(&mut self, equivalence: Equivalence) {
        let mut all_as_paired = equivalence == Equivalence::Equal && self.types.base_map.is_empty();
        let forwards = std::mem::take(&mut self.scratch.forwards);
        for &(local, canonical) in &forwards {
            all_as_paired &= self.apply_forward(local, canonical, equivalence);
        }
        self.scratch.forwards = forwards;
        if equivalence != Equivalence::Equal {
            return;
        }
        let trail = std::mem::take(&mut self.scratch.trail);
        for &Met { local, canonical, .. } in &trail {
            let is_struct = || encoded::kind(self.cu.get(local)).is_composite();
            if all_as_paired || is_struct() {
                self.apply_type(local, canonical.reference());
            }
        }
        self.scratch.trail = trail;
        if self.scratch.has_enum_forward {
            self.scratch.forget_differences();
        }
    }

    /// Notes what a forward declaration on either side stands for. Whether both sides are now known to be the same.
    fn apply_forward(&mut self, local: LocalId, canonical: Reference, equivalence: Equivalence) -> bool {
        let is_forward = |this: &Self, reference| this.kind(reference) == Kind::Fwd;
        let (known, known_canonical) = (self.known(local.into()), self.known(canonical));
        match (is_forward(self, known), is_forward(self, known_canonical)) {
            (false, true) => self.stand_for(known_canonical, known),
            (true, false) if equivalence == Equivalence::Equal => self.stand_for(known, known_canonical),
            _ => {}
        }
        self.known(local.into()) == self.known(canonical)
    }

    fn stand_for(&mut self, forward: Reference, ty: Reference) {
        let Target::Canonical(forward) = forward.target() else { return };
        self.types.set_resolved(forward, ty);
        if ty.local().is_some() {
            self.scratch.resolved.push(forward);
        }
    }

    fn apply_type(&mut self, local: LocalId, canonical: Reference) {
        let known = self.known(canonical);
        let Target::Canonical(id) = known.target() else { return };
        if self.kind(known) == Kind::Fwd {
            return;
        }
        match self.scratch.map.get_mut(local.place()) {
            Some(slot @ None) => *slot = Some(id),
            Some(&mut Some(other)) => self.note_copy(other, id),
            None => {}
        }
    }

    /// Notes that what a struct of this CU became is a copy, if what it is equivalent to now is one of the base.
    fn note_copy(&mut self, own: CanonicalId, canonical: CanonicalId) {
        let is_copy = self.types.place(own).is_some() && self.types.place(canonical).is_none();
        if is_copy && self.kind(own.into()).is_composite() {
            let cu = self.cu_number();
            self.types.copies.entry((cu, canonical)).or_insert(own);
            self.scratch.forget_differences();
        }
    }
}

/// Compares types whose kinds may differ: a forward declaration with what it may declare,
/// if it may be resolved to it.
fn pair_of_kinds(left: &[u32], right: &[u32], may_resolve: bool) -> Equivalence {
    let (kind, kind_canonical) = (encoded::kind(left), encoded::kind(right));
    let declares = |words: &[u32]| if encoded::info(words) >> 31 == 1 { Kind::Union } else { Kind::Struct };
    let equal = match (kind, kind_canonical) {
        (Kind::Fwd, _) => declares(left) == kind_canonical,
        (_, Kind::Fwd) if declares(right) != kind => false,
        (_, Kind::Fwd) if !may_resolve => return Equivalence::NeedsBase,
        (_, Kind::Fwd) => true,
        (left_kind, right_kind) if left_kind.is_enum() && right_kind.is_enum() => {
            left == right || is_forward(left) || is_forward(right)
        }
        _ => false,
    };
    if equal { Equivalence::Equal } else { Equivalence::Different }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cu::die::{DieOffset, DieReference};
    use crate::cu::graph::Cu;
    use crate::dedup::canonical::CanonicalTypes;
    use crate::encoded::{head, make_info};
    use crate::ids::NameId;

    const INT: u32 = 1;
    const MEMBER: u32 = 2;

    /// A chain of structs, each of which has a pointer to the next one; the last one has an integer of this name.
    fn chain(length: u32, leaf: u32) -> Cu {
        let mut cu = Cu::default();
        let name = NameId::from_raw;
        cu.add(DieOffset::from_raw(1), &[leaf, make_info(Kind::Int, 0, false), 4, 32]);
        for n in 1..=length {
            let pointer = DieOffset::from_raw(10 * n + 1);
            let target = if n == length { DieOffset::from_raw(1) } else { pointer };
            let id = cu.reserve(DieOffset::from_raw(10 * n));
            let member = [MEMBER, DieReference::from(target).word(), 0];
            cu.fill(id, &head(Kind::Struct, name(100 + n), 1, false, 8), &member);
            if n < length {
                cu.add(pointer, &head(Kind::Ptr, NameId::EMPTY, 0, false, 10 * n + 10));
            }
        }
        cu.resolve().expect("small");
        cu.sign();
        cu
    }

    #[test]
    fn structs_that_differ_at_the_end_of_a_chain_are_walked_over_once() {
        const LENGTH: u32 = 1000;
        let mut types = CanonicalTypes::new(None);
        let mut scratch = Scratch::default();
        for leaf in 10..15 {
            let before = types.own_len();
            types.merge_cu(&chain(LENGTH, leaf), NameId::from_raw(INT), &mut scratch).expect("few types");
            assert_eq!(types.own_len() - before, 2 * LENGTH, "none equals one of an earlier CU");
            // Each struct is compared with that of each CU before, but what follows in the chain only once.
            let bound = 4 * LENGTH as usize * (leaf as usize - 10) + 16;
            assert!(scratch.steps <= bound, "{} steps, expected at most {bound}", scratch.steps);
            scratch.steps = 0;
        }
        let before = types.own_len();
        types.merge_cu(&chain(LENGTH, 12), NameId::from_raw(INT), &mut scratch).expect("few types");
        assert_eq!(types.own_len(), before, "all equal those of the third CU");
    }
}
