//! Scenarios: definition, plan, run, transcript, normaliser, comparison, report.

pub mod baseline;
pub mod boots;
pub mod definition;
pub mod exit;
pub mod fidelity;
pub mod kbuilds;
pub mod kernel_source;
pub mod load_counts;
pub mod load_outcome;
pub mod normalise;
pub mod prediction;
pub mod report;
pub mod run;
pub mod selection;
pub mod transcript;
