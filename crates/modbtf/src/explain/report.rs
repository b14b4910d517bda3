//! What is reported, in which form, and the exit code that follows.

use clap::ValueEnum;
use cli::Exit;
use verdict::log::Report;

use super::look_ups::LookUps;

/// The forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    Human,
    Json,
}

/// What is reported.
pub(super) struct Explanation {
    /// What was found in the log, unless none was read.
    pub(super) report: Option<Report>,
    /// The look-ups of a module, if they were asked for.
    pub(super) look_ups: Option<LookUps>,
}

impl Explanation {
    /// Failed if the log has failures, or without a log if the module is refused.
    pub(super) fn exit(&self) -> Exit {
        let refused = self.look_ups.as_ref().is_some_and(LookUps::is_refused);
        match &self.report {
            Some(report) if !report.is_clean() => Exit::Failed,
            None if refused => Exit::Failed,
            _ => Exit::Success,
        }
    }
}
