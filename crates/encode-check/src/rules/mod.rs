//! The differences that are to be expected, one rule each.
//!
//! A rule predicts from the file what was shipped, and exactly: a file is as it says in every type. None only hides what differs.

pub(crate) mod repeated;
pub(crate) mod threads;

/// Why the two may differ, and where exactly.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, in reports.
    pub name: &'static str,
    /// What it predicts.
    pub predicts: &'static str,
    /// What in pahole or libbpf causes it: the file and function.
    pub cause: &'static str,
}

/// All rules, in the order in which they are asked.
pub const RULES: &[Rule] = &[threads::RULE, repeated::RULE];
