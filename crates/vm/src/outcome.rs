//! How a run ended.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use guest_protocol::Event;

use crate::qemu::Accel;

/// What came of a boot.
#[derive(Debug, Clone, PartialEq)]
pub struct BootOutcome {
    /// How it ended.
    pub ending: BootEnding,
    /// How the processor was run.
    pub accel: Accel,
    /// What the guest reported, as far as it came.
    pub events: Vec<Event>,
    /// The log of the kernel's console.
    pub console: PathBuf,
    /// The guest's events as they came over the wire.
    pub results: PathBuf,
    /// How long QEMU itself ran. Zero if it was never started.
    pub qemu: Duration,
    /// How long the whole took, what runs QEMU included.
    pub total: Duration,
    /// QEMU's exit code as a shell sees it (128 and more: killed by a signal), if it ended by itself.
    pub exit_code: Option<i32>,
}

/// The ways in which a run ends. Only the first one is a run whose results count.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootEnding {
    /// The guest's end marker came, and QEMU exited with the code that the guest asked for.
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
    /// Nothing more came within the time allowed.
    Hang {
        /// Where it stopped.
        stalled: Stalled,
        /// How long nothing came.
        after: Duration,
    },
    /// QEMU, or what runs it, failed; or the results cannot be believed.
    Lost {
        /// In which way.
        how: MachineLost,
    },
    /// The caller asked to stop.
    Interrupted,
}

/// Where a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stalled {
    /// The kernel printed nothing.
    NothingPrinted,
    /// The kernel printed, but PID 1 never reported.
    InitNeverReported,
    /// PID 1 reported that it runs, but not what it found.
    BeforeFirstStep,
    /// This step, an index into the plan, never ended.
    Step(usize),
    /// All steps ended, but the run did not.
    End,
}

/// The ways in which a run is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MachineLost {
    /// QEMU could not be started.
    NotStarted {
        /// Why.
        reason: String,
    },
    /// A signal killed QEMU.
    Killed {
        /// The signal's number.
        signal: i32,
        /// The end of what QEMU wrote to its standard output and error.
        output: String,
    },
    /// QEMU exited, and neither an end marker nor a panic explains it.
    Exited {
        /// Its exit code.
        code: i32,
        /// The end of what it wrote to its standard output and error.
        output: String,
    },
    /// The end marker came, but not the exit code that goes with it.
    Unconfirmed {
        /// QEMU's exit code.
        code: i32,
    },
    /// What ran QEMU went away before QEMU's end was recorded.
    Vanished {
        /// How it ended, in its own words.
        how: String,
    },
    /// The results are not what a guest writes.
    Garbled {
        /// What is wrong with them.
        why: String,
    },
    /// The run's directory is full, so the logs may lack anything.
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

/// What a boot reports while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootProgress {
    /// QEMU is being started.
    Started {
        /// How the processor is run.
        accel: Accel,
    },
    /// The kernel printed for the first time.
    FirstPrint,
    /// PID 1 reported for the first time.
    Begun,
    /// A step was carried out.
    Step {
        /// How many steps have been.
        done: usize,
        /// How many there are.
        of: usize,
    },
    /// KVM does not serve; the boot is tried again with TCG.
    FallingBack {
        /// Why KVM does not serve.
        reason: String,
    },
    /// It is over.
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
            Self::Step(index) => write!(f, "nothing was heard of step {index}"),
            Self::End => f.write_str("all steps were carried out, and the guest did not end"),
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
            Self::Vanished { how } => write!(f, "what ran QEMU ended and did not record how QEMU did: {how}"),
            Self::Garbled { why } => f.write_str(why),
            Self::NoSpace { path } => {
                write!(f, "no space is left in {}: what QEMU wrote there may lack anything", path.display())
            }
            Self::TooMuch { log, limit } => write!(f, "{} grew beyond {limit} bytes", log.display()),
        }
    }
}

/// A colon and the text, if there is any.
fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
