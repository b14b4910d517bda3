//! What every step needs to know.

use std::sync::atomic::AtomicBool;

use crate::apt_config::AptSettings;
use crate::cache::Cache;
use crate::error::Error;
use crate::programs::Programs;
use crate::progress::{Monitor, Progress, Stage};

/// What every step needs to know: where things lie, what is allowed, who watches and who may stop it.
#[derive(Clone)]
pub struct Context<'a> {
    /// The cache.
    pub cache: Cache,
    /// The mirrors and how to reach them.
    pub apt: &'a AptSettings,
    /// Where the host's programs are.
    pub programs: Programs,
    /// Whether missing host packages may be installed (as root).
    pub install: bool,
    /// Whether only what the cache has may be used.
    pub offline: bool,
    /// Set to stop everything, for instance by Ctrl-C.
    pub cancel: &'a AtomicBool,
    /// Receives what is going on.
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
    /// Those of `work`.
    pub fn stage<T, E>(
        &self,
        stage: Stage,
        what: impl Into<String>,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.monitor().stage(stage, what, work)
    }

    /// Shows a person one line.
    pub fn note(&self, stage: Stage, text: impl Into<String>) {
        (self.progress)(Progress::Note { stage, text: text.into() });
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] once a stop was asked for.
    pub fn check_cancel(&self, doing: &str) -> Result<(), Error> {
        self.monitor().check_cancel(doing)
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("cache", &self.cache).finish_non_exhaustive()
    }
}
