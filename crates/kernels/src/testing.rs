//! What the tests share: a cache in a temporary directory, and programs that are shell scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::mirror::AptSettings;
use crate::{Cache, Context, Programs, Progress};

pub(crate) struct Fixture {
    directory: tempfile::TempDir,
    cache: Cache,
    apt: AptSettings,
    cancel: AtomicBool,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(&directory.path().join("cache")).unwrap();
        fs::create_dir(directory.path().join("bin")).unwrap();
        Self { directory, cache, apt: AptSettings::for_tests(), cancel: AtomicBool::new(false) }
    }

    pub(crate) fn context(&self) -> Context<'_> {
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

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where only what [`Fixture::program`] made is found.
    pub(crate) fn programs(&self) -> Programs {
        Programs::in_directories(vec![self.directory.path().join("bin")])
    }

    pub(crate) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// A program that is this shell script. It can use the shell's own commands and absolute paths only.
    pub(crate) fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.directory.path().join("bin").join(name);
        let new = path.with_extension("new");
        fs::write(&new, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&new, &path).unwrap();
        path
    }
}

/// Collects progress.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<Progress>>);

impl Log {
    pub(crate) fn push(&self, progress: Progress) {
        self.0.lock().unwrap().push(progress);
    }

    pub(crate) fn take(&self) -> Vec<Progress> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
