//! The files of one run, in one directory that the host and QEMU both see.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The directory of one run and what lies in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunDir(PathBuf);

impl RunDir {
    /// Creates the directory if need be and removes what an earlier run has left in it under the names below.
    ///
    /// # Errors
    ///
    /// Whatever the file system says.
    pub(crate) fn prepare(path: &Path) -> io::Result<Self> {
        let run = Self(std::path::absolute(path)?);
        fs::create_dir_all(&run.0)?;
        for file in [run.console(), run.results(), run.started(), run.ended(), run.qemu_log(), run.launcher_log()] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(run)
    }

    /// The directory itself, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What the first serial port gave: the kernel's console.
    pub(crate) fn console(&self) -> PathBuf {
        self.0.join("console.log")
    }

    /// What the second serial port gave: the guest's events.
    pub(crate) fn results(&self) -> PathBuf {
        self.0.join("results.jsonl")
    }

    /// Made just before QEMU starts; its modification time says when.
    pub(crate) fn started(&self) -> PathBuf {
        self.0.join("qemu.started")
    }

    /// Made just after QEMU has ended; its modification time says when, its content the exit code as a shell sees it.
    pub(crate) fn ended(&self) -> PathBuf {
        self.0.join("qemu.ended")
    }

    /// What QEMU itself wrote to its standard output and error.
    pub(crate) fn qemu_log(&self) -> PathBuf {
        self.0.join("qemu.log")
    }

    /// What the launcher wrote, a container engine for example.
    pub(crate) fn launcher_log(&self) -> PathBuf {
        self.0.join("launcher.log")
    }

    /// QEMU's exit code, if it has ended on its own and lived to have it recorded.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        tail(&self.ended(), 16).parse().ok()
    }

    /// When QEMU started.
    pub(crate) fn start_time(&self) -> Option<SystemTime> {
        modified(&self.started())
    }

    /// How long QEMU ran: from stamp to stamp, or to now where it was killed. Zero if it was never started.
    pub(crate) fn qemu_time(&self) -> Duration {
        let end = modified(&self.ended()).unwrap_or_else(SystemTime::now);
        self.start_time().and_then(|start| end.duration_since(start).ok()).unwrap_or_default()
    }

    /// Whether there is no room for another byte: QEMU drops what it cannot write to a log, and says nothing.
    pub(crate) fn is_full(&self) -> bool {
        let written = tempfile::tempfile_in(&self.0).and_then(|mut file| file.write_all(&[0; 4096]));
        written.is_err_and(|error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The length of a file in bytes, 0 where there is none yet.
pub(crate) fn length_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The end of a log, at most `limit` bytes of it, for a message. Empty where there is none.
pub(crate) fn tail(path: &Path, limit: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).trim().to_owned()
}
