//! A symbol whose final value differs from the fragments.

use std::fmt;

/// A symbol whose final value differs from the fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSymbol {
    /// The symbol, with its `CONFIG_`.
    pub symbol: String,
    /// The value in the fragments.
    pub wanted: String,
    /// The value in the final configuration, or `n` if the symbol is unknown there.
    pub got: String,
}

impl fmt::Display for LostSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} should be {} and is {}", self.symbol, self.wanted, self.got)
    }
}
