//! Whether a type of a CU is equivalent to a canonical one.

use btf::Kind;

use crate::cu::reference::{LocalId, Reference, Target};
use crate::dedup::reached::{Reached, Way};
use crate::dedup::unit::{Scratch, UnitDedup, words};
use crate::encoded;
use crate::ids::CanonicalId;

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

impl UnitDedup<'_, '_> {
    /// Whether a struct or union of the CU is equivalent to a canonical one. If so, it and what was met on the way is noted.
    pub(super) fn is_equiv(&mut self, local: LocalId, canonical: CanonicalId) -> bool {
        self.scratch.reader = self.types.cu_of(canonical);
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
        let mut equivalence = Equivalence::Equal;
        let mut stack = std::mem::take(&mut self.scratch.stack);
        let canonical = Reference::from(canonical);
        self.push_pair(&mut stack, local.into(), canonical, self.way(canonical));
        while let Some((local, canonical)) = stack.pop() {
            match self.pair(&mut stack, local, canonical) {
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
        stack: &mut Vec<(Reference, Reached)>,
        local: Reference,
        canonical: Reference,
        way: Way,
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
        stack.push((local, Reached::new(canonical, way)));
        true
    }

    /// What a struct of the base is on the way from a type of the module: the copy of it that the CU which brought that type
    /// has, if it has one. libbpf (`btf_dedup_is_equiv`) follows the CU's types as they were read, where one that became a
    /// copy may be behind one that became the base's.
    #[inline]
    fn as_read(&self, canonical: Reference) -> Reference {
        if self.types.copies.is_empty() {
            return canonical;
        }
        let (Some(cu), Target::Canonical(id)) = (self.scratch.reader, canonical.target()) else { return canonical };
        self.types.copies.get(&(cu, id)).map_or(canonical, |&copy| copy.into())
    }

    /// Compares two types, all but what they refer to, which is noted to be compared.
    fn pair(&mut self, stack: &mut Vec<(Reference, Reached)>, reference: Reference, reached: Reached) -> Equivalence {
        let met = reached.reference();
        let canonical = self.declared(met);
        let way = if canonical == met { reached.way() } else { self.way(canonical) };
        let Some(local) = reference.local() else {
            // Something canonical other than the canonical type: the type of an index.
            return if self.words(self.known(reference)) == self.words(canonical) {
                Equivalence::Equal
            } else {
                Equivalence::Different
            };
        };
        if !self.note_pair(local, Reached::new(canonical, way)) {
            return Equivalence::Equal;
        }
        let (left, right) = (self.cu.get(local), words(self.types, self.cu, canonical));
        if encoded::name(left) != encoded::name(right) {
            return Equivalence::Different;
        }
        let (kind, kind_canonical) = (encoded::kind(left), encoded::kind(right));
        if kind == Kind::Fwd || kind_canonical == Kind::Fwd {
            self.scratch.forwards.push((local, canonical));
        }
        if kind != kind_canonical || kind.is_enum() {
            return pair_of_kinds(left, right, way == Way::Cu);
        }
        let before = stack.len();
        if !encoded::compare(left, right, |left, right| {
            self.push_pair(stack, Reference::from_word(left), Reference::from_word(right), way)
        }) {
            return Equivalence::Different;
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

    /// Notes a pair; whether it is new to this walk.
    #[inline]
    fn note_pair(&mut self, local: LocalId, canonical: Reached) -> bool {
        let Scratch { paired, more_pairs, trail, walk, .. } = self.scratch;
        let Some(slot) = paired.get_mut(local.place()) else { return false };
        if slot.0 != *walk {
            *slot = (*walk, canonical);
        } else if slot.1 == canonical || !more_pairs.insert((local, canonical)) {
            return false;
        }
        trail.push((local, canonical));
        true
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
        for &(local, canonical) in &trail {
            let is_struct = || encoded::kind(self.cu.get(local)).is_composite();
            if all_as_paired || is_struct() {
                self.apply_type(local, canonical.reference());
            }
        }
        self.scratch.trail = trail;
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
            let is_forward = |words: &[u32]| encoded::info(words) & btf::Info::MAX_VLEN == 0;
            left == right || is_forward(left) || is_forward(right)
        }
        _ => false,
    };
    if equal { Equivalence::Equal } else { Equivalence::Different }
}
