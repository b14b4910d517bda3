//! What every step needs to know.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::fs::{Access, access};

use crate::mirror::AptSettings;
use crate::{Cache, Error, Progress, Stage};

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
    /// Set by whoever wants everything to stop.
    pub cancel: &'a AtomicBool,
    /// Told what is going on.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl Context<'_> {
    /// Runs one stage, told before and after.
    pub(crate) fn stage<T>(
        &self,
        stage: Stage,
        what: impl Into<String>,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        (self.progress)(Progress::Started { stage, what: what.into() });
        let value = work()?;
        (self.progress)(Progress::Finished { stage, elapsed: start.elapsed() });
        Ok(value)
    }

    pub(crate) fn note(&self, stage: Stage, text: impl Into<String>) {
        (self.progress)(Progress::Note { stage, text: text.into() });
    }

    /// # Errors
    ///
    /// [`Error::Cancelled`] once a stop was asked for.
    pub(crate) fn check_cancel(&self, doing: &str) -> Result<(), Error> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(Error::Cancelled { doing: doing.to_owned() }),
            false => Ok(()),
        }
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// Where the host's programs are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    directories: Vec<PathBuf>,
}

impl Programs {
    /// `PATH`, and then the system's own directories, which a user's `PATH` often lacks.
    #[must_use]
    pub fn from_env() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let system = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
        Self { directories: env::split_paths(&path).filter(|path| path.is_absolute()).chain(system).collect() }
    }

    /// These directories only, in this order.
    #[must_use]
    pub fn in_directories(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }

    /// The absolute path of a program, if it is there and can be executed.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.directories.iter().map(|directory| directory.join(name)).find(|path| is_program(path))
    }
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}
