//! What tests share: a cache in a temporary directory, and programs that are shell scripts.

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

/// A cache in a temporary directory, and programs that are shell scripts.
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
    /// With a cache of no directories but the crate's own.
    #[must_use]
    pub fn new() -> Self {
        Self::with_directories(&[])
    }

    /// With a cache that has these directories.
    #[must_use]
    pub fn with_directories(directories: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(&directory.path().join("cache"), directories).unwrap();
        fs::create_dir(directory.path().join("bin")).unwrap();
        Self { directory, cache, apt: AptSettings::for_tests(), cancel: AtomicBool::new(false) }
    }

    /// A context of these, which nobody watches.
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

    /// Where only what [`Fixture::program`] made is found.
    #[must_use]
    pub fn programs(&self) -> Programs {
        Programs::in_directories(vec![self.directory.path().join("bin")])
    }

    /// Asks everything to stop.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// A program that is this shell script. It can use the shell's own commands and absolute paths only.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.directory.path().join("bin").join(name);
        // Written by another process: a thread that forks just then would inherit our descriptor and keep the file busy.
        let write = ["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod +x \"$2\"", "sh", script];
        assert!(Command::new("sh").args(write).arg(&path).status().unwrap().success());
        path
    }
}

/// Collects progress.
#[derive(Default)]
pub struct Log(Mutex<Vec<Progress>>);

impl Log {
    /// Takes one.
    pub fn push(&self, progress: Progress) {
        self.0.lock().unwrap().push(progress);
    }

    /// All that came, and forgets it.
    #[must_use]
    pub fn take(&self) -> Vec<Progress> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
