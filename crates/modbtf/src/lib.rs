//! The commands `modbtf` and `modbtf-pahole`: BTF for kernels and their modules.
//!
//! `encode` decides what is encoded and how; `kmod` puts sections into files. This crate has the arguments, the
//! parallel work on many files, and the reports.
//!
//! - `files`: shared by every command that works on many files;
//! - [`encode`]: `modbtf encode`, which encodes many files over one prepared base;
//! - [`explain`]: `modbtf explain`, why a kernel refused BTF, from a log;
//! - [`pahole`]: `modbtf-pahole`, which accepts pahole's arguments as kbuild passes them;
//! - [`documents`]: man pages and completions.

pub mod documents;
pub mod encode;
pub mod explain;
mod files;
pub mod pahole;
