//! Whether a type of a unit equals a canonical one.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use btf::Kind;

use super::pool::Pool;
use crate::names::NumberHasher;
use crate::record;
use crate::unit::{INDEX, LOCAL, Unit};

/// A unit that meets the canonical types.
pub(super) struct Meeting<'m, 'b> {
    pub(super) pool: &'m mut Pool<'b>,
    pub(super) unit: &'m Unit,
    pub(super) scratch: &'m mut Scratch,
}

/// What a meeting needs, kept for the next one.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// What each type of the unit turned out to be: 0 while that is not known.
    pub(super) map: Vec<u32>,
    /// The canonical type that each type of the unit is paired with, and in which walk.
    paired: Vec<(u32, u32)>,
    /// Further pairs of this walk: types of the unit that are paired with more than one.
    more_pairs: HashSet<(u32, u32), BuildHasherDefault<NumberHasher>>,
    stack: Vec<(u32, u32)>,
    /// All pairs of this walk, in the order in which they were met.
    trail: Vec<(u32, u32)>,
    /// Those of which one is a forward declaration.
    forwards: Vec<(u32, u32)>,
    walk: u32,
    /// Forward declarations that now stand for a type of the unit.
    pub(super) resolved: Vec<u32>,
    /// The unit that brought the canonical type this walk began with; nothing if that is the base's.
    reader: Option<u32>,
}

/// Marks a canonical type of a pair that was reached through types of the base alone: what cannot be changed. libbpf walks
/// over the types of units as they were read, which refer to forward declarations of their own, while here they refer to
/// the canonical ones, some of which are the base's: so which of the two it is depends on the way.
const IN_BASE: u32 = 1 << 30;

/// What a walk found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// A difference.
    Different,
    /// None.
    Equal,
    /// None, if a forward declaration of the base stood for a struct or union that the base does not have. A base cannot
    /// be changed, so the types are not equal.
    NeedsBase,
}

impl Scratch {
    pub(super) fn reset(&mut self, types: usize) {
        self.map.clear();
        self.map.resize(types, 0);
        if self.paired.len() < types || self.walk > u32::MAX / 2 {
            self.paired.clear();
            self.paired.resize(types, (0, 0));
            self.walk = 0;
        }
        self.resolved.clear();
    }
}

impl Meeting<'_, '_> {
    /// The words of a type: of the unit, of the base, or canonical.
    #[inline]
    pub(super) fn words(&self, id: u32) -> &[u32] {
        words(self.pool, self.unit, id)
    }

    fn kind(&self, id: u32) -> Kind {
        record::kind(self.words(id))
    }

    /// What a type is known to be.
    #[inline]
    pub(super) fn known(&self, mut id: u32) -> u32 {
        loop {
            if id & LOCAL == 0 {
                let resolved = self.pool.resolved(id);
                if resolved & LOCAL == 0 {
                    return resolved;
                }
                id = resolved;
            }
            if id == INDEX {
                return self.pool.index_type.unwrap_or(0);
            }
            match self.scratch.map.get((id & !LOCAL) as usize) {
                None | Some(0) => return id,
                Some(&next) => id = next,
            }
        }
    }

    /// Whether a struct or union of the unit equals a canonical one. If so, it and what was met on the way is noted.
    pub(super) fn equals(&mut self, local: u32, canonical: u32) -> bool {
        self.scratch.reader = self.pool.unit_of(canonical);
        let outcome = self.walk(local, canonical);
        if outcome != Outcome::Different {
            self.merge(outcome);
        }
        outcome == Outcome::Equal
    }

    fn walk(&mut self, local: u32, canonical: u32) -> Outcome {
        self.scratch.walk = self.scratch.walk.wrapping_add(1);
        self.scratch.stack.clear();
        self.scratch.trail.clear();
        self.scratch.forwards.clear();
        self.scratch.more_pairs.clear();
        let mut outcome = Outcome::Equal;
        let mut stack = std::mem::take(&mut self.scratch.stack);
        self.meet(&mut stack, local, canonical, self.way(canonical));
        while let Some((local, canonical)) = stack.pop() {
            match self.pair(&mut stack, local, canonical) {
                Outcome::Equal => {}
                Outcome::NeedsBase => outcome = Outcome::NeedsBase,
                Outcome::Different => {
                    outcome = Outcome::Different;
                    break;
                }
            }
        }
        self.scratch.stack = stack;
        outcome
    }

    /// The way on from a canonical type that was not reached through a reference.
    fn way(&self, canonical: u32) -> u32 {
        if self.pool.place(canonical).is_none() { IN_BASE } else { 0 }
    }

    /// Notes two types to be compared, unless it is known what they are. Whether they may be equal.
    #[inline]
    fn meet(&self, stack: &mut Vec<(u32, u32)>, local: u32, canonical: u32, way: u32) -> bool {
        let canonical = if way == 0 { self.as_read(canonical) } else { canonical };
        if local == canonical {
            return true;
        }
        let (known, known_canonical) = (self.known(local), self.known(canonical));
        if known == known_canonical {
            return true;
        }
        if local == 0 || canonical == 0 {
            return false;
        }
        stack.push((local, canonical | way));
        true
    }

    /// What a struct of the base is on the way from a type of the module: the copy of it that the unit which brought that type
    /// has, if it has one. libbpf (`btf_dedup_is_equiv`) follows the unit's types as they were read, where one that became a
    /// copy may be behind one that became the base's.
    #[inline]
    fn as_read(&self, canonical: u32) -> u32 {
        if self.pool.copies.is_empty() {
            return canonical;
        }
        let copy = self.scratch.reader.and_then(|unit| self.pool.copies.get(&(unit, canonical)));
        copy.copied().unwrap_or(canonical)
    }

    /// Compares two types, all but what they refer to, which is noted to be compared.
    fn pair(&mut self, stack: &mut Vec<(u32, u32)>, local: u32, canonical: u32) -> Outcome {
        let (met, way) = (canonical & !IN_BASE, canonical & IN_BASE);
        let canonical = self.declared(met);
        let way = if canonical == met { way } else { self.way(canonical) };
        if local & LOCAL == 0 || local == INDEX {
            // Something canonical other than the canonical type: the type of an index.
            return if self.words(self.known(local)) == self.words(canonical) {
                Outcome::Equal
            } else {
                Outcome::Different
            };
        }
        if !self.note_pair(local, canonical | way) {
            return Outcome::Equal;
        }
        let (left, right) = (words(self.pool, self.unit, local), words(self.pool, self.unit, canonical));
        if record::name(left) != record::name(right) {
            return Outcome::Different;
        }
        let (kind, kind_canonical) = (record::kind(left), record::kind(right));
        if kind == Kind::Fwd || kind_canonical == Kind::Fwd {
            self.scratch.forwards.push((local, canonical));
        }
        if kind != kind_canonical || kind.is_enum() {
            return pair_of_kinds(left, right, way == 0);
        }
        let before = stack.len();
        if !record::compare(left, right, |left, right| self.meet(stack, left, right, way)) {
            return Outcome::Different;
        }
        // Depth first and in the order of the fields, as libbpf goes: where a type is paired with two, the first pair counts.
        stack.get_mut(before..).unwrap_or_default().reverse();
        Outcome::Equal
    }

    /// What a canonical forward declaration stands for, if that is known.
    fn declared(&self, canonical: u32) -> u32 {
        if self.kind(canonical) != Kind::Fwd {
            return canonical;
        }
        let known = self.known(canonical);
        if self.kind(known) == Kind::Fwd { canonical } else { known }
    }

    /// Notes a pair; whether it is new to this walk.
    #[inline]
    fn note_pair(&mut self, local: u32, canonical: u32) -> bool {
        let Scratch { paired, more_pairs, trail, walk, .. } = self.scratch;
        let Some(slot) = paired.get_mut((local & !LOCAL) as usize) else { return false };
        if slot.0 != *walk {
            *slot = (*walk, canonical);
        } else if slot.1 == canonical || !more_pairs.insert((local, canonical)) {
            return false;
        }
        trail.push((local, canonical));
        true
    }

    /// Notes what the pairs of a walk without a difference show.
    fn merge(&mut self, outcome: Outcome) {
        let mut all_as_paired = outcome == Outcome::Equal && self.pool.base_map.is_empty();
        let forwards = std::mem::take(&mut self.scratch.forwards);
        for &(local, canonical) in &forwards {
            all_as_paired &= self.merge_forward(local, canonical, outcome);
        }
        self.scratch.forwards = forwards;
        if outcome != Outcome::Equal {
            return;
        }
        let trail = std::mem::take(&mut self.scratch.trail);
        for &(local, canonical) in &trail {
            let is_struct = || record::kind(self.unit.get(local & !LOCAL)).is_composite();
            if all_as_paired || is_struct() {
                self.merge_type(local, canonical & !IN_BASE);
            }
        }
        self.scratch.trail = trail;
    }

    /// Notes what a forward declaration on either side stands for. Whether both sides are now known to be the same.
    fn merge_forward(&mut self, local: u32, canonical: u32, outcome: Outcome) -> bool {
        let is_forward = |this: &Self, id| this.kind(id) == Kind::Fwd;
        let (known, known_canonical) = (self.known(local), self.known(canonical));
        match (is_forward(self, known), is_forward(self, known_canonical)) {
            (false, true) => self.stand_for(known_canonical, known),
            (true, false) if outcome == Outcome::Equal => self.stand_for(known, known_canonical),
            _ => {}
        }
        self.known(local) == self.known(canonical)
    }

    fn stand_for(&mut self, forward: u32, ty: u32) {
        match self.pool.place(forward) {
            _ if forward & LOCAL != 0 => {}
            Some(place) => {
                if let Some(slot) = self.pool.map.get_mut(place) {
                    *slot = ty;
                }
            }
            None => {
                self.pool.base_map.insert(forward, ty);
            }
        }
        if ty & LOCAL != 0 {
            self.scratch.resolved.push(forward);
        }
    }

    fn merge_type(&mut self, local: u32, canonical: u32) {
        let known = self.known(canonical);
        if known & LOCAL != 0 || self.kind(known) == Kind::Fwd {
            return;
        }
        match self.scratch.map.get_mut((local & !LOCAL) as usize) {
            Some(slot @ 0) => *slot = known,
            Some(&mut other) => self.note_copy(other, known),
            None => {}
        }
    }

    /// Notes that what a struct of this unit became is a copy, if what it equals now is one of the base.
    fn note_copy(&mut self, own: u32, canonical: u32) {
        let is_copy = self.pool.place(own).is_some() && self.pool.place(canonical).is_none();
        if is_copy && self.kind(own).is_composite() {
            let unit = self.pool.units.saturating_sub(1);
            self.pool.copies.entry((unit, canonical)).or_insert(own);
        }
    }
}

#[inline]
fn words<'w>(pool: &'w Pool<'_>, unit: &'w Unit, id: u32) -> &'w [u32] {
    if id & LOCAL != 0 {
        return unit.get(id & !LOCAL);
    }
    match pool.place(id) {
        Some(place) => pool.own(place).unwrap_or_else(|local| unit.get(local)),
        None => pool.base.map_or(&[], |base| base.get(id)),
    }
}

/// Compares types whose kinds may differ: a forward declaration with what it may declare,
/// if it may be resolved to it.
fn pair_of_kinds(left: &[u32], right: &[u32], may_resolve: bool) -> Outcome {
    let (kind, kind_canonical) = (record::kind(left), record::kind(right));
    let declares = |words: &[u32]| if record::info(words) >> 31 == 1 { Kind::Union } else { Kind::Struct };
    let equal = match (kind, kind_canonical) {
        (Kind::Fwd, _) => declares(left) == kind_canonical,
        (_, Kind::Fwd) if declares(right) != kind => false,
        (_, Kind::Fwd) if !may_resolve => return Outcome::NeedsBase,
        (_, Kind::Fwd) => true,
        (left_kind, right_kind) if left_kind.is_enum() && right_kind.is_enum() => {
            let is_forward = |words: &[u32]| record::info(words) & btf::Info::MAX_VLEN == 0;
            left == right || is_forward(left) || is_forward(right)
        }
        _ => false,
    };
    if equal { Outcome::Equal } else { Outcome::Different }
}
