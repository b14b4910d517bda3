//! Helpers for every other crate. Nothing here depends on kernels or BTF.
//!
//! - [`atomic`]: replacing a file by one rename, or not at all;
//! - [`endian`]: one byte order for ELF, BTF and DWARF;
//! - [`error`]: an error and its causes as text, and the class of an error;
//! - [`file_error`]: a failed operation on a file;
//! - [`json_lines`]: one JSON value per line;
//! - [`lifeline`]: starting programs that end when this one ends;
//! - [`number`]: numbers formatted for people;
//! - [`sha256`]: SHA-256 digests as values;
//! - [`suggest`]: "did you mean" for an unknown name.

pub mod atomic;
pub mod endian;
pub mod error;
pub mod file_error;
pub mod json_lines;
pub mod lifeline;
pub mod number;
pub mod sha256;
pub mod suggest;

pub use endian::Endian;
pub use file_error::FileError;
pub use sha256::Sha256;
