//! The record of a scenario, and comparing a run with it.

mod boot;
mod files;
mod kbuild;
mod text;

pub use boot::{TypeOrder, compare_boot};
pub use files::{Error, SNAPSHOT, record, record_build, recorded_snapshot, replay};
pub use kbuild::compare_build;
pub use text::{BaselineComparison, compare_text};
