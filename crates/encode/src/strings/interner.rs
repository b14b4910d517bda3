//! Strings as numbers: equal strings have equal numbers.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;

use crate::error::{Breach, EncodeError};
use crate::hash::hash_bytes;
use crate::ids::{NameId, id32};
use crate::strings::base::{BaseStrings, NameCursor, NamePlace};

/// How many bits of a number are the shard of its string.
const SHARD_BITS: u32 = 4;

/// Strings with numbers. Those of the base have their offset there; the others numbers from the length of the base's
/// strings on, in an order that varies from run to run: what is written must not depend on it.
///
/// It is shared by the threads that read one file.
#[derive(Debug)]
pub(crate) struct StringInterner<'b> {
    base: Option<&'b BaseStrings>,
    first: u32,
    shards: [Mutex<Shard>; 1 << SHARD_BITS],
    /// Internal errors of what cannot return any.
    pub(crate) breach: Breach,
}

/// Strings with the same bits of their hash, and those of the base that were searched for: a few that lie close together.
#[derive(Debug, Default)]
struct Shard {
    bytes: Vec<u8>,
    /// Where each string ends in `bytes`.
    ends: Vec<usize>,
    known: HashTable<(u64, Known)>,
}

/// A string that was searched for.
#[derive(Debug, Clone, Copy)]
enum Known {
    /// In the shard, at this place.
    Own(u32),
    /// In the order of the base, at this place.
    Base(NamePlace),
}

impl<'b> StringInterner<'b> {
    /// The names of a file that is encoded over these.
    pub(crate) fn over(base: Option<&'b BaseStrings>) -> Self {
        let first = base.map_or(1, |base| id32(base.strings.len())).max(1);
        Self { base, first, shards: Default::default(), breach: Breach::default() }
    }

    /// The number of a string; 0 for the empty one.
    pub(crate) fn intern(&self, string: &[u8]) -> Result<NameId, EncodeError> {
        self.intern_at(string, &mut NameCursor::default())
    }

    /// The number of the string that `bytes` begin with, up to a NUL, if it is the one at the cursor.
    #[inline]
    pub(crate) fn next_name(&self, bytes: &[u8], cursor: &mut NameCursor) -> Option<NameId> {
        let (number, expected) = self.base?.at_cursor(*cursor)?;
        let is_it = bytes.get(expected.len()) == Some(&0) && bytes.starts_with(expected);
        cursor.step(is_it);
        is_it.then_some(number)
    }

    /// The number of a string that is not at the cursor. If the base has it, the cursor moves behind it.
    pub(crate) fn intern_at(&self, string: &[u8], cursor: &mut NameCursor) -> Result<NameId, EncodeError> {
        if string.is_empty() {
            return Ok(NameId::EMPTY);
        }
        self.search(string, cursor).ok_or(EncodeError::TooLarge { what: "names" })
    }

    fn search(&self, string: &[u8], cursor: &mut NameCursor) -> Option<NameId> {
        let hash = hash_bytes(string);
        let index = (hash >> 32) as u32 & ((1 << SHARD_BITS) - 1);
        let mut shard = self.shards.get(index as usize)?.lock().unwrap_or_else(PoisonError::into_inner);
        match shard.search(hash, string, self.base)? {
            Known::Base(place) => {
                cursor.move_behind(place);
                self.base?.number_at(place)
            }
            Known::Own(place) => {
                place.checked_mul(1 << SHARD_BITS)?.checked_add(self.first)?.checked_add(index).map(NameId::from_raw)
            }
        }
    }

    /// Whether there is a base.
    #[inline]
    pub(crate) const fn have_base(&self) -> bool {
        self.base.is_some()
    }

    /// Whether a number is that of a string of the base.
    pub(crate) fn is_base(&self, number: NameId) -> bool {
        number.raw() < self.first
    }

    /// The string with this number.
    pub(crate) fn with<T>(&self, number: NameId, each: impl FnOnce(&[u8]) -> T) -> T {
        match number.raw().checked_sub(self.first) {
            None if number.is_empty() => each(&[]),
            None => each(self.base.and_then(|base| base.at(number.in_base())).unwrap_or_else(|| self.no_string())),
            Some(own) => {
                let shard = self.shards.get(own as usize & ((1 << SHARD_BITS) - 1));
                let shard = shard.map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
                let string = shard.as_ref().and_then(|shard| shard.string((own >> SHARD_BITS) as usize));
                each(string.unwrap_or_else(|| self.no_string()))
            }
        }
    }

    #[cold]
    fn no_string(&self) -> &[u8] {
        self.breach.note("a name has no string");
        &[]
    }
}

impl Shard {
    fn string(&self, place: usize) -> Option<&[u8]> {
        string(&self.bytes, &self.ends, place)
    }

    /// Searches for a string, here and in the base; one that is in neither is put here.
    fn search(&mut self, hash: u64, bytes: &[u8], base: Option<&BaseStrings>) -> Option<Known> {
        let Self { bytes: all, ends, known } = self;
        let is_it = |&(other, found): &(u64, Known)| {
            let found = match found {
                Known::Own(place) => string(all, ends, place as usize),
                Known::Base(place) => base.and_then(|base| base.name_at(place)),
            };
            other == hash && found == Some(bytes)
        };
        if let Some(&(_, found)) = known.find(hash, is_it) {
            return Some(found);
        }
        let found = match base.and_then(|base| base.find(hash, bytes)) {
            Some(place) => Known::Base(place),
            None => {
                let place = u32::try_from(ends.len()).ok()?;
                all.extend_from_slice(bytes);
                ends.push(all.len());
                Known::Own(place)
            }
        };
        known.insert_unique(hash, (hash, found), |&(hash, _)| hash);
        Some(found)
    }
}

fn string<'s>(bytes: &'s [u8], ends: &[usize], place: usize) -> Option<&'s [u8]> {
    let start = place.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
    bytes.get(start..*ends.get(place)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::StrOffset;

    #[test]
    fn equal_strings_have_equal_numbers() {
        let strings = b"\0int\0task_struct\0int\0";
        let (base, places) = BaseStrings::new(strings, [1, 17, 10, 21].into_iter().map(StrOffset::from_raw));
        let number_of = |offset: usize| {
            let place = (*places.get(offset)?)?;
            base.number_at(place).map(NameId::raw)
        };
        assert_eq!(number_of(17), Some(1), "the first of equal strings counts");
        assert_eq!(number_of(10), Some(10), "a tail is a string too");
        assert_eq!((number_of(21), number_of(2)), (None, None));
        let names = StringInterner::over(Some(&base));
        let number = |string: &str| names.intern(string.as_bytes()).expect("few names").raw();
        assert_eq!((number(""), number("int"), number("task_struct"), number("struct")), (0, 1, 5, 10));
        let own: Vec<u32> = (0..500).map(|n| number(&format!("name_{n}"))).collect();
        assert!(
            own.iter().all(|&number| !names.is_base(NameId::from_raw(number))) && names.is_base(NameId::from_raw(10))
        );
        for (n, &expected) in own.iter().enumerate() {
            let string = format!("name_{n}");
            assert_eq!(number(&string), expected);
            names.with(NameId::from_raw(expected), |bytes| assert_eq!(bytes, string.as_bytes()));
        }
        names.with(NameId::from_raw(5), |bytes| assert_eq!(bytes, b"task_struct"));
        assert_eq!(StringInterner::over(None).intern(b"").expect("few names"), NameId::EMPTY);
    }

    #[test]
    fn a_string_has_the_same_number_in_its_turn_and_out_of_it() {
        let strings = b"\0a\0b\0c\0d\0unused\0";
        let (base, _) = BaseStrings::new(strings, [1, 3, 5, 1, 7, 3].into_iter().map(StrOffset::from_raw));
        let names = StringInterner::over(Some(&base));
        let mut cursor = NameCursor::default();
        let mut number = |string: &str| {
            let bytes = format!("{string}\0more");
            let in_turn = names.next_name(bytes.as_bytes(), &mut cursor);
            let number = in_turn.map_or_else(|| names.intern_at(string.as_bytes(), &mut cursor), Ok);
            (number.expect("few names").raw(), in_turn.is_some(), cursor.raw())
        };
        assert_eq!(number("a"), (1, false, 2));
        assert_eq!(number("b"), (3, true, 3));
        assert_eq!(number("c"), (5, true, 4));
        assert_eq!(number("a"), (1, true, 5));
        assert_eq!(number("d"), (7, true, 6));
        assert_eq!(number("a"), (1, false, 2));
        assert_eq!(number("unused"), (9, false, 8));
        assert_eq!(number(""), (0, false, 8));
        let own = number("own");
        assert_eq!(own.2, 8);
        assert_eq!(number("own"), own);
        assert_eq!(number("b"), (3, false, 3));
        assert!(!number("cc").1, "what only begins like the next name is another");
        assert_eq!(names.next_name(b"c", &mut cursor), None, "it has no end");
    }
}
