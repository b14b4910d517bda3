//! The files of one run, in a directory that the host and QEMU share.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The directory of one run and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunDir(PathBuf);

impl RunDir {
    /// Creates the directory if necessary, and removes files of an earlier run with the names below.
    ///
    /// # Errors
    ///
    /// A failure of the file system.
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

    /// The absolute path of the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The output of the first serial port: the kernel's console.
    pub(crate) fn console(&self) -> PathBuf {
        self.0.join("console.log")
    }

    /// The output of the second serial port: the guest's events.
    pub(crate) fn results(&self) -> PathBuf {
        self.0.join("results.jsonl")
    }

    /// Created just before QEMU starts. Its modification time is the start time.
    pub(crate) fn started(&self) -> PathBuf {
        self.0.join("qemu.started")
    }

    /// Created just after QEMU has ended. Its modification time is the end time, its content the exit code as a shell
    /// reports it.
    pub(crate) fn ended(&self) -> PathBuf {
        self.0.join("qemu.ended")
    }

    /// QEMU's standard output and error.
    pub(crate) fn qemu_log(&self) -> PathBuf {
        self.0.join("qemu.log")
    }

    /// The launcher's output, for example that of a container engine.
    pub(crate) fn launcher_log(&self) -> PathBuf {
        self.0.join("launcher.log")
    }

    /// QEMU's exit code as a shell reports it, if the launcher recorded it.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        tail(&self.ended(), 16).parse().ok()
    }

    /// The time at which QEMU started.
    pub(crate) fn start_time(&self) -> Option<SystemTime> {
        modified(&self.started())
    }

    /// The time for which QEMU ran: from stamp to stamp, or until now if it was killed. Zero if it never started.
    pub(crate) fn qemu_time(&self) -> Duration {
        let end = modified(&self.ended()).unwrap_or_else(SystemTime::now);
        self.start_time().and_then(|start| end.duration_since(start).ok()).unwrap_or_default()
    }

    /// Whether the disk is full: QEMU silently drops output that it cannot write to a log.
    pub(crate) fn is_full(&self) -> bool {
        let written = tempfile::tempfile_in(&self.0).and_then(|mut file| file.write_all(&[0; 4096]));
        written.is_err_and(|error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The length of a file in bytes, 0 if it does not exist yet.
pub(crate) fn length_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The end of a log, at most `limit` bytes, for a message. Empty if there is no log.
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
