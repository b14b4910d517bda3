//! Following a run while it lasts.

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

/// How often a run is looked at. A run costs at most this much more than QEMU's own time.
const INTERVAL: Duration = Duration::from_millis(10);

/// Why a run is no longer followed.
pub(crate) enum StopReason {
    /// What runs QEMU ended, in these words.
    Ended(String),
    /// Nothing came for too long.
    Silent(Duration),
    /// How the run ended is known already.
    Known(BootEnding),
}

/// One run under observation.
pub(crate) struct Monitor<'a> {
    boot: &'a Boot,
    run: &'a RunDir,
    cancel: &'a AtomicBool,
    progress: &'a mut dyn FnMut(BootProgress),
    reader: EventReader,
    /// How many events were reported as progress.
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

    /// Follows the run until it ends or must be ended. Afterwards nothing of it runs.
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

    /// Looks at the run's files once. Gives a reason to end it, if there is one.
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

    /// Reads what the guest reported since, reports it as progress, and gives the number of bytes. The inner error is a
    /// verdict on the run.
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

    /// Gives away what was read.
    pub(crate) fn into_reader(self) -> EventReader {
        self.reader
    }
}

/// When what happened, by the host's monotonic clock.
struct Clock {
    /// The launcher was called.
    begun: Instant,
    /// QEMU was seen to have been started.
    started: Option<Instant>,
    /// The console holds a byte.
    printed: bool,
    /// The guest reported last.
    heard: Option<Instant>,
}

impl Clock {
    /// The silence that has lasted longer than `limits` allow, if one has.
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
