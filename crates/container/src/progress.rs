//! Progress events as plain data. The caller decides how to show them.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;

/// One stage of getting ready, known by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stage(&'static str);

impl Stage {
    /// Installing packages on the host.
    pub const HOST_PACKAGES: Self = Self("host packages");
    /// Finding out which container engine runs.
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

    /// A short name, for plain lines: `host packages`.
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
        /// Which.
        stage: Stage,
        /// What it does, for people: `installing podman and runc with apt`.
        what: String,
    },
    /// How far a stage is.
    Amount {
        /// Which.
        stage: Stage,
        /// Done so far; which unit, the stage knows.
        done: u64,
        /// In all, in the same unit.
        total: u64,
    },
    /// A line that a tool printed; worth showing only where there is room.
    Line {
        /// The stage that runs the tool.
        stage: Stage,
        /// The line, without its end.
        text: String,
    },
    /// Something that a person should see, whatever the display: a fallback that was taken, say.
    Note {
        /// The stage that it belongs to.
        stage: Stage,
        /// The text, one line.
        text: String,
    },
    /// Another run holds the cache's lock; this one waits for it. Sent again when the other does something else.
    Waiting {
        /// Its process id, if the lock file says.
        pid: Option<u32>,
        /// What it does that takes long, if it says so: `building 6.1-strict-0123abcd`.
        doing: Option<String>,
        /// How long it has been doing that.
        since: Option<Duration>,
    },
    /// A stage ended well.
    Finished {
        /// Which.
        stage: Stage,
        /// How long it took.
        elapsed: Duration,
    },
}

/// Who watches, and who may stop it.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Set to stop everything, for instance by Ctrl-C.
    pub cancel: &'a AtomicBool,
    /// Receives what is going on.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl Monitor<'_> {
    /// Runs one stage and reports its start and its end.
    ///
    /// # Errors
    ///
    /// Those of `work`.
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

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] once a stop was asked for.
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
