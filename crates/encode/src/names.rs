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
    order: Vec<u32>,
    /// Where in `order` each string comes first.
    places: Table,
}

/// The place of the name that is expected next, in the order of the base.
///
/// Members of one struct have their names in the same order wherever it is declared, and so have most types of one header. So
/// most names need not be searched for, which means to wait for memory again and again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turn(u32);

#[derive(Debug, Default)]
struct Shard {
    bytes: Vec<u8>,
    /// Where each string ends in `bytes`.
    ends: Vec<usize>,
    places: HashTable<(u64, u32)>,
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
    /// Takes the string section of a base, and the offsets of its types' names in the order of the types. With it comes the
    /// number of the string at each of these: the offset that was the first to have it; [`NO_STRING`] where there is none.
    pub(crate) fn new(strings: &[u8], names: impl Iterator<Item = u32>) -> (Self, Vec<u32>) {
        let count = strings.iter().filter(|&&byte| byte == 0).count();
        let mut base = Self { strings: strings.to_vec(), order: vec![0], places: Table::with_capacity(count) };
        let mut numbers = vec![NO_STRING; strings.len()];
        for offset in names.filter(|&offset| offset != 0) {
            let Some(number) = numbers.get_mut(offset as usize) else { continue };
            if *number == NO_STRING {
                *number = base.add(offset).unwrap_or(NO_STRING);
            } else {
                base.order.push(*number);
            }
        }
        let mut offset = 0u32;
        for string in strings.split_inclusive(|&byte| byte == 0) {
            if numbers.get(offset as usize) == Some(&NO_STRING) && string.len() > 1 {
                base.add(offset);
            }
            offset = offset.saturating_add(u32::try_from(string.len()).unwrap_or(u32::MAX));
        }
        (base, numbers)
    }

    /// Says that the string at an offset comes next. The number of that string.
    fn add(&mut self, offset: u32) -> Option<u32> {
        let Self { strings, order, places } = self;
        let string = string_at(strings, offset as usize)?;
        let hash = hash_bytes(string);
        let number_at = |place: u32| order.get(place as usize).copied().unwrap_or(0);
        let known = places.find(hash, |place| starts_with(strings, number_at(place), string)).map(number_at);
        let number = known.unwrap_or(offset);
        if known.is_none() {
            places.add(hash, u32::try_from(order.len()).ok()?);
        }
        order.push(number);
        Some(number)
    }

    /// The string section.
    pub(crate) fn strings(&self) -> &[u8] {
        &self.strings
    }

    fn at(&self, offset: usize) -> Option<&[u8]> {
        string_at(&self.strings, offset)
    }

    #[inline]
    fn number_at(&self, place: u32) -> Option<u32> {
        self.order.get(place as usize).copied()
    }

    /// Where in the order a string comes first.
    #[inline]
    fn find(&self, hash: u64, string: &[u8]) -> Option<u32> {
        self.places.find(hash, |place| self.is_at(place, string))
    }

    /// Whether a string has this place in the order.
    #[inline]
    fn is_at(&self, place: u32, string: &[u8]) -> bool {
        self.number_at(place).is_some_and(|number| starts_with(&self.strings, number, string))
    }
}

/// The number of no string.
pub(crate) const NO_STRING: u32 = u32::MAX;

/// The string at an offset, without its NUL.
#[inline]
pub(crate) fn string_at(strings: &[u8], offset: usize) -> Option<&[u8]> {
    CStr::from_bytes_until_nul(strings.get(offset..)?).ok().map(CStr::to_bytes)
}

/// Whether the string at an offset is this one.
#[inline]
fn starts_with(strings: &[u8], offset: u32, string: &[u8]) -> bool {
    let rest = strings.get(offset as usize..).unwrap_or_default();
    rest.get(string.len()) == Some(&0) && rest.starts_with(string)
}

impl<'b> Names<'b> {
    /// The names of a file that is encoded over these.
    pub(crate) fn over(base: Option<&'b BaseNames>) -> Self {
        let first = base.map_or(1, |base| u32::try_from(base.strings.len()).unwrap_or(u32::MAX)).max(1);
        Self { base, first, shards: Default::default() }
    }

    /// The number of a string; 0 for the empty one.
    pub(crate) fn number(&self, string: &[u8]) -> Result<u32, EncodeError> {
        self.number_from(string, &mut Turn::default())
    }

    /// The same, where it may be that it is the string's turn.
    #[inline]
    pub(crate) fn number_in_turn(&self, string: &[u8], turn: &mut Turn) -> Result<u32, EncodeError> {
        if let Some(base) = self.base.filter(|base| base.is_at(turn.0, string)) {
            let number = base.number_at(turn.0).unwrap_or(0);
            turn.0 = turn.0.wrapping_add(1);
            return Ok(number);
        }
        self.number_from(string, turn)
    }

    /// The number of a string that is searched for. If it is found in the base, it is the turn of what follows it there.
    fn number_from(&self, string: &[u8], turn: &mut Turn) -> Result<u32, EncodeError> {
        if string.is_empty() {
            return Ok(0);
        }
        let hash = hash_bytes(string);
        let found = self.base.and_then(|base| base.find(hash, string).map(|place| (base, place)));
        if let Some((base, place)) = found {
            turn.0 = place.saturating_add(1);
            return Ok(base.number_at(place).unwrap_or(0));
        }
        let shard_index = (hash >> 32) as u32 & ((1 << SHARD_BITS) - 1);
        let place = match self.shards.get(shard_index as usize) {
            Some(shard) => shard.lock().unwrap_or_else(PoisonError::into_inner).place(hash, string),
            None => None,
        };
        let number = place.and_then(|place| place.checked_mul(1 << SHARD_BITS)?.checked_add(self.first));
        number.and_then(|number| number.checked_add(shard_index)).ok_or(EncodeError::TooLarge { what: "names" })
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

    fn place(&mut self, hash: u64, bytes: &[u8]) -> Option<u32> {
        let Self { bytes: all, ends, places } = self;
        let found = |&(other, place): &(u64, u32)| other == hash && string(all, ends, place as usize) == Some(bytes);
        if let Some(&(_, place)) = places.find(hash, found) {
            return Some(place);
        }
        let place = u32::try_from(ends.len()).ok()?;
        all.extend_from_slice(bytes);
        ends.push(all.len());
        places.insert_unique(hash, (hash, place), |&(hash, _)| hash);
        Some(place)
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
        let (base, numbers) = BaseNames::new(strings, [1, 17, 10, 21].into_iter());
        assert_eq!(numbers.get(17), Some(&1), "the first of equal strings counts");
        assert_eq!(numbers.get(10), Some(&10), "a tail is a string too");
        assert_eq!(numbers.get(21), None);
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
        for (string, number, next) in
            [("a", 1, 2), ("b", 3, 3), ("c", 5, 4), ("a", 1, 5), ("d", 7, 6), ("a", 1, 2), ("unused", 9, 8), ("", 0, 8)]
        {
            assert_eq!(names.number_in_turn(string.as_bytes(), &mut turn).expect("few names"), number, "{string}");
            assert_eq!(turn.0, next, "after {string}");
        }
        let own = names.number_in_turn(b"own", &mut turn).expect("few names");
        assert_eq!((own, turn.0), (names.number(b"own").expect("the same"), 8));
    }
}
