//! What a scenario recorded, and whether a run is the same.

mod boot;
mod files;
mod kbuild;
mod text;

pub use boot::{TypeOrder, judge};
pub use files::{Error, SNAPSHOT, record, record_build, recorded_snapshot, replay};
pub use kbuild::judge_build;
pub use text::{Judged, judge_text};
