//! The folders of runs: one a scenario, below the cache, gone when the run is over unless it is to be kept.
//!
//! A folder is locked while its run lives. One that is neither locked nor marked as kept was left by a run that was
//! killed; the next run removes it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::Error;

const LOCK: &str = ".lock";
const KEPT: &str = ".kept";

/// A run's folder.
#[derive(Debug)]
pub(super) struct Folder {
    dir: TempDir,
    _lock: File,
}

impl Folder {
    /// Makes a folder for a scenario below `runs`.
    pub(super) fn make(runs: &Path, scenario: &str) -> Result<Self, Error> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("{scenario}-"))
            .tempdir_in(runs)
            .map_err(Error::io("make a folder in", runs))?;
        // Locked before it has the name that a sweep looks for: a lock file that is not locked is one of a dead run.
        let path = dir.path().join(LOCK);
        let lock = NamedTempFile::new_in(dir.path()).map_err(Error::io("create a file in", dir.path()))?;
        lock.as_file().lock().map_err(Error::io("lock", &path))?;
        let lock = lock.persist(&path).map_err(|error| Error::io("create", &path)(error.error))?;
        Ok(Self { dir, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Keeps the folder; gives its path.
    pub(super) fn keep(self) -> Result<PathBuf, Error> {
        let mark = self.dir.path().join(KEPT);
        File::create(&mark).map_err(Error::io("create", &mark))?;
        Ok(self.dir.keep())
    }
}

/// Removes the folders that killed runs left below `runs`, and makes `runs` should it not be there.
pub(super) fn sweep(runs: &Path) -> Result<(), Error> {
    fs::create_dir_all(runs).map_err(Error::io("create", runs))?;
    for entry in fs::read_dir(runs).map_err(Error::io("list", runs))? {
        let dir = entry.map_err(Error::io("list", runs))?.path();
        // A folder without a lock file is just being made.
        let Ok(lock) = File::open(dir.join(LOCK)) else { continue };
        if lock.try_lock().is_ok() && !dir.join(KEPT).exists() {
            match fs::remove_dir_all(&dir) {
                // Another run swept at the same time.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(Error::io("remove", &dir))?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_killed_run_left_is_swept() {
        let runs = tempfile::tempdir().unwrap();
        let runs = runs.path().join("runs");
        sweep(&runs).unwrap();
        let alive = Folder::make(&runs, "alive").unwrap();
        let kept = Folder::make(&runs, "kept").unwrap().keep().unwrap();
        let killed = Folder::make(&runs, "killed").unwrap().dir.keep();
        let gone = Folder::make(&runs, "gone").unwrap().path().to_owned();
        assert!(!gone.exists());

        sweep(&runs).unwrap();
        assert!(alive.path().exists() && kept.exists() && !killed.exists());
    }
}
