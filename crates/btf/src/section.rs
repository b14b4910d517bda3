//! The sections of BTF.

use core::fmt;

/// A section of BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The types.
    Types,
    /// The strings.
    Strings,
    /// The lengths of types by kind.
    Layout,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Types => "type",
            Self::Strings => "string",
            Self::Layout => "layout",
        })
    }
}
