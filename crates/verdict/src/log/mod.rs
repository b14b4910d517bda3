//! Reads logs, also pasted ones, and finds the failures in them with their causes.
//!
//! [`read_log`] reads a log once, in these steps:
//!
//! 1. `scan` skips lines without certain words. Only the others are parsed.
//! 2. `record` parses a line: `clean` removes what terminals and forums changed, and `stamp` parses the prefix. The kernel's lines about BTF
//!    are read by the table that also writes them ([`Form`](crate::Form)), other messages by `message`.
//! 3. `boots` splits the records into boots and sorts them.
//! 4. `assemble` groups the lines that one check logged.
//! 5. `base`, `classify`, `batch` and `insert` determine the failures and their causes.

mod assemble;
mod base;
mod batch;
mod boots;
mod classify;
mod clean;
mod failure;
mod insert;
mod message;
mod read;
mod record;
mod scan;
mod stamp;

pub use failure::{Boot, Evidence, Failure, Missing, Report, Sure};
pub use read::read_log;
