//! Numbers by hash, in as little memory as they need: what takes time is to wait for it.

/// A hash table whose entries are the upper half of a hash and a number other than 0. Who looks something up compares what the
/// numbers stand for.
///
/// Hash and number lie side by side, so a look-up waits for memory once.
#[derive(Debug, Default)]
pub(crate) struct IdTable {
    /// Pairs of the upper half of a hash and a number, which is 0 where there is no entry. A power of two of them, or none.
    slots: Vec<[u32; 2]>,
    len: usize,
}

impl IdTable {
    /// With room for so many entries.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let slots = (capacity * 2).next_power_of_two();
        Self { slots: if capacity == 0 { Vec::new() } else { vec![[0; 2]; slots] }, len: 0 }
    }

    /// Where the entries with a hash begin, and what follows.
    fn from(&self, tag: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().wrapping_sub(1);
        (0..self.slots.len()).map(move |step| (tag as usize).wrapping_add(step) & mask)
    }

    /// The first number with this hash that something holds for.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        for place in self.from(tag) {
            match self.slots.get(place) {
                None | Some([_, 0]) => return None,
                Some(&[found, number]) if found == tag && holds(number) => return Some(number),
                Some(_) => {}
            }
        }
        None
    }

    /// The first number with this hash, to be replaced by another one.
    pub(crate) fn first_mut(&mut self, hash: u64) -> Option<&mut u32> {
        let tag = tag(hash);
        let is_it = |place: &usize| self.slots.get(*place).is_none_or(|&[found, number]| number == 0 || found == tag);
        let place = self.from(tag).find(is_it)?;
        self.slots.get_mut(place).map(|[_, number]| number).filter(|number| **number != 0)
    }

    /// Adds a number other than 0.
    pub(crate) fn add(&mut self, hash: u64, number: u32) {
        if self.len * 2 >= self.slots.len() {
            let larger = vec![[0; 2]; (self.slots.len() * 2).max(16)];
            for [tag, number] in std::mem::replace(&mut self.slots, larger) {
                self.put(tag, number);
            }
        }
        self.put(tag(hash), number);
        self.len += 1;
    }

    fn put(&mut self, tag: u32, number: u32) {
        let free = self.from(tag).find(|&place| matches!(self.slots.get(place), Some([_, 0])));
        if let Some(slot) = free.and_then(|place| self.slots.get_mut(place)) {
            *slot = [tag, number];
        }
    }
}

/// The part of a hash that is kept, which also says where its entries begin.
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::mix;

    #[test]
    fn every_number_is_found_and_no_other() {
        for capacity in [0, 7, 5000] {
            let mut table = IdTable::with_capacity(capacity);
            assert_eq!(table.find(3, |_| true), None);
            for number in 1..3000 {
                // Of hashes that are equal, and of ones that begin at the end and go on at the start.
                table.add(mix(u64::from(number / 3), 7), number);
                table.add(u64::MAX - u64::from(number % 2), 10_000 + number);
            }
            for number in 1..3000 {
                assert_eq!(table.find(mix(u64::from(number / 3), 7), |found| found == number), Some(number));
            }
            assert_eq!(table.find(u64::MAX, |found| found == 12_999), Some(12_999));
            assert_eq!(table.find(mix(1, 7), |found| found > 20_000), None);
            assert_eq!(table.find(mix(99_999, 7), |_| true), None);
        }
    }

    #[test]
    fn the_first_of_a_hash_can_be_replaced() {
        let mut table = IdTable::default();
        assert_eq!(table.first_mut(5 << 32), None);
        table.add(5 << 32, 1);
        table.add(6 << 32, 2);
        *table.first_mut(5 << 32).expect("it is there") = 3;
        assert_eq!((table.find(5 << 32, |_| true), table.find(6 << 32, |_| true)), (Some(3), Some(2)));
        assert_eq!(table.first_mut(7 << 32), None);
    }
}
