//! A CU while it is merged into the canonical types.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use btf::Kind;

use crate::cu::graph::Cu;
use crate::cu::reference::{INDEX, LOCAL, LocalId};
use crate::dedup::canonical::CanonicalTypes;
use crate::encoded;
use crate::hash::IdHasher;

/// A CU that meets the canonical types.
pub(super) struct UnitDedup<'m, 'b> {
    pub(super) types: &'m mut CanonicalTypes<'b>,
    pub(super) cu: &'m Cu,
    pub(super) scratch: &'m mut Scratch,
}

/// Buffers that are reused for the next CU.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// What each type of the CU turned out to be: 0 while that is not known.
    pub(super) map: Vec<u32>,
    /// The types of the CU of which what they refer to is being made canonical, or was.
    pub(super) in_progress: Vec<bool>,
    /// The canonical type that each type of the CU is paired with, and in which walk.
    pub(super) paired: Vec<(u32, u32)>,
    /// Further pairs of this walk: types of the CU that are paired with more than one.
    pub(super) more_pairs: HashSet<(u32, u32), BuildHasherDefault<IdHasher>>,
    pub(super) stack: Vec<(u32, u32)>,
    /// All pairs of this walk, in the order in which they were met.
    pub(super) trail: Vec<(u32, u32)>,
    /// Those of which one is a forward declaration.
    pub(super) forwards: Vec<(u32, u32)>,
    pub(super) walk: u32,
    /// Forward declarations that now stand for a type of the CU.
    pub(super) resolved: Vec<u32>,
    /// The CU that brought the canonical type this walk began with; nothing if that is the base's.
    pub(super) reader: Option<u32>,
}

impl Scratch {
    pub(super) fn reset(&mut self, types: usize) {
        self.map.clear();
        self.map.resize(types, 0);
        self.in_progress.clear();
        self.in_progress.resize(types, false);
        if self.paired.len() < types || self.walk > u32::MAX / 2 {
            self.paired.clear();
            self.paired.resize(types, (0, 0));
            self.walk = 0;
        }
        self.resolved.clear();
    }
}

impl UnitDedup<'_, '_> {
    /// The words of a type: of the CU, of the base, or canonical.
    #[inline]
    pub(super) fn words(&self, id: u32) -> &[u32] {
        words(self.types, self.cu, id)
    }

    pub(super) fn kind(&self, id: u32) -> Kind {
        encoded::kind(self.words(id))
    }

    /// What a type is known to be.
    #[inline]
    pub(super) fn known(&self, mut id: u32) -> u32 {
        loop {
            if id & LOCAL == 0 {
                let resolved = self.types.resolved(id);
                if resolved & LOCAL == 0 {
                    return resolved;
                }
                id = resolved;
            }
            if id == INDEX {
                return self.types.index_type.unwrap_or(0);
            }
            match self.scratch.map.get((id & !LOCAL) as usize) {
                None | Some(0) => return id,
                Some(&next) => id = next,
            }
        }
    }
}

#[inline]
pub(super) fn words<'w>(types: &'w CanonicalTypes<'_>, cu: &'w Cu, id: u32) -> &'w [u32] {
    if let Some(local) = LocalId::of(id) {
        return cu.get(local);
    }
    match types.place(id) {
        Some(place) => types.own(place).unwrap_or_else(|local| cu.get(local)),
        None => types.base.map_or(&[], |base| base.get(id)),
    }
}
