//! Shared by tests: a cache in a temporary directory, and shell scripts as programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::apt_config::AptSettings;
use crate::cache::Cache;
use crate::context::Context;
use crate::programs::Programs;
use crate::progress::Progress;

/// A cache in a temporary directory, and shell scripts as programs.
pub struct Fixture {
    directory: tempfile::TempDir,
    cache: Cache,
    apt: AptSettings,
    cancel: AtomicBool,
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl Fixture {
    /// Creates a fixture whose cache has only this crate's directories.
    #[must_use]
    pub fn new() -> Self {
        Self::with_directories(&[])
    }

    /// Creates a fixture whose cache has these directories.
    #[must_use]
    pub fn with_directories(directories: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(&directory.path().join("cache"), directories).unwrap();
        fs::create_dir(directory.path().join("bin")).unwrap();
        Self { directory, cache, apt: AptSettings::for_tests(), cancel: AtomicBool::new(false) }
    }

    /// A context with this cache and these programs, without progress output.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            cache: self.cache.clone(),
            apt: &self.apt,
            programs: self.programs(),
            install: true,
            offline: false,
            cancel: &self.cancel,
            progress: &|_| {},
        }
    }

    /// The temporary directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Finds only programs that [`Fixture::program`] created.
    #[must_use]
    pub fn programs(&self) -> Programs {
        Programs::in_directories(vec![self.directory.path().join("bin")])
    }

    /// Asks everything to stop.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Creates a program from a shell script. The script can use only the shell's own commands and absolute paths.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.directory.path().join("bin").join(name);
        // Another process writes the file: if this one did, a concurrent fork could inherit the descriptor and keep
        // the file busy.
        let write = ["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod +x \"$2\"", "sh", script];
        assert!(Command::new("sh").args(write).arg(&path).status().unwrap().success());
        path
    }
}

/// Collects progress events.
#[derive(Default)]
pub struct Log(Mutex<Vec<Progress>>);

impl Log {
    /// Adds one event.
    pub fn push(&self, progress: Progress) {
        self.0.lock().unwrap().push(progress);
    }

    /// Removes and returns all events.
    #[must_use]
    pub fn take(&self) -> Vec<Progress> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
