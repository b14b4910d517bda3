//! Progress events of a run.

use crate::report::ScenarioReport;

/// A progress event as plain data. The receiver decides how to show it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A kernel's image and modules are being read.
    Reading {
        /// Its release.
        release: &'a str,
    },
    /// A scenario's modules are being packed into an initramfs.
    Packing {
        /// The scenario's name.
        scenario: &'a str,
    },
    /// A boot made progress.
    Boot {
        /// The scenario's name.
        scenario: &'a str,
        /// The event.
        progress: vm::BootProgress,
    },
    /// A machine could not be started. The engine may have stopped working after it was probed.
    NotStarted {
        /// The scenario's name.
        scenario: &'a str,
    },
    /// A build scenario began a step.
    Step {
        /// The scenario's name.
        scenario: &'a str,
        /// The step's title.
        title: &'a str,
    },
    /// A command of a build scenario wrote a line.
    Line {
        /// The scenario's name.
        scenario: &'a str,
        /// The line.
        text: &'a str,
    },
    /// A scenario ended.
    Ended {
        /// Its report.
        report: &'a ScenarioReport,
    },
}

/// Receives progress, from any thread.
pub type ProgressSink<'a> = &'a (dyn Fn(Progress<'_>) + Sync);
