//! The strings of a base, in the order of its types.

use std::ffi::CStr;
use std::num::NonZeroU32;

use crate::hash::hash_bytes;
use crate::id_table::IdTable;
use crate::ids::{NameId, id32};

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

/// The place of the name that is expected next, in the order of the base.
///
/// Members of one struct have their names in the same order wherever it is declared, and so have most types of one header. So
/// most names need not be searched for, which means to wait for memory again and again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NameCursor(pub(super) u32);

impl BaseStrings {
    /// Takes the string section of a base, and the offsets of its types' names in the order of the types. With it comes where in
    /// the order the string at each of these offsets is, for [`BaseStrings::number_at`]; place 0 is the empty string's.
    pub(crate) fn new(strings: &[u8], names: impl Iterator<Item = u32>) -> (Self, Vec<Option<NonZeroU32>>) {
        let count = strings.iter().filter(|&&byte| byte == 0).count();
        let order = vec![Expected::default()];
        let mut base = Self { strings: strings.to_vec(), order, places: IdTable::with_capacity(count) };
        let mut places: Vec<Option<NonZeroU32>> = vec![None; strings.len()];
        for offset in names.filter(|&offset| offset != 0) {
            let Some(place) = places.get_mut(offset as usize) else { continue };
            match place.and_then(|place| base.order.get(place.get() as usize)) {
                Some(&known) => base.order.push(known),
                None => *place = base.add(offset).and_then(NonZeroU32::new),
            }
        }
        let mut offset = 0u32;
        for string in strings.split_inclusive(|&byte| byte == 0) {
            if places.get(offset as usize) == Some(&None) && string.len() > 1 {
                base.add(offset);
            }
            offset += id32(string.len());
        }
        (base, places)
    }

    /// Says that the string at an offset comes next. Where in the order it is, or an equal one before it.
    pub(super) fn add(&mut self, offset: u32) -> Option<u32> {
        let string = string_at(&self.strings, offset as usize)?;
        let hash = hash_bytes(string);
        let next = u32::try_from(self.order.len()).ok()?;
        let own = Expected { number: NameId::from_raw(offset), length: u32::try_from(string.len()).ok()? };
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

    pub(super) fn at(&self, offset: usize) -> Option<&[u8]> {
        string_at(&self.strings, offset)
    }

    /// Where in the order a string comes first.
    #[inline]
    pub(super) fn find(&self, hash: u64, string: &[u8]) -> Option<u32> {
        self.places.find(hash, |place| self.at_place(place).is_some_and(|(_, expected)| expected == string))
    }

    /// The number of the name with this place in the order.
    pub(crate) fn number_at(&self, place: u32) -> Option<NameId> {
        self.order.get(place as usize).map(|expected| expected.number)
    }

    /// The name with this place in the order, and its number.
    #[inline]
    pub(super) fn at_place(&self, place: u32) -> Option<(NameId, &[u8])> {
        let &Expected { number, length } = self.order.get(place as usize)?;
        let start = number.raw() as usize;
        Some((number, self.strings.get(start..start.checked_add(length as usize)?)?))
    }
}

/// The string at an offset, without its NUL.
#[inline]
pub(crate) fn string_at(strings: &[u8], offset: usize) -> Option<&[u8]> {
    CStr::from_bytes_until_nul(strings.get(offset..)?).ok().map(CStr::to_bytes)
}
