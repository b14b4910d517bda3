//! Watching a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use guest_protocol::Event;

use crate::boot_plan::{Boot, BootLimits};
use crate::error::BootError;
use crate::launch::Running;
use crate::outcome::{BootEnding, BootProgress, MachineLost};
use crate::results::{EventReader, ResultsError};
use crate::run_dir::{RunDir, length_of};

/// The interval at which a run is checked. It is the maximum time that a run loses.
const INTERVAL: Duration = Duration::from_millis(10);

/// The reason for no longer watching a run.
pub(crate) enum StopReason {
    /// The process that runs QEMU ended, with this status.
    Ended(String),
    /// Nothing arrived for too long.
    Silent(Duration),
    /// The run's ending is already known.
    Known(BootEnding),
}

/// One watched run.
pub(crate) struct Monitor<'a> {
    boot: &'a Boot,
    run: &'a RunDir,
    cancel: &'a AtomicBool,
    progress: &'a mut dyn FnMut(BootProgress),
    reader: EventReader,
    /// The number of events that were reported as progress.
    reported: usize,
    clock: Clock,
}

impl<'a> Monitor<'a> {
    pub(crate) fn new(
        boot: &'a Boot,
        run: &'a RunDir,
        cancel: &'a AtomicBool,
        progress: &'a mut dyn FnMut(BootProgress),
    ) -> Self {
        let clock = Clock { begun: Instant::now(), started: None, printed: false, heard: None };
        Self { boot, run, cancel, progress, reader: EventReader::new(run.results(), boot.steps), reported: 0, clock }
    }

    /// Watches the run until it ends or must be ended. Afterwards none of its processes is left.
    pub(crate) fn follow(&mut self, running: &mut dyn Running) -> Result<StopReason, BootError> {
        let failed = |source| BootError::Process { path: self.run.path().to_owned(), source };
        loop {
            if let Some(how) = running.poll().map_err(failed)? {
                return Ok(StopReason::Ended(how));
            }
            if let Some(stop) = self.look()? {
                running.kill().map_err(failed)?;
                return Ok(stop);
            }
            thread::sleep(INTERVAL);
        }
    }

    /// Checks the run's files once. Returns a reason to end the run, if there is one.
    fn look(&mut self) -> Result<Option<StopReason>, BootError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Ok(Some(StopReason::Known(BootEnding::Interrupted)));
        }
        let now = Instant::now();
        if self.clock.started.is_none() && self.run.start_time().is_some() {
            self.clock.started = Some(now);
        }
        let (printed, limit) = (length_of(&self.run.console()), self.boot.limits.console);
        if printed > limit {
            let how = MachineLost::TooMuch { log: self.run.console(), limit };
            return Ok(Some(StopReason::Known(BootEnding::Lost { how })));
        }
        if !self.clock.printed && printed > 0 {
            self.clock.printed = true;
            (self.progress)(BootProgress::FirstPrint);
        }
        match self.read()? {
            Ok(0) => Ok(self.clock.overdue(now, &self.boot.limits)),
            Ok(_) => {
                self.clock.heard = Some(now);
                Ok(None)
            }
            Err(garbled) => Ok(Some(StopReason::Known(garbled))),
        }
    }

    /// Reads the guest's new events, reports them as progress, and returns the number of bytes. The inner error is
    /// the run's ending.
    pub(crate) fn read(&mut self) -> Result<Result<usize, BootEnding>, BootError> {
        let read = match self.reader.poll() {
            Ok(read) => Ok(read),
            Err(ResultsError::Read { path, source }) => return Err(BootError::Read { path, source }),
            Err(error) => Err(BootEnding::Lost { how: MachineLost::Garbled { why: error.to_string() } }),
        };
        for event in self.reader.events().iter().skip(self.reported) {
            match event {
                Event::Begin { .. } => (self.progress)(BootProgress::Begun),
                Event::Step { index, .. } => {
                    (self.progress)(BootProgress::Step { done: index + 1, of: self.boot.steps })
                }
                _ => {}
            }
        }
        self.reported = self.reader.events().len();
        Ok(read)
    }

    /// Returns the reader with the events read so far.
    pub(crate) fn into_reader(self) -> EventReader {
        self.reader
    }
}

/// The times of events, by the host's monotonic clock.
struct Clock {
    /// When the launcher was called.
    begun: Instant,
    /// When QEMU's start was observed.
    started: Option<Instant>,
    /// Whether the console has any output.
    printed: bool,
    /// When the guest last reported.
    heard: Option<Instant>,
}

impl Clock {
    /// A silence that has exceeded its limit, if there is one.
    fn overdue(&self, now: Instant, limits: &BootLimits) -> Option<StopReason> {
        let (since, limit) = match (self.started, self.heard) {
            (_, Some(heard)) => (heard, limits.silence),
            (Some(started), None) if self.printed => (started, limits.first_event),
            (Some(started), None) => (started, limits.first_print),
            (None, None) => (self.begun, limits.start),
        };
        let silence = now.duration_since(since);
        (silence > limit).then_some(StopReason::Silent(silence))
    }
}
