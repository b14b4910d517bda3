//! Directories that exist as long as their process. If the process is killed, a later run removes them.
//!
//! A folder is locked while it is in use. A folder that is neither locked nor marked as kept belongs to a dead
//! process, and [`sweep`] removes it.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{NamedTempFile, TempDir};

use crate::cache::remove_contested;
use crate::error::Error;

pub(crate) const LOCK: &str = ".lock";
pub(crate) const KEPT: &str = ".kept";

/// A folder without a lock file that is older than this is neither being created nor being removed.
const LEFT_BEHIND: Duration = Duration::from_secs(600);

/// A private directory, removed when dropped unless it is kept.
#[derive(Debug)]
pub struct LockedTempDir {
    dir: TempDir,
    _lock: File,
}

impl LockedTempDir {
    /// Creates a folder below `parent` whose name begins with `prefix`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::DiskFull`].
    pub fn make(parent: &Path, prefix: &str) -> Result<Self, Error> {
        let failed = |source| Error::io("create a directory in", parent, source);
        let dir = tempfile::Builder::new().prefix(&format!("{prefix}-")).tempdir_in(parent).map_err(failed)?;
        // The lock is taken before the folder gets its final name: a sweep treats an unlocked lock file as one of a
        // dead process.
        let path = dir.path().join(LOCK);
        let failed = |source| Error::io("lock", &path, source);
        let lock = NamedTempFile::new_in(dir.path()).map_err(failed)?;
        lock.as_file().lock().map_err(failed)?;
        let lock = lock.persist(&path).map_err(|error| failed(error.error))?;
        Ok(Self { dir, _lock: lock })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Keeps the folder and protects it from sweeps. Returns its path.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::DiskFull`].
    pub fn keep(mut self) -> Result<PathBuf, Error> {
        let mark = self.path().join(KEPT);
        File::create(&mark).map_err(|source| Error::io("create", &mark, source))?;
        self.dir.disable_cleanup(true);
        Ok(self.path().to_owned())
    }
}

impl Drop for LockedTempDir {
    fn drop(&mut self) {
        if self.path().join(KEPT).exists() {
            return;
        }
        // `dir`, or a later sweep, removes the rest, including the lock file.
        let _ = empty(self.path());
    }
}

/// Removes everything in a folder except its lock file, so that a later sweep still recognises the folder if this one
/// is interrupted.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => remove_contested(&entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

/// Whether a folder has been without a lock file for a long time.
fn is_left_behind(folder: &Path) -> bool {
    let age = fs::symlink_metadata(folder)
        .ok()
        .filter(fs::Metadata::is_dir)
        .and_then(|it| it.modified().ok()?.elapsed().ok());
    age.is_some_and(|age| age > LEFT_BEHIND)
}

/// Removes the unused folders below `parent` and returns their paths. A folder into which a surviving container still
/// writes is left for the next sweep.
///
/// # Errors
///
/// [`Error::Io`].
pub fn sweep(parent: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    let failed = |source| Error::io("read", parent, source);
    for entry in fs::read_dir(parent).map_err(failed)? {
        let dir = entry.map_err(failed)?.path();
        let lock = File::open(dir.join(LOCK));
        let unused = match &lock {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(error) => error.kind() == ErrorKind::NotFound && is_left_behind(&dir),
        };
        if !unused || dir.join(KEPT).exists() {
            continue;
        }
        match empty(&dir).and_then(|()| remove_contested(&dir)) {
            // Another process has just removed it, or a container still writes into it.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {}
            Err(source) => return Err(Error::io("remove", &dir, source)),
            Ok(()) => removed.push(dir),
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweep_removes_only_folders_of_dead_processes() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path();
        let alive = LockedTempDir::make(parent, "alive").unwrap();
        let kept = LockedTempDir::make(parent, "kept").unwrap().keep().unwrap();
        let (killed, half) = (parent.join("killed"), parent.join("half-removed"));
        fs::create_dir_all(killed.join("build/fs")).unwrap();
        fs::write(killed.join(LOCK), "").unwrap();
        fs::create_dir(&half).unwrap();
        let long_ago = std::time::SystemTime::now() - 2 * LEFT_BEHIND;
        File::open(&half).unwrap().set_modified(long_ago).unwrap();
        let gone = LockedTempDir::make(parent, "gone").unwrap().path().to_owned();
        let made = parent.join("just-being-made");
        fs::create_dir(&made).unwrap();
        assert!(!gone.exists());

        let mut swept = sweep(parent).unwrap();
        swept.sort();
        assert_eq!(swept, [half, killed.clone()]);
        assert!(alive.path().exists() && kept.exists() && made.exists() && !killed.exists());
        assert!(sweep(parent).unwrap().is_empty());
    }

    #[test]
    fn the_lock_file_is_what_goes_last() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LockedTempDir::make(parent.path(), "one").unwrap();
        fs::create_dir(folder.path().join(".before")).unwrap();
        fs::write(folder.path().join("after"), "x").unwrap();
        empty(folder.path()).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [LOCK]);
    }
}
