//! Asking QEMU for its version.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::launch::{Invocation, Launcher};
use crate::qemu::PROGRAM;
use crate::rundir::{RunDir, tail};

/// How long QEMU, and what runs it, may take to answer.
const LIMIT: Duration = Duration::from_secs(60);

/// Why QEMU's version is not known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VersionError {
    /// It could not be run, or not be followed.
    #[error("failed to run `{PROGRAM} --version`")]
    Run(#[from] io::Error),
    /// It ran, but did not say its version.
    #[error("failed to learn QEMU's version from `{PROGRAM} --version`: {said:?}")]
    Answer {
        /// What was said instead.
        said: String,
    },
}

/// QEMU's version as it says it itself: `10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)`. `scratch` is a directory for the files of
/// this run.
///
/// # Errors
///
/// [`VersionError`].
pub fn qemu_version(launcher: &dyn Launcher, scratch: &Path) -> Result<String, VersionError> {
    let run = RunDir::prepare(scratch)?;
    let command = vec![PROGRAM.into(), "--version".into()];
    let mut running = launcher.spawn(&Invocation::stamped(command, Vec::new(), false, &run))?;
    let begun = Instant::now();
    while running.poll()?.is_none() {
        if begun.elapsed() > LIMIT {
            running.kill()?;
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let said = tail(&run.qemu_log(), 2000);
    match said.lines().next().and_then(|line| line.strip_prefix("QEMU emulator version ")) {
        Some(version) if run.exit_code() == Some(0) => Ok(version.to_owned()),
        _ => {
            Err(VersionError::Answer { said: format!("{said} {}", tail(&run.launcher_log(), 2000)).trim().to_owned() })
        }
    }
}
