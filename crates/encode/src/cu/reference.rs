//! What references are while a CU is read and merged.

/// The bit that tells a reference to a type of the CU from the id of a canonical type.
pub(crate) const LOCAL: u32 = 1 << 31;

/// What an array's index refers to until the CU meets the others: all arrays have one type of index.
pub(crate) const INDEX: u32 = u32::MAX;
