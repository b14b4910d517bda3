//! Directories that live as long as whoever works in them, and are swept when that one was killed.
//!
//! A folder is locked while it is used. One whose lock nobody holds was left by a process that died; whoever makes the next
//! folder beside it removes it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::Error;

const LOCK: &str = ".lock";

/// A directory of our own, removed when dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: TempDir,
    _lock: File,
}

impl Folder {
    /// Makes a folder below `parent`, whose name begins with `prefix`.
    pub(crate) fn make(parent: &Path, prefix: &str) -> Result<Self, Error> {
        let failed = |source| Error::io("create a directory in", parent, source);
        let dir = tempfile::Builder::new().prefix(&format!("{prefix}-")).tempdir_in(parent).map_err(failed)?;
        // Locked before it has the name that a sweep looks for: a lock file that is not locked is one of a dead process.
        let path = dir.path().join(LOCK);
        let failed = |source| Error::io("lock", &path, source);
        let lock = NamedTempFile::new_in(dir.path()).map_err(failed)?;
        lock.as_file().lock().map_err(failed)?;
        let lock = lock.persist(&path).map_err(|error| failed(error.error))?;
        Ok(Self { dir, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes the folders below `parent` that nobody uses any more; gives back what was removed.
pub(crate) fn sweep(parent: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut removed = Vec::new();
    let failed = |source| Error::io("read", parent, source);
    for entry in fs::read_dir(parent).map_err(failed)? {
        let dir = entry.map_err(failed)?.path();
        // A folder without a lock file is just being made.
        let Ok(lock) = File::open(dir.join(LOCK)) else { continue };
        if lock.try_lock().is_err() {
            continue;
        }
        match fs::remove_dir_all(&dir) {
            // Another process swept just before.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
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
    fn only_what_a_dead_process_left_is_swept() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path();
        let alive = Folder::make(parent, "alive").unwrap();
        let killed = Folder::make(parent, "killed").unwrap().dir.keep();
        let gone = Folder::make(parent, "gone").unwrap().path().to_owned();
        let made = parent.join("just-being-made");
        fs::create_dir(&made).unwrap();
        assert!(!gone.exists());

        assert_eq!(sweep(parent).unwrap(), std::slice::from_ref(&killed));
        assert!(alive.path().exists() && made.exists() && !killed.exists());
        assert!(sweep(parent).unwrap().is_empty());
    }
}
