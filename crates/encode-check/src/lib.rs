//! The encoder held against what a distribution shipped.
//!
//! A `-dbg` package has, side by side, the DWARF of a kernel and its modules and the `.BTF` that pahole made of it. Every file is
//! encoded again, and the two are compared by meaning: [`differences`] finds the types that only one of them has, whatever
//! their ids, their order and the order of strings.
//!
//! What only one has is a failure, or is predicted by a listed [`Rule`]: each says what has to be there instead and why, from
//! the file itself, and is held to it by a test. The types that are explained so
//! have to stay under [`LIMIT`].
//!
//! Up to 1.28 pahole's threads decide by chance what it writes. That was decided when a kernel was shipped, and its BTF shows
//! how: the rule `threads` encodes a file once more as they took its units. If that leaves nothing but what other rules
//! predict, what is the same then is counted for itself, and told with its share; [`LIMIT`] is not for it, since pahole does
//! not write it a second time either.
//!
//! The order of types and strings has no meaning, and is pahole's all the same: how many files are byte for byte what was
//! shipped is counted, and held to what is [`IdenticalBaseline`] of the kernel.
//!
//! ```text
//! FileChecker ── in the order of the file ── as pahole's threads took the units ── rules ── FileReport ─┐
//! base, options                            where it differs, and they decide                          ├─ KernelReport ── Report: text, JSON, JUnit
//!                                                                                                     ┘
//! ```

mod file;
mod identical;
mod kernel;
mod meaning;
mod render;
mod report;
mod rules;

pub use file::FileChecker;
pub use identical::{Identical, IdenticalBaseline};
pub use kernel::{Error, KernelFiles, check_kernel};
pub use meaning::{BaseTypes, Differences, Repeated, differences};
pub use render::Style;
pub use report::{
    Compared, Difference, FileOutcome, FileReport, FileVerdict, KernelReport, Report, UnavailableKernel, VERSION,
};
pub use rules::{RULES, Rule};

/// The share of the types compared that rules may explain, but for `threads`: one in so many.
pub const LIMIT: u64 = 1000;
