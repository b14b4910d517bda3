//! Types by hash.

use crate::id_table::IdTable;

/// The types of a range of ids, by hash; of those with the same hash the one that was added last comes first.
#[derive(Debug, Default)]
pub(crate) struct TypeIndex {
    first_id: u32,
    heads: IdTable,
    /// The next type with the same hash as each one; 0 behind the last.
    next: Vec<u32>,
}

impl TypeIndex {
    /// For types with this id or a higher one.
    pub(crate) fn new(first_id: u32, capacity: usize) -> Self {
        Self { first_id, heads: IdTable::with_capacity(capacity), next: vec![0; capacity] }
    }

    /// Adds a type.
    pub(crate) fn add(&mut self, hash: u64, id: u32) {
        let place = id.wrapping_sub(self.first_id) as usize;
        if place >= self.next.len() {
            self.next.resize(place + 1, 0);
        }
        match self.heads.first_mut(hash) {
            None => self.heads.add(hash, id),
            Some(first) => {
                let before = std::mem::replace(first, id);
                if let Some(next) = self.next.get_mut(place) {
                    *next = before;
                }
            }
        }
    }

    /// The first type with this hash; 0 if there is none.
    #[inline]
    pub(crate) fn first(&self, hash: u64) -> u32 {
        self.heads.find(hash, |_| true).unwrap_or(0)
    }

    /// The type with the same hash as this one that was added before it; 0 behind the last.
    #[inline]
    pub(crate) fn after(&self, id: u32) -> u32 {
        self.next.get(id.wrapping_sub(self.first_id) as usize).copied().unwrap_or(0)
    }

    /// The first type with this hash that something holds for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut id = self.first(hash);
        while id != 0 {
            if holds(id) {
                return Some(id);
            }
            id = self.after(id);
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
        assert_eq!(index.first(7 << 32), 0);
    }
}
