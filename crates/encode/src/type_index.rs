//! Types by hash.

use crate::id_table::IdTable;
use crate::ids::CanonicalId;

/// The types of a range of ids, by hash; of those with the same hash the one that was added last comes first.
#[derive(Debug)]
pub(crate) struct TypeIndex {
    first: CanonicalId,
    heads: IdTable,
    /// The next type with the same hash as each one.
    next: Vec<Option<CanonicalId>>,
}

impl TypeIndex {
    /// For types with this id or a higher one.
    pub(crate) fn new(first: CanonicalId, capacity: usize) -> Self {
        Self { first, heads: IdTable::with_capacity(capacity), next: vec![None; capacity] }
    }

    #[inline]
    const fn place(&self, id: CanonicalId) -> usize {
        id.raw().wrapping_sub(self.first.raw()) as usize
    }

    /// Adds a type.
    pub(crate) fn add(&mut self, hash: u64, id: CanonicalId) {
        let place = self.place(id);
        if place >= self.next.len() {
            self.next.resize(place + 1, None);
        }
        match self.heads.first_mut(hash) {
            None => self.heads.add(hash, id.get()),
            Some(first) => {
                let before = std::mem::replace(first, id.get());
                if let Some(next) = self.next.get_mut(place) {
                    *next = Some(CanonicalId::new(before));
                }
            }
        }
    }

    /// The first type with this hash.
    #[inline]
    pub(crate) fn first(&self, hash: u64) -> Option<CanonicalId> {
        self.heads.find(hash, |_| true).map(CanonicalId::new)
    }

    /// The type with the same hash as this one that was added before it.
    #[inline]
    pub(crate) fn after(&self, id: CanonicalId) -> Option<CanonicalId> {
        *self.next.get(self.place(id))?
    }

    /// The first type with this hash that something holds for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut holds: impl FnMut(CanonicalId) -> bool) -> Option<CanonicalId> {
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
        let id = |id| CanonicalId::from_word(id).expect("not void");
        let mut index = TypeIndex::new(id(100), 1);
        for n in 100..160 {
            index.add(u64::from(n % 3) << 32, id(n));
        }
        let mut found = Vec::new();
        assert_eq!(
            index.find(1 << 32, |id| {
                found.push(id.raw());
                false
            }),
            None
        );
        assert_eq!(found, (100..160).rev().filter(|id| id % 3 == 1).collect::<Vec<u32>>());
        assert_eq!(index.find(2 << 32, |found| found < id(120)), Some(id(119)));
        assert_eq!(index.first(7 << 32), None);
    }
}
