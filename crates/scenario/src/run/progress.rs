//! What a run reports while it lasts.

use crate::report::ScenarioReport;

/// What a run is doing, as plain data. Whoever receives it decides how to show it.
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
        /// What happened.
        progress: vm::BootProgress,
    },
    /// A machine could not be started: the engine may have stopped working since it was probed.
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
