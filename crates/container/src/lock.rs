//! The lock on the cache, and the message about the process that holds it.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::progress::{Monitor, Progress};

/// The interval at which a waiting run checks the lock.
const POLL: Duration = Duration::from_millis(100);

/// The maximum length of the lock file, in bytes.
const LONGEST_OWNER: u64 = 1000;

/// Tries to lock a published directory until that succeeds. Reports the wait in one progress note.
pub(crate) fn poll(
    monitor: &Monitor<'_>,
    published: &Path,
    attempt: impl Fn() -> Result<(), TryLockError>,
) -> Result<(), Error> {
    let mut reported = false;
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", published, source)),
            Err(TryLockError::WouldBlock) => {}
        }
        monitor.check_cancel("wait for another run")?;
        if !reported {
            let name = published.file_name().unwrap_or_default().to_string_lossy();
            (monitor.progress)(Progress::Waiting { pid: None, doing: Some(format!("using {name}")), since: None });
            reported = true;
        }
        std::thread::sleep(POLL);
    }
}

/// The right to change the cache. It is released when dropped; if the process dies, the kernel releases it.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Waits until nobody else holds the lock file.
    pub(crate) fn take(path: &Path, monitor: &Monitor<'_>) -> Result<Self, Error> {
        let failed = |source| Error::io("lock", path, source);
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let mut reported = None;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            monitor.check_cancel("wait for another run")?;
            let owner = Owner::read(&mut file);
            if reported.as_ref() != Some(&owner) {
                (monitor.progress)(owner.progress(&file));
                reported = Some(owner);
            }
            std::thread::sleep(POLL);
        }
        let lock = Self { file };
        lock.say("").map_err(failed)?;
        Ok(lock)
    }

    /// Writes our process id and what we are doing into the lock file, for processes that wait.
    ///
    /// # Errors
    ///
    /// Any failure to write the lock file.
    pub fn say(&self, doing: &str) -> io::Result<()> {
        let text = format!("{}\n{doing}\n", std::process::id());
        self.file.write_all_at(text.as_bytes(), 0)?;
        self.file.set_len(text.len() as u64)
    }
}

/// The content of the lock file.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    pid: Option<u32>,
    doing: Option<String>,
}

impl Owner {
    /// Reads the lock file, which another process may be writing at the same time.
    fn read(file: &mut File) -> Self {
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.take(LONGEST_OWNER).read_to_string(&mut text));
        let mut lines = text.lines().take(if read.is_ok() { 2 } else { 0 });
        let pid = lines.next().and_then(|line| line.trim().parse().ok());
        Self { pid, doing: lines.next().filter(|line| !line.is_empty()).map(str::to_owned) }
    }

    fn progress(&self, file: &File) -> Progress {
        let since = file.metadata().and_then(|metadata| metadata.modified()).ok();
        let since = since.and_then(|time| time.elapsed().ok());
        Progress::Waiting { pid: self.pid, doing: self.doing.clone(), since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::testing::Fixture;
    use std::sync::mpsc;

    #[test]
    fn a_second_run_waits_for_the_first_and_says_for_whom() {
        let fixture = Fixture::new();
        let lock = fixture.context().cache.lock(&fixture.context().monitor()).unwrap();
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let report = move |progress| sender.send(progress).unwrap();
                let context = Context { progress: &report, ..fixture.context() };
                context.cache.lock(&context.monitor()).map(drop).unwrap();
            });
            let waiting = |seen, what: Option<&str>| match seen {
                Progress::Waiting { pid, doing, since: Some(_) } => {
                    pid == Some(std::process::id()) && doing.as_deref() == what
                }
                _ => false,
            };
            assert!(waiting(receiver.recv().unwrap(), None));
            lock.say("building 6.1-strict").unwrap();
            assert!(waiting(receiver.recv().unwrap(), Some("building 6.1-strict")));
            drop(lock);
        });
    }

    #[test]
    fn waiting_for_the_lock_can_be_stopped() {
        let fixture = Fixture::new();
        let _lock = fixture.context().cache.lock(&fixture.context().monitor()).unwrap();
        fixture.cancel();
        let error = fixture.context().cache.lock(&fixture.context().monitor()).unwrap_err();
        assert_eq!(error.class(), crate::Class::Cancelled);
    }
}
