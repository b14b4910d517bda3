//! Type ids and string offsets as separate types, so that they cannot be confused.

use core::fmt;

/// The id of a type. 0 is `void`. A base's own types count from 1, those of split BTF from the number of types of its
/// base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`, which is not in any type section.
    pub const VOID: Self = Self(0);
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The offset of a string in bytes. A base's own strings count from 0, those of split BTF from the length of its
/// base's string section. An offset into the middle of a string denotes its tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StrOff(pub u32);

impl StrOff {
    /// No name.
    pub const NONE: Self = Self(0);

    /// Whether this is [`StrOff::NONE`], which the kernel prints as `(anon)`. Strings at other offsets may also be
    /// empty.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for StrOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
