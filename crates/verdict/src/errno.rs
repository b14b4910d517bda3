//! Error numbers that the kernel returns for a module's BTF.

use core::fmt;

/// A kernel's error number, as a positive number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Errno(pub i32);

impl Errno {
    /// No such entry: a string that relocation cannot map.
    pub const ENOENT: Self = Self(2);
    /// Too big: a header with fields that the kernel does not know.
    pub const E2BIG: Self = Self(7);
    /// Invalid argument: most refusals.
    pub const EINVAL: Self = Self(22);
    /// Too many levels: a chain of modifiers that is too long or a cycle.
    pub const ELOOP: Self = Self(40);
    /// Not supported, a number that only the kernel uses: version, flags, encoding of an integer.
    pub const ENOTSUPP: Self = Self(524);

    /// Its name; `None` for one that is not in this list.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::ENOENT => Some("ENOENT"),
            Self::E2BIG => Some("E2BIG"),
            Self::EINVAL => Some("EINVAL"),
            Self::ELOOP => Some("ELOOP"),
            Self::ENOTSUPP => Some("ENOTSUPP"),
            _ => None,
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "-{} ({name})", self.0),
            None => write!(f, "-{}", self.0),
        }
    }
}
