//! Names as numbers: equal strings have equal numbers.

use std::collections::HashMap;
use std::ffi::CStr;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;

use crate::EncodeError;
use crate::record::mix;
use crate::table::Table;

/// How many bits of a number say in which shard its string is.
const SHARD_BITS: u32 = 4;

/// Strings with numbers. Those of the base have their offset there; the others numbers from the length of the base's
/// strings on, in no order that means anything: what is written must not depend on them.
///
/// It is shared by the threads that read one file.
#[derive(Debug)]
pub(crate) struct Names<'b> {
    base: Option<&'b BaseNames>,
    first: u32,
    shards: [Mutex<Shard>; 1 << SHARD_BITS],
}

/// The strings of a base.
#[derive(Debug, Default)]
pub(crate) struct BaseNames {
    strings: Vec<u8>,
    /// The numbers of the names of types, members and so on in the order of the base: that of the units that it was made of,
    /// whose headers modules include too. Behind them come strings that no type has. The first is the empty one's.
    order: Vec<Expected>,
    /// Where in `order` each string comes first.
    places: Table,
}

/// A name in the order of the base.
#[derive(Debug, Clone, Copy, Default)]
struct Expected {
    number: u32,
    /// How long it is, in bytes.
    length: u32,
}

/// The place of the name that is expected next, in the order of the base.
///
/// Members of one struct have their names in the same order wherever it is declared, and so have most types of one header. So
/// most names need not be searched for, which means to wait for memory again and again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turn(u32);

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
    Base(u32),
}

/// Hashes numbers that are spread already, as those of names and types are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0, hash_bytes(bytes));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = mix(self.0, u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }
}

/// A map from numbers.
pub(crate) type NumberMap<T> = HashMap<u32, T, BuildHasherDefault<NumberHasher>>;

/// The hash of a string.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let hash = chunks.iter().fold(bytes.len() as u64, |hash, chunk| mix(hash, u64::from_le_bytes(*chunk)));
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    mix(hash, u64::from_le_bytes(last))
}

impl BaseNames {
    /// Takes the string section of a base, and the offsets of its types' names in the order of the types. With it comes where in
    /// the order the string at each of these offsets is, for [`BaseNames::number_at`].
    pub(crate) fn new(strings: &[u8], names: impl Iterator<Item = u32>) -> (Self, Vec<u32>) {
        let count = strings.iter().filter(|&&byte| byte == 0).count();
        let order = vec![Expected::default()];
        let mut base = Self { strings: strings.to_vec(), order, places: Table::with_capacity(count) };
        let mut places = vec![NOWHERE; strings.len()];
        for offset in names.filter(|&offset| offset != 0) {
            let Some(place) = places.get_mut(offset as usize) else { continue };
            match base.order.get(*place as usize) {
                Some(&known) => base.order.push(known),
                None => *place = base.add(offset).unwrap_or(NOWHERE),
            }
        }
        let mut offset = 0u32;
        for string in strings.split_inclusive(|&byte| byte == 0) {
            if places.get(offset as usize) == Some(&NOWHERE) && string.len() > 1 {
                base.add(offset);
            }
            offset = offset.saturating_add(u32::try_from(string.len()).unwrap_or(u32::MAX));
        }
        (base, places)
    }

    /// Says that the string at an offset comes next. Where in the order it is, or an equal one before it.
    fn add(&mut self, offset: u32) -> Option<u32> {
        let string = string_at(&self.strings, offset as usize)?;
        let hash = hash_bytes(string);
        let next = u32::try_from(self.order.len()).ok()?;
        let own = Expected { number: offset, length: u32::try_from(string.len()).ok()? };
        let known = self.find(hash, string).and_then(|place| Some((place, *self.order.get(place as usize)?)));
        if known.is_none() {
            self.places.add(hash, next);
        }
        let (place, expected) = known.unwrap_or((next, own));
        self.order.push(expected);
        Some(place)
    }

    /// The string section.
    pub(crate) fn strings(&self) -> &[u8] {
        &self.strings
    }

    fn at(&self, offset: usize) -> Option<&[u8]> {
        string_at(&self.strings, offset)
    }

    /// Where in the order a string comes first.
    #[inline]
    fn find(&self, hash: u64, string: &[u8]) -> Option<u32> {
        self.places.find(hash, |place| self.at_place(place).is_some_and(|(_, expected)| expected == string))
    }

    /// The number of the name with this place in the order.
    pub(crate) fn number_at(&self, place: u32) -> Option<u32> {
        self.order.get(place as usize).map(|expected| expected.number)
    }

    /// The name with this place in the order, and its number.
    #[inline]
    fn at_place(&self, place: u32) -> Option<(u32, &[u8])> {
        let &Expected { number, length } = self.order.get(place as usize)?;
        let start = number as usize;
        Some((number, self.strings.get(start..start.checked_add(length as usize)?)?))
    }
}

/// The place of no string.
const NOWHERE: u32 = u32::MAX;

/// The string at an offset, without its NUL.
#[inline]
pub(crate) fn string_at(strings: &[u8], offset: usize) -> Option<&[u8]> {
    CStr::from_bytes_until_nul(strings.get(offset..)?).ok().map(CStr::to_bytes)
}

impl<'b> Names<'b> {
    /// The names of a file that is encoded over these.
    pub(crate) fn over(base: Option<&'b BaseNames>) -> Self {
        let first = base.map_or(1, |base| u32::try_from(base.strings.len()).unwrap_or(u32::MAX)).max(1);
        Self { base, first, shards: Default::default() }
    }

    /// The number of a string; 0 for the empty one.
    pub(crate) fn number(&self, string: &[u8]) -> Result<u32, EncodeError> {
        self.number_out_of_turn(string, &mut Turn::default())
    }

    /// The number of the string that `bytes` begin with, up to a NUL, if it is its turn.
    #[inline]
    pub(crate) fn number_in_turn(&self, bytes: &[u8], turn: &mut Turn) -> Option<u32> {
        let (number, expected) = self.base?.at_place(turn.0)?;
        let is_it = bytes.get(expected.len()) == Some(&0) && bytes.starts_with(expected);
        turn.0 = turn.0.wrapping_add(u32::from(is_it));
        is_it.then_some(number)
    }

    /// The number of a string whose turn it is not. If it is found in the base, it is the turn of what follows it there.
    pub(crate) fn number_out_of_turn(&self, string: &[u8], turn: &mut Turn) -> Result<u32, EncodeError> {
        if string.is_empty() {
            return Ok(0);
        }
        self.search(string, turn).ok_or(EncodeError::TooLarge { what: "names" })
    }

    fn search(&self, string: &[u8], turn: &mut Turn) -> Option<u32> {
        let hash = hash_bytes(string);
        let index = (hash >> 32) as u32 & ((1 << SHARD_BITS) - 1);
        let mut shard = self.shards.get(index as usize)?.lock().unwrap_or_else(PoisonError::into_inner);
        match shard.search(hash, string, self.base)? {
            Known::Base(place) => {
                turn.0 = place.saturating_add(1);
                self.base?.number_at(place)
            }
            Known::Own(place) => place.checked_mul(1 << SHARD_BITS)?.checked_add(self.first)?.checked_add(index),
        }
    }

    /// Whether there is a base.
    #[inline]
    pub(crate) const fn have_base(&self) -> bool {
        self.base.is_some()
    }

    /// Whether a number is that of a string of the base.
    pub(crate) fn is_base(&self, number: u32) -> bool {
        number < self.first
    }

    /// The string with this number.
    pub(crate) fn with<T>(&self, number: u32, each: impl FnOnce(&[u8]) -> T) -> T {
        match number.checked_sub(self.first) {
            None => each(self.base.and_then(|base| base.at(number as usize)).unwrap_or_default()),
            Some(own) => {
                let shard = self.shards.get(own as usize & ((1 << SHARD_BITS) - 1));
                let shard = shard.map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
                each(shard.as_ref().and_then(|shard| shard.string((own >> SHARD_BITS) as usize)).unwrap_or_default())
            }
        }
    }
}

impl Shard {
    fn string(&self, place: usize) -> Option<&[u8]> {
        string(&self.bytes, &self.ends, place)
    }

    /// Searches for a string, here and in the base; one that is in neither is put here.
    fn search(&mut self, hash: u64, bytes: &[u8], base: Option<&BaseNames>) -> Option<Known> {
        let Self { bytes: all, ends, known } = self;
        let is_it = |&(other, found): &(u64, Known)| {
            let found = match found {
                Known::Own(place) => string(all, ends, place as usize),
                Known::Base(place) => base.and_then(|base| base.at_place(place)).map(|(_, name)| name),
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

    #[test]
    fn equal_strings_have_equal_numbers() {
        let strings = b"\0int\0task_struct\0int\0";
        let (base, places) = BaseNames::new(strings, [1, 17, 10, 21].into_iter());
        let number_of = |offset: usize| places.get(offset).and_then(|&place| base.number_at(place));
        assert_eq!(number_of(17), Some(1), "the first of equal strings counts");
        assert_eq!(number_of(10), Some(10), "a tail is a string too");
        assert_eq!((number_of(21), number_of(2)), (None, None));
        let names = Names::over(Some(&base));
        let number = |string: &str| names.number(string.as_bytes()).expect("few names");
        assert_eq!((number(""), number("int"), number("task_struct"), number("struct")), (0, 1, 5, 10));
        let own: Vec<u32> = (0..500).map(|n| number(&format!("name_{n}"))).collect();
        assert!(own.iter().all(|&number| !names.is_base(number)) && names.is_base(10));
        for (n, &expected) in own.iter().enumerate() {
            let string = format!("name_{n}");
            assert_eq!(number(&string), expected);
            names.with(expected, |bytes| assert_eq!(bytes, string.as_bytes()));
        }
        names.with(5, |bytes| assert_eq!(bytes, b"task_struct"));
        assert_eq!(Names::over(None).number(b"").expect("few names"), 0);
    }

    #[test]
    fn a_string_has_the_same_number_in_its_turn_and_out_of_it() {
        let strings = b"\0a\0b\0c\0d\0unused\0";
        let (base, _) = BaseNames::new(strings, [1, 3, 5, 1, 7, 3].into_iter());
        let names = Names::over(Some(&base));
        let mut turn = Turn::default();
        let mut number = |string: &str| {
            let bytes = format!("{string}\0more");
            let in_turn = names.number_in_turn(bytes.as_bytes(), &mut turn);
            let number = in_turn.map_or_else(|| names.number_out_of_turn(string.as_bytes(), &mut turn), Ok);
            (number.expect("few names"), in_turn.is_some(), turn.0)
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
        assert_eq!(names.number_in_turn(b"c", &mut turn), None, "it has no end");
    }
}
