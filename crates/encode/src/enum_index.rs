//! Enums by name and content.
//!
//! A forward declaration of an enum equals any enum of its name, so [`crate::encoded::key`] of an enum is its name alone. Looked up
//! by that, an enum would be compared with all others of its name, of which a file may have as many as it has bytes. So enums
//! with values are looked up by their content.

use btf::Info;

use crate::encoded::{self, hash};
use crate::hash::IdMap;
use crate::id_table::IdTable;
use crate::ids::{CanonicalId, NameId};

/// The enums with names of a base, or of what is encoded.
#[derive(Debug, Default)]
pub(crate) struct EnumIndex {
    by_content: IdTable,
    forwards: IdMap<NameId, Vec<CanonicalId>>,
}

/// Whether an enum is a forward declaration: it has no values.
#[inline]
pub(crate) fn is_forward(words: &[u32]) -> bool {
    encoded::info(words) & Info::MAX_VLEN == 0
}

fn content(words: &[u32]) -> u64 {
    hash(words, |_, reference| u64::from(reference))
}

impl EnumIndex {
    /// Adds an enum that has a name.
    pub(crate) fn add(&mut self, words: &[u32], id: CanonicalId) {
        if is_forward(words) {
            self.forwards.entry(encoded::name(words)).or_default().push(id);
        } else {
            self.by_content.add(content(words), id.get());
        }
    }

    /// The enum with values that has exactly these words, given the words of each one. At most one such enum is to be added.
    pub(crate) fn find<'w>(&self, words: &[u32], words_of: impl Fn(CanonicalId) -> &'w [u32]) -> Option<CanonicalId> {
        self.by_content.find(content(words), |id| words_of(CanonicalId::new(id)) == words).map(CanonicalId::new)
    }

    /// The forward declarations of a name.
    pub(crate) fn forwards(&self, name: NameId) -> &[CanonicalId] {
        self.forwards.get(&name).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use btf::Kind;

    use super::*;
    use crate::encoded::make_info;

    #[test]
    fn enums_of_one_name_are_not_compared_each_with_each() {
        const COUNT: u32 = 20_000;
        let name = 7;
        let all: Vec<[u32; 5]> = (0..COUNT).map(|n| [name, make_info(Kind::Enum, 1, false), 4, 9, n]).collect();
        let mut index = EnumIndex::default();
        let steps = Cell::new(0usize);
        let id = |place: u32| CanonicalId::from_word(place + 1).expect("not void");
        for (place, words) in (0..).zip(&all) {
            let words_of = |id: CanonicalId| {
                steps.set(steps.get() + 1);
                &all[id.raw() as usize - 1][..]
            };
            assert_eq!(index.find(words, words_of), None);
            index.add(words, id(place));
            assert_eq!(index.find(words, words_of), Some(id(place)));
        }
        assert!(steps.get() <= 2 * COUNT as usize, "{} comparisons", steps.get());
        let forward = [name, make_info(Kind::Enum, 0, false), 4];
        index.add(&forward, id(COUNT));
        assert_eq!(index.forwards(NameId::from_raw(name)), [id(COUNT)]);
    }
}
