//! Folders that were kept for the user: listing them, and limiting their number and size.
//!
//! [`LockedTempDir::keep`](crate::scratch::LockedTempDir::keep) marks a folder as kept. A folder whose lock is held
//! is in use and never removed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cache::remove_contested;
use crate::error::Error;
use crate::scratch::{KEPT, LOCK};

/// A folder that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDir {
    /// Its path.
    pub path: PathBuf,
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// When it was kept.
    pub since: SystemTime,
    /// Whether a process still works in it.
    pub in_use: bool,
}

/// Limits for kept folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of folders.
    pub number: usize,
    /// The total size on disk, in bytes.
    pub bytes: u64,
}

/// The limits for the folders of runs.
pub const RUNS: Limits = Limits { number: 20, bytes: 1_000_000_000 };

/// The kept folders below `parent`, oldest first. An absent `parent` has none.
///
/// # Errors
///
/// [`Error::Io`].
pub fn list(parent: &Path) -> Result<Vec<KeptDir>, Error> {
    let failed = |source| Error::io("read", parent, source);
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut kept = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let Ok(since) = fs::symlink_metadata(path.join(KEPT)).and_then(|mark| mark.modified()) else { continue };
        let lock = File::open(path.join(LOCK));
        let in_use = lock.as_ref().is_ok_and(|lock| lock.try_lock().is_err());
        kept.push(KeptDir { bytes: disk_usage(&path), path, since, in_use });
    }
    kept.sort_by(|left, right| left.since.cmp(&right.since).then_with(|| left.path.cmp(&right.path)));
    Ok(kept)
}

/// Removes the oldest kept folders until the rest are within the limits. Returns the removed folders.
///
/// # Errors
///
/// [`Error::Io`].
pub fn prune(parent: &Path, limits: Limits) -> Result<Vec<KeptDir>, Error> {
    let kept = list(parent)?;
    let (mut number, mut bytes) = (kept.len(), kept.iter().map(|dir| dir.bytes).fold(0, u64::saturating_add));
    let mut removed = Vec::new();
    for dir in kept.into_iter().filter(|dir| !dir.in_use) {
        if number <= limits.number && bytes <= limits.bytes {
            break;
        }
        remove_contested(&dir.path).map_err(|source| Error::io("remove", &dir.path, source))?;
        (number, bytes) = (number.saturating_sub(1), bytes.saturating_sub(dir.bytes));
        removed.push(dir);
    }
    Ok(removed)
}

/// The bytes that a directory takes on disk. A file with several links is counted once.
#[must_use]
pub fn disk_usage(directory: &Path) -> u64 {
    let mut seen = BTreeSet::new();
    walkdir::WalkDir::new(directory)
        .into_iter()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(|metadata| seen.insert((metadata.dev(), metadata.ino())))
        .map(|metadata| metadata.blocks().saturating_mul(512))
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scratch::LockedTempDir;

    /// Three kept folders of 100 kB, `a` the oldest.
    fn three(parent: &Path) -> Vec<PathBuf> {
        let long_ago = SystemTime::now() - Duration::from_secs(1000);
        let keep = |(name, age): (&str, u64)| {
            let dir = LockedTempDir::make(parent, name).unwrap();
            fs::write(dir.path().join("log"), vec![1; 100_000]).unwrap();
            let path = dir.keep().unwrap();
            let since = long_ago + Duration::from_secs(age);
            File::options().write(true).open(path.join(KEPT)).unwrap().set_modified(since).unwrap();
            path
        };
        [("c", 3), ("a", 1), ("b", 2)].map(keep).into()
    }

    fn paths(dirs: &[KeptDir]) -> Vec<&Path> {
        dirs.iter().map(|dir| dir.path.as_path()).collect()
    }

    #[test]
    fn kept_folders_are_listed_oldest_first_with_their_size() {
        let parent = tempfile::tempdir().unwrap();
        let kept = three(parent.path());
        let _working = LockedTempDir::make(parent.path(), "working").unwrap();
        let listed = list(parent.path()).unwrap();
        assert_eq!(paths(&listed), [&kept[1], &kept[2], &kept[0]]);
        assert!(listed.iter().all(|dir| (100_000..200_000).contains(&dir.bytes) && !dir.in_use), "{listed:?}");
        assert_eq!(list(&parent.path().join("none")).unwrap(), []);
    }

    #[test]
    fn prune_bounds_number_and_size_and_removes_the_oldest_first() {
        let parent = tempfile::tempdir().unwrap();
        let kept = three(parent.path());
        let enough = Limits { number: 3, bytes: 1_000_000 };
        assert_eq!(prune(parent.path(), enough).unwrap(), []);
        assert_eq!(paths(&prune(parent.path(), Limits { number: 2, ..enough }).unwrap()), [&kept[1]]);
        assert_eq!(paths(&prune(parent.path(), Limits { bytes: 150_000, ..enough }).unwrap()), [&kept[2]]);
        assert!(kept[0].exists() && !kept[1].exists() && !kept[2].exists());
    }

    #[test]
    fn prune_leaves_a_folder_that_is_in_use() {
        let parent = tempfile::tempdir().unwrap();
        let kept = three(parent.path());
        let lock = File::open(kept[1].join(LOCK)).unwrap();
        lock.lock().unwrap();
        let none = Limits { number: 0, bytes: 0 };
        assert_eq!(paths(&prune(parent.path(), none).unwrap()), [&kept[2], &kept[0]]);
        assert!(kept[1].exists());
        drop(lock);
        assert_eq!(paths(&prune(parent.path(), none).unwrap()), [&kept[1]]);
    }
}
