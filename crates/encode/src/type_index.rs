//! Types by hash.

use std::num::NonZeroU32;

use crate::id_table::IdTable;

/// The types of a range of ids, by hash; of those with the same hash the one that was added last comes first.
#[derive(Debug, Default)]
pub(crate) struct TypeIndex {
    first_id: u32,
    heads: IdTable,
    /// The next type with the same hash as each one.
    next: Vec<Option<NonZeroU32>>,
}

impl TypeIndex {
    /// For types with this id or a higher one.
    pub(crate) fn new(first_id: u32, capacity: usize) -> Self {
        Self { first_id, heads: IdTable::with_capacity(capacity), next: vec![None; capacity] }
    }

    /// Adds a type.
    pub(crate) fn add(&mut self, hash: u64, id: u32) {
        let place = id.wrapping_sub(self.first_id) as usize;
        if place >= self.next.len() {
            self.next.resize(place + 1, None);
        }
        match self.heads.first_mut(hash) {
            None => self.heads.add(hash, id),
            Some(first) => {
                let before = std::mem::replace(first, id);
                if let Some(next) = self.next.get_mut(place) {
                    *next = NonZeroU32::new(before);
                }
            }
        }
    }

    /// The first type with this hash.
    #[inline]
    pub(crate) fn first(&self, hash: u64) -> Option<u32> {
        self.heads.find(hash, |_| true)
    }

    /// The type with the same hash as this one that was added before it.
    #[inline]
    pub(crate) fn after(&self, id: u32) -> Option<u32> {
        self.next.get(id.wrapping_sub(self.first_id) as usize)?.map(NonZeroU32::get)
    }

    /// The first type with this hash that something holds for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut candidate = self.first(hash);
        while let Some(id) = candidate {
            if holds(id) {
                return Some(id);
            }
            candidate = self.after(id);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_types_with_one_hash_the_last_one_comes_first() {
        let mut index = TypeIndex::new(100, 1);
        for id in 100..160 {
            index.add(u64::from(id % 3) << 32, id);
        }
        let mut found = Vec::new();
        assert_eq!(
            index.find(1 << 32, |id| {
                found.push(id);
                false
            }),
            None
        );
        assert_eq!(found, (100..160).rev().filter(|id| id % 3 == 1).collect::<Vec<u32>>());
        assert_eq!(index.find(2 << 32, |id| id < 120), Some(119));
        assert_eq!(index.first(7 << 32), None);
    }
}
