//! `.debug_str`: the names, with the numbers of those that were asked for.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::EncodeError;
use crate::names::{Names, Turn, string_at};

/// The strings, and what is remembered of them.
///
/// The same few thousand names are asked for again and again, strewn over megabytes. So what is remembered is kept in a table
/// small enough to stay near the processor; a name that has lost its place to another is looked up anew.
#[derive(Debug)]
pub(crate) struct Strings {
    bytes: Vec<u8>,
    /// In each place the offset of a string and, below it, its number plus one; 0 where there is none. A power of two of them.
    known: Vec<AtomicU64>,
}

/// There is one place for so many bytes of strings.
const BYTES_PER_PLACE: usize = 64;
/// The fewest and the most places, as powers of two.
const PLACES: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 20;

impl Strings {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let places = (bytes.len() / BYTES_PER_PLACE).next_power_of_two().clamp(*PLACES.start(), *PLACES.end());
        let mut known = Vec::new();
        known.resize_with(places, AtomicU64::default);
        Self { bytes, known }
    }

    /// The number of the name at an offset.
    #[inline]
    pub(crate) fn number(&self, names: &Names<'_>, turn: &mut Turn, offset: u64) -> Result<u32, EncodeError> {
        let outside = || EncodeError::String { section: ".debug_str", offset };
        let short = u32::try_from(offset).map_err(|_| outside())?;
        let slot = self.known.get(self.place(short)).ok_or_else(outside)?;
        let known = slot.load(Ordering::Relaxed);
        if let Some(number) = (known as u32).checked_sub(1).filter(|_| (known >> 32) as u32 == short) {
            return Ok(number);
        }
        let string = string_at(&self.bytes, short as usize).ok_or_else(outside)?;
        let number = names.number_in_turn(string, turn)?;
        let remembered = number.checked_add(1).map_or(0, u64::from);
        slot.store((u64::from(short) << 32) | remembered, Ordering::Relaxed);
        Ok(number)
    }

    fn place(&self, offset: u32) -> usize {
        const SPREAD: u32 = 0x9e37_79b9;
        let bits = self.known.len().trailing_zeros();
        (offset.wrapping_mul(SPREAD) >> (u32::BITS.wrapping_sub(bits) & 31)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_numbers_whatever_is_remembered() {
        let mut bytes = Vec::new();
        let offsets: Vec<u64> = (0..20_000)
            .map(|n| {
                let offset = bytes.len() as u64;
                bytes.extend(format!("name_{}\0", n % 9000).bytes());
                offset
            })
            .collect();
        let strings = Strings::new(bytes);
        let names = Names::over(None);
        let mut turn = Turn::default();
        for round in 0..2 {
            for (n, &offset) in (0..).zip(&offsets) {
                let number = strings.number(&names, &mut turn, offset).expect("it is there");
                let expected = names.number(format!("name_{}", n % 9000).as_bytes()).expect("few names");
                assert_eq!(number, expected, "round {round}");
            }
        }
        for offset in [u64::MAX, 1 << 32, u64::from(u32::MAX), 1 << 20] {
            assert!(matches!(strings.number(&names, &mut turn, offset), Err(EncodeError::String { .. })));
        }
        assert!(Strings::new(Vec::new()).number(&names, &mut turn, 0).is_err());
    }
}
