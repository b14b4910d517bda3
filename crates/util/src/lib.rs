//! What every other crate may use, and nothing that knows about kernels or BTF.
//!
//! - [`atomic`]: replace a file whole or not at all;
//! - [`endian`]: one byte order for ELF, BTF and DWARF;
//! - [`error`]: an error and its causes as text, and the class of an error;
//! - [`json_lines`]: one JSON value per line;
//! - [`lifeline`]: programs that do not outlive this one;
//! - [`number`]: numbers as people read them;
//! - [`sha256`]: SHA-256 digests as values;
//! - [`suggest`]: "did you mean" for a name that is not known.

pub mod atomic;
pub mod endian;
pub mod error;
pub mod json_lines;
pub mod lifeline;
pub mod number;
pub mod sha256;
pub mod suggest;

pub use endian::Endian;
pub use sha256::Sha256;
