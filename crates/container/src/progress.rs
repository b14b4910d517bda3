//! Progress events as plain data. The caller decides how to show them.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;

/// A stage of the preparation, identified by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stage(&'static str);

impl Stage {
    /// Installing packages on the host.
    pub const HOST_PACKAGES: Self = Self("host packages");
    /// Finding a container engine that works.
    pub const ENGINE: Self = Self("container engine");
    /// Pulling or making the base image.
    pub const BASE: Self = Self("base image");
    /// Building an image on top of the base.
    pub const IMAGE: Self = Self("image");

    /// A stage of this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// A short name for output lines: `host packages`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// One message about a stage. A stage that has started either finishes or ends in the error that the call returns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A stage begins.
    Started {
        /// The stage.
        stage: Stage,
        /// A description for the user: `installing podman and runc with apt`.
        what: String,
    },
    /// The amount that a stage has done.
    Amount {
        /// The stage.
        stage: Stage,
        /// The amount so far, in a unit that depends on the stage.
        done: u64,
        /// The total, in the same unit.
        total: u64,
    },
    /// A line that a tool printed. It is worth showing only if there is room.
    Line {
        /// The stage that runs the tool.
        stage: Stage,
        /// The line, without its end.
        text: String,
    },
    /// A message for the user that every display must show, for example that a fallback is used.
    Note {
        /// The stage.
        stage: Stage,
        /// The text, one line.
        text: String,
    },
    /// Another run holds the cache's lock, and this one waits for it. Sent again when the other run starts something
    /// else.
    Waiting {
        /// Its process id, if the lock file contains one.
        pid: Option<u32>,
        /// Its current long operation, if the lock file contains one: `building 6.1-strict-0123abcd`.
        doing: Option<String>,
        /// How long that operation has been running.
        since: Option<Duration>,
    },
    /// A stage ended successfully.
    Finished {
        /// The stage.
        stage: Stage,
        /// How long it took.
        elapsed: Duration,
    },
}

/// The progress callback and the stop flag.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Set it to stop everything, for instance on Ctrl-C.
    pub cancel: &'a AtomicBool,
    /// Receives progress events.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl Monitor<'_> {
    /// Runs one stage and reports its start and its end.
    ///
    /// # Errors
    ///
    /// The errors of `work`.
    pub fn stage<T, E>(
        &self,
        stage: Stage,
        what: impl Into<String>,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let (start, what) = (Instant::now(), what.into());
        let span = tracing::info_span!("stage", name = stage.name(), what);
        (self.progress)(Progress::Started { stage, what });
        let value = span.in_scope(work)?;
        (self.progress)(Progress::Finished { stage, elapsed: start.elapsed() });
        Ok(value)
    }

    /// Returns an error if the run was cancelled.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] after a request to stop.
    pub fn check_cancel(&self, doing: &str) -> Result<(), Error> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(Error::Cancelled { doing: doing.to_owned() }),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Monitor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("cancel", self.cancel).finish_non_exhaustive()
    }
}
