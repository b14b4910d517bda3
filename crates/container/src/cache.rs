//! The cache directory for everything that was fetched or made, and the locks on it.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::lock::{Lock, poll};
use crate::progress::Monitor;

/// How long [`remove_contested`] repeats the removal of a directory into which a container still writes. A container
/// that copies a tree takes less time.
const CONTESTED: Duration = Duration::from_secs(30);

/// The pause between two removals.
const PAUSE: Duration = Duration::from_millis(20);

/// The cache directory. It can be deleted at any time unless a run is in progress.
///
/// The caller chooses the directories. This module creates only these:
///
/// - `images/`: the manifest of each container image
/// - `engine.json`: the container engine that was found to work
/// - `tmp/`: files of an interrupted run, removed by the next run that takes the lock
/// - `lock`: locked while anything published changes
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache that the environment selects: `$MODBTF_CACHE`, else `$XDG_CACHE_HOME/modbtf`, else
    /// `$HOME/.cache/modbtf`.
    ///
    /// # Errors
    ///
    /// [`Error::NoCacheDirectory`] if none of these is an absolute path, and the errors of [`Cache::at`].
    pub fn from_env(directories: &[&str]) -> Result<Self, Error> {
        let root = directory(|name| env::var_os(name)).ok_or(Error::NoCacheDirectory)?;
        Self::at(&root, directories)
    }

    /// The cache in this directory. Creates it and the directories that the caller needs.
    ///
    /// # Errors
    ///
    /// [`Error::BadPath`] for a path that engines or apt cannot handle, [`Error::Io`] and [`Error::DiskFull`].
    pub fn at(root: &Path, directories: &[&str]) -> Result<Self, Error> {
        for name in ["images", "tmp"].iter().chain(directories) {
            let path = root.join(name);
            fs::create_dir_all(&path).map_err(|source| Error::io("create", &path, source))?;
        }
        let root = fs::canonicalize(root).map_err(|source| Error::io("resolve", root, source))?;
        check_mountable(&root)?;
        Ok(Self { root })
    }

    /// The cache's path: absolute, without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// One of its directories.
    #[must_use]
    pub fn directory(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    pub(crate) fn engine_verdict(&self) -> PathBuf {
        self.root.join("engine.json")
    }

    /// Waits until no other run changes the cache, takes the lock, and removes the files of interrupted runs. Other
    /// runs wait until the lock is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`], [`Error::Io`], [`Error::DiskFull`].
    pub fn lock(&self, monitor: &Monitor<'_>) -> Result<Lock, Error> {
        let lock = Lock::take(&self.root.join("lock"), monitor)?;
        self.remove_leftovers()?;
        Ok(lock)
    }

    /// Creates a directory on the cache's file system that is removed when dropped. Requires the lock.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::DiskFull`].
    pub fn temporary(&self, _lock: &Lock) -> Result<tempfile::TempDir, Error> {
        let parent = self.root.join("tmp");
        tempfile::tempdir_in(&parent).map_err(|source| Error::io("create a directory in", &parent, source))
    }

    /// Moves a directory that was made in [`Cache::temporary`] to its place in the cache, replacing an existing one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Cancelled`].
    pub fn publish(&self, monitor: &Monitor<'_>, made: &Path, target: &Path, lock: &Lock) -> Result<(), Error> {
        self.discard(monitor, target, lock)?;
        fs::rename(made, target).map_err(|source| Error::io("publish", target, source))
    }

    /// Prevents the removal and replacement of a published directory until the result is dropped. It lets a caller
    /// copy a directory without [`Cache::lock`]. The caller must not take that lock while it holds this one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also if the directory does not exist (any more); [`Error::Cancelled`].
    pub fn hold(&self, monitor: &Monitor<'_>, published: &Path) -> Result<SharedLock, Error> {
        let failed = |source| Error::io("hold", published, source);
        loop {
            let directory = File::open(published).map_err(failed)?;
            poll(monitor, published, || directory.try_lock_shared())?;
            let held = directory.metadata().map_err(failed)?;
            let there = fs::metadata(published).map_err(failed)?;
            // Otherwise the directory was replaced during the wait.
            if (held.dev(), held.ino()) == (there.dev(), there.ino()) {
                return Ok(SharedLock { _directory: directory });
            }
        }
    }

    /// Locks a directory for exclusive work until the result is dropped. A caller that also needs the cache's
    /// [`Lock`] takes that one first.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Cancelled`].
    pub fn hold_alone(&self, monitor: &Monitor<'_>, directory: &Path) -> Result<AloneLock, Error> {
        let opened = File::open(directory).map_err(|source| Error::io("lock", directory, source))?;
        poll(monitor, directory, || opened.try_lock())?;
        Ok(AloneLock { _directory: opened })
    }

    /// Removes a published directory, if it exists, as soon as nobody holds it. The directory is moved away first, so
    /// a partly removed one is never visible.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Cancelled`].
    pub fn discard(&self, monitor: &Monitor<'_>, published: &Path, lock: &Lock) -> Result<(), Error> {
        let away = self.temporary(lock)?;
        let _held = match File::open(published) {
            Ok(directory) => {
                poll(monitor, published, || directory.try_lock())?;
                Some(directory)
            }
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::io("remove", published, source)),
        };
        let failed = |source| Error::io("remove", published, source);
        fs::rename(published, away.path().join("discarded")).map_err(failed)?;
        away.close().map_err(failed)
    }

    fn remove_leftovers(&self) -> Result<(), Error> {
        let path = self.root.join("tmp");
        let failed = |source| Error::io("empty", &path, source);
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let removed = if entry.file_type().map_err(failed)?.is_dir() {
                remove_contested(&entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            removed.map_err(failed)?;
        }
        Ok(())
    }
}

/// Removes a directory into which a container may still write, because it outlived a killed run. Each pass removes
/// more of what the container can write to.
pub(crate) fn remove_contested(directory: &Path) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match fs::remove_dir_all(directory) {
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => {
                if !directory.exists() {
                    return Ok(());
                }
                if begun.elapsed() >= CONTESTED {
                    return Err(error);
                }
            }
            other => return other,
        }
        thread::sleep(PAUSE);
    }
}

/// Prevents a published directory from being removed or replaced, see [`Cache::hold`].
#[derive(Debug)]
pub struct SharedLock {
    _directory: File,
}

/// Prevents others from working in a directory, see [`Cache::hold_alone`].
#[derive(Debug)]
pub struct AloneLock {
    _directory: File,
}

fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("MODBTF_CACHE")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|path| path.join("modbtf")))
        .or_else(|| absolute("HOME").map(|path| path.join(".cache/modbtf")))
}

/// Refuses a path that cannot be mounted: engines separate the parts of a mount by colons and commas, and apt's
/// configuration quotes with `"`.
///
/// # Errors
///
/// [`Error::BadPath`].
pub fn check_mountable(path: &Path) -> Result<(), Error> {
    let bad = |why| Err(Error::BadPath { path: path.to_owned(), why });
    match path.to_str() {
        None => bad("is not UTF-8"),
        Some(_) if !path.is_absolute() => bad("is not absolute"),
        Some(text) if text.contains([':', ',', '"', '\\']) => bad("contains a colon, comma, quote or backslash"),
        Some(text) if text.contains(char::is_control) => bad("contains a control character"),
        Some(_) => Ok(()),
    }
}

/// The bytes on the file system of `path` that are available to us.
pub(crate) fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

/// Refuses an operation if the disk lacks the space for it.
///
/// # Errors
///
/// [`Error::DiskFull`] with the needed and the free bytes.
pub fn require_space(doing: &'static str, path: &Path, needed: u64) -> Result<(), Error> {
    match free_space(path) {
        Some(free) if free < needed => {
            Err(Error::DiskFull { doing, path: path.to_owned(), needed: Some(needed), free: Some(free) })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::progress::Progress;
    use crate::testing::Fixture;
    use std::sync::mpsc;

    #[test]
    fn the_directory_comes_from_the_first_absolute_variable() {
        let get = |pairs: &'static [(&str, &str)]| {
            directory(move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        assert_eq!(get(&[("MODBTF_CACHE", "/a"), ("HOME", "/h")]), Some("/a".into()));
        assert_eq!(get(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]), Some("/x/modbtf".into()));
        assert_eq!(
            get(&[("MODBTF_CACHE", ""), ("XDG_CACHE_HOME", "rel"), ("HOME", "/h")]),
            Some("/h/.cache/modbtf".into())
        );
        assert_eq!(get(&[("HOME", "")]), None);
    }

    #[test]
    fn paths_that_a_mount_would_split_are_refused() {
        for path in ["/a:b", "/a,b", "/a\"b", "/a\nb", "rel"] {
            assert!(matches!(check_mountable(Path::new(path)), Err(Error::BadPath { .. })), "{path}");
        }
        check_mountable(Path::new("/with a blank/and+plus")).unwrap();
    }

    #[test]
    fn discard_waits_for_holders() {
        let fixture = Fixture::new();
        let cache = fixture.context().cache;
        fs::create_dir_all(cache.directory("trees")).unwrap();
        let tree = cache.directory("trees").join("x");
        fs::create_dir(&tree).unwrap();
        let context = fixture.context();
        let held = cache.hold(&context.monitor(), &tree).unwrap();
        thread::scope(|scope| {
            let context = fixture.context();
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || {
                let lock = context.cache.lock(&context.monitor()).unwrap();
                context.cache.discard(&context.monitor(), &context.cache.directory("trees").join("x"), &lock).unwrap();
                sender.send(()).unwrap();
            });
            assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err() && tree.exists());
            drop(held);
            receiver.recv().unwrap();
            assert!(!tree.exists());
        });
        assert!(matches!(cache.hold(&context.monitor(), &tree), Err(Error::Io { .. })));
    }

    #[test]
    fn waiting_for_what_is_held_is_told_and_can_be_stopped() {
        let fixture = Fixture::new();
        let log = crate::testing::Log::default();
        let report = |progress| log.push(progress);
        let context = Context { progress: &report, ..fixture.context() };
        fs::create_dir_all(context.cache.directory("trees")).unwrap();
        let tree = context.cache.directory("trees").join("x");
        fs::create_dir(&tree).unwrap();
        let _held = context.cache.hold(&context.monitor(), &tree).unwrap();
        let lock = context.cache.lock(&context.monitor()).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                fixture.cancel();
            });
            let error = context.cache.discard(&context.monitor(), &tree, &lock).unwrap_err();
            assert!(matches!(error, Error::Cancelled { .. }) && tree.exists(), "{error}");
        });
        let waiting = log.take();
        assert!(
            matches!(&waiting[..], [Progress::Waiting { doing: Some(doing), .. }] if doing == "using x"),
            "{waiting:?}"
        );
    }

    #[test]
    fn remove_contested_succeeds_although_another_process_writes() {
        let fixture = Fixture::new();
        let context = fixture.context();
        let left = context.cache.root().join("tmp/left");
        fs::create_dir(&left).unwrap();
        (0..500).for_each(|number| fs::write(left.join(number.to_string()), "x").unwrap());
        thread::scope(|scope| {
            // Writes for a second, or until the directory is gone.
            scope.spawn(|| {
                (500..5000).take_while(|number| fs::write(left.join(number.to_string()), "x").is_ok()).for_each(|_| {
                    thread::sleep(Duration::from_micros(200));
                })
            });
            context.cache.lock(&context.monitor()).map(drop).unwrap();
        });
        assert!(!left.exists());
    }

    #[test]
    fn taking_the_lock_removes_what_an_interrupted_run_left() {
        let fixture = Fixture::new();
        let context = fixture.context();
        let lock = context.cache.lock(&context.monitor()).unwrap();
        let left = context.cache.temporary(&lock).unwrap().keep();
        fs::write(left.join("half"), "x").unwrap();
        drop(lock);
        let _lock = context.cache.lock(&context.monitor()).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn too_little_space_is_told_before_anything_is_written() {
        let error = require_space("unpack into", Path::new("/"), u64::MAX).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("disk is full") && text.contains("18446744073709551615 bytes needed"), "{text}");
    }

    #[test]
    fn a_full_device_is_a_full_disk() {
        let path = Path::new("/dev/full");
        let error = fs::write(path, "x").map_err(|source| Error::io("write", path, source)).unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    }
}
