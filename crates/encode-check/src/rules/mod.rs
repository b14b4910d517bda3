//! The differences that are to be expected, one rule each.
//!
//! A rule predicts from the file which types one side has and the other has not. It never only hides: what it takes has to be
//! there on the side and in the form that it says.

mod choice;
mod copies;

use crate::Difference;
use crate::case::Case;

/// Why the two may differ, and where exactly.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, in reports.
    pub name: &'static str,
    /// What it predicts.
    pub predicts: &'static str,
    /// What in pahole or libbpf causes it: the file and function.
    pub cause: &'static str,
    /// Whether pahole itself makes it one way in one run and otherwise in the next.
    pub chance: bool,
    take: fn(&mut Case<'_>) -> Vec<Difference>,
}

/// All rules, in the order in which they are asked.
pub const RULES: &[Rule] = &[copies::RULE, choice::RULE];

/// Has every rule take what it predicts; what is left is unexplained.
pub(crate) fn take(case: &mut Case<'_>) -> Vec<Difference> {
    RULES.iter().flat_map(|rule| (rule.take)(case)).collect()
}
