//! One boot, from the start of QEMU to a verdict on how it ended.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use std::{error, io, path};

use thiserror::Error;

use crate::judge::judge;
use crate::launch::{Invocation, Launcher};
use crate::outcome::{Ending, Lost, Outcome, Progress};
use crate::qemu::{Accel, Machine, arguments};
use crate::rundir::RunDir;
use crate::watch::{Stop, Watch};

/// What to boot.
#[derive(Debug, Clone)]
pub struct Boot {
    /// The machine.
    pub machine: Machine,
    /// The directory of the run's files.
    pub run: PathBuf,
    /// How many steps the plan in the initramfs has.
    pub steps: usize,
    /// How long to wait for what.
    pub limits: Limits,
}

/// How long to wait for what, in wall-clock time, and how much to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For QEMU to be started, by a container engine for example.
    pub start: Duration,
    /// From QEMU's start to the first byte on the console.
    pub first_print: Duration,
    /// From QEMU's start to the first event.
    pub first_event: Duration,
    /// From one event to the next.
    pub silence: Duration,
    /// The longest console log in bytes.
    pub console: u64,
}

impl Limits {
    /// Limits with room for a slow, busy host. KVM gets little: it serves within seconds or not at all.
    #[must_use]
    pub fn of(accel: Accel) -> Self {
        let (first_print, first_event, silence) = match accel {
            Accel::Kvm => (4, 20, 30),
            Accel::Tcg | Accel::TcgFast => (40, 120, 90),
        };
        Self {
            start: Duration::from_secs(60),
            first_print: Duration::from_secs(first_print),
            first_event: Duration::from_secs(first_event),
            silence: Duration::from_secs(silence),
            console: 256 << 20,
        }
    }
}

/// Why a boot could not be tried or followed. That QEMU fails is not among these: see [`Lost`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BootError {
    /// The run's directory could not be made ready.
    #[error("failed to prepare the run directory {path}")]
    Prepare {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A file of the run could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// What runs QEMU could not be followed or killed: something of it may be left.
    #[error("failed to follow or end what runs QEMU for {path}; look for processes that are left")]
    Process {
        /// The run's directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// Boots once and follows the guest to its end, however it ends. No process is left behind.
///
/// # Errors
///
/// [`BootError`], if the run's files or its process could not be handled.
pub fn boot(
    boot: &Boot,
    launcher: &dyn Launcher,
    cancel: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, BootError> {
    let run = RunDir::prepare(&boot.run).map_err(|source| BootError::Prepare { path: boot.run.clone(), source })?;
    progress(Progress::Started { accel: boot.machine.accel });
    let machine = absolute(&boot.machine).map_err(|source| BootError::Prepare { path: boot.run.clone(), source })?;
    let kvm = machine.accel == Accel::Kvm;
    let command = arguments(&machine, &run);
    let invocation = Invocation::stamped(command, vec![machine.kernel, machine.initramfs], kvm, &run);
    let begun = Instant::now();
    let mut watch = Watch::new(boot, &run, cancel, progress);
    let stop = match launcher.spawn(&invocation) {
        Ok(mut running) => watch.follow(running.as_mut())?,
        Err(error) => Stop::Verdict(Ending::Lost { how: Lost::NotStarted { reason: describe(&error) } }),
    };
    let total = begun.elapsed();
    let stop = match stop {
        Stop::Verdict(_) => stop,
        // More may have come between the last look and the end.
        _ => watch.read()?.err().map_or(stop, Stop::Verdict),
    };
    let reader = watch.into_reader();
    let ending = judge(stop, &run, &reader, boot.steps)?;
    progress(Progress::Ended);
    Ok(Outcome {
        ending,
        accel: boot.machine.accel,
        console: run.console(),
        results: run.results(),
        qemu: run.qemu_time(),
        total,
        exit_code: run.exit_code(),
        events: reader.into_events(),
    })
}

/// The machine with absolute paths: what runs QEMU may do so in another directory.
fn absolute(machine: &Machine) -> io::Result<Machine> {
    let (kernel, initramfs) = (path::absolute(&machine.kernel)?, path::absolute(&machine.initramfs)?);
    Ok(Machine { kernel, initramfs, ..machine.clone() })
}

/// An error with its causes, in one line.
fn describe(error: &dyn error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
