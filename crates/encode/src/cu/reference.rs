//! What references are while a CU is read and merged.

/// The bit that tells a reference to a type of the CU from the id of a canonical type.
pub(crate) const LOCAL: u32 = 1 << 31;

/// What an array's index refers to until the CU meets the others: all arrays have one type of index.
pub(crate) const INDEX: u32 = u32::MAX;

/// A type of the CU, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LocalId(u32);

impl LocalId {
    #[inline]
    pub(crate) const fn from_raw(index: u32) -> Self {
        Self(index)
    }

    /// The type of the CU that a reference leads to; nothing if it leads to a canonical one or to `void`.
    #[inline]
    pub(crate) const fn of(reference: u32) -> Option<Self> {
        if reference & LOCAL == 0 { None } else { Some(Self(reference & !LOCAL)) }
    }

    /// A reference to it.
    #[inline]
    pub(crate) const fn reference(self) -> u32 {
        LOCAL | self.0
    }

    #[inline]
    pub(crate) const fn raw(self) -> u32 {
        self.0
    }

    /// Its place among the types of the CU.
    #[inline]
    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
}
