//! Finds the types of a CU by the offset of their DIE.

use crate::cu::die::{DieOffset, DieReference};
use crate::cu::reference::{LocalId, Reference};
use crate::ids::id32;

/// How many bytes of `.debug_info` one bucket of the index covers, as a power of two.
const BUCKET_BITS: u32 = 3;

/// Finds types by their DIE.
pub(crate) struct Lookup<'u> {
    offsets: &'u [DieOffset],
    aliases: &'u [(DieOffset, DieReference)],
    /// The first type at or behind the start of each bucket of offsets.
    pub(super) buckets: Vec<u32>,
    first: u32,
    /// How many references led to no type.
    pub(super) dangling: u32,
}

impl<'u> Lookup<'u> {
    pub(super) fn new(
        offsets: &'u [DieOffset],
        aliases: &'u [(DieOffset, DieReference)],
        mut buckets: Vec<u32>,
    ) -> Self {
        let first = offsets.first().map_or(0, |first| first.raw());
        buckets.clear();
        for (index, &offset) in offsets.iter().enumerate() {
            let bucket = (offset.raw().wrapping_sub(first) >> BUCKET_BITS) as usize;
            if bucket >= buckets.len() {
                buckets.resize(bucket + 1, id32(index));
            }
        }
        Self { offsets, aliases, buckets, first, dangling: 0 }
    }

    #[inline]
    fn find(&self, offset: DieOffset) -> Option<LocalId> {
        let bucket = (offset.raw().checked_sub(self.first)? >> BUCKET_BITS) as usize;
        let mut index = *self.buckets.get(bucket)? as usize;
        loop {
            let found = *self.offsets.get(index)?;
            if found >= offset {
                return (found == offset).then(|| LocalId::from_raw(id32(index)));
            }
            index = index.wrapping_add(1);
        }
    }

    #[inline]
    pub(super) fn reference(&mut self, reference: DieReference) -> Reference {
        match reference.die().map(|offset| (offset, self.find(offset))) {
            Some((_, Some(local))) => local.into(),
            Some((offset, None)) => self.through_aliases(offset),
            None => self.without_die(reference),
        }
    }

    #[inline]
    fn without_die(&mut self, reference: DieReference) -> Reference {
        if reference.is_array_index() {
            return Reference::ARRAY_INDEX;
        }
        self.dangling += u32::from(!reference.is_nothing());
        Reference::VOID
    }

    #[cold]
    fn through_aliases(&mut self, mut offset: DieOffset) -> Reference {
        // A chain of aliases has no more links than there are aliases.
        for _ in 0..self.aliases.len().min(64) {
            let place = self.aliases.binary_search_by_key(&offset, |&(alias, _)| alias).ok();
            let Some(&(_, target)) = place.and_then(|place| self.aliases.get(place)) else { break };
            if target.is_nothing() {
                return Reference::VOID;
            }
            let Some(next) = target.die() else { break };
            if let Some(local) = self.find(next) {
                return local.into();
            }
            offset = next;
        }
        self.dangling += 1;
        Reference::VOID
    }
}
