//! The commands `modbtf` and `modbtf-pahole`: BTF for kernels and their modules.
//!
//! What is encoded, and how, is decided in `encode`; how a section gets into a file, in `kmod`. This crate has the arguments, the
//! work on many files side by side, and the reports.
//!
//! - `files`: what every command shares that works on many files, whatever the work is;
//! - [`encode`]: `modbtf encode`, many files over one base that is prepared once;
//! - [`pahole`]: `modbtf-pahole`, which takes pahole's arguments as kbuild gives them;
//! - [`documents`]: man pages and completions.

pub mod documents;
pub mod encode;
mod files;
pub mod pahole;
