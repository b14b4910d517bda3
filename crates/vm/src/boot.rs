//! One boot, from the start of QEMU to a verdict on how it ended.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use std::{error, io};

use guest_protocol::{DEBUG_EXIT_DONE, Event, qemu_exit_code};
use thiserror::Error;

use crate::console::find_panic;
use crate::launch::{Invocation, Launcher, Running};
use crate::outcome::{Ending, Lost, Outcome, Progress, Stuck};
use crate::qemu::{Accel, Machine, arguments};
use crate::results::{Reader, ResultsError};
use crate::rundir::{RunDir, length_of, tail};

/// How often a run is looked at. A run costs at most this much more than QEMU's own time.
const INTERVAL: Duration = Duration::from_millis(10);

/// How many bytes of a log a message shows.
const SAID: usize = 2000;

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
    let machine = &boot.machine;
    let reads = vec![machine.kernel.clone(), machine.initramfs.clone()];
    let invocation = Invocation::stamped(arguments(machine, &run), reads, machine.accel == Accel::Kvm, &run);
    let begun = Instant::now();
    let mut watch =
        Watch { boot, reader: Reader::new(run.results(), boot.steps), run, cancel, progress, seen: 0, printed: None };
    let stop = match launcher.spawn(&invocation) {
        Ok(mut running) => watch.follow(running.as_mut(), begun)?,
        Err(error) => Stop::Verdict(lost(Lost::NotStarted { reason: describe(&error) })),
    };
    let total = begun.elapsed();
    watch.conclude(stop, total)
}

/// Why the watch ended.
enum Stop {
    /// What runs QEMU ended, in these words.
    Ended(String),
    /// Nothing came for too long.
    Silent(Duration),
    /// It is known already how the run ended.
    Verdict(Ending),
}

struct Watch<'a> {
    boot: &'a Boot,
    run: RunDir,
    reader: Reader,
    cancel: &'a AtomicBool,
    progress: &'a mut dyn FnMut(Progress),
    /// How many events were told as progress.
    seen: usize,
    /// When the console was first seen to hold a byte.
    printed: Option<Instant>,
}

impl Watch<'_> {
    /// Follows the run until it ends or must be ended. Afterwards nothing of it runs.
    fn follow(&mut self, running: &mut dyn Running, begun: Instant) -> Result<Stop, BootError> {
        let path = self.run.path().to_owned();
        let failed = |source| BootError::Process { path: path.clone(), source };
        let mut clock = Clock { begun, started: None, heard: None };
        loop {
            if let Some(how) = running.poll().map_err(failed)? {
                return Ok(Stop::Ended(how));
            }
            if let Some(stop) = self.look(&mut clock)? {
                running.kill().map_err(failed)?;
                return Ok(stop);
            }
            thread::sleep(INTERVAL);
        }
    }

    /// Looks at the run's files once. Gives a reason to end it, if there is one.
    fn look(&mut self, clock: &mut Clock) -> Result<Option<Stop>, BootError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Ok(Some(Stop::Verdict(Ending::Interrupted)));
        }
        let now = Instant::now();
        if clock.started.is_none() && self.run.start_time().is_some() {
            clock.started = Some(now);
        }
        let printed = length_of(&self.run.console());
        if printed > self.boot.limits.console {
            let how = Lost::TooMuch { log: self.run.console(), limit: self.boot.limits.console };
            return Ok(Some(Stop::Verdict(lost(how))));
        }
        if self.printed.is_none() && printed > 0 {
            self.printed = Some(now);
            (self.progress)(Progress::FirstPrint);
        }
        match self.read()? {
            Ok(0) => {}
            Ok(_) => clock.heard = Some(now),
            Err(garbled) => return Ok(Some(Stop::Verdict(garbled))),
        }
        Ok(clock.overdue(now, self.printed.is_some(), &self.boot.limits))
    }

    /// Reads what the guest reported since, and tells it as progress. The inner error is a verdict on the run.
    fn read(&mut self) -> Result<Result<usize, Ending>, BootError> {
        let read = match self.reader.poll() {
            Ok(read) => Ok(read),
            Err(ResultsError::Read { path, source }) => return Err(BootError::Read { path, source }),
            Err(error) => Err(lost(Lost::Garbled { why: error.to_string() })),
        };
        for event in self.reader.events().iter().skip(self.seen) {
            match event {
                Event::Begin { .. } => (self.progress)(Progress::Begun),
                Event::Step { index, .. } => {
                    (self.progress)(Progress::Step { done: index + 1, of: self.boot.steps });
                }
                _ => {}
            }
        }
        self.seen = self.reader.events().len();
        Ok(read)
    }

    /// Says how the run ended, from everything it left.
    fn conclude(mut self, stop: Stop, total: Duration) -> Result<Outcome, BootError> {
        let garbled = self.read()?.err();
        let exit_code = self.run.exit_code();
        let ending = match (stop, garbled) {
            (Stop::Verdict(ending), _) | (_, Some(ending)) => ending,
            (stop, None) => self.judge(stop, exit_code)?,
        };
        (self.progress)(Progress::Ended);
        Ok(Outcome {
            ending,
            accel: self.boot.machine.accel,
            console: self.run.console(),
            results: self.run.results(),
            qemu: self.qemu_time(),
            total,
            exit_code,
            events: self.reader.into_events(),
        })
    }

    /// The ending of a run that stopped by itself or by silence and whose events are in order.
    fn judge(&self, stop: Stop, exit_code: Option<i32>) -> Result<Ending, BootError> {
        let last = self.reader.events().last();
        if let Some(Event::Failed { message }) = last {
            return Ok(Ending::GuestFailed { message: message.clone() });
        }
        if matches!(last, Some(Event::End { .. })) {
            match exit_code {
                Some(code) if code == qemu_exit_code(DEBUG_EXIT_DONE) => return Ok(Ending::Completed),
                Some(code) if code < 128 => return Ok(lost(Lost::Unconfirmed { code })),
                _ => {}
            }
        }
        if let Some(line) = self.panic()? {
            return Ok(Ending::Panic { line });
        }
        Ok(match (stop, exit_code) {
            (Stop::Verdict(ending), _) => ending,
            (Stop::Silent(after), None) => self.silent(after),
            (Stop::Ended(how), None) => lost(self.without_end(&how)),
            (_, Some(code @ (125..=127))) => {
                lost(Lost::NotStarted { reason: format!("{} (code {code})", tail(&self.run.qemu_log(), SAID)) })
            }
            (_, Some(code @ 128..)) => lost(Lost::Killed { signal: code - 128 }),
            (_, Some(code)) => lost(Lost::Exited { code, said: self.said() }),
        })
    }

    fn silent(&self, after: Duration) -> Ending {
        if self.run.start_time().is_none() {
            let said = tail(&self.run.launcher_log(), SAID);
            let reason = format!("nothing happened for {} s {said}", after.as_secs());
            return lost(Lost::NotStarted { reason: reason.trim_end().to_owned() });
        }
        let stuck = match self.reader.events().last() {
            None if self.printed.is_none() => Stuck::NothingPrinted,
            None => Stuck::InitNeverReported,
            Some(Event::Begin { .. }) => Stuck::BeforeFirstStep,
            Some(Event::Step { index, .. }) if index + 1 < self.boot.steps => Stuck::Step(index + 1),
            Some(Event::Boot { .. }) if self.boot.steps > 0 => Stuck::Step(0),
            Some(_) => Stuck::End,
        };
        Ending::Hang { stuck, after }
    }

    /// What runs QEMU has ended, and did not live to say how QEMU did.
    fn without_end(&self, how: &str) -> Lost {
        let said = tail(&self.run.launcher_log(), SAID);
        let how = if said.is_empty() { how.to_owned() } else { format!("{how}: {said}") };
        if self.run.start_time().is_none() { Lost::NotStarted { reason: how } } else { Lost::Vanished { how } }
    }

    /// The end of what QEMU said, and of a line that the guest could not finish.
    fn said(&self) -> String {
        let mut said = tail(&self.run.qemu_log(), SAID);
        if let Some(line) = self.reader.cut_short() {
            said.push_str(&format!(" (the results end within a line: {line:?})"));
        }
        said
    }

    fn panic(&self) -> Result<Option<String>, BootError> {
        match find_panic(&self.run.console()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map_err(|source| BootError::Read { path: self.run.console(), source }),
        }
    }

    /// How long QEMU ran: from stamp to stamp, or to now where it was killed.
    fn qemu_time(&self) -> Duration {
        let end = self.run.end_time().unwrap_or_else(SystemTime::now);
        self.run.start_time().and_then(|start| end.duration_since(start).ok()).unwrap_or_default()
    }
}

/// When what happened, by the host's monotonic clock.
struct Clock {
    begun: Instant,
    started: Option<Instant>,
    heard: Option<Instant>,
}

impl Clock {
    /// The silence that has lasted longer than `limits` allow, if one has.
    fn overdue(&self, now: Instant, printed: bool, limits: &Limits) -> Option<Stop> {
        let (since, limit) = match (self.started, self.heard) {
            (_, Some(heard)) => (heard, limits.silence),
            (Some(started), None) if printed => (started, limits.first_event),
            (Some(started), None) => (started, limits.first_print),
            (None, None) => (self.begun, limits.start),
        };
        let silence = now.duration_since(since);
        (silence > limit).then_some(Stop::Silent(silence))
    }
}

fn lost(how: Lost) -> Ending {
    Ending::Lost { how }
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
