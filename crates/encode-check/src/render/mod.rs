//! The report for people and for programs: pure functions of the data.

mod junit;
mod text;

use crate::Report;

/// How text for a terminal is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether what matters is emphasised by escape sequences.
    pub colour: bool,
    /// The columns that there are.
    pub width: usize,
}

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
