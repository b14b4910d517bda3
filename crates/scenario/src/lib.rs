//! What a run is: definition, plan, transcript, normaliser, comparison, report.

pub mod choice;
pub mod definition;
pub mod exit;
pub mod fate;
pub mod file;
pub mod measured;
pub mod normalise;
pub mod recorded;
pub mod report;
pub mod run;
pub mod summary;
pub mod text;
pub mod transcript;
pub mod truth;
pub mod workbench;
