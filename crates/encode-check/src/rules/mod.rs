//! The expected differences, one rule each.
//!
//! A rule predicts what was shipped from the file itself, for every type of it. No rule merely hides a difference.

pub(crate) mod repeated;
mod rule;
pub(crate) mod threads;

pub use rule::Rule;

/// All rules, in the order in which they are asked.
pub const RULES: &[Rule] = &[threads::RULE, repeated::RULE];
