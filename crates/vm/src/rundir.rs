//! The files of one run, in one directory that the host and QEMU both see.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The directory of one run and what lies in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// Creates the directory if need be and removes what an earlier run has left in it under the names below.
    ///
    /// # Errors
    ///
    /// Whatever the file system says.
    pub fn prepare(path: &Path) -> io::Result<Self> {
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
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What the first serial port gave: the kernel's console.
    #[must_use]
    pub fn console(&self) -> PathBuf {
        self.0.join("console.log")
    }

    /// What the second serial port gave: the guest's events.
    #[must_use]
    pub fn results(&self) -> PathBuf {
        self.0.join("results.jsonl")
    }

    /// Made just before QEMU starts; its modification time says when.
    #[must_use]
    pub fn started(&self) -> PathBuf {
        self.0.join("qemu.started")
    }

    /// Made just after QEMU has ended; its modification time says when, its content the exit code as a shell sees it.
    #[must_use]
    pub fn ended(&self) -> PathBuf {
        self.0.join("qemu.ended")
    }

    /// What QEMU itself wrote to its standard output and error.
    #[must_use]
    pub fn qemu_log(&self) -> PathBuf {
        self.0.join("qemu.log")
    }

    /// What the launcher wrote, a container engine for example.
    #[must_use]
    pub fn launcher_log(&self) -> PathBuf {
        self.0.join("launcher.log")
    }

    /// QEMU's exit code, if it has ended on its own and lived to have it recorded.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        fs::read_to_string(self.ended()).ok()?.trim().parse().ok()
    }

    /// When QEMU started.
    pub(crate) fn start_time(&self) -> Option<SystemTime> {
        modified(&self.started())
    }

    /// When QEMU ended.
    pub(crate) fn end_time(&self) -> Option<SystemTime> {
        modified(&self.ended())
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The length of a file in bytes, 0 where there is none yet.
pub(crate) fn length_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The last lines of a log, at most `limit` bytes of it, for a message.
pub(crate) fn tail(path: &Path, limit: usize) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let tail = bytes.get(bytes.len().saturating_sub(limit)..).unwrap_or_default();
    String::from_utf8_lossy(tail).trim().to_owned()
}
