//! The output formats of a report.

use cli::Style;

use super::data::Report;
use super::{human, junit};

impl Report {
    /// The report as text.
    #[must_use]
    pub fn human(&self, style: Style) -> String {
        human::render(self, style)
    }

    /// The report as JSON, one document.
    ///
    /// # Errors
    ///
    /// None of today's reports can cause one.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// The report as JUnit XML, a test case for each scenario.
    ///
    /// # Errors
    ///
    /// None of today's reports can cause one.
    pub fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        junit::render(self).to_string()
    }
}
