//! A CU while it is merged into the canonical types.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use btf::Kind;

use crate::cu::graph::Cu;
use crate::cu::reference::{LocalId, Reference, Target};
use crate::dedup::canonical::CanonicalTypes;
use crate::dedup::reached::Reached;
use crate::encoded;
use crate::hash::IdHasher;
use crate::ids::{CanonicalId, CuNumber};

/// A CU, the canonical types that it is merged into, and buffers.
pub(super) struct UnitDedup<'m, 'b> {
    pub(super) types: &'m mut CanonicalTypes<'b>,
    pub(super) cu: &'m Cu,
    pub(super) scratch: &'m mut Scratch,
}

/// Buffers that are reused for the next CU.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// What each type of the CU turned out to be, as far as that is known.
    pub(super) map: Vec<Option<CanonicalId>>,
    /// For each type of the CU, whether the types that it refers to are being made canonical, or are canonical.
    pub(super) in_progress: Vec<bool>,
    /// What each type of the CU is paired with.
    pub(super) paired: Vec<Paired>,
    /// Further pairs of this walk, of types of the CU that are paired with more than one canonical type.
    pub(super) more_pairs: HashSet<(LocalId, Reached), BuildHasherDefault<IdHasher>>,
    pub(super) stack: Vec<Pending>,
    /// All pairs of this walk, in the order in which they were compared.
    pub(super) trail: Vec<Met>,
    /// Further pairs that differ, of types of the CU that differ from more than one canonical type.
    pub(super) more_different: HashSet<(LocalId, Reached), BuildHasherDefault<IdHasher>>,
    /// The last walk whose differences are forgotten.
    pub(super) forgotten: u32,
    /// Whether this walk took two enums for equal because one is a forward declaration.
    pub(super) has_enum_forward: bool,
    /// How many pairs were looked at.
    #[cfg(test)]
    pub(super) steps: usize,
    /// The pairs of this walk in which either type is a forward declaration.
    pub(super) forwards: Vec<(LocalId, Reference)>,
    /// The number of this walk, from 1.
    pub(super) walk: u32,
    /// Forward declarations that now stand for a type of the CU.
    pub(super) resolved: Vec<CanonicalId>,
    /// The CU that the canonical type is from with which this walk began; nothing if it is the base's.
    pub(super) reader: Option<CuNumber>,
}

impl Scratch {
    pub(super) fn reset(&mut self, types: usize) {
        self.map.clear();
        self.map.resize(types, None);
        self.in_progress.clear();
        self.in_progress.resize(types, false);
        if self.paired.len() < types || self.walk > u32::MAX / 2 {
            self.paired.clear();
            self.paired.resize(types, Paired::NONE);
            self.walk = 0;
        }
        self.forget_differences();
        self.resolved.clear();
    }
}

/// Two types that are to be compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) local: Reference,
    pub(super) canonical: Reached,
    /// The place in [`Scratch::trail`] of the pair that refers to this one.
    pub(super) parent: u32,
}

/// Two types that were compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    pub(super) local: LocalId,
    pub(super) canonical: Reached,
    /// The place in [`Scratch::trail`] of the pair that refers to this one, before this one; 0 for the first pair.
    pub(super) parent: u32,
}

/// What a type of the CU is paired with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paired {
    /// The last walk in which it was compared, and the first type that it was paired with there.
    pub(super) walk: u32,
    pub(super) canonical: Reached,
    /// The last walk that found it different from a canonical type, and that type.
    pub(super) differs_in: u32,
    pub(super) different: Reached,
}

impl Paired {
    const NONE: Self = Self { walk: 0, canonical: Reached::VOID, differs_in: 0, different: Reached::VOID };
}

impl Scratch {
    /// Forgets which pairs differ.
    pub(super) fn forget_differences(&mut self) {
        self.more_different.clear();
        self.forgotten = self.walk;
    }
}

impl UnitDedup<'_, '_> {
    /// The number of the CU that is merged.
    pub(super) const fn cu_number(&self) -> CuNumber {
        CuNumber::from_raw(self.types.cus - 1)
    }

    /// The words of a type: of the CU, of the base, or canonical; none for `void`.
    #[inline]
    pub(super) fn words(&self, reference: Reference) -> &[u32] {
        words(self.types, self.cu, reference)
    }

    pub(super) fn kind(&self, reference: Reference) -> Kind {
        encoded::kind(self.words(reference))
    }

    /// What is known of the type that a reference leads to: the canonical type that it is, or else the type of the CU.
    #[inline(always)]
    pub(super) fn known(&self, reference: Reference) -> Reference {
        let mut known = reference;
        loop {
            let local = match known.target() {
                Target::Void => return known,
                Target::ArrayIndex => return self.index_type(),
                Target::Local(local) => local,
                Target::Canonical(id) => {
                    let resolved = self.types.resolved_reference(id);
                    match resolved.target() {
                        Target::Local(local) => {
                            known = resolved;
                            local
                        }
                        _ => return resolved,
                    }
                }
            };
            match self.scratch.map.get(local.place()) {
                Some(&Some(id)) => known = id.into(),
                Some(None) | None => return known,
            }
        }
    }

    /// The type of all arrays' indexes.
    fn index_type(&self) -> Reference {
        if self.types.index_type.is_none() {
            self.types.breach.note("an array has no type of its index");
        }
        Reference::canonical(self.types.index_type)
    }

    /// The canonical type, or `void`, that a reference leads to, where that must be known by now.
    pub(super) fn canonical(&self, reference: Reference) -> Option<CanonicalId> {
        match self.known(reference).target() {
            Target::Canonical(id) => Some(id),
            Target::Void => None,
            Target::Local(_) | Target::ArrayIndex => {
                self.types.breach.note("a type of a CU did not become canonical");
                None
            }
        }
    }
}

#[inline]
pub(super) fn words<'w>(types: &'w CanonicalTypes<'_>, cu: &'w Cu, reference: Reference) -> &'w [u32] {
    match reference.target() {
        Target::Local(local) => cu.get(local),
        Target::Canonical(id) => match types.place(id) {
            Some(place) => types.own(place).unwrap_or_else(|local| cu.get(local)),
            None => types.base.map_or(&[], |base| base.get(id)),
        },
        Target::Void => &[],
        Target::ArrayIndex => {
            types.breach.note("the type of an array's index has no words yet");
            &[]
        }
    }
}
