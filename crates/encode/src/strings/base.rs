//! The strings of a base, in the order of its types.

use std::ffi::CStr;
use std::num::NonZeroU32;

use crate::hash::hash_bytes;
use crate::id_table::IdTable;
use crate::ids::{NameId, StrOffset};

/// The strings of a base.
#[derive(Debug, Default)]
pub(crate) struct BaseStrings {
    pub(super) strings: Vec<u8>,
    /// The numbers of the names of types, members and so on in the order of the base: that of the CUs that it was made of,
    /// whose headers modules include too. Behind them come strings that no type has. The first is the empty one's.
    pub(super) order: Vec<Expected>,
    /// Where in `order` each string comes first.
    pub(super) places: IdTable,
}

/// A name in the order of the base.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    pub(super) number: NameId,
    /// How long it is, in bytes.
    pub(super) length: u32,
}

/// A name by its place in the order of a base: the first place that an equal name has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NamePlace(NonZeroU32);

impl NamePlace {
    #[inline]
    const fn index(self) -> usize {
        self.0.get() as usize
    }
}

/// The place of the name that is expected next, in the order of the base.
///
/// Members of one struct have their names in the same order wherever it is declared, and so have most types of one header. So
/// most names need not be searched for, which means to wait for memory again and again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NameCursor(u32);

impl NameCursor {
    /// Moves to the next name.
    #[inline]
    pub(super) const fn step(&mut self, is_it: bool) {
        self.0 = self.0.wrapping_add(is_it as u32);
    }

    /// Moves behind a name.
    #[inline]
    pub(super) const fn move_behind(&mut self, place: NamePlace) {
        self.0 = place.0.get().wrapping_add(1);
    }

    #[cfg(test)]
    pub(super) const fn raw(self) -> u32 {
        self.0
    }
}

impl BaseStrings {
    /// Takes the string section of a base, and the offsets of its types' names in the order of the types. With it comes where in
    /// the order the string at each of these offsets is, for [`BaseStrings::number_at`].
    pub(crate) fn new(strings: &[u8], names: impl Iterator<Item = StrOffset>) -> (Self, Vec<Option<NamePlace>>) {
        let count = strings.iter().filter(|&&byte| byte == 0).count();
        let order = vec![Expected::default()];
        let mut base = Self { strings: strings.to_vec(), order, places: IdTable::with_capacity(count) };
        let mut places: Vec<Option<NamePlace>> = vec![None; strings.len()];
        for offset in names.filter(|&offset| offset != StrOffset::EMPTY) {
            let Some(place) = places.get_mut(offset.place()) else { continue };
            match place.and_then(|place| base.order.get(place.index())) {
                Some(&known) => base.order.push(known),
                None => *place = base.add(offset),
            }
        }
        let mut offset = StrOffset::EMPTY;
        for string in strings.split_inclusive(|&byte| byte == 0) {
            if places.get(offset.place()) == Some(&None) && string.len() > 1 {
                base.add(offset);
            }
            let Some(next) = offset.plus(string.len()) else { break };
            offset = next;
        }
        (base, places)
    }

    /// Appends the string at an offset to the order. The first place of an equal string in the order; `None` if the string has no
    /// end.
    fn add(&mut self, offset: StrOffset) -> Option<NamePlace> {
        let string = string_at(&self.strings, offset.place())?;
        let hash = hash_bytes(string);
        let own = Expected { number: NameId::of_base(offset), length: u32::try_from(string.len()).ok()? };
        let next = NamePlace(NonZeroU32::new(u32::try_from(self.order.len()).ok()?)?);
        let known = self.find(hash, string).and_then(|place| Some((place, *self.order.get(place.index())?)));
        if known.is_none() {
            self.places.add(hash, next.0);
        }
        let (place, expected) = known.unwrap_or((next, own));
        self.order.push(expected);
        Some(place)
    }

    /// The string section.
    pub(crate) fn strings(&self) -> &[u8] {
        &self.strings
    }

    /// The string at an offset.
    pub(super) fn at(&self, offset: StrOffset) -> Option<&[u8]> {
        string_at(&self.strings, offset.place())
    }

    /// Where in the order a string comes first.
    #[inline]
    pub(super) fn find(&self, hash: u64, string: &[u8]) -> Option<NamePlace> {
        let is_it = |place: NonZeroU32| self.at_place(place.get()).is_some_and(|(_, expected)| expected == string);
        self.places.find(hash, is_it).map(NamePlace)
    }

    /// The number of the name with this place in the order.
    pub(crate) fn number_at(&self, place: NamePlace) -> Option<NameId> {
        self.order.get(place.index()).map(|expected| expected.number)
    }

    /// The name with this place in the order.
    pub(super) fn name_at(&self, place: NamePlace) -> Option<&[u8]> {
        self.at_place(place.0.get()).map(|(_, name)| name)
    }

    /// The name at a cursor, and its number.
    #[inline]
    pub(super) fn at_cursor(&self, cursor: NameCursor) -> Option<(NameId, &[u8])> {
        self.at_place(cursor.0)
    }

    #[inline]
    fn at_place(&self, place: u32) -> Option<(NameId, &[u8])> {
        let &Expected { number, length } = self.order.get(place as usize)?;
        let start = number.in_base().place();
        Some((number, self.strings.get(start..start.checked_add(length as usize)?)?))
    }
}

/// The string at an offset, without its NUL.
#[inline]
pub(crate) fn string_at(strings: &[u8], offset: usize) -> Option<&[u8]> {
    CStr::from_bytes_until_nul(strings.get(offset..)?).ok().map(CStr::to_bytes)
}
