//! The commands `modbtf` and `modbtf-pahole`: BTF for kernels and their modules.
//!
//! What is encoded, and how, is decided in `encode`; how a section gets into a file, in `kmod`. Here are the arguments, the files,
//! many of them side by side, and the reports.
//!
//! - [`encode`]: `modbtf encode`, many files over one base that is prepared once;
//! - [`pahole`]: `modbtf-pahole`, which takes pahole's arguments as kbuild gives them;
//! - [`documents`]: man pages and completions.

pub mod documents;
pub mod encode;
mod files;
pub mod pahole;
