//! Finds the types of a CU by the offset of their DIE.

use crate::cu::reference::{INDEX, LOCAL};
use crate::ids::id32;

/// How many bytes of `.debug_info` one bucket of the index covers, as a power of two.
const BUCKET_BITS: u32 = 3;

/// Finds types by their DIE.
pub(crate) struct Lookup<'u> {
    pub(super) offsets: &'u [u32],
    pub(super) aliases: &'u [(u32, u32)],
    /// The first type at or behind the start of each bucket of offsets.
    pub(super) buckets: Vec<u32>,
    pub(super) first: u32,
    pub(super) dangling: u32,
}

impl<'u> Lookup<'u> {
    pub(super) fn new(offsets: &'u [u32], aliases: &'u [(u32, u32)], mut buckets: Vec<u32>) -> Self {
        let first = offsets.first().copied().unwrap_or(0);
        buckets.clear();
        for (index, &offset) in offsets.iter().enumerate() {
            let bucket = (offset.wrapping_sub(first) >> BUCKET_BITS) as usize;
            if bucket >= buckets.len() {
                buckets.resize(bucket + 1, id32(index));
            }
        }
        Self { offsets, aliases, buckets, first, dangling: 0 }
    }

    #[inline]
    pub(super) fn find(&self, offset: u32) -> Option<u32> {
        let bucket = (offset.checked_sub(self.first)? >> BUCKET_BITS) as usize;
        let mut index = *self.buckets.get(bucket)? as usize;
        loop {
            let found = *self.offsets.get(index)?;
            if found >= offset {
                return (found == offset).then_some(id32(index));
            }
            index = index.wrapping_add(1);
        }
    }

    #[inline]
    pub(super) fn reference(&mut self, offset: u32) -> u32 {
        if offset == 0 || offset == INDEX {
            return offset;
        }
        match self.find(offset) {
            Some(index) => LOCAL | index,
            None => self.through_aliases(offset),
        }
    }

    #[cold]
    pub(super) fn through_aliases(&mut self, mut offset: u32) -> u32 {
        // A chain of aliases has no more links than there are aliases.
        for _ in 0..self.aliases.len().min(64) {
            let Ok(place) = self.aliases.binary_search_by_key(&offset, |&(alias, _)| alias) else { break };
            offset = self.aliases.get(place).map_or(0, |&(_, target)| target);
            if offset == 0 {
                return 0;
            }
            if let Some(index) = self.find(offset) {
                return LOCAL | index;
            }
        }
        self.dangling += 1;
        0
    }
}
