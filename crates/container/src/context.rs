//! The context that every step receives.

use std::sync::atomic::AtomicBool;

use crate::apt_config::AptSettings;
use crate::cache::Cache;
use crate::error::Error;
use crate::programs::Programs;
use crate::progress::{Monitor, Progress, Stage};

/// The context that every step receives: the cache, settings, permissions, progress and cancellation.
#[derive(Clone)]
pub struct Context<'a> {
    /// The cache.
    pub cache: Cache,
    /// The mirrors, and how to reach them.
    pub apt: &'a AptSettings,
    /// The host's programs.
    pub programs: Programs,
    /// Whether missing host packages may be installed (as root).
    pub install: bool,
    /// Whether only cached files may be used.
    pub offline: bool,
    /// Set it to stop everything, for instance on Ctrl-C.
    pub cancel: &'a AtomicBool,
    /// Receives progress events.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl<'a> Context<'a> {
    /// The progress callback and the stop flag, for functions that need nothing else.
    #[must_use]
    pub fn monitor(&self) -> Monitor<'a> {
        Monitor { cancel: self.cancel, progress: self.progress }
    }

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
        self.monitor().stage(stage, what, work)
    }

    /// Shows the user one line.
    pub fn note(&self, stage: Stage, text: impl Into<String>) {
        (self.progress)(Progress::Note { stage, text: text.into() });
    }

    /// Returns an error if the run was cancelled.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] after a request to stop.
    pub fn check_cancel(&self, doing: &str) -> Result<(), Error> {
        self.monitor().check_cancel(doing)
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("cache", &self.cache).finish_non_exhaustive()
    }
}
