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
