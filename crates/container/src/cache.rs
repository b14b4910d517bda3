//! The cache directory: where what has been fetched and made lies, and who may change it.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Context, Error};

mod lock;

pub(crate) use lock::Lock;
use lock::poll;

/// How long a directory is removed again and again into which something still writes, see [`remove_contested`]: longer than a
/// container takes that copies a tree.
const CONTESTED: Duration = Duration::from_secs(30);

/// How long is waited between two removals.
const PAUSE: Duration = Duration::from_millis(20);

/// The cache directory. Everything in it can be deleted at any time when no run is under way.
///
/// - `kernels/<release>-<version>-<hash>/`: unpacked kernels, each published whole by one rename
/// - `debug/<release>-<version>-<hash>/`: the debug information of kernels, published likewise
/// - `sources/<line>-<version>-<hash>/`: kernel sources, published likewise
/// - `builds/<line>-<config>-<upgrade>-<key>/`: kernels built from them, published likewise
/// - `trees/<line>-<config>-<key>/`: the output trees that upgrades are built on
/// - `tools/<name>-<key>/`: pinned programs, published likewise
/// - `benches/`: private copies of output trees, each locked while it is used, else swept
/// - `logs/`: what the builds printed
/// - `debs/`: packages that were downloaded and verified, but not yet unpacked
/// - `apt/`: the private apt state, locked for itself while it is used
/// - `images/`: what is in each container image
/// - `engine.json`: the verdict on the container engines
/// - `tmp/`: what an interrupted run left, emptied by the next one that takes the lock
/// - `lock`: held while any of these changes
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache that the environment names: `$MODBTF_CACHE`, else `$XDG_CACHE_HOME/modbtf`, else `$HOME/.cache/modbtf`.
    ///
    /// # Errors
    ///
    /// [`Error::NoCacheDirectory`] if none of these is an absolute path, and those of [`Cache::at`].
    pub fn from_env() -> Result<Self, Error> {
        let directory = directory(|name| env::var_os(name)).ok_or(Error::NoCacheDirectory)?;
        Self::at(&directory)
    }

    /// The cache in this directory, which is created.
    ///
    /// # Errors
    ///
    /// [`Error::BadPath`] for a path that engines and apt cannot take, [`Error::Io`] and [`Error::DiskFull`].
    pub fn at(root: &Path) -> Result<Self, Error> {
        for name in [
            "kernels", "debug", "sources", "builds", "trees", "tools", "benches", "logs", "debs", "apt", "images",
            "tmp",
        ] {
            let path = root.join(name);
            fs::create_dir_all(&path).map_err(|source| Error::io("create", &path, source))?;
        }
        let root = fs::canonicalize(root).map_err(|source| Error::io("resolve", root, source))?;
        check_mountable(&root)?;
        Ok(Self { root })
    }

    /// The directory itself: absolute, without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where unpacked kernels lie.
    pub(crate) fn kernels(&self) -> PathBuf {
        self.root.join("kernels")
    }

    pub(crate) fn debug(&self) -> PathBuf {
        self.root.join("debug")
    }

    pub(crate) fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    pub(crate) fn builds(&self) -> PathBuf {
        self.root.join("builds")
    }

    pub(crate) fn trees(&self) -> PathBuf {
        self.root.join("trees")
    }

    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }

    pub(crate) fn benches(&self) -> PathBuf {
        self.root.join("benches")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub(crate) fn debs(&self) -> PathBuf {
        self.root.join("debs")
    }

    pub(crate) fn apt(&self) -> PathBuf {
        self.root.join("apt")
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    pub(crate) fn engine_verdict(&self) -> PathBuf {
        self.root.join("engine.json")
    }

    /// A new directory that is removed when dropped, on the same file system as the rest of the cache. Only under the lock.
    pub(crate) fn temporary(&self, _lock: &Lock) -> Result<tempfile::TempDir, Error> {
        let parent = self.root.join("tmp");
        tempfile::tempdir_in(&parent).map_err(|source| Error::io("create a directory in", &parent, source))
    }

    /// Puts a directory that was made in [`Cache::temporary`] where it belongs, in the place of what is there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Cancelled`].
    pub(crate) fn publish(&self, context: &Context<'_>, made: &Path, target: &Path, lock: &Lock) -> Result<(), Error> {
        self.discard(context, target, lock)?;
        fs::rename(made, target).map_err(|source| Error::io("publish", target, source))
    }

    /// Keeps a published directory from being removed or replaced until the result is dropped: for who copies it without
    /// [`Cache::lock`], which must not be taken while this is held.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also for one that is not there (any more); [`Error::Cancelled`].
    pub(crate) fn hold(&self, context: &Context<'_>, published: &Path) -> Result<Held, Error> {
        let failed = |source| Error::io("hold", published, source);
        loop {
            let directory = File::open(published).map_err(failed)?;
            poll(context, published, || directory.try_lock_shared())?;
            let held = directory.metadata().map_err(failed)?;
            let there = fs::metadata(published).map_err(failed)?;
            // Else it was replaced while this waited.
            if (held.dev(), held.ino()) == (there.dev(), there.ino()) {
                return Ok(Held { _directory: directory });
            }
        }
    }

    /// Keeps others from apt's state until the result is dropped. Who also needs [`Cache::lock`] takes that first; who only asks
    /// the archive need not wait for a build.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Cancelled`].
    pub(crate) fn hold_apt(&self, context: &Context<'_>) -> Result<Held, Error> {
        let path = self.apt();
        let directory = File::open(&path).map_err(|source| Error::io("lock", &path, source))?;
        poll(context, &path, || directory.try_lock())?;
        Ok(Held { _directory: directory })
    }

    /// Removes a published directory, if it is there and as soon as nobody holds it. It is moved away first, so that it is
    /// never there in part.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Cancelled`].
    pub(crate) fn discard(&self, context: &Context<'_>, published: &Path, lock: &Lock) -> Result<(), Error> {
        let away = self.temporary(lock)?;
        let _held = match File::open(published) {
            Ok(directory) => {
                poll(context, published, || directory.try_lock())?;
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

/// Removes a directory in which something may still be at work: a container outlives a run that is killed. Each time it finds less
/// that it could write to.
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

/// The certainty that a directory stays as it is, see [`Cache::hold`] and [`Cache::hold_apt`].
#[derive(Debug)]
pub(crate) struct Held {
    _directory: File,
}

fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("MODBTF_CACHE")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|path| path.join("modbtf")))
        .or_else(|| absolute("HOME").map(|path| path.join(".cache/modbtf")))
}

/// Engines separate the parts of a mount with colons and commas, and apt's configuration quotes with `"`.
pub(crate) fn check_mountable(path: &Path) -> Result<(), Error> {
    let bad = |why| Err(Error::BadPath { path: path.to_owned(), why });
    match path.to_str() {
        None => bad("is not UTF-8"),
        Some(_) if !path.is_absolute() => bad("is not absolute"),
        Some(text) if text.contains([':', ',', '"', '\\']) => bad("contains a colon, comma, quote or backslash"),
        Some(text) if text.contains(char::is_control) => bad("contains a control character"),
        Some(_) => Ok(()),
    }
}

/// Writes a JSON document whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let failed = |source| Error::io("write", path, source);
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    serde_json::to_writer_pretty(&mut file, value).map_err(|error| failed(error.into()))?;
    file.flush().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Reads a JSON document; what is missing or is not what it should be is nothing, since it can be made again.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The bytes that are free for us on the file system of `path`.
pub(crate) fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

/// Refuses early what would not fit.
///
/// # Errors
///
/// [`Error::DiskFull`] with both figures.
pub(crate) fn require_space(doing: &'static str, path: &Path, needed: u64) -> Result<(), Error> {
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
    use crate::Progress;
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
    fn what_is_held_is_removed_only_when_it_is_let_go() {
        let fixture = Fixture::new();
        let cache = fixture.context().cache;
        let tree = cache.trees().join("x");
        fs::create_dir(&tree).unwrap();
        let context = fixture.context();
        let held = cache.hold(&context, &tree).unwrap();
        thread::scope(|scope| {
            let context = fixture.context();
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || {
                let lock = context.cache.lock(&context).unwrap();
                context.cache.discard(&context, &context.cache.trees().join("x"), &lock).unwrap();
                sender.send(()).unwrap();
            });
            assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err() && tree.exists());
            drop(held);
            receiver.recv().unwrap();
            assert!(!tree.exists());
        });
        assert!(matches!(cache.hold(&context, &tree), Err(Error::Io { .. })));
    }

    #[test]
    fn waiting_for_what_is_held_is_told_and_can_be_stopped() {
        let fixture = Fixture::new();
        let log = crate::testing::Log::default();
        let report = |progress| log.push(progress);
        let context = Context { progress: &report, ..fixture.context() };
        let tree = context.cache.trees().join("x");
        fs::create_dir(&tree).unwrap();
        let _held = context.cache.hold(&context, &tree).unwrap();
        let lock = context.cache.lock(&context).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                fixture.cancel();
            });
            let error = context.cache.discard(&context, &tree, &lock).unwrap_err();
            assert!(matches!(error, Error::Cancelled { .. }) && tree.exists(), "{error}");
        });
        let told = log.take();
        assert!(matches!(&told[..], [Progress::Waiting { doing: Some(doing), .. }] if doing == "using x"), "{told:?}");
    }

    #[test]
    fn what_is_left_is_removed_although_somebody_still_writes_there() {
        let fixture = Fixture::new();
        let context = fixture.context();
        let left = context.cache.root().join("tmp/left");
        fs::create_dir(&left).unwrap();
        (0..500).for_each(|number| fs::write(left.join(number.to_string()), "x").unwrap());
        thread::scope(|scope| {
            // For a second, or until there is no directory any more.
            scope.spawn(|| {
                (500..5000).take_while(|number| fs::write(left.join(number.to_string()), "x").is_ok()).for_each(|_| {
                    thread::sleep(Duration::from_micros(200));
                })
            });
            context.cache.lock(&context).map(drop).unwrap();
        });
        assert!(!left.exists());
    }

    #[test]
    fn taking_the_lock_removes_what_an_interrupted_run_left() {
        let fixture = Fixture::new();
        let context = fixture.context();
        let lock = context.cache.lock(&context).unwrap();
        let left = context.cache.temporary(&lock).unwrap().keep();
        fs::write(left.join("half"), "x").unwrap();
        drop(lock);
        let _lock = context.cache.lock(&context).unwrap();
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
