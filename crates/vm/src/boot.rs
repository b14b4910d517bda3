//! One boot, from the start of QEMU to the classification of its ending.

use std::sync::atomic::AtomicBool;
use std::time::Instant;
use std::{io, path};

use tracing::debug_span;
use util::error::one_line;

use crate::boot_plan::Boot;
use crate::classify::classify;
use crate::error::BootError;
use crate::launch::{Invocation, Launcher};
use crate::monitor::{Monitor, StopReason};
use crate::outcome::{BootEnding, BootOutcome, BootProgress, MachineLost};
use crate::qemu::{Accel, Machine, arguments};
use crate::run_dir::RunDir;

/// Boots once and watches the guest until it ends in any way. Leaves no process behind.
///
/// # Errors
///
/// [`BootError`] if the run's files or its process could not be handled.
pub fn boot(
    boot: &Boot,
    launcher: &dyn Launcher,
    cancel: &AtomicBool,
    progress: &mut dyn FnMut(BootProgress),
) -> Result<BootOutcome, BootError> {
    let _span = debug_span!("qemu", kernel = %boot.machine.kernel.display(), accel = ?boot.machine.accel).entered();
    let run = RunDir::prepare(&boot.run).map_err(|source| BootError::Prepare { path: boot.run.clone(), source })?;
    progress(BootProgress::Started { accel: boot.machine.accel });
    let machine = absolute(&boot.machine).map_err(|source| BootError::Prepare { path: boot.run.clone(), source })?;
    let kvm = machine.accel == Accel::Kvm;
    let command = arguments(&machine, &run);
    let invocation = Invocation::stamped(command, vec![machine.kernel, machine.initramfs], kvm, &run);
    let begun = Instant::now();
    let mut watch = Monitor::new(boot, &run, cancel, progress);
    let stop = match launcher.spawn(&invocation) {
        Ok(mut running) => watch.follow(running.as_mut())?,
        Err(error) => StopReason::Known(BootEnding::Lost { how: MachineLost::NotStarted { reason: one_line(&error) } }),
    };
    let total = begun.elapsed();
    let stop = match stop {
        StopReason::Known(_) => stop,
        // More may have arrived between the last read and the end.
        _ => watch.read()?.err().map_or(stop, StopReason::Known),
    };
    let reader = watch.into_reader();
    let ending = classify(stop, &run, &reader, boot.steps)?;
    progress(BootProgress::Ended);
    Ok(BootOutcome {
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

/// The machine with absolute paths: the launcher may use another working directory.
fn absolute(machine: &Machine) -> io::Result<Machine> {
    let (kernel, initramfs) = (path::absolute(&machine.kernel)?, path::absolute(&machine.initramfs)?);
    Ok(Machine { kernel, initramfs, ..machine.clone() })
}
