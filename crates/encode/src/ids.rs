//! Numbers that stand for things. Each thing has a type of its own, so that they cannot be mixed up.

use std::num::NonZeroU32;

/// A count or place as 32 bits, which is how ids are kept.
///
/// What is counted has at most one entry for each byte of `.debug_info` or of a base, and both are shorter than 4 GiB:
/// [`crate::dwarf::visit::collector`] and [`btf::Btf`] refuse longer ones.
#[inline]
pub(crate) fn id32(count: usize) -> u32 {
    debug_assert!(u32::try_from(count).is_ok(), "{count} entries");
    count as u32
}

/// A string of BTF, by its offset among the strings of the base and of the section that is written, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StrOffset(u32);

impl StrOffset {
    /// The empty string.
    pub(crate) const EMPTY: Self = Self(0);

    #[inline]
    pub(crate) const fn from_raw(offset: u32) -> Self {
        Self(offset)
    }

    /// The offset so many bytes behind this one.
    #[inline]
    pub(crate) fn plus(self, bytes: usize) -> Option<Self> {
        self.0.checked_add(u32::try_from(bytes).ok()?).map(Self)
    }

    #[inline]
    pub(crate) const fn raw(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
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

    /// A string of the base.
    #[inline]
    pub(crate) const fn of_base(offset: StrOffset) -> Self {
        Self(offset.0)
    }

    /// Where a string of the base is.
    #[inline]
    pub(crate) const fn in_base(self) -> StrOffset {
        StrOffset(self.0)
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A canonical type: of the base, with its id there, or a new one, whose ids follow those of the base.
///
/// `void`, which BTF gives the id 0, is no type. Where something may refer to it, `None` is `void`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CanonicalId(NonZeroU32);

impl CanonicalId {
    #[inline]
    pub(crate) const fn new(id: NonZeroU32) -> Self {
        Self(id)
    }

    /// The type with this id; `None` for `void`.
    #[inline]
    pub(crate) const fn from_word(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The id of a type or of `void`, as it stands in an encoded type.
    #[inline]
    pub(crate) fn word(id: Option<Self>) -> u32 {
        id.map_or(0, Self::raw)
    }

    #[inline]
    pub(crate) const fn raw(self) -> u32 {
        self.0.get()
    }

    #[inline]
    pub(crate) const fn get(self) -> NonZeroU32 {
        self.0
    }
}

/// A CU that was merged: from 0, in the order in which they were merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CuNumber(u32);

impl CuNumber {
    #[inline]
    pub(crate) const fn from_raw(number: u32) -> Self {
        Self(number)
    }

    #[inline]
    pub(crate) const fn raw(self) -> u32 {
        self.0
    }

    /// Its place among all CUs.
    #[inline]
    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
}
