//! The report for people and for programs: pure functions of the data.

mod junit;
mod text;

pub use cli::Style;

use crate::Report;

impl Report {
    /// For people on a terminal: what matters first.
    #[must_use]
    pub fn text(&self, style: Style) -> String {
        text::render(self, style)
    }

    /// All of the data.
    ///
    /// # Errors
    ///
    /// None today: nothing in it is a number or a key that JSON cannot express.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// A test case a file.
    ///
    /// # Errors
    ///
    /// Text that XML cannot express.
    pub fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        junit::render(self).to_string()
    }
}
