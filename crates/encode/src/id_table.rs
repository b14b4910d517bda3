//! A small hash table of numbers. Look-ups spend their time waiting for memory, so it uses little of it.

use std::num::NonZeroU32;

/// A hash table whose entries are the upper half of a hash and a number. The caller compares what the numbers stand for.
///
/// Hash and number lie side by side, so a look-up waits for memory once.
#[derive(Debug, Default)]
pub(crate) struct IdTable {
    /// Pairs of the upper half of a hash and a number; `None` where there is no entry. A power of two of them, or none.
    slots: Vec<(u32, Option<NonZeroU32>)>,
    len: usize,
}

impl IdTable {
    /// With room for so many entries.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let slots = (capacity * 2).next_power_of_two();
        Self { slots: if capacity == 0 { Vec::new() } else { vec![(0, None); slots] }, len: 0 }
    }

    /// Where the entries with a hash begin, and what follows.
    fn from(&self, tag: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().wrapping_sub(1);
        (0..self.slots.len()).map(move |step| (tag as usize).wrapping_add(step) & mask)
    }

    /// The first number with this hash that something holds for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut holds: impl FnMut(NonZeroU32) -> bool) -> Option<NonZeroU32> {
        let tag = tag(hash);
        for place in self.from(tag) {
            match self.slots.get(place) {
                None | Some((_, None)) => return None,
                Some(&(found, Some(number))) if found == tag && holds(number) => return Some(number),
                Some(_) => {}
            }
        }
        None
    }

    /// The first number with this hash, to be replaced by another one.
    pub(crate) fn first_mut(&mut self, hash: u64) -> Option<&mut NonZeroU32> {
        let tag = tag(hash);
        let is_it =
            |place: &usize| self.slots.get(*place).is_none_or(|&(found, number)| number.is_none() || found == tag);
        let place = self.from(tag).find(is_it)?;
        self.slots.get_mut(place).and_then(|(_, number)| number.as_mut())
    }

    /// Adds a number.
    pub(crate) fn add(&mut self, hash: u64, number: NonZeroU32) {
        if self.len * 2 >= self.slots.len() {
            let larger = vec![(0, None); (self.slots.len() * 2).max(16)];
            for (tag, number) in std::mem::replace(&mut self.slots, larger) {
                if let Some(number) = number {
                    self.put(tag, number);
                }
            }
        }
        self.put(tag(hash), number);
        self.len += 1;
    }

    fn put(&mut self, tag: u32, number: NonZeroU32) {
        let free = self.from(tag).find(|&place| matches!(self.slots.get(place), Some((_, None))));
        if let Some(slot) = free.and_then(|place| self.slots.get_mut(place)) {
            *slot = (tag, Some(number));
        }
    }
}

/// The part of a hash that is kept, which is also where the search for its entries begins.
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::mix;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).expect("not 0")
    }

    #[test]
    fn every_number_is_found_and_no_other() {
        for capacity in [0, 7, 5000] {
            let mut table = IdTable::with_capacity(capacity);
            assert_eq!(table.find(3, |_| true), None);
            for n in 1..3000 {
                // Of hashes that are equal, and of ones that begin at the end and go on at the start.
                table.add(mix(u64::from(n / 3), 7), number(n));
                table.add(u64::MAX - u64::from(n % 2), number(10_000 + n));
            }
            for n in (1..3000).map(number) {
                assert_eq!(table.find(mix(u64::from(n.get() / 3), 7), |found| found == n), Some(n));
            }
            assert_eq!(table.find(u64::MAX, |found| found.get() == 12_999), Some(number(12_999)));
            assert_eq!(table.find(mix(1, 7), |found| found.get() > 20_000), None);
            assert_eq!(table.find(mix(99_999, 7), |_| true), None);
        }
    }

    #[test]
    fn the_first_of_a_hash_can_be_replaced() {
        let mut table = IdTable::default();
        assert_eq!(table.first_mut(5 << 32), None);
        table.add(5 << 32, number(1));
        table.add(6 << 32, number(2));
        *table.first_mut(5 << 32).expect("it is there") = number(3);
        let found = [5, 6].map(|hash| table.find(hash << 32, |_| true).map(NonZeroU32::get));
        assert_eq!(found, [Some(3), Some(2)]);
        assert_eq!(table.first_mut(7 << 32), None);
    }
}
