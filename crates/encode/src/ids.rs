//! Numbers that stand for things.

/// A count or place as 32 bits, which is how ids are kept.
///
/// What is counted has at most one entry for each byte of `.debug_info` or of a base, and both are shorter than 4 GiB:
/// [`crate::dwarf::visit::collector`] and [`btf::Btf`] refuse longer ones.
#[inline]
pub(crate) fn id32(count: usize) -> u32 {
    debug_assert!(u32::try_from(count).is_ok(), "{count} entries");
    count as u32
}

/// A string: its number in [`crate::strings::interner::StringInterner`]. That of a string of the base is its offset there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NameId(u32);

impl NameId {
    /// The empty string: no name.
    pub(crate) const EMPTY: Self = Self(0);

    #[inline]
    pub(crate) const fn from_raw(number: u32) -> Self {
        Self(number)
    }

    /// The number, as it stands in an encoded type.
    #[inline]
    pub(crate) const fn raw(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
