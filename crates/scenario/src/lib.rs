//! What a run is: definition, plan, transcript, normaliser, comparison, report.

pub mod definition;
pub mod exit;
pub mod file;
pub mod load_counts;
pub mod load_outcome;
pub mod measured;
pub mod normalise;
pub mod recorded;
pub mod report;
pub mod run;
pub mod selection;
pub mod text;
pub mod transcript;
pub mod truth;
pub mod workbench;
