//! How much of an archive is accepted.

/// The bounds within which an archive is read. What exceeds one is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many entries there may be.
    pub entries: u64,
    /// How many bytes there may be in all, decompressed.
    pub total: u64,
    /// How many bytes an entry may have that is read into memory with [`crate::Entry::read_all`].
    pub in_memory: u64,
    /// How many bytes a path or the target of a link may have.
    pub path: usize,
}

impl Default for Limits {
    /// A million entries, 16 GiB in all (a kernel's package of debug information has some 6 GiB), for one file in memory what a
    /// kernel object may have ([`kmod::MAX_DECOMPRESSED`]), and `PATH_MAX` for paths.
    fn default() -> Self {
        Self { entries: 1_000_000, total: 16 << 30, in_memory: kmod::MAX_DECOMPRESSED, path: 4096 }
    }
}
