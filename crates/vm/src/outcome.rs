//! The ending of a run.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use guest_protocol::Event;

use crate::qemu::Accel;

/// The result of a boot.
#[derive(Debug, Clone, PartialEq)]
pub struct BootOutcome {
    /// Its ending.
    pub ending: BootEnding,
    /// The accelerator.
    pub accel: Accel,
    /// The guest's events, as far as they arrived.
    pub events: Vec<Event>,
    /// The log of the kernel's console.
    pub console: PathBuf,
    /// The guest's events as written to the serial port.
    pub results: PathBuf,
    /// The time for which QEMU ran. Zero if it never started.
    pub qemu: Duration,
    /// The total time, including the launcher.
    pub total: Duration,
    /// QEMU's exit code as a shell reports it: 128 and the signal's number if a signal killed it. None if no code was
    /// recorded: QEMU never started, or its launcher was killed before QEMU ended.
    pub exit_code: Option<i32>,
}

/// The endings of a run. Only the results of a completed run count.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootEnding {
    /// The guest's end marker arrived, and QEMU exited with the code that the guest requested.
    Completed,
    /// The guest could not follow its plan: a defect of the harness.
    GuestFailed {
        /// The guest's own reason.
        message: String,
    },
    /// The kernel panicked.
    Panic {
        /// The console's line, from `Kernel panic` on.
        line: String,
    },
    /// Nothing arrived within the time limit.
    Hang {
        /// The point at which it stopped.
        stalled: Stalled,
        /// The length of the silence.
        after: Duration,
    },
    /// QEMU or its launcher failed, or the results are not credible.
    Lost {
        /// The failure.
        how: MachineLost,
    },
    /// The caller asked to stop.
    Interrupted,
}

/// The point at which a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stalled {
    /// The kernel printed nothing.
    NothingPrinted,
    /// The kernel printed, but PID 1 never reported.
    InitNeverReported,
    /// PID 1 reported its start, but not what it found in the guest.
    BeforeFirstStep,
    /// This step, an index into the plan, never ended.
    Step(usize),
    /// All steps ended, but the run did not.
    End,
}

/// The ways in which a machine is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MachineLost {
    /// QEMU could not be started.
    NotStarted {
        /// The reason.
        reason: String,
    },
    /// A signal killed QEMU.
    Killed {
        /// The signal's number.
        signal: i32,
        /// The end of QEMU's standard output and error.
        output: String,
    },
    /// QEMU exited without an end marker and without a panic.
    Exited {
        /// Its exit code.
        code: i32,
        /// The end of its standard output and error.
        output: String,
    },
    /// The end marker arrived, but not the exit code that belongs to it.
    Unconfirmed {
        /// QEMU's exit code.
        code: i32,
    },
    /// The process that ran QEMU disappeared before QEMU's end was recorded.
    Vanished {
        /// How it ended.
        how: String,
    },
    /// The results were not written by a guest in the expected form.
    Garbled {
        /// The problem.
        why: String,
    },
    /// The run's directory is full, so the logs may be incomplete.
    NoSpace {
        /// The directory.
        path: PathBuf,
    },
    /// A log grew beyond the limit.
    TooMuch {
        /// The log.
        log: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Progress of a boot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootProgress {
    /// QEMU is being started.
    Started {
        /// The accelerator.
        accel: Accel,
    },
    /// The kernel printed for the first time.
    FirstPrint,
    /// PID 1 reported for the first time.
    Begun,
    /// A step was executed.
    Step {
        /// The number of steps executed so far.
        done: usize,
        /// The number of all steps.
        of: usize,
    },
    /// KVM does not work, and the boot is repeated with TCG.
    FallingBack {
        /// The reason.
        reason: String,
    },
    /// The boot ended.
    Ended,
}

impl fmt::Display for BootEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::GuestFailed { message } => write!(f, "the guest could not follow its plan: {message}"),
            Self::Panic { line } => f.write_str(line),
            Self::Hang { stalled, after } => write!(f, "{stalled} for {:.1} s", after.as_secs_f64()),
            Self::Lost { how } => how.fmt(f),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingPrinted => f.write_str("the kernel printed nothing"),
            Self::InitNeverReported => f.write_str("the kernel printed, but PID 1 did not report"),
            Self::BeforeFirstStep => f.write_str("PID 1 reported that it runs, and then nothing"),
            Self::Step(index) => write!(f, "the guest did not report step {index}"),
            Self::End => f.write_str("all steps were executed, but the guest did not end"),
        }
    }
}

impl fmt::Display for MachineLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { reason } => write!(f, "QEMU could not be started: {reason}"),
            Self::Killed { signal, output } => write!(f, "QEMU was killed by signal {signal}{}", after_colon(output)),
            Self::Exited { code, output } => {
                write!(f, "QEMU exited with code {code} before the guest's end marker{}", after_colon(output))
            }
            Self::Unconfirmed { code } => {
                write!(f, "the guest's end marker came, but QEMU exited with code {code}")
            }
            Self::Vanished { how } => {
                write!(f, "the process that ran QEMU ended without recording QEMU's exit code: {how}")
            }
            Self::Garbled { why } => f.write_str(why),
            Self::NoSpace { path } => {
                write!(f, "no space is left in {}: the logs that QEMU wrote there may be incomplete", path.display())
            }
            Self::TooMuch { log, limit } => write!(f, "{} grew beyond {limit} bytes", log.display()),
        }
    }
}

/// A colon and the text, if there is any.
fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
