//! The report on a run: plain data, and its output as text, as JSON and as JUnit XML.

mod data;
mod forms;
mod human;
mod junit;
#[cfg(test)]
mod tests;

pub use data::{ModuleReport, PredictionReport, Report, RunSummary, ScenarioReport, SecondBoot, VERSION};
