//! Saying how a run ended, from what it left behind.

use std::io;
use std::time::Duration;

use guest_protocol::{DEBUG_EXIT_DONE, Event, qemu_exit_code};

use crate::boot::BootError;
use crate::console::find_panic;
use crate::outcome::{Ending, Lost, Stuck};
use crate::results::Reader;
use crate::rundir::{RunDir, length_of, tail};
use crate::watch::Stop;

/// How many bytes of a log a message shows.
const SAID: u64 = 2000;

/// The ending of a run that stopped for the reason `stop`, of a plan with `steps` steps.
///
/// Logs on a full disk may lack anything. Else what the guest says of itself comes first; an end marker counts only with
/// its exit code. Then comes a panic, since QEMU exits with 0 after one, or stays. Only what neither explains is put down
/// to QEMU, to what runs it, or to silence.
pub(crate) fn judge(stop: Stop, run: &RunDir, reader: &Reader, steps: usize) -> Result<Ending, BootError> {
    let ended = match stop {
        Stop::Verdict(Ending::Lost { how: Lost::Garbled { .. } }) if run.is_full() => return Ok(no_space(run)),
        Stop::Verdict(ending) => return Ok(ending),
        Stop::Ended(how) => Ok(how),
        Stop::Silent(after) => Err(after),
    };
    if run.is_full() {
        return Ok(no_space(run));
    }
    let (last, code) = (reader.events().last(), run.exit_code());
    match (last, code) {
        (Some(Event::Failed { message }), _) => return Ok(Ending::GuestFailed { message: message.clone() }),
        (Some(Event::End { .. }), Some(code)) if code == qemu_exit_code(DEBUG_EXIT_DONE) => {
            return Ok(Ending::Completed);
        }
        _ => {}
    }
    if let Some(line) = panic(run)? {
        return Ok(Ending::Panic { line });
    }
    Ok(match (code, ended) {
        (Some(code), _) if code < 128 && matches!(last, Some(Event::End { .. })) => lost(Lost::Unconfirmed { code }),
        (Some(code), _) => lost(exited(code, run, reader)),
        (None, Ok(how)) => lost(vanished(&how, run)),
        (None, Err(after)) => silent(after, run, reader, steps),
    })
}

/// QEMU ended, with a code as a shell sees it.
fn exited(code: i32, run: &RunDir, reader: &Reader) -> Lost {
    let mut said = tail(&run.qemu_log(), SAID);
    if let Some(line) = reader.cut_short() {
        said.push_str(&format!(" (the results end within a line: {line:?})"));
    }
    match code {
        125..=127 => Lost::NotStarted { reason: format!("{said} (exit code {code})") },
        128.. => Lost::Killed { signal: code - 128, said },
        _ => Lost::Exited { code, said },
    }
}

/// What runs QEMU has ended, in the words `how`, and did not live to say how QEMU did.
fn vanished(how: &str, run: &RunDir) -> Lost {
    let said = tail(&run.launcher_log(), SAID);
    let how = if said.is_empty() { how.to_owned() } else { format!("{how}: {said}") };
    if run.start_time().is_none() { Lost::NotStarted { reason: how } } else { Lost::Vanished { how } }
}

fn silent(after: Duration, run: &RunDir, reader: &Reader, steps: usize) -> Ending {
    if run.start_time().is_none() {
        let said = tail(&run.launcher_log(), SAID);
        let reason = format!("nothing happened for {} s {said}", after.as_secs());
        return lost(Lost::NotStarted { reason: reason.trim_end().to_owned() });
    }
    let stuck = match reader.events().last() {
        None if length_of(&run.console()) == 0 => Stuck::NothingPrinted,
        None => Stuck::InitNeverReported,
        Some(Event::Begin { .. }) => Stuck::BeforeFirstStep,
        Some(Event::Boot { .. }) if steps > 0 => Stuck::Step(0),
        Some(Event::Step { index, .. }) if index + 1 < steps => Stuck::Step(index + 1),
        Some(_) => Stuck::End,
    };
    Ending::Hang { stuck, after }
}

fn panic(run: &RunDir) -> Result<Option<String>, BootError> {
    match find_panic(&run.console()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map_err(|source| BootError::Read { path: run.console(), source }),
    }
}

fn no_space(run: &RunDir) -> Ending {
    lost(Lost::NoSpace { path: run.path().to_owned() })
}

fn lost(how: Lost) -> Ending {
    Ending::Lost { how }
}
