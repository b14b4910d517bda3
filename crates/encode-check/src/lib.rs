//! The encoder held against what a distribution shipped.
//!
//! A `-dbg` package has, side by side, the DWARF of a kernel and its modules and the `.BTF` that pahole made of it. Every file is
//! encoded again, and the two are compared by meaning: [`encode::check`] finds the types that only one of them has, whatever
//! their ids, their order and the order of strings.
//!
//! What only one has is a failure, or is predicted by a listed [`Rule`]: each rule says which difference there has to be and why,
//! from the file itself, and is held to it by a test. The types that are explained so have to stay under [`LIMIT`].
//!
//! ```text
//! Reference ── check_file ── Case ── rules ── FileReport ─┐
//! base, options             meaning                       ├─ KernelReport ── Report: text, JSON, JUnit
//!                                                         ┘
//! ```

mod case;
mod file;
mod kernel;
mod meaning;
mod render;
mod report;
mod rules;

pub use file::Reference;
pub use kernel::{Error, Subject, check_kernel};
pub use render::Style;
pub use report::{Compared, Difference, FileReport, KernelReport, Outcome, Report, Standing, VERSION};
pub use rules::{RULES, Rule};

/// The share of the types compared that rules may explain: one in so many.
pub const LIMIT: u64 = 1000;
