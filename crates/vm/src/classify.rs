//! Classifying how a run ended, from the files it left.

use std::io;
use std::time::Duration;

use guest_protocol::{DEBUG_EXIT_DONE, Event, qemu_exit_code};

use crate::console::find_panic;
use crate::error::BootError;
use crate::monitor::StopReason;
use crate::outcome::{BootEnding, MachineLost, Stalled};
use crate::results::EventReader;
use crate::run_dir::{RunDir, length_of, tail};

/// The number of bytes of a log that a message shows.
const EXCERPT: u64 = 2000;

/// The ending of a run that was stopped for the reason `stop`, with a plan of `steps` steps.
///
/// If the disk is full, the logs may be incomplete, so that is reported first. Next is the guest's own report; an end
/// marker counts only together with its exit code. Next is a panic, after which QEMU exits with 0 or keeps running.
/// Only if there is neither, the cause is QEMU, its launcher, or silence.
pub(crate) fn classify(
    stop: StopReason,
    run: &RunDir,
    reader: &EventReader,
    steps: usize,
) -> Result<BootEnding, BootError> {
    let ended = match stop {
        StopReason::Known(BootEnding::Lost { how: MachineLost::Garbled { .. } }) if run.is_full() => {
            return Ok(no_space(run));
        }
        StopReason::Known(ending) => return Ok(ending),
        StopReason::Ended(how) => Ok(how),
        StopReason::Silent(after) => Err(after),
    };
    if run.is_full() {
        return Ok(no_space(run));
    }
    let (last, code) = (reader.events().last(), run.exit_code());
    match (last, code) {
        (Some(Event::Failed { message }), _) => return Ok(BootEnding::GuestFailed { message: message.clone() }),
        (Some(Event::End { .. }), Some(code)) if code == qemu_exit_code(DEBUG_EXIT_DONE) => {
            return Ok(BootEnding::Completed);
        }
        _ => {}
    }
    if let Some(line) = panic(run)? {
        return Ok(BootEnding::Panic { line });
    }
    Ok(match (code, ended) {
        (Some(code), _) if code < 128 && matches!(last, Some(Event::End { .. })) => {
            lost(MachineLost::Unconfirmed { code })
        }
        (Some(code), _) => lost(exited(code, run, reader)),
        (None, Ok(how)) => lost(vanished(&how, run)),
        (None, Err(after)) => silent(after, run, reader, steps),
    })
}

/// The ending if QEMU exited with this code, as a shell reports it.
fn exited(code: i32, run: &RunDir, reader: &EventReader) -> MachineLost {
    let mut output = tail(&run.qemu_log(), EXCERPT);
    if let Some(line) = reader.cut_short() {
        output.push_str(&format!(" (the results end within a line: {line:?})"));
    }
    match code {
        125..=127 => MachineLost::NotStarted { reason: format!("{output} (exit code {code})") },
        128.. => MachineLost::Killed { signal: code - 128, output },
        _ => MachineLost::Exited { code, output },
    }
}

/// The ending if the launcher's process ended (described by `how`) without recording QEMU's end.
fn vanished(how: &str, run: &RunDir) -> MachineLost {
    let output = tail(&run.launcher_log(), EXCERPT);
    let how = if output.is_empty() { how.to_owned() } else { format!("{how}: {output}") };
    if run.start_time().is_none() { MachineLost::NotStarted { reason: how } } else { MachineLost::Vanished { how } }
}

fn silent(after: Duration, run: &RunDir, reader: &EventReader, steps: usize) -> BootEnding {
    if run.start_time().is_none() {
        let output = tail(&run.launcher_log(), EXCERPT);
        let reason = format!("nothing happened for {} s {output}", after.as_secs());
        return lost(MachineLost::NotStarted { reason: reason.trim_end().to_owned() });
    }
    let stalled = match reader.events().last() {
        None if length_of(&run.console()) == 0 => Stalled::NothingPrinted,
        None => Stalled::InitNeverReported,
        Some(Event::Begin { .. }) => Stalled::BeforeFirstStep,
        Some(Event::Boot { .. }) if steps > 0 => Stalled::Step(0),
        Some(Event::Step { index, .. }) if index + 1 < steps => Stalled::Step(index + 1),
        Some(_) => Stalled::End,
    };
    BootEnding::Hang { stalled, after }
}

fn panic(run: &RunDir) -> Result<Option<String>, BootError> {
    match find_panic(&run.console()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map_err(|source| BootError::Read { path: run.console(), source }),
    }
}

fn no_space(run: &RunDir) -> BootEnding {
    lost(MachineLost::NoSpace { path: run.path().to_owned() })
}

fn lost(how: MachineLost) -> BootEnding {
    BootEnding::Lost { how }
}
