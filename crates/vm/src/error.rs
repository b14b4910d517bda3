//! Errors of trying or watching a boot.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// An error of trying or watching a boot. A failure of QEMU is not an error but an ending: see
/// [`MachineLost`](crate::MachineLost).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BootError {
    /// The run's directory could not be prepared.
    #[error("cannot prepare the run directory {path}")]
    Prepare {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file of the run could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The process that runs QEMU could not be watched or killed. Some of its processes may be left.
    #[error("cannot watch or kill the process that runs QEMU for {path}; look for leftover processes")]
    Process {
        /// The run's directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}
