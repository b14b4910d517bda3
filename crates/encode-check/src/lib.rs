//! Compares the encoder with what distributions shipped.
//!
//! A `-dbg` package has both the DWARF of a kernel and its modules and the `.BTF` that pahole made of it. Every file is encoded
//! again, and the two are compared by meaning: [`differences`] finds the types that only one of them has. Ids, the order of
//! types and the order of strings do not matter for that.
//!
//! A type that only one side has is a failure, unless a listed [`Rule`] predicts it. A rule derives from the file itself what must
//! have been shipped instead, and why; a test checks each rule. At most [`LIMIT`] types may be explained by rules.
//!
//! Up to 1.28, pahole's output depends on which thread took which CU. The shipped BTF shows that. So the rule `threads` infers it
//! and encodes the file again in that order. If all remaining differences are predicted by other rules, the types that
//! became the same are counted apart and reported with their share. [`LIMIT`] does not include them, since pahole would not write
//! them a second time either.
//!
//! The order of types and strings has no meaning, but ours is pahole's. So files that are byte for byte as shipped are counted, and
//! compared with the [`IdenticalBaseline`] of the kernel.
//!
//! ```text
//! FileChecker ── in the order of the file ── as pahole's threads took the CUs ──── rules ── FileReport ─┐
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
