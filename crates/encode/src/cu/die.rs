//! DIEs, and what their attributes refer to while a CU is read.

/// A DIE, by its offset in `.debug_info`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DieOffset(u32);

/// Offsets of DIEs are smaller: larger numbers are [`DieReference`]s to what is no DIE.
const LIMIT: u32 = u32::MAX - 1;

impl DieOffset {
    /// An offset in `.debug_info`, if it is one that a DIE may have.
    #[inline]
    pub(crate) const fn new(offset: u64) -> Option<Self> {
        if offset < LIMIT as u64 { Some(Self(offset as u32)) } else { None }
    }

    /// The offset so many bytes behind this one. Both lie in one CU, whose end is a valid offset.
    #[inline]
    pub(crate) fn plus(self, bytes: usize) -> Self {
        debug_assert!(bytes < (LIMIT - self.0) as usize, "{bytes} bytes behind {self:?}");
        Self(self.0.wrapping_add(bytes as u32))
    }

    #[inline]
    pub(crate) const fn raw(self) -> u32 {
        self.0
    }

    #[cfg(test)]
    pub(crate) const fn from_raw(offset: u32) -> Self {
        Self(offset)
    }
}

/// What an attribute refers to, packed into one word.
///
/// The numbers that are no offsets of DIEs are 0, where `.debug_info` has the header of a CU, and those from [`LIMIT`] on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DieReference(u32);

impl DieReference {
    /// There is no such attribute: a type is `void`.
    pub(crate) const NOTHING: Self = Self(0);
    /// Where no DIE can be, or something that cannot be read.
    pub(crate) const OUTSIDE: Self = Self(LIMIT);
    /// The type of an array's index, which is the same for all arrays, whatever their DIEs refer to.
    pub(crate) const ARRAY_INDEX: Self = Self(u32::MAX);

    /// To the DIE at this offset of `.debug_info`.
    #[inline]
    pub(crate) const fn at(offset: u64) -> Self {
        match DieOffset::new(offset) {
            Some(DieOffset(offset)) => Self(offset),
            None => Self::OUTSIDE,
        }
    }

    /// The reference as it stands in the words of a type.
    #[inline]
    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    /// The reference in the words of a type.
    #[inline]
    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word)
    }

    #[inline]
    pub(crate) const fn is_nothing(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) const fn is_array_index(self) -> bool {
        self.0 == u32::MAX
    }

    /// The DIE, if it refers to a place where one can be.
    #[inline]
    pub(crate) const fn die(self) -> Option<DieOffset> {
        if self.0 == 0 || self.0 >= LIMIT { None } else { Some(DieOffset(self.0)) }
    }

    /// The first of two that refers to anything.
    #[inline]
    pub(crate) const fn or(self, other: Self) -> Self {
        if self.is_nothing() { other } else { self }
    }
}

impl From<DieOffset> for DieReference {
    #[inline]
    fn from(offset: DieOffset) -> Self {
        Self(offset.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_offset_is_taken_for_an_array_index() {
        for offset in [LIMIT.into(), u32::MAX.into(), 1 << 32, u64::MAX] {
            assert_eq!(DieReference::at(offset), DieReference::OUTSIDE);
            assert_eq!(DieOffset::new(offset), None);
        }
        let last = DieReference::at(u64::from(LIMIT) - 1);
        assert_eq!(last.die().map(DieOffset::raw), Some(LIMIT - 1));
        let no_dies = [DieReference::NOTHING, DieReference::OUTSIDE, DieReference::ARRAY_INDEX];
        assert_eq!(no_dies.map(DieReference::die), [None; 3]);
        assert_eq!(no_dies.map(DieReference::is_array_index), [false, false, true]);
        assert_eq!(DieReference::NOTHING.or(last), last);
        assert_eq!(last.or(DieReference::OUTSIDE), last);
    }
}
