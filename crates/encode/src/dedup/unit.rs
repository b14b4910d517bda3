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

/// A CU that meets the canonical types.
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
    /// The types of the CU of which what they refer to is being made canonical, or was.
    pub(super) in_progress: Vec<bool>,
    /// The canonical type that each type of the CU is paired with, and in which walk.
    pub(super) paired: Vec<(u32, Reached)>,
    /// Further pairs of this walk: types of the CU that are paired with more than one.
    pub(super) more_pairs: HashSet<(LocalId, Reached), BuildHasherDefault<IdHasher>>,
    pub(super) stack: Vec<(Reference, Reached)>,
    /// All pairs of this walk, in the order in which they were met.
    pub(super) trail: Vec<(LocalId, Reached)>,
    /// Those of which one is a forward declaration.
    pub(super) forwards: Vec<(LocalId, Reference)>,
    pub(super) walk: u32,
    /// Forward declarations that now stand for a type of the CU.
    pub(super) resolved: Vec<CanonicalId>,
    /// The CU that brought the canonical type this walk began with; nothing if that is the base's.
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
            self.paired.resize(types, (0, Reached::VOID));
            self.walk = 0;
        }
        self.resolved.clear();
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
