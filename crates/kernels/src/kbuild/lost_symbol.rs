//! A symbol of the final configuration that differs from what the fragments say.

use std::fmt;

/// A symbol that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSymbol {
    /// The symbol, with its `CONFIG_`.
    pub symbol: String,
    /// What was asked for.
    pub wanted: String,
    /// What the final configuration says; `n` also for a symbol that it does not know.
    pub got: String,
}

impl fmt::Display for LostSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} should be {} and is {}", self.symbol, self.wanted, self.got)
    }
}
