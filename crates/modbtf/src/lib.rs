//! The commands `modbtf` and `modbtf-pahole`: BTF for kernels and their modules.
//!
//! What is encoded, and how, is decided in `encode`; how a section gets into a file, in `kmod`. Here are the arguments, the files,
//! many of them side by side, and the reports.
//!
//! - [`encode`]: `modbtf encode`, many files over one base that is prepared once;
//! - [`pahole`]: `modbtf-pahole`, which takes pahole's arguments as kbuild gives them;
//! - [`exit`]: what the exit codes mean;
//! - [`mod@format`]: in which form a report is given and where it goes, as `cargo xtask` has it, too;
//! - [`documents`]: man pages and completions.

pub mod documents;
pub mod encode;
pub mod exit;
pub mod format;
mod interrupt;
mod overlap;
pub mod pahole;

/// The text of an error and its causes, each on a line of its own.
#[must_use]
pub fn one_line_a_cause(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).join("\n  because: ")
}

/// The texts of an error and its causes, without those that only say again what the one before them said.
fn causes(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut causes: Vec<_> =
        std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    causes.dedup();
    causes
}

/// A line on standard error. That nobody reads it is no failure.
pub fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}
