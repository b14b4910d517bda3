//! Remembers the numbers of names by where DWARF has them.

use crate::error::EncodeError;
use crate::ids::NameId;
use crate::strings::base::{NameCursor, string_at};
use crate::strings::interner::StringInterner;

/// What one thread remembers of the names in `.debug_str`, and of those that stand in DIEs.
///
/// CUs include the same headers, so the same names are looked up again and again, in runs. A search waits for memory. So a name is
/// first compared with the one that followed the last name before: in the base, or without a base in what was searched for.
#[derive(Debug)]
pub(crate) struct NameCache {
    cursor: NameCursor,
    /// Names with their numbers, in the order in which they were searched for.
    searched: Vec<(Key, NameId)>,
    /// The place in `searched` of the name that is expected next.
    next: usize,
    /// Where in `searched` names came first: in a place that follows from the key, which another name may take. None over a base,
    /// whose order is enough.
    places: Vec<u32>,
}

/// What identifies a name without reading it: its offset in `.debug_str`, or up to three bytes that stand in a DIE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u32);

/// The first key that is no offset.
const SHORT: u32 = 0xff00_0000;

/// There is one place for so many bytes of `.debug_str`.
const BYTES_PER_PLACE: usize = 16;
/// The fewest and the most places, as powers of two.
const PLACES: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 20;
/// The most names that are remembered.
const MAX_SEARCHED: usize = 1 << 20;

impl Key {
    fn of_offset(offset: u64) -> Option<Self> {
        u32::try_from(offset).ok().filter(|&offset| offset < SHORT).map(Self)
    }

    fn of_short(string: &[u8]) -> Option<Self> {
        let mut bytes = [0; 4];
        bytes.get_mut(..string.len()).filter(|bytes| bytes.len() < 4)?.copy_from_slice(string);
        Some(Self(SHORT | u32::from_le_bytes(bytes)))
    }
}

impl NameCache {
    /// For a file with so many bytes of `.debug_str`.
    pub(crate) fn new(names: &StringInterner<'_>, length: usize) -> Self {
        let places = (length / BYTES_PER_PLACE).next_power_of_two().clamp(*PLACES.start(), *PLACES.end());
        let places = if names.have_base() { Vec::new() } else { vec![0; places] };
        Self { cursor: NameCursor::default(), searched: Vec::new(), next: 0, places }
    }

    /// The number of the name at an offset of `.debug_str`.
    #[inline]
    pub(crate) fn at_offset(
        &mut self,
        names: &StringInterner<'_>,
        strings: &[u8],
        offset: u64,
    ) -> Result<NameId, Box<EncodeError>> {
        let outside = || EncodeError::String { section: ".debug_str", offset };
        let rest = usize::try_from(offset).ok().and_then(|offset| strings.get(offset..)).ok_or_else(outside)?;
        if let Some(number) = names.next_name(rest, &mut self.cursor) {
            return Ok(number);
        }
        let key = Key::of_offset(offset).filter(|_| !self.places.is_empty());
        if let Some(number) = key.and_then(|key| self.number(key)) {
            return Ok(number);
        }
        let string = string_at(rest, 0).ok_or_else(outside)?;
        self.search(names, string, key)
    }

    /// The number of a name that stands in a DIE: what `rest` begins with. `None` if it has no end.
    pub(crate) fn inline(
        &mut self,
        names: &StringInterner<'_>,
        rest: &[u8],
    ) -> Result<Option<NameId>, Box<EncodeError>> {
        if let Some(number) = names.next_name(rest, &mut self.cursor) {
            return Ok(Some(number));
        }
        let Some(string) = string_at(rest, 0) else { return Ok(None) };
        let key = Key::of_short(string).filter(|_| !self.places.is_empty());
        match key.and_then(|key| self.number(key)) {
            Some(number) => Ok(Some(number)),
            None => self.search(names, string, key).map(Some),
        }
    }

    /// The number of a name that was searched for before.
    #[inline]
    fn number(&mut self, key: Key) -> Option<NameId> {
        let at = |place: usize| self.searched.get(place).filter(|&&(known, _)| known == key).map(|&(_, number)| number);
        if let Some(number) = at(self.next) {
            self.next = self.next.wrapping_add(1);
            return Some(number);
        }
        let place = self.places.get(self.place(key)).copied()? as usize;
        let number = at(place)?;
        self.next = place.wrapping_add(1);
        self.remember(key, number);
        Some(number)
    }

    #[cold]
    fn search(
        &mut self,
        names: &StringInterner<'_>,
        string: &[u8],
        key: Option<Key>,
    ) -> Result<NameId, Box<EncodeError>> {
        let number = names.intern_at(string, &mut self.cursor)?;
        if let Some(key) = key {
            let place = self.place(key);
            let index = u32::try_from(self.searched.len());
            if self.remember(key, number)
                && let (Some(slot), Ok(index)) = (self.places.get_mut(place), index)
            {
                *slot = index;
            }
            self.next = self.searched.len();
        }
        Ok(number)
    }

    fn remember(&mut self, key: Key, number: NameId) -> bool {
        let has_room = self.searched.len() < MAX_SEARCHED;
        if has_room {
            self.searched.push((key, number));
        }
        has_room
    }

    #[inline]
    fn place(&self, key: Key) -> usize {
        const SPREAD: u32 = 0x9e37_79b9;
        let bits = self.places.len().trailing_zeros();
        (key.0.wrapping_mul(SPREAD) >> (u32::BITS.wrapping_sub(bits) & 31)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_numbers_whatever_is_remembered() {
        let mut bytes = Vec::new();
        let offsets: Vec<u64> = (0..40_000)
            .map(|n| {
                let offset = bytes.len() as u64;
                bytes.extend(format!("{}\0", n % 9000).bytes());
                offset
            })
            .collect();
        let names = StringInterner::over(None);
        let mut cache = NameCache::new(&names, bytes.len());
        for round in 0..3 {
            for (n, &offset) in (0..).zip(&offsets) {
                let expected = names.intern((n % 9000).to_string().as_bytes()).expect("few names");
                let rest = bytes.get(offset as usize..).expect("inside");
                let [at_offset, inline] = [
                    cache.at_offset(&names, &bytes, offset),
                    cache.inline(&names, rest).map(|it| it.expect("it ends")),
                ];
                assert_eq!(at_offset.expect("it is there"), expected, "round {round}");
                assert_eq!(inline.expect("few names"), expected, "round {round}");
            }
        }
        for offset in [u64::MAX, 1 << 32, u64::from(u32::MAX), 1 << 20] {
            let error = cache.at_offset(&names, &bytes, offset).expect_err("it lies outside");
            assert!(matches!(*error, EncodeError::String { .. }));
        }
        let mut cache = NameCache::new(&names, 0);
        assert!(cache.at_offset(&names, b"cut", 0).is_err() && cache.inline(&names, b"cut").expect("none").is_none());
        assert!(cache.at_offset(&names, &[], 0).is_err());
    }

    #[test]
    fn short_names_have_keys_of_their_own() {
        let keys = [&b""[..], b"a", b"b", b"ab", b"abc"].map(Key::of_short);
        assert!(keys.iter().all(Option::is_some));
        assert!((1..keys.len()).all(|n| !keys[..n].contains(&keys[n])));
        assert_eq!(Key::of_short(b"abcd"), None);
        assert_eq!(Key::of_offset(u64::from(SHORT)), None, "it would be the empty name's");
    }
}
