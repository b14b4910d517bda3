//! Logs read: what people paste, turned into failures with their causes.
//!
//! [`read_log`] goes over a log once. Lines without one of a few words cost nothing (`scan`). A line that matters becomes a record
//! (`record`), freed of what stands before it (`stamp`) and of what terminals and forums did to it (`clean`). The kernel's lines about BTF
//! are read by the table that also writes them ([`Form`](crate::Form)); others by `message`. Records are parted into boots and put in order
//! (`boots`), lines of one check are put together (`assemble`), and what failed is told apart (`base`, `classify`, `batch`, `insert`).

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
